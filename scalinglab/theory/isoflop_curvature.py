"""Curvature of an IsoFLOP parabola over its standard error, in closed form."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import held, number, of_kind, positive_number, whole
from scalinglab.laws.surface import LossSurface


def curvature_score(
    surface: LossSurface,
    C: float,
    reach: float,
    points: int,
    noise: float,
) -> float:
    r"""Expected curvature of an IsoFLOP parabola over its standard error.

    With the loss :math:`L^* + c_2 u^2`, :math:`c_2 = \tfrac12\alpha(\alpha+\beta)A {N^*}^{-\alpha}`, and n
    sizes spaced by :math:`h = 2\ln(\text{reach})/(n-1)`,

    .. math:: \frac{c_2}{s(c_2)} = \frac{c_2\,h^2}{\sigma}\sqrt{\frac{n(n^2-1)(n^2-4)}{180}} .

    Use it before runs are made, to choose reach and points so that the curve will have a vertex.

    Parameters
    ----------
    surface : LossSurface
        What is expected of the losses.
    C : float
        Budget in FLOPs.
    reach, points : float, int
        The grid, centred on the best size.
    noise : float
        Standard deviation of the losses' errors, in their unit.

    Returns
    -------
    float
        Compare with the quantile of Student's t that the stage of weak curvature asks for.

    See Also
    --------
    screen : Its stage of weak curvature drops budgets with a low score.

    Notes
    -----
    Derived in the chapter *Screening the runs*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> f"{curvature_score(CHINCHILLA, 1e20, reach=4, points=9, noise=0.01):.1f}"
    '9.1'
    """
    of_kind("curvature_score: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    C, sigma = positive_number("curvature_score: C", C), positive_number("curvature_score: noise", noise)
    reach = number("curvature_score: reach", reach)
    if not reach > 1:
        raise ValueError(f"curvature_score: reach is {reach}; a grid needs a factor above 1.")
    alpha, beta, n = surface.alpha, surface.beta, float(whole("curvature_score: points", points, 3))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        c2 = alpha * (alpha + beta) / 2 * surface.A * np.float64(surface.N_opt(C)) ** -alpha
        h = 2 * np.log(reach) / (n - 1)
        s = sigma / h**2 * np.sqrt(180 / (n * (n**2 - 1) * (n**2 - 4)))
        score = c2 / s
    return float(held("curvature_score: the score of this surface, C and noise", score, -1))
