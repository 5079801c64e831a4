"""Straight lines fitted to losses on log-log paper, and how far they miss beyond their range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, finite, held, matched, overflow_is_refused, plain, positive
from scalinglab.laws.power_laws import PowerLaw


@dataclass(frozen=True, eq=False)
class StraightLine:
    """A straight line fitted to losses on log-log paper, with its residuals.

    Attributes
    ----------
    law : PowerLaw
        The line as a power law.
    x : ndarray, shape (n,)
        Where it was fitted.
    residuals : ndarray, shape (n,)
        Logs of the losses less the line's: 0.01 is one per cent above it.

    See Also
    --------
    straight_line : Fits it.
    """

    law: PowerLaw
    x: FloatArray
    residuals: FloatArray

    @property
    def worst(self) -> float:
        """Largest absolute residual."""
        return float(np.abs(self.residuals).max())

    def miss(self, x: ArrayLike, L: ArrayLike) -> Any:
        """Log of the loss ``L`` at ``x`` less the line's; positive where the line promises too low a loss."""
        L, line = matched(L=positive("StraightLine.miss: L, the loss,", L), x=np.asarray(self.law(x)))
        return plain(np.log(L) - np.log(line))


def straight_line(x: ArrayLike, L: ArrayLike) -> StraightLine:
    r"""Fit a straight line on log-log paper, :math:`\ln L = \ln k + m \ln x`, by least squares.

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

    See Also
    --------
    miss_per_residual : How far such a line misses ahead of its range.

    Notes
    -----
    The chapter *Learning curves and power laws* derives how large its residuals are on a law with a floor.

    Examples
    --------
    >>> from scalinglab.laws import SaturatingPowerLaw
    >>> x = np.geomspace(1, 1000, 7)
    >>> line = straight_line(x, SaturatingPowerLaw(1.0, 1.0, 0.2)(x))
    >>> f"exponent {line.law.exponent:.3f}, residuals up to {line.worst:.1%}"
    'exponent -0.068, residuals up to 3.0%'
    """
    x, L = positive("straight_line: x", x), positive("straight_line: L, the loss,", L)
    if x.ndim != 1 or x.shape != L.shape or len(np.unique(x)) < 2:
        raise ValueError(
            f"straight_line: x and L have shapes {x.shape} and {L.shape}; give two matching columns "
            "with two different x."
        )
    u = np.log(x)
    centre = u.mean()
    slope, height = np.polyfit(u - centre, np.log(L), 1)
    with np.errstate(over="ignore"):
        at_one = np.exp(height - slope * centre)
    coefficient = held("straight_line: the coefficient for these x and L", at_one, 0)
    line = PowerLaw(float(coefficient), float(slope))
    return StraightLine(line, x, np.log(L) - height - slope * (u - centre))


@overflow_is_refused
def miss_per_residual(decades: ArrayLike, ahead: ArrayLike) -> Any:
    r"""Miss of a straight line ahead of its range over its worst residual, to leading order.

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

    See Also
    --------
    straight_line : Fits the line.

    Notes
    -----
    Proven in the chapter *Learning curves and power laws*.

    Examples
    --------
    >>> miss_per_residual(decades=1, ahead=2)
    37.0
    """
    U, a = positive("miss_per_residual: decades", decades) / 2, finite("miss_per_residual: ahead", ahead)
    U, a = matched(decades=U, ahead=a)
    ratio = 1.5 * (1 + a / U) ** 2 - 0.5
    return plain(held("miss_per_residual: the ratio for these decades and ahead", ratio))
