r"""Least-squares parabolas, many at once, and the one rule that says which of them have a minimum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray

#: Power of t whose sum stands at each place of the normal equations.
HANKEL = np.add.outer(np.arange(3), np.arange(3))


class Parabolas(NamedTuple):
    r"""Parabolas :math:`y = c_0 + c_1 t + c_2 t^2` in :math:`t = (x - \bar x)/h`, h the half-width of the x.

    Attributes
    ----------
    coefficients : ndarray, shape (R, 3)
        :math:`c_0, c_1, c_2` of each replicate; nan where fewer than three distinct x carry weight.
    middle, half_width : float
        :math:`\bar x` and h.
    gram : ndarray, shape (R, 3, 3)
        Weighted products of the powers of t.
    bends : ndarray of bool, shape (R,)
        Whether the parabola opens upwards: a curvature lost in the rounding of y is no curvature.
    """

    coefficients: FloatArray
    middle: float
    half_width: float
    gram: FloatArray
    bends: NDArray[np.bool_]

    @property
    def natural(self) -> FloatArray:
        """Coefficients of the powers of x less its middle, shape (R, 3)."""
        return self.coefficients / self.half_width ** np.arange(3)

    def vertices(self, within: float = np.inf) -> FloatArray:
        """X at the minimum, shape (R,); nan where there is none within so many half-widths of the middle."""
        _, c1, c2 = self.coefficients.T
        found = self.bends & (c2 > np.abs(c1) / (2 * within))
        return np.where(found, self.middle - self.half_width * c1 / (2 * np.where(found, c2, 1.0)), np.nan)

    def curvature_error(self, x: FloatArray, y: FloatArray) -> float:
        """Standard error of the coefficient of x², of a single parabola; nan without a degree of freedom."""
        freedom = len(x) - 3
        if freedom <= 0 or np.isnan(self.coefficients).any():
            return np.nan
        left = y - np.vander((x - self.middle) / self.half_width, 3, increasing=True) @ self.coefficients[0]
        variance = np.linalg.inv(self.gram[0])[2, 2] * (left @ left) / freedom
        return float(np.sqrt(variance)) / self.half_width**2


def fit_parabolas(x: FloatArray, y: FloatArray, weights: FloatArray | None = None) -> Parabolas:
    r"""Parabolas of R sets of ordinates, or of one set under R sets of weights, on the same abscissae.

    Solved by normal equations: on :math:`t \in [-1, 1]` their matrix is well conditioned.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Abscissae; not all equal.
    y : ndarray, shape (n,) or (R, n)
        Ordinates.
    weights : ndarray, shape (R, n), optional
        Weights; ones when absent.

    Returns
    -------
    Parabolas

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> fit_parabolas(x, (x - 1.25) ** 2).vertices()
    array([1.25])
    """
    middle = x.mean()
    half_width = np.abs(x - middle).max() or 1.0
    powers = ((x - middle) / half_width) ** np.arange(5)[:, None]
    w = np.ones((1, len(x))) if weights is None else weights
    level = y.mean()
    products = (w * (y - level)) @ powers[:3].T
    gram = (w @ powers.T)[:, HANKEL]
    if len(gram) < len(products):
        gram = np.broadcast_to(gram, (len(products), 3, 3))
    if weights is None:
        short = np.array([[np.count_nonzero(np.diff(np.sort(x))) < 2]])
    else:
        _, place = np.unique(x, return_inverse=True)
        short = ((w @ np.eye(place.max() + 1)[place] > 0).sum(axis=1) < 3)[:, None]
    if short.any():
        c = np.linalg.solve(np.where(short[:, :, None], np.eye(3), gram), products[:, :, None])[:, :, 0]
        c = np.where(short, np.nan, c)
    else:
        c = np.linalg.solve(gram, products[:, :, None])[:, :, 0]
    bends = c[:, 2] > 16 * np.finfo(float).eps * np.abs(y).max()
    c[:, 0] += level
    return Parabolas(c, float(middle), float(half_width), gram, bends)
