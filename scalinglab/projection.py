r"""The linear half of variable projection: for given exponents the coefficients follow in closed form.

For fixed exponents the model :math:`E + A\,p + B\,q` with :math:`p = e^{-\alpha n}`,
:math:`q = e^{-\beta d}` (n, d the centred logs of N and D) is linear in E, A, B. All that the best
coefficients, and a step of the exponents, need of the runs are second moments of the columns p, q, np,
dq, L. So each function here takes moments, not runs, and works elementwise over any leading axes: cells
of a map, starting points, bootstrap draws with their weights.
"""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from scalinglab.logs import Logs
from scalinglab.runs import blocks
from scalinglab.surface import FloatArray

#: Runs times replicates handled at once: six columns of this many doubles stay in cache.
BLOCK = 8192

#: Runs in one matrix product, at most: below the size that BLAS would split between threads.
PRODUCT = 4096

#: Numbers in the columns of a map, at most.
COLUMNS = 1 << 20

#: Cells of a map solved at once, along each exponent: memory this small is used again, not asked for.
TILE = 100


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
    A = (qq * pL - pq * qL) / det
    B = (pp * qL - pq * pL) / det
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
    negative and the best solution with E = 0 is feasible, that one is. Only cells where both fail compare
    all sets of positive coefficients: on its own set the minimum is the ordinary least-squares solution,
    so the best feasible of these is the minimum.
    """
    products = Products(W, p, q, L, pp, qq, pq, pL, qL, LL)
    with np.errstate(divide="ignore", invalid="ignore"):
        (E, A, B, rss), det = free_least_squares(*products[1:])
        excess = np.minimum(E, 0)
        if excess.any():
            # raise E to zero: A and B follow by their covariances with E, over its variance
            u, v = (qq * p - pq * q) / det, (pp * q - pq * p) / det
            shift = excess / (1 / W + u * p + v * q)
            A += shift * u
            B += shift * v
            E -= excess
            rss += shift * excess
        failed = ~((A >= 0) & (B >= 0) & (det > 1e-15 * pp * qq))
    if failed.any():
        where = np.nonzero(failed)
        few = (np.broadcast_to(values, failed.shape)[where] for values in products)
        for values, others in zip((E, A, B, rss), _bounded_least_squares(*few), strict=True):
            values[where] = others
    return Linear(E, A, B, np.maximum(rss, 0))


def _bounded_least_squares(
    W: Any, p: Any, q: Any, L: Any, pp: Any, qq: Any, pq: Any, pL: Any, qL: Any, LL: Any
) -> Linear:
    """Best of the seven solutions with at least one coefficient at zero; arrays of shape (k,)."""
    none = np.zeros_like(pp)
    # sums of products about zero, for E = 0
    PP, QQ, PQ = pp + W * p * p, qq + W * q * q, pq + W * p * q
    PL, QL, LL0 = pL + W * p * L, qL + W * q * L, LL + W * L * L
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = pL / pp, qL / qq
        a0, b0 = PL / PP, QL / QQ
        det = PP * QQ - PQ * PQ
        a1, b1 = (QQ * PL - PQ * QL) / det, (PP * QL - PQ * PL) / det
        both = np.where(det > 1e-15 * PP * QQ, LL0 - a1 * PL - b1 * QL, np.inf)
        E = np.array([none, L, L - a * p, L - b * q, none, none, none])
        A = np.array([none, none, a, none, a0, none, a1])
        B = np.array([none, none, none, b, none, b0, b1])
        rss = np.array([LL0, LL, LL - a * pL, LL - b * qL, LL0 - a0 * PL, LL0 - b0 * QL, both])
        feasible = np.minimum(np.minimum(E, A), B) >= 0
    best = np.argmin(np.where(feasible, rss, np.inf), axis=0), np.arange(len(none))
    return Linear(E[best], A[best], B[best], rss[best])


def map_products(logs: Logs, alpha: FloatArray, beta: FloatArray, weights: FloatArray | None) -> Products:
    """Products for every pair of j and k exponents: one matrix product P Qᵀ over the runs, in blocks.

    Only ``pq`` has shape (j, k); what depends on one exponent is a column (j, 1) or a row (k,).
    """
    w = np.ones_like(logs.L) if weights is None else weights
    W = w.sum()
    parts = blocks(len(w), max(128, COLUMNS // (len(alpha) + len(beta))))

    def columns(x: FloatArray, exponents: FloatArray) -> FloatArray:
        return np.exp(np.multiply.outer(-exponents, x))

    p: FloatArray = sum(columns(logs.n[rows], alpha) @ w[rows] for rows in parts) / W
    q: FloatArray = sum(columns(logs.d[rows], beta) @ w[rows] for rows in parts) / W
    mean = w @ logs.L / W
    sums: list[Any] = []
    for rows in parts:
        root = np.sqrt(w[rows])
        P, Q = columns(logs.n[rows], alpha), columns(logs.d[rows], beta)
        P -= p[:, None]
        P *= root
        Q -= q[:, None]
        Q *= root
        y = (logs.L[rows] - mean) * root
        more = [np.einsum("jr,jr->j", P, P), np.einsum("kr,kr->k", Q, Q), P @ Q.T, P @ y, Q @ y, y @ y]
        sums = [old + new for old, new in zip(sums, more, strict=True)] if sums else more
    pp, qq, pq, pL, qL, LL = sums
    return Products(W, p[:, None], q, mean, pp[:, None], qq, pq, pL[:, None], qL, LL)


def map_rss(logs: Logs, alpha: FloatArray, beta: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Reduced residual sum of squares at every pair of exponents, shape (len(alpha), len(beta))."""
    W, p, q, L, pp, qq, rss, pL, qL, LL = map_products(logs, alpha, beta, weights)
    # pq is overwritten tile by tile; in most tiles all cells have the same positive coefficients
    starts = product(range(0, len(alpha), TILE), range(0, len(beta), TILE))
    for j, k in ((slice(start, start + TILE), slice(stop, stop + TILE)) for start, stop in starts):
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


def moments(logs: Logs, weights: FloatArray | None, alpha: FloatArray, beta: FloatArray) -> Moments:
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
