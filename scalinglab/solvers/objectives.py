"""What a fit minimises: a sum of squared or Huber terms, of residuals in L or in log L."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scalinglab._arrays import FloatArray, flag, positive_number, shortened


class Loss(Protocol):
    """What every loss answers; ``log`` says whether residuals are taken in log L."""

    @property
    def log(self) -> bool:
        """Whether residuals are differences of log L."""

    @property
    def knot(self) -> float:
        """Up to which residual rho is a parabola, ``unit * r**2 / 2``; beyond it is a straight line."""

    @property
    def unit(self) -> float:
        """Curvature of rho at zero."""

    def rho(self, r: FloatArray) -> FloatArray:
        """The term each residual adds to the objective."""

    def psi(self, r: FloatArray) -> FloatArray:
        """The first derivative of ``rho``."""

    def curvature(self, r: FloatArray) -> FloatArray:
        """The second derivative of ``rho``."""

    def weight(self, r: FloatArray) -> FloatArray:
        """``psi(r) / r``: the weight a least-squares step gives the residual."""


@dataclass(frozen=True)
class Squared:
    r"""Least squares, :math:`\rho(r) = r^2`, so that the objective is the residual sum of squares.

    Use it when the errors of all runs are alike and none is far off, and whenever a covariance, profile or
    bootstrap is to follow: these need squares of L, ``log=False``.

    Parameters
    ----------
    log : bool
        Take residuals in log L instead of L: right when the scatter is a percentage of the loss and not a
        number of nats. Only ``fit_approach3`` and ``Law.fit`` fit them.

    See Also
    --------
    Huber : A loss that a few distant runs cannot decide.

    Examples
    --------
    >>> Squared().rho(np.array([0.1, -2.0]))
    array([0.01, 4.  ])
    """

    log: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "log", flag("Squared: log", self.log))

    @property
    def knot(self) -> float:
        """Infinite: a parabola everywhere."""
        return np.inf

    @property
    def unit(self) -> float:
        """2."""
        return 2.0

    def __str__(self) -> str:
        return "squared" + " on log L" * self.log

    def rho(self, r: FloatArray) -> FloatArray:
        """Return ``r**2``."""
        return r**2

    def psi(self, r: FloatArray) -> FloatArray:
        """Return ``2 r``."""
        return 2 * r

    def curvature(self, r: FloatArray) -> FloatArray:
        """Return 2."""
        return np.full_like(r, 2.0)

    def weight(self, r: FloatArray) -> FloatArray:
        """Return 2."""
        return np.full_like(r, 2.0)


@dataclass(frozen=True)
class Huber:
    r"""Huber's loss :cite:p:`huber1964`: a parabola that continues as a straight line.

    .. math::
        \rho(r) = \begin{cases} r^2/2 & |r| \le \delta \\
        \delta\,(|r| - \delta/2) & |r| > \delta \end{cases}

    Use it when some runs are far off and you know no reason to drop them, and report the fit by squares
    beside it.

    Parameters
    ----------
    delta : float
        Where the parabola ends; positive, in the unit of the residuals. Choose it near the errors of ordinary
        runs and not below the precision of the losses, or the fit listens to their rounding.
        :cite:t:`hoffmann2022` use 1e-3 on log L.
    log : bool
        Take residuals in log L instead of L, as for ``Squared``.

    Raises
    ------
    ValueError
        If ``delta`` is not positive and finite.

    See Also
    --------
    Squared : Squares all the way, when no run is far off.

    Notes
    -----
    The chapter *Fitting carefully* shows what the choice of ``delta`` does.

    Examples
    --------
    >>> Huber(1.0).rho(np.array([0.5, 3.0]))
    array([0.125, 2.5  ])
    """

    delta: float
    log: bool = False

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "delta", positive_number("Huber: delta", self.delta))
        except ValueError:
            raise ValueError(
                f"Huber: delta is {shortened(self.delta)}; it must be a positive number."
            ) from None
        object.__setattr__(self, "log", flag("Huber: log", self.log))

    @property
    def knot(self) -> float:
        """``delta``."""
        return self.delta

    @property
    def unit(self) -> float:
        """1."""
        return 1.0

    def __str__(self) -> str:
        return f"Huber({self.delta:g})" + " on log L" * self.log

    def rho(self, r: FloatArray) -> FloatArray:
        """Return the quadratic term inside delta, the linear one outside."""
        size = np.abs(r)
        within = np.minimum(size, self.delta)
        return np.asarray(within * (size - within / 2))

    def psi(self, r: FloatArray) -> FloatArray:
        """Return the residual, clipped at ±delta."""
        return np.asarray(np.minimum(np.maximum(r, -self.delta), self.delta))

    def curvature(self, r: FloatArray) -> FloatArray:
        """Return 1 inside delta, 0 outside."""
        return np.asarray(np.abs(r) <= self.delta, float)

    def weight(self, r: FloatArray) -> FloatArray:
        """Return 1 inside delta, ``delta/|r|`` outside."""
        return self.delta / np.maximum(np.abs(r), self.delta)


def residuals(loss: Loss, predicted: Any, L: FloatArray) -> FloatArray:
    """Return predicted minus observed, in L or in log L as the loss asks, shape of ``L``."""
    if loss.log:
        return np.asarray(np.log(predicted) - np.log(L))
    return np.asarray(predicted - L)


def objective(loss: Loss, predicted: Any, L: FloatArray) -> float:
    """Return the sum of ``rho`` over the residuals."""
    return float(loss.rho(residuals(loss, predicted, L)).sum())


def square_roots(loss: Loss, L: FloatArray, r: FloatArray | None = None) -> FloatArray:
    """Square roots of the weights with which squares of L stand for a loss, near its residuals r, or zero."""
    root = 1 / L if loss.log else np.ones_like(L)
    return root if r is None else root * np.sqrt(loss.weight(r) / loss.unit)


def require_loss(who: str, loss: Any) -> None:
    """Raise ValueError unless this is a loss, or None for the usual one."""
    answers = ("log", "knot", "unit", "rho", "psi", "curvature", "weight")
    if loss is not None and (isinstance(loss, type) or not all(hasattr(loss, name) for name in answers)):
        raise ValueError(f"{who}: loss is {shortened(loss)}; give Squared() or Huber(delta).")
