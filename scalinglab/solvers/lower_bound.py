r"""Lower bounds of the objective in cells of exponents, from weak duality.

For any vector y in the box of the loss's conjugate, any coefficients E, A >= 0 and any exponents

.. math:: F \ge D(y) - E \sum_i y_i - \sum_j A_j\,g_j(e_j), \qquad g_j(e) = \sum_i y_i\,e^{-e\,n_{ij}},

so with :math:`v_0 = (\sum_i y_i)_+`, :math:`v_j \ge \max g_j(e)_+` over the cell's side and upper bounds C of
the coefficients of every fit that is worth having

.. math:: F \ge D(y) - C_0 v_0 - \sum_j C_j v_j

in the whole cell. The y used is that of the best mixture of the two end exponents of each side: where the
mixture is pure, the bound is the cell's minimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.mixtures import best_mixture

#: Intervals into which a side is divided to bound g between its ends.
INTERVALS = 4

#: A second pass over fewer cells than one in so many costs more than it saves.
FEW = 16

#: Numbers in one array of columns, at most: cells are taken in blocks.
NUMBERS = 1 << 20


class Bounds(NamedTuple):
    """What is known of k cells.

    ``value`` (k,) is a lower bound of F wherever F does not exceed the level asked for; ``theta``
    (k, 1 + 2K) are E, every A and every exponent of a candidate, the mixture's mean; ``gap`` (k, K) is what
    each side adds to the distance between bound and candidate.
    """

    value: FloatArray
    theta: FloatArray
    gap: FloatArray


def lower_bounds(problem: Problem, cells: FloatArray, level: float, digits: float = 1e-9) -> Bounds:
    """Lower bounds of F in cells of exponents, for all fits with F up to ``level``.

    Parameters
    ----------
    problem : Problem
        Runs, loss and K terms.
    cells : ndarray, shape (k, 2K)
        First exponent from and to, second from and to, and so on.
    level : float
        Fits above it are of no interest; the bounds hold where F is below, so none exceeds it.
    digits : float
        Share of F by which a bound may fall short of the best that its mixture proves.

    Returns
    -------
    Bounds
    """
    if level < problem.w.min() * problem.delta**2 / 2:
        # no residual of a fit up to the level reaches the knot: its loss is that of squares
        problem = problem._replace(delta=np.inf)
    size = max(1, NUMBERS // (max(1, len(problem.logs)) * (INTERVALS + 1) * len(problem.L)))
    blocks = [_block(problem, cells[k : k + size], level, digits) for k in range(0, max(1, len(cells)), size)]
    return Bounds(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _block(problem: Problem, cells: FloatArray, level: float, digits: float) -> Bounds:
    sides = cells.reshape(len(cells), len(problem.logs), 2)
    P = powers(problem.logs, sides, INTERVALS)
    k, K, _, m = P.shape
    X = np.concatenate([np.ones((k, 1, m)), P[:, :, [0, -1]].reshape(k, 2 * K, m)], axis=1)
    C = largest_coefficients(problem, P, level)
    width = sides[:, :, 1] - sides[:, :, 0]
    c, y = best_mixture(problem, X, enough=level, digits=digits)
    v, noise = interval_maxima(problem.logs, P, width, y)
    value = weak_duality(problem, y, v, C)
    theta, spread = mean_exponents(c, sides)
    paid = np.zeros_like(v)
    # once more, at a price on the terms that stick out between the ends
    again = np.flatnonzero((value < level) & (((v - noise) * C[:, 1:]).sum(axis=1) > 1e-9 * level))
    if len(again) * FEW > k:
        cost = np.concatenate([np.zeros((len(again), 1)), -np.repeat(v[again], 2, axis=1)], axis=1)
        larger, dearer = best_mixture(problem, X[again], cost, level, digits)
        left, rest = interval_maxima(problem.logs, P[again], width[again], dearer)
        repaired = weak_duality(problem, dearer, left, C[again])
        better = repaired > value[again]
        rows = again[better]
        A = larger[better, 1:].reshape(-1, K, 2).sum(axis=2)
        paid[rows], y[rows], value[rows] = A * v[rows], dearer[better], repaired[better]
        v[rows], noise[rows] = left[better], rest[better]
    bend = np.abs(np.einsum("km,jm,kjm->kj", y, problem.logs**2, P[:, :, INTERVALS // 2]))
    gap = theta[:, 1 : 1 + K] * spread * bend / 2 + paid + C[:, 1:] * np.maximum(v - noise, 0)
    return Bounds(np.clip(value, 0, level), theta, gap)


def powers(logs: FloatArray, sides: FloatArray, intervals: int) -> FloatArray:
    r"""Columns :math:`e^{-e n}` at equally spaced exponents of each side, shape (k, K, intervals + 1, m)."""
    low = sides[:, :, :1]
    step = (sides[:, :, 1:] - low) / intervals
    P = np.empty((*sides.shape[:2], intervals + 1, logs.shape[1]))
    np.exp(-low * logs, out=P[:, :, 0])
    factor = np.exp(-step * logs)
    for t in range(intervals):
        np.multiply(P[:, :, t], factor, out=P[:, :, t + 1])
    return P


def largest_coefficients(problem: Problem, P: FloatArray, level: float) -> FloatArray:
    r"""Upper bounds of E and every A in fits with F up to ``level``, shape (k, 1 + K).

    No term is negative, so :math:`A\,p_i \le L_i + |r_i|`, and :math:`w_i \rho(r_i) \le F` bounds
    :math:`|r_i|`; so does the same over the mean of the runs, since rho is convex.
    """
    w = problem.w
    most = problem.L + inverse_rho(problem, level / w)
    mean = (problem.L @ w + w.sum() * inverse_rho(problem, np.array(level / w.sum()))) * (1 + 1e-12)
    E = min(most.min(), mean / w.sum())
    least = np.minimum(P[:, :, 0], P[:, :, -1])
    A = np.minimum((most / least).min(axis=2, initial=np.inf), mean / (least @ w))
    return np.concatenate([np.full((len(P), 1), E), A], axis=1) * (1 + 1e-9)


def inverse_rho(problem: Problem, value: FloatArray) -> FloatArray:
    """Residual whose loss is ``value``: a root, beyond the knot a straight line."""
    if not np.isfinite(problem.delta):
        return np.asarray(np.sqrt(2 * value))
    far = value > problem.delta**2 / 2
    return np.asarray(np.where(far, value / problem.delta + problem.delta / 2, np.sqrt(2 * value)))


def weak_duality(problem: Problem, y: FloatArray, v: FloatArray, C: FloatArray) -> FloatArray:
    r"""The inequality's :math:`D(y) - C_0 v_0 - \sum_j C_j v_j`, less its rounding, shape (k,).

    Parameters
    ----------
    problem : Problem
        Runs and loss.
    y : ndarray, shape (k, m)
        Any vectors in the box of the conjugate.
    v : ndarray, shape (k, K)
        Upper bounds of the positive part of every g.
    C : ndarray, shape (k, 1 + K)
        Upper bounds of E and every A.
    """
    unit = rounding(y.shape[1])
    size = np.abs(y)
    v_0 = np.maximum(y.sum(axis=1), 0) + unit * size.sum(axis=1)
    slack = unit * (size @ np.abs(problem.L) + (y * y) @ (1 / problem.w))
    return np.asarray(problem.dual_values(y) - slack - C[:, 0] * v_0 - (C[:, 1:] * v).sum(axis=1))


def rounding(m: int) -> float:
    """Allowance for a sum of m products, relative to the sum of their sizes."""
    return float(8 * (m + 64) * np.finfo(float).eps)


def interval_maxima(
    logs: FloatArray, P: FloatArray, width: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Bound the positive part of :math:`g_j(e) = \sum_i y_i e^{-e n_{ij}}` over each side from above.

    On a sub-interval of width s with ends l, r every term of :math:`-g''` is monotone in e, so

    .. math:: M = \Bigl(\sum_i \max\bigl(-y_i n_i^2 e^{-l n_i}, -y_i n_i^2 e^{-r n_i}\bigr)\Bigr)_+ \ge -g'',

    and g stays below the larger end or, if :math:`|g_r - g_l| < M s^2/2`, below the top of the parabola,
    :math:`(g_l + g_r)/2 + M s^2/8 + (g_r - g_l)^2 / (2 M s^2)`. Returns the bounds and the rounding allowed
    for in them, (k, K) each.
    """
    nodes, m = P.shape[2:]
    s = width / (nodes - 1)
    # -y n² e^{-en} is largest at the left end where y n < 0, at the right end elsewhere
    bend = -y[:, None] * logs**2
    left = y[:, None] * logs < 0
    sums = np.stack(
        [np.broadcast_to(y[:, None], bend.shape), bend * left, bend * ~left, np.abs(y)[:, None] + 0 * bend],
        axis=3,
    )
    G, on_left, on_right, size = np.moveaxis(P @ sums, 3, 0)
    reach = 1 + (s * np.abs(logs).max(axis=1, initial=0.0)) ** 2
    noise = rounding(m) * size.max(axis=2) * reach
    M = np.maximum(on_left[:, :, :-1] + on_right[:, :, 1:], 0) * (s**2)[:, :, None]
    low, high = G[:, :, :-1], G[:, :, 1:]
    rise = high - low
    with np.errstate(divide="ignore", invalid="ignore"):
        top = (low + high) / 2 + M / 8 + rise**2 / (2 * M)
    highest = np.where(np.abs(rise) < M / 2, top, np.maximum(low, high))
    return np.maximum(highest.max(axis=2), 0) + noise, noise


def mean_exponents(c: FloatArray, sides: FloatArray) -> tuple[FloatArray, FloatArray]:
    """One exponent a term in place of the two it mixes: E, A, mean exponents; and the exponents' variance."""
    pairs = c[:, 1:].reshape(len(c), -1, 2)
    A = pairs.sum(axis=2)
    low, high = sides[:, :, 0], sides[:, :, 1]
    share = np.divide(pairs[:, :, 1], A, out=np.full_like(A, 0.5), where=A > 0)
    share = np.clip(share, 0, 1)
    theta = np.maximum(np.concatenate([c[:, :1], A, low + share * (high - low)], axis=1), 0)
    return theta, share * (1 - share) * (high - low) ** 2
