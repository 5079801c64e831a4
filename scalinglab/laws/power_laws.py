"""Power laws of one resource: without a floor, above a floor, and between a guess and a floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import held, not_negative, number, plain, positive, positive_number
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface


@dataclass(frozen=True)
class PowerLaw:
    r"""The power law :math:`y = k\,x^m`, without a floor.

    Use it for what has no floor, such as the best model size against compute. A loss has one: a power law
    fitted to losses promises too much beyond its range, and SaturatingPowerLaw is the better form.

    Parameters
    ----------
    coefficient : float
        :math:`k`, the value at ``x = 1``.
    exponent : float
        :math:`m`, the slope on log-log paper.

    See Also
    --------
    SaturatingPowerLaw : A power law above a floor.
    straight_line : The power law nearest to losses on log-log paper.

    Examples
    --------
    >>> PowerLaw(2.0, 0.5)(9.0)
    6.0
    """

    coefficient: float
    exponent: float

    def __post_init__(self) -> None:
        positive_number("PowerLaw: coefficient", self.coefficient)
        number("PowerLaw: exponent", self.exponent)

    def __call__(self, x: ArrayLike) -> Any:
        """Evaluate the law at ``x`` (float or array)."""
        # through the logarithm: k alone may overflow where k x^m does not
        with np.errstate(over="ignore"):
            y = np.exp(np.log(self.coefficient) + self.exponent * np.log(positive("PowerLaw: x", x)))
        return plain(held("PowerLaw: the value at this x", y, 0))


@dataclass(frozen=True)
class SaturatingPowerLaw:
    r"""A power law above a floor, :math:`L(x) = E + K x^{-\gamma}`.

    Use it for the loss against one resource while the other is ample or chosen best; where both limit the
    loss, LossSurface.

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

    See Also
    --------
    PowerLaw : Without a floor.
    ThreeRegions : With the plateau of a guess before the power law.
    ComputeLaw : Several power laws above one floor.

    Notes
    -----
    The form of :cite:t:`henighan2020` for one resource. The chapter *Learning curves and power laws*
    introduces it.

    Examples
    --------
    >>> law = SaturatingPowerLaw(E=1.0, K=100.0, gamma=0.5)
    >>> law(1e4), law.local_exponent(1e4)
    (2.0, 0.25)
    """

    E: float
    K: float
    gamma: float

    def __post_init__(self) -> None:
        for name, checked in (("E", not_negative), ("K", positive_number), ("gamma", positive_number)):
            object.__setattr__(self, name, checked(f"SaturatingPowerLaw: {name}", getattr(self, name)))

    @classmethod
    def of_frontier(cls, surface: LossSurface) -> SaturatingPowerLaw:
        """Lowest loss on the frontier of a surface as a law in compute, in FLOPs."""
        if not isinstance(surface, LossSurface):
            raise ValueError(
                f"SaturatingPowerLaw.of_frontier: the surface is {surface!r}; give a LossSurface."
            )
        return cls(surface.E, surface.K * FLOPS_PER_PARAMETER_TOKEN**surface.gamma, surface.gamma)

    def __call__(self, x: ArrayLike) -> Any:
        """Loss at ``x`` (float or array)."""
        with np.errstate(over="ignore"):
            loss = self.E + self.K * positive("SaturatingPowerLaw: x", x) ** -self.gamma
        return plain(held("SaturatingPowerLaw: the loss at this x", loss, 0))

    def share(self, x: ArrayLike) -> Any:
        r"""Reducible share of the loss, :math:`s = (L - E)/L`."""
        return plain(1 - self.E / np.asarray(self(x)))

    def local_exponent(self, x: ArrayLike) -> Any:
        r"""Slope on log-log paper with its sign turned, :math:`-d\ln L/d\ln x = \gamma s`."""
        return held("SaturatingPowerLaw: the exponent at this x", self.gamma * self.share(x))

    def curvature(self, x: ArrayLike) -> Any:
        r"""Second derivative on log-log paper, :math:`d^2\ln L/d(\ln x)^2 = \gamma^2 s(1 - s)`."""
        s = self.share(x)
        with np.errstate(over="ignore"):
            return held(
                "SaturatingPowerLaw: the curvature at this x", np.float64(self.gamma) ** 2 * s * (1 - s)
            )


@dataclass(frozen=True)
class ThreeRegions:
    r"""A learning curve of three regions: the plateau of a guess, a power law, and a floor.

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

    See Also
    --------
    SaturatingPowerLaw : Without the plateau of the guess.

    Notes
    -----
    :cite:t:`hestness2017` draw the regions by hand; the formula is ours, the simplest with all three. Used in
    the chapter *Learning curves and power laws*.

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
            checked = number if name in ("guess", "floor") else positive_number
            object.__setattr__(self, name, checked(f"ThreeRegions: {name}", getattr(self, name)))
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
        m, above = positive("ThreeRegions: m", m), self._reducible(m)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            exponent = self.exponent * m / (m + self.start) * above / (self.floor + above)
        return plain(held("ThreeRegions: the exponent at this m", exponent))

    @property
    def borders(self) -> tuple[float, float]:
        """Ends of the middle region: ``start``, and where floor and reducible error are equal."""
        if self.floor == 0:
            return self.start, np.inf
        ratio = (self.guess - self.floor) / self.floor
        with np.errstate(over="ignore"):  # beyond all numbers, the floor is never reached
            end = self.start * np.expm1(np.log(ratio) / self.exponent)
        return self.start, max(float(end), 0.0)

    def _reducible(self, m: ArrayLike) -> Any:
        """Error above the floor."""
        with np.errstate(over="ignore"):
            return (self.guess - self.floor) * (
                1 + positive("ThreeRegions: m", m) / self.start
            ) ** -self.exponent
