"""Other people's parabolas: the surface behind printed vertices, and how far a printed law can be off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    FloatArray,
    finite,
    held,
    matched,
    positive,
    positive_number,
    positive_range,
    positive_row,
    share,
    whole,
)
from scalinglab.fitting.printed_fits import printed
from scalinglab.fitting.results import FitError
from scalinglab.laws.surface import LossSurface, training_flops
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.run_weights import (
    extrapolation_weights,
    gradients,
    least_squares_weights,
    size_direction,
)
from scalinglab.theory.isoflop_bias import vertex_shift

#: Largest loss that can be squared.
LARGEST_LOSS = 1e100

#: Exponents that are tried first.
STARTS = (0.12, 0.2, 0.32, 0.5, 0.8)

#: Values of alpha + beta and of the centre at which a bound is sought.
TOTALS, CENTRES = 13, 121


@dataclass(frozen=True, eq=False, repr=False)
class PublishedFit:
    r"""A surface fitted to printed parabolas.

    Attributes
    ----------
    surface : LossSurface
        The surface whose own parabolas come closest to those printed.
    N, D : ndarray, shape (m, points)
        The grids that were assumed.
    residuals : ndarray, shape (m, 3)
        Printed less fitted, in level, slope and bend of each parabola; errors of the losses that are
        independent and alike would leave these independent and alike, with the same standard deviation.
    concerns : tuple of str
        Reasons to distrust it, each with cause and remedy.

    See Also
    --------
    fit_published_parabolas : Makes it.
    """

    surface: LossSurface
    N: FloatArray
    D: FloatArray
    residuals: FloatArray
    concerns: tuple[str, ...]

    @property
    def freedom(self) -> int:
        """Degrees of freedom: printed numbers less five parameters."""
        return self.residuals.size - 5

    @property
    def noise(self) -> float:
        """Standard deviation of a run's loss that the residuals suggest."""
        return float(np.sqrt((self.residuals**2).sum() / self.freedom))

    def N_opt(self, C: ArrayLike) -> float | FloatArray:
        """Parameters that minimise the fitted loss at C FLOPs."""
        found: float | FloatArray = self.surface.N_opt(C)
        return found

    def D_opt(self, C: ArrayLike) -> float | FloatArray:
        """Tokens that minimise the fitted loss at C FLOPs."""
        found: float | FloatArray = self.surface.D_opt(C)
        return found

    def log_N_error(self, C: float) -> float:
        """Standard error of ln N* at C FLOPs, from ``noise``."""
        C = positive_number("PublishedFit.log_N_error: C", C)
        J = gradients(self.surface, self.N.ravel(), self.D.ravel(), C).reshape(*self.N.shape, 5)
        J = _projected(_parabolas(self.N.shape[1]), J).reshape(-1, 5)
        h = least_squares_weights(J, size_direction(self.surface, C))
        return float(self.noise * np.linalg.norm(h))

    def __repr__(self) -> str:
        said = f"{len(self.N)} printed parabolas; residuals suggest a noise of {self.noise:.2g}"
        surface = ", ".join(f"{name} {value}" for name, value in self.surface.printed.items())
        return printed([("surface", surface), ("from", said)], self.concerns)


@within_floats
def fit_published_parabolas(
    C: ArrayLike,
    vertex: ArrayLike,
    curvature: ArrayLike,
    minimum: ArrayLike,
    reach: ArrayLike,
    points: int,
    offset: ArrayLike = 1.0,
) -> PublishedFit:
    r"""Fit a loss surface to the IsoFLOP parabolas that somebody printed, without their runs.

    Use it when a study prints, or draws, the parabolas of Approach 2: it removes the bias of their vertices.
    A least-squares parabola is a projection of the losses. So is the parabola that a surface would have on
    the same grid, and the five parameters are those whose projected losses come closest to those printed:

    .. math:: \min_{E, A, B, \alpha, \beta} \sum_j \bigl\lVert P_j L(N_j, D_j) - y_j \bigr\rVert^2,
              \qquad y_j = m_j + c_j (\ln N_j - \ln v_j)^2 .

    Without noise it is exact, whatever the grid; with noise nearly as good as a fit to the runs, for the
    parabolas hold nearly all that the runs say of the surface.

    Parameters
    ----------
    C : array_like, shape (m,)
        Budgets in FLOPs.
    vertex, curvature, minimum : array_like, shape (m,)
        Size v at the minimum of each parabola, coefficient c of :math:`(\ln N)^2` (that of :math:`(\log_{10}
        N)^2` divided by :math:`\ln^2 10`), and loss m at the minimum.
    reach : float or array_like, shape (m,)
        The grid runs from 1/reach to reach times its centre.
    points : int
        Sizes on each grid.
    offset : float or array_like, shape (m,)
        Centre of the grid in tokens over the tokens at the vertex: 1 if it was centred there.

    Returns
    -------
    PublishedFit

    Raises
    ------
    ValueError
        If a number is out of range: a curvature must be positive.
    FitError
        If there are fewer than two parabolas, or no surface comes near them.

    See Also
    --------
    published_law_bounds : When only the law is printed.
    approach2_bias : The bias that is removed.

    Notes
    -----
    In 63 of 72 noisy cells of simulations its error was within 2 % of that of a fit to the runs,
    at worst 7 %. What is not printed must be known: a wrong grid moves the answer. The chapter *Designing a
    sweep* uses it.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign, fit_approach2
    >>> runs = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9).runs(CHINCHILLA)
    >>> curves = fit_approach2(runs).parabolas
    >>> v, c, m = zip(*[(p.vertex, p.coefficients[2], p.loss(p.vertex)) for p in curves])
    >>> centres = CHINCHILLA.N_opt([1e18, 1e19, 1e20])
    >>> fit = fit_published_parabolas([1e18, 1e19, 1e20], v, c, m, 8, 9, offset=np.array(v) / centres)
    >>> f"alpha {fit.surface.alpha:.6f}, beta {fit.surface.beta:.6f}"
    'alpha 0.340000, beta 0.280000'
    """
    who = "fit_published_parabolas"
    budgets = positive_row(f"{who}: C", C)
    if len(budgets) < 2:
        raise FitError("one parabola gives three numbers for five parameters; give two budgets or more.")
    rows = matched(
        C=budgets,
        vertex=positive(f"{who}: vertex", vertex),
        curvature=finite(f"{who}: curvature", curvature),
        minimum=finite(f"{who}: minimum", minimum),
        reach=positive(f"{who}: reach", reach),
        offset=positive(f"{who}: offset", offset),
    )
    budgets, v, c, m, k, o = (np.asarray(row, float) for row in rows)
    if not (c > 0).all():
        raise ValueError(
            f"{who}: curvature of the budget {budgets[np.argmin(c)]:.3g} is {c.min():.3g}: such a parabola "
            "has no minimum; leave that budget out."
        )
    if not (k > 1).all():
        raise ValueError(f"{who}: reach is {k.min():g}; a grid needs a factor above 1.")
    steps = np.linspace(-1.0, 1.0, whole(f"{who}: points", points, 3, 10_000))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        N = held(f"{who}: some size of the grids", (v / o)[:, None] * k[:, None] ** steps, 0)
        D = held(f"{who}: some D of the grids", budgets[:, None] / training_flops(N, 1.0), 0)
        y = m[:, None] + c[:, None] * (np.log(N) - np.log(v)[:, None]) ** 2
    if not (np.abs(y) < LARGEST_LOSS).all():
        raise ValueError(f"{who}: curvature and minimum give losses above 1e100; check their units.")
    surface, residuals = _closest(N, D, _projected(_parabolas(len(steps)), y[..., None])[..., 0])
    return PublishedFit(surface, N, D, residuals, _concerns(len(budgets), bool((o != 1).any())))


def _parabolas(points: int) -> FloatArray:
    """Orthonormal parabolas on a grid, (points, 3)."""
    return np.linalg.qr(np.vander(np.linspace(-1.0, 1.0, points), 3, increasing=True))[0]


def _projected(parabolas: FloatArray, values: FloatArray) -> FloatArray:
    """Coefficients of columns (m, points, k) in parabolas (points, 3) on each grid, (m, 3, k)."""
    return np.asarray(np.einsum("nq,mnk->mqk", parabolas, values))


def _closest(N: FloatArray, D: FloatArray, target: FloatArray) -> tuple[LossSurface, FloatArray]:
    """The surface whose projected losses come closest to a target (m, 3), and what is left."""
    from scipy.optimize import least_squares

    n, d = np.log(N), np.log(D)
    n0, d0 = n.mean(), d.mean()
    parabolas = _parabolas(N.shape[1])

    def left(logs: FloatArray) -> tuple[FloatArray, FloatArray]:
        alpha, beta = np.exp(logs)
        X = np.stack([np.ones_like(n), np.exp(-alpha * (n - n0)), np.exp(-beta * (d - d0))], axis=-1)
        X = _projected(parabolas, X).reshape(-1, 3)
        coefficients = np.linalg.lstsq(X, target.ravel())[0]
        return target.ravel() - X @ coefficients, np.asarray(coefficients, float)

    starts = [np.log([alpha, beta]) for alpha in STARTS for beta in STARTS]
    starts.sort(key=lambda logs: float(np.linalg.norm(left(logs)[0])))
    ends = [
        least_squares(lambda x: left(x)[0], start, method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
        for start in starts[:3]
    ]
    best = min(ends, key=lambda end: float(end.cost))
    residuals, (E, A, B) = left(best.x)
    alpha, beta = np.exp(best.x)
    if not (min(E, A, B, alpha - 1e-3, beta - 1e-3, 5 - alpha, 5 - beta) > 0):
        raise FitError(
            "no loss surface has parabolas near these: check C, reach, points and offset, that the curvature "
            "is that of natural logs, and that the minimum is the loss at the vertex."
        )
    A, B = A * np.exp(alpha * n0), B * np.exp(beta * d0)
    surface = LossSurface(float(E), float(A), float(B), float(alpha), float(beta))
    return surface, residuals.reshape(target.shape)


def _concerns(budgets: int, centres_known: bool) -> tuple[str, ...]:
    concerns = []
    if budgets == 2:
        concerns.append(
            "two parabolas give six numbers for five parameters and leave one to judge by; add a budget."
        )
    if not centres_known:
        concerns.append(
            "every grid was taken as centred on its own vertex; where the sizes are printed give offset, the "
            "tokens at the grid's centre over those at the vertex."
        )
    return tuple(concerns)


class LawBounds(NamedTuple):
    r"""Least and largest :math:`\ln(\hat N/N^*)` by which a printed law asks for more than the best size."""

    low: float
    high: float

    def true_size(self, N: float) -> tuple[float, float]:
        """Where the best size lies when the law says N."""
        N = positive_number("LawBounds.true_size: N", N)
        return N * float(np.exp(-self.high)), N * float(np.exp(-self.low))


@within_floats
def published_law_bounds(
    a: float,
    budgets: ArrayLike,
    reach: ArrayLike,
    C: float,
    points: int | None = None,
    off_centre: float = 1.0,
    total: tuple[float, float] = (0.5, 1.2),
) -> LawBounds:
    r"""Bound how far a printed law of Approach 2 can be off, given what is known of its grids.

    Use it when nothing but the exponent and the budgets is printed. The law is off by :math:`\sum_j w_j
    \delta(\alpha, \beta, o_j)`, with the weights of extrapolation w and the shift of each vertex. The
    printed a divides :math:`t = \alpha + \beta` into :math:`\alpha = t(1-a), \beta = ta`; t and the centre
    of each grid run over all that is possible, each centre on its own.

    Parameters
    ----------
    a : float
        Printed exponent of :math:`N^*`.
    budgets : array_like, shape (m,)
        Its budgets in FLOPs.
    reach : float or array_like, shape (m,)
        Reach of its grids.
    C : float
        Where the law is used, FLOPs.
    points : int, optional
        Sizes on each grid; dense when absent.
    off_centre : float
        Factor within which every grid's centre lies of the best size; 1 for centred grids.
    total : pair of float
        Range of :math:`\alpha + \beta`; where studies print both, the sum lies in ``studies.KNOWN_TOTALS``,
        0.26 to 1.12, and for text above 0.4.

    Returns
    -------
    LawBounds

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    fit_published_parabolas : When the parabolas are printed too.
    vertex_shift : The shift of one vertex.

    Notes
    -----
    Noise is not in it, and the printed a stands for the true one, an error of second order. The
    shift does not rise with the centre everywhere, so that all centres are looked at and not the ends alone.

    Examples
    --------
    >>> low, high = published_law_bounds(0.47, [6e18, 1e20, 1e22], reach=4, C=3.8e25)
    >>> f"N* printed over true: {np.exp(low):.3f} to {np.exp(high):.3f}"
    'N* printed over true: 1.006 to 1.014'
    """
    who = "published_law_bounds"
    a, C = share(f"{who}: a", a), positive_number(f"{who}: C", C)
    x = positive_row(f"{who}: budgets", budgets)
    if len(x) < 2:
        raise ValueError(f"{who}: budgets holds one; a power law needs two.")
    factor = positive_number(f"{who}: off_centre", off_centre)
    if factor < 1:
        raise ValueError(f"{who}: off_centre is {factor:g}; give the factor, 1 or more.")
    totals = np.geomspace(*positive_range(f"{who}: total", total), TOTALS)
    centres = np.geomspace(1 / factor, factor, CENTRES) if factor > 1 else np.ones(1)
    reach, x = matched(reach=positive(f"{who}: reach", reach), budgets=x)
    t = totals[:, None, None]
    shifts = vertex_shift((1 - a) * t, a * t, reach[None, :, None], points, centres[None, None, :])
    moved = extrapolation_weights(x, C)[None, :, None] * shifts
    return LawBounds(float(moved.min(axis=2).sum(axis=1).min()), float(moved.max(axis=2).sum(axis=1).max()))
