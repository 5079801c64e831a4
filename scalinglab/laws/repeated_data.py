"""Repeated data: what a repeated token is worth, and the best allocation when unique tokens are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from scalinglab._arrays import FloatArray, matched, number, overflow_is_refused, plain, positive, shortened
from scalinglab.laws.published import MUENNIGHOFF_R_D
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface

#: Counts are taken for counts between these; beyond, products of them overflow.
SMALLEST_COUNT, LARGEST_COUNT = 1e-100, 1e100


def effective_tokens(unique: ArrayLike, epochs: ArrayLike, R_star: float = MUENNIGHOFF_R_D) -> Any:
    r"""Effective tokens: the fresh tokens that several epochs over the same data are worth.

    .. math:: D' = U + U R^*\,\bigl(1 - e^{-R/R^*}\bigr), \qquad R = \text{epochs} - 1

    Parameters
    ----------
    unique : float or array_like
        Unique tokens :math:`U`.
    epochs : float or array_like
        Passes over them, at least one; they broadcast.
    R_star : float
        Repetitions after which the next one is worth :math:`1/e` of the first pass.

    Returns
    -------
    float or ndarray
        Effective tokens :math:`D'`, between U and :math:`(1 + R^*)\,U`.

    Raises
    ------
    ValueError
        If an argument is not positive and finite, or epochs are below one.

    See Also
    --------
    geometric_tokens : The sum over whole epochs whose continuous form this is.
    RepeatedSurface : The loss law built on it.

    Notes
    -----
    From :cite:t:`muennighoff2023`, whose :math:`R^*_D` is the default. Derived in the chapter
    *When data run out*.

    Examples
    --------
    >>> f"{effective_tokens(100e9, epochs=4):.3g}"
    '3.73e+11'
    """
    U, passes = _passes(unique, epochs)
    return plain(U * _worth(passes, decay("R_star", R_star)))


def geometric_tokens(unique: ArrayLike, epochs: ArrayLike, kept: float) -> Any:
    r"""Effective tokens if each token keeps a fixed share of its value from epoch to epoch.

    .. math:: D' = U\,\bigl(1 + q + q^2 + \dots + q^R\bigr) = U + U\,\frac{q\,(1 - q^R)}{1 - q}

    Parameters
    ----------
    unique : float or array_like
        Unique tokens :math:`U`.
    epochs : float or array_like
        Passes :math:`1 + R`, at least one; they broadcast.
    kept : float
        Share :math:`q` of its value that a token keeps, above 0 and below 1. :cite:t:`muennighoff2023`
        write :math:`1 - \delta`.

    Returns
    -------
    float or ndarray
        Effective tokens :math:`D'`.

    Raises
    ------
    ValueError
        If tokens or epochs are out of range, or ``kept`` is not between 0 and 1.

    See Also
    --------
    effective_tokens : The continuous form, with the published constant; the one to compute with.

    Notes
    -----
    Summed in the chapter *When data run out*; :func:`effective_tokens` with :math:`R^* = q/(1-q)` has the
    same limit.

    Examples
    --------
    >>> f"{geometric_tokens(1.0, epochs=5, kept=0.75):.3f}"
    '3.051'
    """
    q, (U, passes) = number("kept", kept), _passes(unique, epochs)
    if not 0 < q < 1:
        raise ValueError(f"kept is {kept}; it must lie between 0 and 1.")
    R = passes - 1
    return plain(U + U * q * (1 - q**R) / (1 - q))


@dataclass(frozen=True)
class RepeatedAllocation:
    r"""Best parameters and epochs for budgets on a fixed amount of unique data.

    Attributes
    ----------
    C, unique : float or ndarray
        Budgets in FLOPs and unique tokens.
    N, D : float or ndarray
        Best parameters, and best tokens trained on, repeated ones counted each time.
    loss : float or ndarray
        Loss there.
    N_base : float or ndarray
        Parameters that are compute-optimal for one pass over the unique tokens.

    See Also
    --------
    RepeatedSurface : Its ``allocate`` returns one.
    """

    C: Any
    unique: Any
    N: Any
    D: Any
    loss: Any
    N_base: Any

    @property
    def epochs(self) -> Any:
        """Passes over the unique tokens, D/U; below one where the budget cannot use them all."""
        return self.D / self.unique

    @property
    def growth(self) -> Any:
        """Parameters over those that are compute-optimal for one pass."""
        return self.N / self.N_base

    @property
    def compute_ratio(self) -> Any:
        """Budget over the one at which a single pass is compute-optimal."""
        return self.epochs * self.growth

    @property
    def epoch_share(self) -> Any:
        r"""Share of the extra compute that goes to epochs, :math:`\ln k / \ln c`; nan where there is none."""
        c = np.asarray(self.compute_ratio, float)
        extra = np.where(c > 1 + 1e-12, np.log(c), np.nan)
        return plain(np.log(self.epochs) / extra)


@dataclass(frozen=True)
class RepeatedSurface:
    r"""A loss surface on which repeated tokens and excess parameters lose their value.

    .. math:: L(N, D, U) = E + \frac{A}{N'^{\alpha}} + \frac{B}{D'^{\beta}}

    with :math:`U_D = \min(U, D)` unique tokens seen, :math:`U_N = \min(N, N^*(U_D))` parameters they can
    use, :math:`R_D = D/U_D - 1`, :math:`R_N = N/U_N - 1` and

    .. math:: D' = U_D + U_D R^*_D (1 - e^{-R_D/R^*_D}), \qquad N' = U_N + U_N R^*_N (1 - e^{-R_N/R^*_N}).

    :math:`N^*(U_D)` is the size whose compute-optimal token count is :math:`U_D`.

    Use it to divide compute between parameters and epochs when unique tokens are few. Its loss never rises
    with D at fixed N, so it cannot say when repetition begins to hurt: OverfittingSurface can.

    Parameters
    ----------
    surface : LossSurface
        The law for fresh tokens.
    R_star_D, R_star_N : float
        Decay constants of repetitions and of excess parameters; positive.

    Raises
    ------
    ValueError
        If a constant is not one positive number, if ``surface`` is not a LossSurface or its A or B is zero,
        and, by each method, if a count is not positive and finite.

    See Also
    --------
    OverfittingSurface : Repetition that can raise the loss.
    effective_tokens : The tokens' part alone.

    Notes
    -----
    The law of :cite:t:`muennighoff2023`; its constants are ``published.MUENNIGHOFF``,
    ``published.MUENNIGHOFF_R_D`` and ``published.MUENNIGHOFF_R_N``. See the chapter *When data run out*.

    Examples
    --------
    >>> from scalinglab.laws import MUENNIGHOFF
    >>> from scalinglab.laws.published import MUENNIGHOFF_R_D, MUENNIGHOFF_R_N
    >>> law = RepeatedSurface(MUENNIGHOFF, MUENNIGHOFF_R_D, MUENNIGHOFF_R_N)
    >>> plan = law.allocate(1e23, unique=100e9)
    >>> f"{plan.N:.3g} parameters, {plan.epochs:.2f} epochs"
    '2.31e+10 parameters, 7.23 epochs'
    """

    surface: LossSurface
    R_star_D: float
    R_star_N: float

    def __post_init__(self) -> None:
        for name in ("R_star_D", "R_star_N"):
            object.__setattr__(self, name, decay(name, getattr(self, name)))
        if not isinstance(self.surface, LossSurface):
            raise ValueError(
                f"RepeatedSurface: the surface is {shortened(self.surface)}; give a LossSurface."
            )
        _ = self.surface.G  # says what is wrong if A or B is zero

    def base_parameters(self, unique: ArrayLike) -> Any:
        r"""Parameters whose compute-optimal token count is U: :math:`N^* = G\,(G U)^{\beta/\alpha}`."""
        s = self.surface
        return plain(s.G * (s.G * counted("unique", unique)) ** (s.beta / s.alpha))

    def base_compute(self, unique: ArrayLike) -> Any:
        r"""Compute :math:`C_0 = 6 N^*(U)\,U` up to which unique tokens suffice."""
        return plain(FLOPS_PER_PARAMETER_TOKEN * self.base_parameters(unique) * counted("unique", unique))

    def effective(self, N: ArrayLike, D: ArrayLike, unique: ArrayLike) -> tuple[Any, Any]:
        """Effective parameters N' and effective tokens D' (floats or arrays that broadcast)."""
        N, D, unique = matched(N=counted("N", N), D=counted("D", D), unique=counted("unique", unique))
        seen = np.minimum(D, unique)
        used = np.minimum(N, self.base_parameters(seen))
        return plain(used * _worth(N / used, self.R_star_N)), plain(seen * _worth(D / seen, self.R_star_D))

    def loss(self, N: ArrayLike, D: ArrayLike, unique: ArrayLike) -> Any:
        """Loss of N parameters after D tokens, of which at most ``unique`` are different."""
        return self.surface.loss(*self.effective(N, D, unique))

    def limit(self, unique: ArrayLike) -> Any:
        """Limit of the loss with these unique tokens when compute grows without end."""
        unique = counted("unique", unique)
        N, D = (1 + self.R_star_N) * self.base_parameters(unique), (1 + self.R_star_D) * unique
        return self.surface.loss(N, D)

    def allocate(self, C: ArrayLike, unique: ArrayLike) -> RepeatedAllocation:
        r"""Best parameters and epochs for C FLOPs and a fixed number of unique tokens.

        Up to :meth:`base_compute` the plain optimum. Beyond it, with :math:`c = C/C_0`, the only
        :math:`k, n > 1` with :math:`k\,n = c` at which one per cent more epochs :math:`k` and one per cent
        more of :math:`n = N/N^*(U)` lower the loss equally:

        .. math::

           \frac{k\,e^{-(k-1)/R^*_D}}{f_D(k)^{1+\beta}} = \frac{n\,e^{-(n-1)/R^*_N}}{f_N(n)^{1+\alpha}},
           \qquad f(m) = 1 + R^*\,\bigl(1 - e^{-(m-1)/R^*}\bigr).

        Parameters
        ----------
        C, unique : float or array_like
            Budgets in FLOPs and unique tokens; they broadcast.

        Returns
        -------
        RepeatedAllocation

        Raises
        ------
        ValueError
            If a budget or a token count is not positive and finite.

        Notes
        -----
        Existence and uniqueness are proven in the chapter *When data run out*: the loss is strictly convex in
        :math:`\ln k` along the budget, so the root of its slope in :math:`0 < \ln k < \ln c` is the minimum.
        """
        C, unique = matched(compute=counted("C: compute", C), unique=counted("unique", unique))
        N_base = np.asarray(self.base_parameters(unique))
        extra = np.log(C) - np.log(FLOPS_PER_PARAMETER_TOKEN * N_base) - np.log(unique)
        epochs = np.exp([self._log_epochs(x) if x > 0 else 0.0 for x in extra.flat]).reshape(extra.shape)
        enough = extra <= 0
        D = np.where(enough, self.surface.D_opt(C), epochs * unique)
        N = np.where(enough, self.surface.N_opt(C), np.exp(extra) / epochs * N_base)
        loss = self.loss(N, D, unique)
        return RepeatedAllocation(plain(C), plain(unique), plain(N), plain(D), loss, plain(N_base))

    def _log_epochs(self, extra: float) -> float:
        """Log of the best number of epochs when compute exceeds the base by a factor exp(extra)."""

        def steepness(x: float) -> float:
            epochs = _log_slope(x, self.R_star_D, self.surface.beta)
            return epochs - _log_slope(extra - x, self.R_star_N, self.surface.alpha)

        # falls from above zero to below zero, strictly
        return float(brentq(steepness, 0.0, extra, xtol=1e-15, rtol=1e-14))


def counted(name: str, values: ArrayLike) -> FloatArray:
    """Return numbers of tokens or parameters as float64, or raise ValueError if one is no plausible count."""
    array = positive(name, values)
    if name == "unique" and (array < 1).any():
        raise ValueError(
            f"unique is {shortened(values)}; give the number of different tokens, one or more: a share of D "
            "times D."
        )
    if ((array < SMALLEST_COUNT) | (array > LARGEST_COUNT)).any():
        raise ValueError(
            f"{name} is {shortened(values)}; give a count between {SMALLEST_COUNT} and {LARGEST_COUNT}."
        )
    return array


def decay(name: str, value: float) -> float:
    """Return a decay constant as a float, or raise ValueError."""
    return float(counted(name, number(name, value)))


@overflow_is_refused
def _worth(m: FloatArray, R_star: float) -> Any:
    """Worth of m times the base amount, in base amounts: f(m) = 1 + R* (1 - exp(-(m-1)/R*))."""
    return 1 - R_star * np.expm1(-(m - 1) / R_star)


def _log_slope(x: float, R_star: float, exponent: float) -> float:
    """Log of minus the derivative of f(m)^-exponent by x = ln m, over the exponent."""
    m = np.exp(x)
    return float(x - (m - 1) / R_star - (1 + exponent) * np.log(_worth(m, R_star)))


def _passes(unique: ArrayLike, epochs: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return unique tokens and epochs as arrays, or raise ValueError if one is below one pass."""
    U, passes = matched(unique=counted("unique", unique), epochs=positive("epochs", epochs))
    if np.any(passes < 1):
        raise ValueError(
            f"epochs is {shortened(epochs)}; below one pass nothing repeats: count the tokens seen as unique."
        )
    return U, passes
