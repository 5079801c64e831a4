r"""The best E, A, B for given exponents, in closed form: linear least squares without negative entries.

For fixed exponents the model :math:`E + A\,p + B\,q` with :math:`p = e^{-\alpha n}`,
:math:`q = e^{-\beta d}` (n, d the centred logs of N and D) is linear in E, A, B. All that the best
coefficients, and a step of the exponents, need of the runs are second moments of the columns p, q, np,
dq, L. So each function here takes moments, not runs, and works elementwise over any leading axes: cells
of a map, starting points, bootstrap draws with their weights.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.solvers.centred_logs import CentredLogs

#: Runs times replicates handled at once: six columns of this many doubles stay in cache.
BLOCK = 8192

#: Runs in one matrix product, at most: below the size that BLAS would split between threads.
PRODUCT = 4096

#: Numbers in the columns of a map, at most.
COLUMNS = 1 << 20

#: Cells of a map solved at once, along each exponent: memory this small is used again, not asked for.
TILE = 128


class Linear(NamedTuple):
    """Coefficients for given exponents, and the residual sum of squares they leave."""

    E: Any
    A: Any
    B: Any
    rss: Any


class Products(NamedTuple):
    """Sum of weights, weighted means of p, q, L, and their weighted products about the means."""

    W: Any
    p: Any
    q: Any
    L: Any
    pp: Any
    qq: Any
    pq: Any
    pL: Any
    qL: Any
    LL: Any


def free_least_squares(
    p: Any, q: Any, L: Any, pp: Any, qq: Any, pq: Any, pL: Any, qL: Any, LL: Any
) -> tuple[Linear, Any]:
    """Least squares of L on (1, p, q) without constraints, and the determinant of its 2x2 system.

    Arguments as in :func:`nonnegative_least_squares`; derived in the chapter *Variable projection*.
    """
    det = pp * qq - pq * pq
    A, B = qq * pL - pq * qL, pp * qL - pq * pL
    A /= det
    B /= det
    E = L - A * p - B * q
    rss = LL - A * pL - B * qL
    return Linear(E, A, B, rss), det


def nonnegative_least_squares(
    W: Any, p: Any, q: Any, L: Any, pp: Any, qq: Any, pq: Any, pL: Any, qL: Any, LL: Any
) -> Linear:
    r"""Exact least squares of L on (1, p, q) with E, A, B >= 0, from moments.

    Parameters
    ----------
    W : array_like
        Sum of weights.
    p, q, L : array_like
        Weighted means.
    pp, qq, pq, pL, qL, LL : array_like
        Weighted sums of products about the means. All arguments broadcast.

    Returns
    -------
    Linear
        Arrays of the broadcast shape.

    Notes
    -----
    Where the free solution is feasible it is the minimum. The objective is convex: where the free E is
    negative and the best solution with E = 0 is feasible, that one is. Where both fail, A or B is zero,
    and the better of the two fits with one column is the minimum.
    """
    products = Products(W, p, q, L, pp, qq, pq, pL, qL, LL)
    with np.errstate(divide="ignore", invalid="ignore"):
        (E, A, B, rss), det = free_least_squares(*products[1:])
        if not E.min() >= 0:
            # raise E to zero: A and B follow by their covariances with E, over its variance
            excess = np.minimum(E, 0)
            u, v = (qq * p - pq * q) / det, (pp * q - pq * p) / det
            shift = excess / (1 / W + u * p + v * q)
            A += shift * u
            B += shift * v
            E -= excess
            rss += shift * excess
        independent = det > 1e-15 * pp * qq
    if not (A.min() >= 0 and B.min() >= 0 and independent.all()):
        failed = ~((A >= 0) & (B >= 0) & independent)
        E_p, A_p, rss_p = _one_column(W, p, L, pp, pL, LL)
        E_q, B_q, rss_q = _one_column(W, q, L, qq, qL, LL)
        in_p = failed & (rss_p <= rss_q)
        for where, fit in ((failed, (E_q, 0, B_q, rss_q)), (in_p, (E_p, A_p, 0, rss_p))):
            for values, others in zip((E, A, B, rss), fit, strict=True):
                np.copyto(values, others, where=where)
    return Linear(E, A, B, np.maximum(rss, 0, out=rss))


def _one_column(W: Any, x: Any, L: Any, xx: Any, xL: Any, LL: Any) -> tuple[Any, Any, Any]:
    """Constant and slope, not negative, of L on (1, x), and the residual sum of squares they leave."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(xx > 0, np.maximum(xL / xx, 0), 0)  # without spread x adds nothing to the constant
        through_zero = np.maximum((xL + W * x * L) / (xx + W * x * x), 0)
    slope = np.where(slope * x > L, through_zero, slope)
    E = np.maximum(L - slope * x, 0)
    rss = LL - slope * (2 * xL - slope * xx) + W * (L - E - slope * x) ** 2
    return E, slope, rss


def map_products(
    logs: CentredLogs, alpha: FloatArray, beta: FloatArray, weights: FloatArray | None
) -> Products:
    """Products for every pair of j and k exponents: one matrix product P Qᵀ over the runs, in blocks.

    Only ``pq`` has shape (j, k); what depends on one exponent is a column (j, 1) or a row (k,).
    """
    j = len(alpha)
    w = np.ones_like(logs.L) if weights is None else weights
    W, mean = w.sum(), w @ logs.L / w.sum()
    parts = blocks(len(w), max(128, COLUMNS // (j + len(beta))))

    @lru_cache(1)  # a single block, the common case, is not computed twice
    def columns(start: int) -> FloatArray:
        rows = slice(start, start + parts[0].stop)
        X = np.concatenate([np.outer(-alpha, logs.n[rows]), np.outer(-beta, logs.d[rows])])
        return np.asarray(np.exp(X, out=X))

    means = np.asarray(sum(columns(rows.start) @ w[rows] for rows in parts) / W)
    sums: list[Any] = []
    for rows in parts:
        X, y = columns(rows.start), logs.L[rows] - mean
        X -= means[:, None]
        if weights is not None:
            root = np.sqrt(weights[rows])
            X *= root
            y *= root
        more = [np.einsum("ir,ir->i", X, X), X[:j] @ X[j:].T, X @ y, y @ y]
        sums = [old + new for old, new in zip(sums, more, strict=True)] if sums else more
    squares, pq, with_L, LL = sums
    (p, q), (pp, qq), (pL, qL) = ((both[:j], both[j:]) for both in (means, squares, with_L))
    return Products(W, p[:, None], q, mean, pp[:, None], qq, pq, pL[:, None], qL, LL)


def map_rss(logs: CentredLogs, alpha: FloatArray, beta: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Reduced residual sum of squares at every pair of exponents, shape (len(alpha), len(beta))."""
    W, p, q, L, pp, qq, rss, pL, qL, LL = map_products(logs, alpha, beta, weights)
    # pq is overwritten tile by tile; in most tiles all cells have the same positive coefficients
    for j, k in product(blocks(len(alpha), TILE), blocks(len(beta), TILE)):
        tile = W, p[j], q[k], L, pp[j], qq[k], rss[j, k], pL[j], qL[k], LL
        rss[j, k] = nonnegative_least_squares(*tile).rss
    return np.asarray(rss)


class Moments(NamedTuple):
    """Sum of weights, means (R, 5) and products about the means (R, 5, 5) of p, q, np, dq, L."""

    W: FloatArray
    mean: FloatArray
    products: FloatArray

    def linear(self) -> Linear:
        """Solve for E, A, B, shape (R,) each."""
        m, S = self.mean.T, self.products.transpose(1, 2, 0)
        return nonnegative_least_squares(
            self.W,
            m[0], m[1], m[4],
            S[0, 0], S[1, 1], S[0, 1], S[0, 4], S[1, 4], S[4, 4],
        )  # fmt: skip


def moments(logs: CentredLogs, weights: FloatArray | None, alpha: FloatArray, beta: FloatArray) -> Moments:
    """Accumulate the Gram matrix of [1, p, q, np, dq, L] for R pairs of exponents.

    ``weights`` has shape (R, n) or (1, n), or is None for ones; ``logs.L`` has shape (n,) or (R, n).
    Runs are taken in blocks.
    """
    R, runs = len(alpha), len(logs.n)
    reference = logs.L.mean()
    gram = np.zeros((R, 6, 6))
    step = min(PRODUCT, max(256, BLOCK // R))
    X = np.empty((R, 6, min(step, runs)))
    for rows in blocks(runs, step):
        n, d = logs.n[rows], logs.d[rows]
        block = X[:, :, : len(n)]
        block[:, 0] = 1.0
        np.exp(np.multiply.outer(-alpha, n), out=block[:, 1])
        np.exp(np.multiply.outer(-beta, d), out=block[:, 2])
        np.multiply(block[:, 1], n, out=block[:, 3])
        np.multiply(block[:, 2], d, out=block[:, 4])
        block[:, 5] = logs.L[..., rows] - reference
        weighted = block if weights is None else block * weights[:, None, rows]
        gram += weighted @ block.transpose(0, 2, 1)
    W = gram[:, 0, 0]
    mean = gram[:, 0, 1:] / W[:, None]
    products = gram[:, 1:, 1:] - W[:, None, None] * mean[:, :, None] * mean[:, None, :]
    mean[:, 4] += reference
    return Moments(W, mean, products)
