r"""Bias of Approach 2 on noise-free IsoFLOP designs, in closed form.

On one IsoFLOP curve put :math:`u = \ln(N/N^*)`. The loss is :math:`E + P e^{-\alpha u} + R e^{\beta u}` with
:math:`\alpha P = \beta R`, whatever the budget, and a parabola fitted to it has its vertex off zero by an
amount that depends on the exponents and the grid alone. Everything else here follows from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, exponent, held, matched, of_kind, plain, positive, shortened
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.laws.surface import LossSurface
from scalinglab.theory.vertex_formulas import SMALL, SMALLEST, direct_shift, small_shift

#: Sizes of a grid, at most.
MOST_POINTS = 1_000_000


def vertex_shift(
    alpha: Any,
    beta: Any,
    reach: ArrayLike,
    points: int | None = None,
    offset: ArrayLike = 1.0,
) -> Any:
    r"""Exact shift of a fitted parabola's vertex, in :math:`\ln N`.

    The grid reaches :math:`U = \ln(\text{reach})` to both sides of its centre
    :math:`u_0 = -\ln(\text{offset})`. On a dense grid the vertex lies at

    .. math::
        \delta = u_0 + \frac{U}{5}\,
        \frac{p\, i_1(\alpha U) - q\, i_1(\beta U)}{p\, i_2(\alpha U) + q\, i_2(\beta U)},
        \qquad p = \beta e^{-\alpha u_0},\quad q = \alpha e^{\beta u_0},

    with the modified spherical Bessel functions :math:`i_k`. On :math:`n` equally spaced points of
    spacing :math:`h = 2U/(n-1)`, with :math:`x_\lambda = \lambda h/2`,

    .. math::
        \delta = u_0 + \frac{h\,(n^2-4)}{30}\,
        \frac{p\,T_\alpha S_\alpha - q\,T_\beta S_\beta}{p\,T_\alpha Q_\alpha + q\,T_\beta Q_\beta}

    where, with :math:`\mathcal{L} = i_1/i_0` and :math:`\mathcal{M} = i_2/3i_0`,

    .. math::
        T_\lambda = \frac{\sinh n x_\lambda}{\sinh x_\lambda},\quad
        S_\lambda = n\mathcal{L}(n x_\lambda) - \mathcal{L}(x_\lambda),\quad
        Q_\lambda = n^2\mathcal{M}(n x_\lambda) - \mathcal{M}(x_\lambda) - \mathcal{L}(x_\lambda) S_\lambda .

    Parameters
    ----------
    alpha, beta : float or array_like
        Exponents of the surface; positive.
    reach : float or array_like
        The grid runs from centre/reach to centre·reach; above 1.
    points : int, optional
        Sizes on the grid, 3 or more; a dense grid when absent.
    offset : float or array_like
        Centre of the grid in tokens over the best token count (3: centred at three times D*).

    Returns
    -------
    float or ndarray
        The shift: Approach 2 reports ``N_opt * exp(shift)`` and ``D_opt * exp(-shift)``. It does not
        depend on C, E, A or B.

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    leading_shift : The leading order on a centred grid, for reasoning by hand.
    approach2_bias : What the shifts of all budgets do to exponent and intercept.

    Notes
    -----
    Derived in the chapter *Why the vertex shifts* (dense grid, points) and used off centre in
    *Off centre and drifting*. Good to 1e-14 in ln N at any reach. Where the exponents times the
    log of reach and offset stay below 0.1 a series takes over, good to 1e-12 of the shift itself, and no
    exponent is too small for it.

    Examples
    --------
    Chinchilla's exponents on fifteen points from 1/16 to 16 times the best size:

    >>> shift = vertex_shift(0.34, 0.28, reach=16, points=15)
    >>> f"N {np.expm1(shift):+.2%}, D {np.expm1(-shift):+.2%}"
    'N +5.37%, D -5.10%'
    """
    alpha, beta = positive("vertex_shift: alpha", alpha), positive("vertex_shift: beta", beta)
    U, u0 = np.log(positive("vertex_shift: reach", reach)), -np.log(positive("vertex_shift: offset", offset))
    if not np.all(U > 0):
        raise ValueError(f"vertex_shift: reach is {shortened(reach)}; a grid needs a factor above 1.")
    alpha, beta, U, u0 = matched(alpha=alpha, beta=beta, reach=U, offset=u0)
    if points is not None and not (
        isinstance(points, Integral)
        and not isinstance(points, (bool, np.timedelta64))
        and 3 <= points <= MOST_POINTS
    ):
        raise ValueError(
            f"vertex_shift: points is {shortened(points)}; a parabola needs 3 or more, a whole number up to "
            f"{MOST_POINTS}."
        )
    extent = U + np.abs(u0)
    with np.errstate(over="ignore"):
        widest = np.maximum(alpha, beta) * extent
    if (widest > 300).any():
        raise ValueError(
            "vertex_shift: alpha or beta times the log of reach and offset exceeds 300, where losses differ "
            "by more than a number can hold; give exponents and a grid that a study could have."
        )
    small = (widest < SMALL) | (np.minimum(alpha, beta) * extent < SMALLEST)
    if small.all():
        return plain(small_shift(alpha, beta, U, u0, points))
    shift = direct_shift(alpha, beta, U, u0, points)
    return plain(np.where(small, small_shift(alpha, beta, U, u0, points), shift) if small.any() else shift)


def leading_shift(alpha: Any, beta: Any, reach: Any) -> Any:
    r"""Shift of the vertex on a dense centred grid, to leading order, in :math:`\ln N`.

    .. math:: \delta = \frac{(\alpha - \beta)\,U^2}{10} + O(U^4), \qquad U = \ln(\text{reach}).

    A larger exponent of parameters than of data bends the curve up faster on the side of small models;
    the parabola answers by leaning to the large side.

    Parameters
    ----------
    alpha, beta : float or ndarray
        Exponents of the surface.
    reach : float or ndarray
        The grid runs from N*/reach to N*·reach.

    Returns
    -------
    float or ndarray
        The shift; for the exponents of text within 3 % of the exact one up to a reach of 16.

    See Also
    --------
    vertex_shift : Exact, for any grid.

    Notes
    -----
    Derived in the chapter *Why the vertex shifts*; with the full width W in decades it is the
    ln(10)·(alpha - beta)·W²/40 decades of :cite:t:`czech2026`.

    Examples
    --------
    >>> f"{leading_shift(0.34, 0.28, reach=16):.3f}"
    '0.046'
    """
    alpha, beta = exponent("leading_shift: alpha", alpha), exponent("leading_shift: beta", beta)
    reach = positive("leading_shift: reach", reach)
    alpha, beta, reach = matched(alpha=alpha, beta=beta, reach=reach)
    return (alpha - beta) * np.log(reach) ** 2 / 10


@dataclass(frozen=True)
class Approach2Bias:
    r"""Bias of Approach 2 on a noise-free design: vertices, exponent and intercept.

    Attributes
    ----------
    budgets : ndarray, shape (m,)
        Budgets of the design.
    shifts : ndarray, shape (m,)
        Shift of each vertex in ln N.
    exponent_error : float
        Fitted minus true exponent of :math:`N^*`; that of :math:`D^*` is its negative.
    intercept_error : float
        Fitted minus true intercept of :math:`\ln N^*` at C = 1 FLOP; that of :math:`\ln D^*` is its
        negative.

    See Also
    --------
    approach2_bias : Computes it.
    """

    budgets: FloatArray
    shifts: FloatArray
    exponent_error: float
    intercept_error: float

    def N_factor(self, C: ArrayLike) -> Any:
        """Inferred over true best size at C FLOPs."""
        log_C = np.log(positive("Approach2Bias: C, compute,", C))
        with np.errstate(over="ignore"):
            factor = np.exp(self.intercept_error + self.exponent_error * log_C)
        return plain(held("Approach2Bias: the factor at this C", factor, 0))

    def D_factor(self, C: ArrayLike) -> Any:
        """Inferred over true best token count at C FLOPs."""
        return 1 / self.N_factor(C)


def approach2_bias(surface: LossSurface, design: IsoflopDesign) -> Approach2Bias:
    r"""Bias of Approach 2 on a noise-free design, in closed form.

    With the shift :math:`\delta_j` of each budget from :func:`vertex_shift`, Approach 2 regresses
    :math:`\ln N^*(C_j) + \delta_j` on :math:`\ln C_j`. Regression is linear, so what it adds to the true
    line is the regression line of the shifts alone:

    .. math::
        \Delta a = \frac{\sum_j (\ln C_j - \overline{\ln C})\,\delta_j}
                        {\sum_j (\ln C_j - \overline{\ln C})^2}, \qquad
        \Delta k = \bar\delta - \Delta a\,\overline{\ln C}.

    Parameters
    ----------
    surface : LossSurface
        The truth; only its exponents matter.
    design : IsoflopDesign
        Budgets and grids; two budgets or more.

    Returns
    -------
    Approach2Bias
        Exponent error, intercept error, and factors on N* and D* at any C.

    Raises
    ------
    ValueError
        If the design has a single budget.

    See Also
    --------
    vertex_shift : The shift at one budget.
    fit_approach2 : The fit itself, which agrees on simulated runs.

    Notes
    -----
    The theorem of the chapter *Off centre and drifting*.

    Examples
    --------
    >>> from scalinglab.laws import ASYMMETRIC
    >>> design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21], reach=2, drift=3)
    >>> f"{approach2_bias(ASYMMETRIC, design).D_factor(1e24) - 1:.2%}"
    '34.57%'
    """
    of_kind("approach2_bias: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    of_kind("approach2_bias: design", design, IsoflopDesign, "give an IsoflopDesign")
    if len(design.budgets) < 2:
        raise ValueError("approach2_bias: design has one budget; a power law needs two budgets.")
    alpha, beta, offsets = surface.alpha, surface.beta, design.offsets
    shifts = vertex_shift(alpha, beta, design.reach, design.points, offsets)
    x = np.log(design.budgets)
    centred = x - x.mean()
    slope = centred @ (shifts - shifts.mean()) / (centred @ centred)
    intercept = shifts.mean() - slope * x.mean()
    return Approach2Bias(design.budgets, shifts, float(slope), float(intercept))
