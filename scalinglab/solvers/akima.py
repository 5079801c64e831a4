"""Akima's spline through points: local, so that a point far off bends it little elsewhere."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray


def akima(x: FloatArray, y: FloatArray, at: float) -> float:
    r"""Value of the spline through (x, y) at one place, beyond the ends that of the outermost piece.

    The slope at a point is the mean of the slopes :math:`m` on its sides, each weighted by how much the
    slopes change on the other side, :math:`|m_{i+1} - m_i|` and :math:`|m_{i-1} - m_{i-2}|`; two slopes are
    continued linearly beyond each end. Between two points lies the cubic with their values and slopes.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Two points or more, x increasing.
    at : float
        Where to evaluate it.
    """
    width = np.diff(x)
    m = np.diff(y) / width
    if len(m) == 1:
        return float(y[0] + m[0] * (at - x[0]))
    first, last = 2 * m[0] - m[1], 2 * m[-1] - m[-2]
    m = np.concatenate([[2 * first - m[0], first], m, [last, 2 * last - m[-1]]])
    change = np.abs(np.diff(m))
    before, after = change[:-2], change[2:]
    total = before + after
    bent = total > 1e-9 * total.max()
    weighted = (after * m[1:-2] + before * m[2:-1]) / np.where(bent, total, 1)
    slope = np.where(bent, weighted, (m[3:] + m[:-3]) / 2)
    k = int(np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(width) - 1))
    h, s, e = width[k], slope[k], slope[k + 1]
    chord, t = m[k + 2], at - x[k]
    return float(y[k] + t * (s + t * ((3 * chord - 2 * s - e) / h + t * (s + e - 2 * chord) / h**2)))
