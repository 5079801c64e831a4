r"""The compute-optimal frontier of a surface when the embedding is left out of the count.

A surface :math:`L = E + A N_T^{-\alpha} + B D^{-\beta}` in *total* parameters :math:`N_T` has the frontier
:math:`N_T^* \propto C_T^a`. Whoever counts only the non-embedding parameters :math:`N`, and their compute
:math:`C = 6ND`, sees another frontier of the same runs, and it bends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, held, plain, positive, positive_number, positive_range
from scalinglab.laws.parameter_counts import both_counts
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.laws.published import PEARCE_OMEGA
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface, exponents_of


@dataclass(frozen=True, eq=False)
class CountedFrontier:
    """Points of a compute-optimal frontier in both counts, with the embedding and without.

    Attributes
    ----------
    N, N_total : ndarray
        Best non-embedding parameters, and the total of the same models.
    D, L : ndarray
        Their tokens and loss.
    """

    N: FloatArray
    N_total: FloatArray
    D: FloatArray
    L: FloatArray

    @property
    def C(self) -> FloatArray:
        """Compute of the non-embedding parameters, 6ND."""
        return FLOPS_PER_PARAMETER_TOKEN * self.N * self.D

    @property
    def C_total(self) -> FloatArray:
        """Compute of all parameters, 6 N_total D."""
        return FLOPS_PER_PARAMETER_TOKEN * self.N_total * self.D


def counted_frontier(surface: LossSurface, N: ArrayLike, omega: float = PEARCE_OMEGA) -> CountedFrontier:
    r"""Frontier in non-embedding counts: the compute, tokens and loss at which each size is the best.

    At fixed :math:`C = 6ND` the loss is stationary in N where
    :math:`\alpha A N_T^{-\alpha-1}\,(N + \tfrac{\omega}{3} N^{1/3}) = \beta B D^{-\beta}`. No
    formula gives N for C, but one gives C for N:

    .. math::
        C = 6N\,\bigl(N + \tfrac{\omega}{3} N^{1/3}\bigr)^{-1/\beta}
            \bigl(N + \omega N^{1/3}\bigr)^{(1+\alpha)/\beta}
            \Bigl(\frac{\beta B}{\alpha A}\Bigr)^{1/\beta} .

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    N : array_like, shape (n,)
        Non-embedding parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    CountedFrontier
        Tokens, loss and both counts at each N.

    Raises
    ------
    ValueError
        If N or omega is not positive, if A or B is zero, or if the stationary point of some N is no minimum.

    See Also
    --------
    simulated_frontier : The same by trying every model, also where this formula has no minimum.
    local_exponent : Slope of this frontier.

    Notes
    -----
    Equation of :cite:t:`pearce2024`, derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> frontier = counted_frontier(CHINCHILLA_REFIT, [1e7, 1e9])
    >>> [f"{C:.2e}" for C in frontier.C]
    ['1.03e+17', '1.55e+20']
    """
    omega = positive_number("omega", omega)
    local_exponent(surface, N, omega)  # refuses stationary points that are no minima
    if not surface.A * surface.B > 0:
        raise ValueError(
            f"counted_frontier: A is {surface.A:g} and B is {surface.B:g}; a frontier weighs two terms that "
            "fall, so both must be positive."
        )
    N, N_total = both_counts(np.atleast_1d(positive("parameters", N)), omega)
    size = np.log(N + omega / 3 * N ** (1 / 3)) - (surface.alpha + 1) * np.log(N_total)
    pull = np.log(surface.alpha * surface.A) + size
    with np.errstate(over="ignore", invalid="ignore"):
        D = np.exp((np.log(surface.beta * surface.B) - pull) / surface.beta)
        far = ~(np.isfinite(6 * N_total * D) & (6 * N * D > 0))
    if far.any():
        raise ValueError(
            f"counted_frontier: the compute at N = {N[far][0]:.3g} is beyond what a float can hold; use "
            "sizes nearer to real models, or a larger beta."
        )
    return CountedFrontier(N, N_total, D, np.asarray(surface.loss(N_total, D)))


def local_exponent(
    surface: LossSurface,
    N: ArrayLike,
    omega: float = PEARCE_OMEGA,
) -> Any:
    r"""Slope :math:`g = d\ln N^*/d\ln C` of the frontier in non-embedding counts.

    With :math:`u = N^{2/3}` and :math:`\eta = d\ln N_T/d\ln N`,

    .. math::
        \frac1g &= 1 + \frac{\alpha\eta - \dot\eta}{\beta}, \qquad
        \eta = \frac{u + \omega/3}{u + \omega}, \qquad
        \dot\eta = \frac49\,\frac{\omega u}{(u + \omega)(u + \omega/3)} \\
        &= 1 - \frac1\beta\,\frac{u + \omega/9}{u + \omega/3}
             + \frac{1+\alpha}{\beta}\,\frac{u + \omega/3}{u + \omega} .

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens; only its exponents matter.
    N : float or array_like
        Non-embedding parameters of the best model.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        From :math:`\beta/(\alpha/3 + \beta)` for tiny models over a maximum near 1 to
        :math:`\beta/(\alpha+\beta)` for huge ones.

    Raises
    ------
    ValueError
        If an argument is not positive, or if 1/g is not: then the stationary point is no minimum.

    See Also
    --------
    read_off_exponent : One exponent for a range of sizes.
    loss_compute_slope : Slope of the loss along the same frontier.

    Notes
    -----
    The second form is that of :cite:t:`pearce2024`; the first shows why g is not monotone. Derived in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> [f"{g:.3f}" for g in local_exponent(CHINCHILLA_REFIT, [768, 1e6, 1.5e9])]
    ['0.762', '0.963', '0.530']
    """
    alpha, beta = exponents_of(surface)
    u, omega = positive("parameters", N) ** (2 / 3), positive_number("omega", omega)
    eta = (u + omega / 3) / (u + omega)
    eta_dot = 4 / 9 * (omega / (u + omega)) * (u / (u + omega / 3))
    inverse = 1 + (alpha * eta - eta_dot) / beta
    _require_minimum(inverse)
    return plain(1 / inverse)


def loss_compute_slope(surface: LossSurface, N: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Slope :math:`k = d\ln L^*/d\ln C` on the frontier in non-embedding counts.

    At the best N a change of N does not change the loss, so only the tokens count (the envelope theorem):

    .. math:: k = -\frac{\beta B D^{-\beta}}{L^*}, \qquad D = \frac{C}{6N} .

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    N : float or array_like
        Non-embedding parameters of the best model.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        Negative; minus the local exponent of the loss.

    Notes
    -----
    As in :cite:t:`pearce2024`. Derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> f"{loss_compute_slope(CHINCHILLA_REFIT, 1e8):.4f}"
    '-0.0714'
    """
    frontier = counted_frontier(surface, N, omega)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        slope = -surface.beta * surface.B * frontier.D**-surface.beta / frontier.L
    held("loss_compute_slope: the slope of this surface at N", slope)
    return plain(slope.reshape(np.shape(N)))


def read_off_exponent(surface: LossSurface, low: float, high: float, omega: float = PEARCE_OMEGA) -> PowerLaw:
    r"""Power law that a study of models from low to high reads off the bent frontier.

    Least squares of :math:`\ln N^*` on :math:`\ln C`, evenly spread in :math:`\ln C`.

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    low, high : float
        Smallest and largest best model, non-embedding parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    PowerLaw
        The line :math:`N^* = k\,C^m`; ``exponent`` is what is read off.

    Raises
    ------
    ValueError
        If ``high`` is not above ``low``, or as in :func:`counted_frontier`.

    See Also
    --------
    local_exponent : Its exponent is a mean of these over the range, with more weight in the middle.

    Notes
    -----
    Used in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> f"{read_off_exponent(CHINCHILLA_REFIT, 768, 1.5e9).exponent:.3f}"
    '0.788'
    """
    low, high = positive_range("read_off_exponent: low, high", (low, high))
    frontier = counted_frontier(surface, np.geomspace(low, high, 4001), omega)
    log_C, log_N = np.log(frontier.C), np.log(frontier.N)
    even = np.linspace(log_C[0], log_C[-1], 4001)
    m, k = np.polyfit(even - even.mean(), np.interp(even, log_C, log_N), 1)
    return PowerLaw(float(np.exp(k - m * even.mean())), float(m))


def _require_minimum(inverse: Any) -> None:
    """Refuse stationary points at which the loss is highest along the budget."""
    if np.any(inverse <= 0):
        raise ValueError(
            "local_exponent: at these N the stationary point along 6ND = C is no minimum: 1/g is not "
            "positive. With exponents this small the frontier jumps; use larger N, or simulated_frontier."
        )
