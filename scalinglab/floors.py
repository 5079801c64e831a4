"""Power laws above a floor: their local exponents, and how straight they look on log-log paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from scalinglab.surface import (
    FLOPS_PER_PARAMETER_TOKEN,
    FloatArray,
    LossSurface,
    PowerLaw,
    finite,
    number,
    plain,
    positive,
)


@dataclass(frozen=True)
class FloorLaw:
    r"""A power law above a floor, :math:`L(x) = E + K x^{-\gamma}`.

    Parameters
    ----------
    E : float
        The floor, the irreducible loss; not negative.
    K, gamma : float
        Coefficient and exponent of the reducible loss; positive.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    The form of :cite:t:`henighan2020` for one resource. The chapter *Learning curves and power laws*
    introduces it.

    Examples
    --------
    >>> law = FloorLaw(E=1.0, K=100.0, gamma=0.5)
    >>> law(1e4), law.local_exponent(1e4)
    (2.0, 0.25)
    """

    E: float
    K: float
    gamma: float

    def __post_init__(self) -> None:
        for name in ("E", "K", "gamma"):
            number(f"FloorLaw: {name}", getattr(self, name))
        positive("FloorLaw: K", self.K)
        positive("FloorLaw: gamma", self.gamma)
        if self.E < 0:
            raise ValueError(f"FloorLaw: E is {self.E}; it must not be negative.")

    @classmethod
    def of_frontier(cls, surface: LossSurface) -> FloorLaw:
        """The lowest loss that compute can buy on a surface, as a law in FLOPs."""
        if not isinstance(surface, LossSurface):
            raise ValueError(f"FloorLaw.of_frontier: the surface is {surface!r}; give a LossSurface.")
        return cls(surface.E, surface.K * FLOPS_PER_PARAMETER_TOKEN**surface.gamma, surface.gamma)

    def __call__(self, x: ArrayLike) -> Any:
        """Loss at ``x`` (float or array)."""
        return plain(self.E + self.K * positive("x", x) ** -self.gamma)

    def share(self, x: ArrayLike) -> Any:
        r"""Reducible share of the loss, :math:`s = (L - E)/L`."""
        return plain(1 - self.E / np.asarray(self(x)))

    def local_exponent(self, x: ArrayLike) -> Any:
        r"""Slope on log-log paper with its sign turned, :math:`-d\ln L/d\ln x = \gamma s`."""
        return self.gamma * self.share(x)

    def curvature(self, x: ArrayLike) -> Any:
        r"""Bend on log-log paper, :math:`d^2\ln L/d(\ln x)^2 = \gamma^2 s(1 - s)`."""
        s = self.share(x)
        return self.gamma**2 * s * (1 - s)


@dataclass(frozen=True)
class ThreeRegions:
    r"""A learning curve that leaves a guess, falls as a power of the data, and ends on a floor.

    .. math:: \varepsilon(m) = \varepsilon_\infty + (\varepsilon_0 - \varepsilon_\infty)
              \Bigl(1 + \frac{m}{m_0}\Bigr)^{-\beta}

    Parameters
    ----------
    guess : float
        :math:`\varepsilon_0`, the error of the best guess, without data.
    floor : float
        :math:`\varepsilon_\infty`, the irreducible error, below the guess; not negative.
    start : float
        :math:`m_0`, the data at which the guess is left behind.
    exponent : float
        :math:`\beta > 0`.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    :cite:t:`hestness2017` draw the regions by hand; the formula is ours, the simplest with all three.

    Examples
    --------
    >>> curve = ThreeRegions(guess=1.0, floor=0.1, start=1e3, exponent=0.35)
    >>> [round(curve(m), 2) for m in (1, 1e6, 1e15)]
    [1.0, 0.18, 0.1]
    """

    guess: float
    floor: float
    start: float
    exponent: float

    def __post_init__(self) -> None:
        for name in ("guess", "floor", "start", "exponent"):
            number(f"ThreeRegions: {name}", getattr(self, name))
        positive("ThreeRegions: start", self.start)
        positive("ThreeRegions: exponent", self.exponent)
        if not 0 <= self.floor < self.guess:
            raise ValueError(
                f"ThreeRegions: the floor is {self.floor} and the guess {self.guess}; "
                "take a floor from 0 up and a guess above it."
            )

    def __call__(self, m: ArrayLike) -> Any:
        """Error after ``m`` examples (float or array)."""
        return plain(self.floor + self._reducible(m))

    def local_exponent(self, m: ArrayLike) -> Any:
        r"""Slope with its sign turned: :math:`\beta` times :math:`m/(m + m_0)` times the reducible share."""
        m, above = positive("m", m), self._reducible(m)
        return plain(self.exponent * m / (m + self.start) * above / (self.floor + above))

    @property
    def borders(self) -> tuple[float, float]:
        """Where the guess is left (``start``), and where floor and reducible error are equal."""
        if self.floor == 0:
            return self.start, np.inf
        ratio = (self.guess - self.floor) / self.floor
        with np.errstate(over="ignore"):  # beyond all numbers, the floor is never reached
            end = self.start * np.expm1(np.log(ratio) / self.exponent)
        return self.start, max(float(end), 0.0)

    def _reducible(self, m: ArrayLike) -> Any:
        """Error above the floor."""
        return (self.guess - self.floor) * (1 + positive("m", m) / self.start) ** -self.exponent


@dataclass(frozen=True, eq=False)
class StraightLine:
    """The best straight line through losses on log-log paper.

    Attributes
    ----------
    law : PowerLaw
        The line as a power law.
    x : ndarray, shape (n,)
        Where it was fitted.
    residuals : ndarray, shape (n,)
        Logs of the losses less the line's: 0.01 is one per cent above it.
    """

    law: PowerLaw
    x: FloatArray
    residuals: FloatArray

    @property
    def worst(self) -> float:
        """The largest residual in size."""
        return float(np.abs(self.residuals).max())

    def miss(self, x: ArrayLike, L: ArrayLike) -> Any:
        """Log of the loss ``L`` at ``x`` less the line's: what the line promises too much."""
        return plain(np.log(positive("loss", L)) - np.log(self.law(x)))


def straight_line(x: ArrayLike, L: ArrayLike) -> StraightLine:
    r"""Fit :math:`\ln L = \ln k + m \ln x` by least squares.

    Parameters
    ----------
    x, L : array_like, shape (n,)
        A resource and the losses; positive, two different ``x`` at least.

    Returns
    -------
    StraightLine

    Raises
    ------
    ValueError
        If the arrays do not match, or all ``x`` are the same.

    Notes
    -----
    The chapter *Learning curves and power laws* derives how large its residuals are on a law with a floor.

    Examples
    --------
    >>> x = np.geomspace(1, 1000, 7)
    >>> line = straight_line(x, FloorLaw(1.0, 1.0, 0.2)(x))
    >>> f"exponent {line.law.exponent:.3f}, residuals up to {line.worst:.1%}"
    'exponent -0.068, residuals up to 3.0%'
    """
    x, L = positive("x", x), positive("loss", L)
    if x.ndim != 1 or x.shape != L.shape or len(np.unique(x)) < 2:
        raise ValueError(
            f"straight_line: shapes {x.shape} and {L.shape}; give two matching columns with two different x."
        )
    u = np.log(x)
    centre = u.mean()
    slope, height = np.polyfit(u - centre, np.log(L), 1)
    line = PowerLaw(float(np.exp(height - slope * centre)), float(slope))
    return StraightLine(line, x, np.log(L) - height - slope * (u - centre))


def miss_per_residual(decades: ArrayLike, ahead: ArrayLike) -> Any:
    r"""How many times its own worst residual a straight line misses ahead of its range, to leading order.

    A curve with constant bend c deviates by :math:`\tfrac{c}{2}(u^2 - U^2/3)` from its best line on
    :math:`[-U, U]`; at the ends that is :math:`cU^2/3`. The ratio at :math:`u = U + a`,

    .. math:: \frac{3}{2}\Bigl(1 + \frac{a}{U}\Bigr)^2 - \frac12,

    does not depend on the law, as long as the bend stays the same up to there.

    Parameters
    ----------
    decades : float or array_like
        Length of the fitted range, 2U.
    ahead : float or array_like
        Distance a beyond its end, in decades.

    Returns
    -------
    float or ndarray

    Raises
    ------
    ValueError
        If the range is not positive and finite, or the distance not finite.

    Notes
    -----
    Proven in the chapter *Learning curves and power laws*.

    Examples
    --------
    >>> miss_per_residual(decades=1, ahead=2)
    37.0
    """
    U, a = positive("decades", decades) / 2, finite("ahead", ahead)
    return plain(1.5 * (1 + a / U) ** 2 - 0.5)


class LossLaw(Protocol):
    """A printed law ``L = (scale / x)^exponent``."""

    @property
    def scale(self) -> float:
        """Where the loss is one nat."""

    @property
    def exponent(self) -> float:
        """The exponent."""


@dataclass(frozen=True)
class Meeting:
    """Where two laws without a floor meet: compute, tokens and the loss that both give there."""

    C: float
    D: float
    L: float


def where_laws_meet(compute: LossLaw, data: LossLaw, tokens: PowerLaw) -> Meeting:
    r"""Where the loss promised to compute falls to the least loss its tokens allow.

    Put :math:`D = d\,C^q` into :math:`(C_c/C)^{\alpha_C} = (D_c/D)^{\alpha_D}` and take logs:

    .. math:: \ln C = \frac{\alpha_C \ln C_c - \alpha_D \ln (D_c/d)}{\alpha_C - q\,\alpha_D} .

    Parameters
    ----------
    compute, data : LossLaw
        Loss against compute and against tokens, such as ``published.KAPLAN_L_C_MIN`` and
        ``published.KAPLAN_L_D``.
    tokens : PowerLaw
        Tokens that go with a compute, :math:`D = d\,C^q`.

    Returns
    -------
    Meeting
        In the units of the laws.

    Raises
    ------
    ValueError
        If an argument is not a law, or the law of compute does not fall faster than that of its tokens: it
        never overtakes.

    Notes
    -----
    The contradiction of :cite:t:`kaplan2020`, eq. 6.8; the chapter *Learning curves and power laws*.

    Examples
    --------
    >>> from scalinglab import published
    >>> laws = published.KAPLAN_L_C_MIN, published.KAPLAN_L_D
    >>> meeting = where_laws_meet(*laws, published.KAPLAN_D_OPT)
    >>> f"{meeting.C:.3g} PF-days, {meeting.D:.2g} tokens, {meeting.L:.3f} nats"
    '1.12e+04 PF-days, 2.5e+11 tokens, 1.668 nats'
    """
    for name, law in (("compute", compute), ("data", data)):
        for part in ("scale", "exponent"):
            positive(f"where_laws_meet: {part} of {name}", getattr(law, part, np.nan))
    if not isinstance(tokens, PowerLaw):
        raise ValueError(f"where_laws_meet: tokens is {tokens!r}; give PowerLaw(coefficient, exponent).")
    difference = compute.exponent - tokens.exponent * data.exponent
    if difference <= 0:
        raise ValueError(
            "where_laws_meet: with these tokens the loss against compute falls no faster than the loss "
            "its tokens allow; the laws never contradict each other."
        )
    offset = data.exponent * np.log(data.scale / tokens.coefficient)
    C = float(np.exp((compute.exponent * np.log(compute.scale) - offset) / difference))
    return Meeting(C, float(tokens(C)), float((compute.scale / C) ** compute.exponent))
