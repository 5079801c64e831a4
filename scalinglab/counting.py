r"""One loss surface counted in two ways: with the embedding parameters and without.

A surface :math:`L = E + A N_T^{-\alpha} + B D^{-\beta}` in *total* parameters :math:`N_T` has the frontier
:math:`N_T^* \propto C_T^a`. Whoever counts only the non-embedding parameters :math:`N`, and their compute
:math:`C = 6ND`, sees another frontier of the same runs, and it bends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab.fits import SurfaceFit
from scalinglab.losses import Huber, Loss, Squared
from scalinglab.published import PEARCE_OMEGA
from scalinglab.runs import Runs
from scalinglab.surface import FLOPS_PER_PARAMETER_TOKEN, FloatArray, LossSurface, PowerLaw, plain, positive
from scalinglab.vpnls import fit_vpnls

#: Parameters of a transformer layer over the square of its width: four in attention, eight in the MLP.
PARAMETERS_PER_LAYER = 12


def embedding_omega(vocabulary: float, aspect: float) -> float:
    r"""Coefficient of the embedding parameters, :math:`\omega = V\,(r/12)^{1/3}`.

    :math:`l` layers of width :math:`d = r\,l` have :math:`N = 12\,l\,d^2 = (12/r)\,d^3` parameters, and the
    embedding :math:`V d = V\,(r/12)^{1/3} N^{1/3}`.

    Parameters
    ----------
    vocabulary : float
        V, rows of the embedding: tokens, plus learned positions if there are any.
    aspect : float
        r, width over depth.

    Returns
    -------
    float
        :math:`\omega`, in (parameters)^(2/3).

    Notes
    -----
    From :cite:t:`pearce2024`. Derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{embedding_omega(32000, aspect=39.2):.0f}"
    '47481'
    """
    rows, r = _one("vocabulary", vocabulary), _one("aspect", aspect)
    return float(rows * (r / PARAMETERS_PER_LAYER) ** (1 / 3))


def total_parameters(N: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Total parameters of a model with N non-embedding ones, :math:`N_T = N + \omega N^{1/3}`.

    Parameters
    ----------
    N : float or array_like
        Non-embedding parameters, in ones: the formula does not survive millions.
    omega : float
        Coefficient of the embedding; 47491 for a vocabulary of 32000.

    Returns
    -------
    float or ndarray
        Total parameters.

    Notes
    -----
    Equation of :cite:t:`pearce2024`, derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{total_parameters(1.5e9):.3g}, {total_parameters(768):.3g}"
    '1.55e+09, 4.36e+05'
    """
    return plain(_both_counts(N, omega)[1])


def nonembedding_parameters(N_total: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Non-embedding parameters of a model with ``N_total`` in all, the inverse of :func:`total_parameters`.

    With :math:`x = N^{1/3}` this is the cubic :math:`x^3 + \omega x = N_T`, whose only real root is

    .. math:: x = 2\sqrt{\omega/3}\;\sinh\Bigl(\tfrac13 \operatorname{arsinh}
              \frac{3 N_T}{2\omega\sqrt{\omega/3}}\Bigr).

    Parameters
    ----------
    N_total : float or array_like
        Total parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        Non-embedding parameters.

    Notes
    -----
    From :math:`\sinh 3t = 4\sinh^3 t + 3 \sinh t`; no cancellation at either end. Used in the chapter
    *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{nonembedding_parameters(total_parameters(1e8)):.6g}"
    '1e+08'
    """
    unit = np.sqrt(_one("omega", omega) / 3)
    with np.errstate(all="ignore"):
        third = np.arcsinh(positive("parameters", N_total) / (2 * unit**3)) / 3
        N = np.asarray((2 * unit * np.sinh(third)) ** 3)
    if not (np.isfinite(N) & (N > 0)).all():
        raise ValueError(
            f"nonembedding_parameters: N_total {N_total!r} with omega {omega!r} is beyond what a float can "
            "hold; give both in ones, as for real models."
        )
    return plain(N)


def embedding_share(N: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Share of all parameters that sits in the embedding, :math:`\omega/(N^{2/3} + \omega)`.

    Parameters
    ----------
    N : float or array_like
        Non-embedding parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        Between 0 and 1.

    Notes
    -----
    Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{embedding_share(1e7):.0%}, {embedding_share(1.5e9):.1%}"
    '51%, 3.5%'
    """
    N, N_total = _both_counts(N, omega)
    return plain(1 - N / N_total)


@dataclass(frozen=True, eq=False)
class CountedFrontier:
    """Points of a frontier, counted both ways.

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
    r"""Where N non-embedding parameters are the best use of their compute 6ND.

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

    Notes
    -----
    Equation of :cite:t:`pearce2024`, derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> frontier = counted_frontier(CHINCHILLA_REFIT, [1e7, 1e9])
    >>> [f"{C:.2e}" for C in frontier.C]
    ['1.03e+17', '1.55e+20']
    """
    local_exponent(surface, N, omega)  # refuses stationary points that are no minima
    if not surface.A * surface.B > 0:
        raise ValueError(
            f"counted_frontier: A is {surface.A:g} and B is {surface.B:g}; a frontier weighs two terms that "
            "fall, so both must be positive."
        )
    N, N_total = _both_counts(np.atleast_1d(positive("parameters", N)), omega)
    size = np.log(N + omega / 3 * N ** (1 / 3)) - (surface.alpha + 1) * np.log(N_total)
    pull = np.log(surface.alpha * surface.A) + size
    with np.errstate(over="ignore"):
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

    Notes
    -----
    The second form is that of :cite:t:`pearce2024`; the first shows why g is not monotone. Derived in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> [f"{g:.3f}" for g in local_exponent(CHINCHILLA_REFIT, [768, 1e6, 1.5e9])]
    ['0.762', '0.963', '0.530']
    """
    alpha, beta = _exponents(surface)
    u, omega = positive("parameters", N) ** (2 / 3), _one("omega", omega)
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
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> f"{loss_compute_slope(CHINCHILLA_REFIT, 1e8):.4f}"
    '-0.0714'
    """
    frontier = counted_frontier(surface, N, omega)
    slope = -surface.beta * surface.B * frontier.D**-surface.beta / frontier.L
    return plain(slope.reshape(np.shape(N)))


def read_off_exponent(surface: LossSurface, low: float, high: float, omega: float = PEARCE_OMEGA) -> PowerLaw:
    r"""Straight line through the bent frontier: what a study of models from low to high would print.

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

    Notes
    -----
    The mean of :func:`local_exponent` over the range, with more weight in its middle. Used in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> f"{read_off_exponent(CHINCHILLA_REFIT, 768, 1.5e9).exponent:.3f}"
    '0.788'
    """
    low, high = _range("read_off_exponent", (low, high))
    frontier = counted_frontier(surface, np.geomspace(low, high, 4001), omega)
    log_C, log_N = np.log(frontier.C), np.log(frontier.N)
    even = np.linspace(log_C[0], log_C[-1], 4001)
    m, k = np.polyfit(even - even.mean(), np.interp(even, log_C, log_N), 1)
    return PowerLaw(float(np.exp(k - m * even.mean())), float(m))


def simulated_frontier(
    surface: LossSurface,
    N: ArrayLike,
    C: ArrayLike,
    omega: float = PEARCE_OMEGA,
    total: bool = False,
    tokens: ArrayLike | None = None,
) -> CountedFrontier:
    """Train every model at every budget without noise, keep the best: the frontier without a formula.

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    N : array_like, shape (n,)
        Non-embedding parameters of the models.
    C : array_like, shape (m,)
        Budgets in FLOPs.
    omega : float
        Coefficient of the embedding.
    total : bool
        Whether a budget pays for all parameters; by default it pays for the non-embedding ones.
    tokens : array_like, optional
        Token counts at which a loss was recorded: each run is read at the nearest one, and a run outside
        their range is not there.

    Returns
    -------
    CountedFrontier
        The best model of each budget, shape (m,).

    Raises
    ------
    ValueError
        If an argument is empty or not positive, or if no model at some budget is inside ``tokens``.

    Notes
    -----
    The simulation of :cite:t:`pearce2024`: 20 models, 100 budgets, 1000 recorded token counts. Used in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> sizes = np.geomspace(1e5, 1e9, 50)
    >>> frontier = simulated_frontier(CHINCHILLA_REFIT, sizes, [1e16, 1e18])
    >>> [f"{N:.2g}" for N in frontier.N]
    ['1.2e+06', '6e+07']
    """
    _exponents(surface)
    N, N_total = _both_counts(_row("parameters", N), omega)
    paid = (N_total if total else N)[:, None]
    with np.errstate(over="ignore"):  # too many tokens to write down: the loss refuses them
        D = _row("compute", C) / (FLOPS_PER_PARAMETER_TOKEN * paid)
    recorded = np.ones(D.shape, bool)
    if tokens is not None:
        grid = np.sort(_row("tokens", tokens))
        recorded = (D - grid[0] >= 0) & (D - grid[-1] <= 0)
        if not recorded.any(axis=0).all():
            raise ValueError(
                f"simulated_frontier: at some budget no model needs between {grid[0]:.3g} and {grid[-1]:.3g} "
                "tokens; widen tokens, or leave it out to read every run exactly."
            )
        D = _nearest(grid, D)
    L = np.where(recorded, surface.loss(N_total[:, None], D), np.inf)
    best = np.argmin(L, axis=0)
    each = np.arange(L.shape[1])
    return CountedFrontier(N[best], N_total[best], D[best, each], L[best, each])


@dataclass(frozen=True, eq=False)
class CountingDesign:
    """Models counted both ways, each trained on each of several token counts.

    Attributes
    ----------
    N, N_total : ndarray, shape (s,)
        Non-embedding and total parameters of the models.
    D : ndarray, shape (t,)
        Token counts.

    Raises
    ------
    ValueError
        If an entry is not positive, N and N_total differ in length, or some N is not below its N_total.
    """

    N: FloatArray
    N_total: FloatArray
    D: FloatArray

    def __post_init__(self) -> None:
        for name in ("N", "N_total", "D"):
            object.__setattr__(self, name, _row(f"CountingDesign: {name}", getattr(self, name)))
        if self.N.shape != self.N_total.shape or not (self.N_total > self.N).all():
            raise ValueError(
                "CountingDesign: each model needs both counts, and N, which leaves the embedding out, must "
                f"be smaller than N_total; N is {self.N!r} and N_total is {self.N_total!r}."
            )

    @classmethod
    def between_shares(
        cls,
        N_total: tuple[float, float] = (5.7e7, 1.2e9),
        share: tuple[float, float] = (0.79, 0.15),
        sizes: int = 9,
        D: tuple[float, float] = (1e8, 1e10),
        tokens: int = 9,
    ) -> CountingDesign:
        """Sizes evenly spaced in log total parameters, the embedding a power law between two shares.

        Parameters
        ----------
        N_total, share : tuple of float
            Total parameters of the smallest and the largest model, and the share of the embedding in each.
        sizes : int
            How many models.
        D, tokens
            Range and number of token counts, evenly spaced in log.
        """
        ends, shares = _range("CountingDesign: N_total", N_total), _row("CountingDesign: share", share)
        if shares.shape != (2,) or not (shares < 1).all():
            raise ValueError(
                f"CountingDesign: share is {share!r}; give the embedding's share of the smallest and of the "
                "largest model, both between 0 and 1."
            )
        total = _spaced("sizes", ends, sizes)
        embedding = _spaced("sizes", (shares[0] * ends[0], shares[1] * ends[1]), sizes)
        return cls(total - embedding, total, _spaced("tokens", _range("CountingDesign: D", D), tokens))

    @classmethod
    def fixed_aspect(
        cls,
        N_total: tuple[float, float] = (5.7e7, 1.2e9),
        omega: float = PEARCE_OMEGA,
        sizes: int = 9,
        D: tuple[float, float] = (1e8, 1e10),
        tokens: int = 9,
    ) -> CountingDesign:
        """Sizes evenly spaced in log total parameters, all of one aspect: N_total = N + omega N^(1/3)."""
        total = _spaced("sizes", _range("CountingDesign: N_total", N_total), sizes)
        N = nonembedding_parameters(total, omega)
        return cls(N, total, _spaced("tokens", _range("CountingDesign: D", D), tokens))

    def continued(self, high: float, sizes: int = 200) -> CountingDesign:
        """Larger models of the same family: the embedding's power law through the end sizes, continued.

        Parameters
        ----------
        high : float
            Total parameters of the largest model, more than the smallest of this design.
        sizes : int
            How many models, evenly spaced in log from the smallest of this design.
        """
        if not self.N_total[-1] > self.N_total[0]:
            raise ValueError(
                "CountingDesign: one size sets no trend; continue a design of two or more sizes."
            )
        ends = _range("CountingDesign: continued", (self.N_total[0], high))
        embedding = self.N_total - self.N
        rise = np.log(embedding[-1] / embedding[0]) / np.log(self.N_total[-1] / self.N_total[0])
        total = _spaced("sizes", ends, sizes)
        N = total - embedding[0] * (total / total[0]) ** rise
        return CountingDesign(N, total, self.D)


@dataclass(frozen=True, eq=False)
class Recount:
    """The same noise-free runs fitted in both counts.

    Attributes
    ----------
    total, nonembedding : SurfaceFit
        Fits in total and in non-embedding parameters.
    """

    total: SurfaceFit
    nonembedding: SurfaceFit


def refit_in_other_counts(
    surface: LossSurface, design: CountingDesign | None = None, loss: Loss | None = None
) -> Recount:
    """Draw noise-free losses from a surface in total parameters, fit them in both counts.

    Parameters
    ----------
    surface : LossSurface
        The truth, in total parameters.
    design : CountingDesign, optional
        ``CountingDesign.between_shares()`` when absent: 81 small runs, the embedding from 79 % to 15 %.
    loss : Squared or Huber, optional
        What the fits minimise, in L; squared residuals when absent.

    Returns
    -------
    Recount
        Both fits by :func:`fit_vpnls`, with E, A, B >= 0.

    Raises
    ------
    ValueError
        If an argument is of another kind.
    FitError
        If the design has too few sizes or token counts to fix five parameters.

    Notes
    -----
    Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA_REFIT
    >>> both = refit_in_other_counts(CHINCHILLA_REFIT)
    >>> [f"{fit.surface.a:.3f}" for fit in (both.total, both.nonembedding)]
    ['0.513', '0.860']
    """
    _exponents(surface)
    design = CountingDesign.between_shares() if design is None else design
    for name, value, kinds in (
        ("design", design, CountingDesign),
        ("loss", loss, (Squared, Huber, type(None))),
    ):
        if not isinstance(value, kinds):
            raise ValueError(
                f"refit_in_other_counts: {name} is {value!r}; see its docstring for what it may be."
            )
    D = np.tile(design.D, len(design.N))
    total, N = np.repeat(design.N_total, len(design.D)), np.repeat(design.N, len(design.D))
    L = surface.loss(total, D)
    return Recount(fit_vpnls(Runs(total, D, L), loss), fit_vpnls(Runs(N, D, L), loss))


def _both_counts(N: ArrayLike, omega: float) -> tuple[FloatArray, FloatArray]:
    """Checked non-embedding parameters, and the total."""
    N = positive("parameters", N)
    return N, N + _one("omega", omega) * N ** (1 / 3)


def _one(name: str, value: Any) -> float:
    """One positive number."""
    array = positive(name, value)
    if array.ndim:
        raise ValueError(f"{name} is {value!r}; give one number.")
    return float(array)


def _row(name: str, values: ArrayLike) -> FloatArray:
    """One or more positive numbers in a row."""
    array = np.atleast_1d(positive(name, values))
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} has shape {array.shape}; give one number or a row of them.")
    return array


def _range(name: str, ends: Any) -> tuple[float, float]:
    """Two positive numbers, the second the larger."""
    pair = _row(name, ends)
    if pair.shape != (2,) or not pair[1] > pair[0]:
        raise ValueError(f"{name}: the range {ends!r} is empty or no range; give low < high.")
    return float(pair[0]), float(pair[1])


def _spaced(name: str, ends: tuple[float, float], number: int) -> FloatArray:
    """Evenly spaced in log, both ends included."""
    if not isinstance(number, (int, np.integer)) or not 2 <= number <= 1e6:
        raise ValueError(f"CountingDesign: {name} is {number!r}; give a whole number, two to a million.")
    return np.geomspace(*ends, int(number))


def _exponents(surface: LossSurface) -> tuple[float, float]:
    """Both exponents of what must be a surface."""
    if not isinstance(surface, LossSurface):
        raise ValueError(f"surface is {surface!r}; give a LossSurface, for instance CHINCHILLA_REFIT.")
    return surface.alpha, surface.beta


def _require_minimum(inverse: Any) -> None:
    """Refuse stationary points at which the loss is highest along the budget."""
    if np.any(inverse <= 0):
        raise ValueError(
            "local_exponent: at these N the stationary point along 6ND = C is no minimum: 1/g is not "
            "positive. With exponents this small the frontier jumps; use larger N, or simulated_frontier."
        )


def _nearest(grid: FloatArray, values: FloatArray) -> FloatArray:
    """The entry of an ascending grid nearest to each value."""
    right = np.clip(np.searchsorted(grid, values), 1, len(grid) - 1)
    nearer = values - grid[right - 1] <= grid[right] - values
    return np.asarray(grid[right - nearer])
