r"""The engine of variable projection: what is linear is solved, what is not is searched.

For fixed exponents the model :math:`E + A\,p + B\,q` with :math:`p = e^{-\alpha n}`,
:math:`q = e^{-\beta d}` (n, d the centred logs of N and D) is linear in E, A, B. Everything a step in
(alpha, beta) needs is a second moment of the five columns p, q, np, dq, L. So each function here takes
moments, not runs, and works elementwise over any leading axes: cells of a map, starting points,
bootstrap draws with their weights.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scalinglab.fits import EXPONENT_RANGE
from scalinglab.runs import Runs
from scalinglab.surface import FloatArray, LossSurface

#: Runs times replicates handled at once: six columns of this many doubles stay in cache.
BLOCK = 8192


class Logs(NamedTuple):
    """Centred logs of the runs, so that nothing below depends on the units of N and D.

    ``L`` has shape (n,), or (R, n) where each replicate has losses of its own.
    """

    n: FloatArray
    d: FloatArray
    L: FloatArray
    log_N0: float
    log_D0: float

    @classmethod
    def of(cls, runs: Runs) -> Logs:
        """Logs of N and D about their means, which become the new units."""
        n, d = np.log(runs.N), np.log(runs.D)
        return cls(n - n.mean(), d - d.mean(), runs.L, float(n.mean()), float(d.mean()))

    def surface(self, E: float, A: float, B: float, alpha: float, beta: float) -> LossSurface:
        """Surface in the units of the runs from coefficients in the centred units."""
        return LossSurface(
            E=float(E),
            A=float(A * np.exp(alpha * self.log_N0)),
            B=float(B * np.exp(beta * self.log_D0)),
            alpha=float(alpha),
            beta=float(beta),
        )


class Linear(NamedTuple):
    """Coefficients for given exponents, and the residual sum of squares they leave."""

    E: Any
    A: Any
    B: Any
    rss: Any


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
    The minimum has some set of positive coefficients, and on that set it is the ordinary least-squares
    solution; so the best feasible of the eight ordinary solutions is the minimum. The free solution is
    tried first, and only cells where it fails look at the other seven.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        (E, A, B, rss), det = free_least_squares(p, q, L, pp, qq, pq, pL, qL, LL)
        failed = ~((A >= 0) & (B >= 0) & (E >= 0) & (det > 1e-15 * pp * qq))
    if not np.any(failed):
        return Linear(E, A, B, np.maximum(rss, 0))
    everything = np.broadcast_arrays(W, p, q, L, pp, qq, pq, pL, qL, LL)
    bound = _bounded_least_squares(*(np.asarray(values)[failed] for values in everything))
    free = [np.array(np.broadcast_to(values, failed.shape)) for values in (E, A, B, rss)]
    for whole, part in zip(free, bound, strict=True):
        whole[failed] = part
    return Linear(free[0], free[1], free[2], np.maximum(free[3], 0))


def _bounded_least_squares(
    W: Any, p: Any, q: Any, L: Any, pp: Any, qq: Any, pq: Any, pL: Any, qL: Any, LL: Any
) -> Linear:
    """Best of the seven solutions with at least one coefficient at zero; arrays of shape (k,)."""
    zero = np.zeros_like(pp)
    # sums of products about zero, for E = 0
    PP, QQ, PQ = pp + W * p * p, qq + W * q * q, pq + W * p * q
    PL, QL, LL0 = pL + W * p * L, qL + W * q * L, LL + W * L * L
    with np.errstate(divide="ignore", invalid="ignore"):
        A, B = pL / pp, qL / qq
        A0, B0 = PL / PP, QL / QQ
        det = PP * QQ - PQ * PQ
        A1, B1 = (QQ * PL - PQ * QL) / det, (PP * QL - PQ * PL) / det
        rss1 = np.where(det > 1e-15 * PP * QQ, LL0 - A1 * PL - B1 * QL, np.inf)
        candidates = (
            (zero, zero, zero, LL0),
            (L, zero, zero, LL),
            (L - A * p, A, zero, LL - A * pL),
            (L - B * q, zero, B, LL - B * qL),
            (zero, A0, zero, LL0 - A0 * PL),
            (zero, zero, B0, LL0 - B0 * QL),
            (zero, A1, B1, rss1),
        )
    best = [np.array(values) for values in candidates[0]]
    for candidate in candidates[1:]:
        better = candidate[3] < best[3]
        for coefficient in candidate[:3]:
            better &= coefficient >= 0
        for kept, values in zip(best, candidate, strict=True):
            kept[better] = values[better]
    return Linear(*best)


def map_rss(logs: Logs, alpha: FloatArray, beta: FloatArray, weights: FloatArray | None) -> Linear:
    """Solve the linear problem at every pair of exponents: one matrix product P Qᵀ over the runs.

    Returns arrays of shape (len(alpha), len(beta)).
    """
    w = np.ones_like(logs.L) if weights is None else weights
    W = w.sum()
    root = np.sqrt(w)

    def columns(x: FloatArray, exponents: FloatArray) -> tuple[FloatArray, FloatArray]:
        values = np.exp(np.multiply.outer(-exponents, x))
        means = values @ w / W
        values -= means[:, None]
        values *= root
        return values, means

    P, p = columns(logs.n, alpha)
    Q, q = columns(logs.d, beta)
    mean = w @ logs.L / W
    y = (logs.L - mean) * root
    pq = P @ Q.T
    pp, qq = np.einsum("jr,jr->j", P, P), np.einsum("kr,kr->k", Q, Q)
    pL, qL = P @ y, Q @ y
    return nonnegative_least_squares(W, p[:, None], q, mean, pp[:, None], qq, pq, pL[:, None], qL, y @ y)


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
    step = max(256, BLOCK // R)
    X = np.empty((R, 6, min(step, runs)))
    for start in range(0, runs, step):
        rows = slice(start, min(start + step, runs))
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


class Descent(NamedTuple):
    """Where each replicate's search ended; every field has shape (R,)."""

    alpha: FloatArray
    beta: FloatArray
    E: FloatArray
    A: FloatArray
    B: FloatArray
    rss: FloatArray


def descend(
    logs: Logs,
    alpha: FloatArray,
    beta: FloatArray,
    weights: FloatArray | None = None,
    iterations: int = 60,
    tolerance: float = 1e-9,
) -> Descent:
    r"""Minimise the reduced residual sum of squares from R starting pairs of exponents at once.

    Levenberg-Marquardt with Kaufman's Jacobian :cite:p:`kaufman1975`: the derivative of the fitted
    values with respect to an exponent, :math:`-A\,n\,p` or :math:`-B\,d\,q`, less its projection on the
    columns in use. The gradient is exact by the envelope theorem: at the optimal E, A, B only the
    explicit dependence on the exponents counts.

    Parameters
    ----------
    logs : Logs
        The runs; ``L`` of shape (n,), or (R, n) for losses that differ between replicates.
    alpha, beta : ndarray, shape (R,)
        Starting exponents.
    weights : ndarray, shape (R, n) or (1, n), optional
        Weights of the runs in each replicate; ones when absent.
    iterations : int
        Most steps taken.
    tolerance : float
        A replicate is done when a step changes both exponents by less.

    Returns
    -------
    Descent
        In the centred units of ``logs``.
    """
    theta = np.column_stack([alpha, beta]).astype(float)
    R = len(theta)
    found = np.empty((R, 4))
    size = max(1, BLOCK // (2 * len(logs.n)))
    for start in range(0, R, size):
        rows = slice(start, start + size)
        part = _replicates(logs, weights, rows)
        theta[rows], found[rows] = _descend_block(*part, theta[rows], iterations, tolerance)
    return Descent(theta[:, 0], theta[:, 1], found[:, 0], found[:, 1], found[:, 2], found[:, 3])


def _replicates(logs: Logs, weights: FloatArray | None, rows: Any) -> tuple[Logs, FloatArray | None]:
    """Losses and weights of some replicates, where replicates differ in them."""
    if logs.L.ndim == 2:
        logs = logs._replace(L=logs.L[rows])
    return logs, weights if weights is None or len(weights) == 1 else weights[rows]


def _descend_block(
    logs: Logs, weights: FloatArray | None, theta: FloatArray, iterations: int, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    """Run the search for a block of replicates; returns exponents (R, 2) and E, A, B, rss (R, 4)."""
    theta = theta.copy()
    low, high = EXPONENT_RANGE
    state = moments(logs, weights, theta[:, 0], theta[:, 1])
    linear = state.linear()
    best = np.column_stack(linear)
    gradient, hessian = slopes(state, linear)
    damping = np.full(len(theta), 1e-3)
    active = np.arange(len(theta))
    for _ in range(iterations):
        step = _step(theta[active], gradient[active], hessian[active], damping[active])
        trial = np.clip(theta[active] + step, low, high)
        moved = np.abs(trial - theta[active]).max(axis=1)
        state = moments(*_replicates(logs, weights, active), trial[:, 0], trial[:, 1])
        linear = state.linear()
        values = np.column_stack(linear)
        better = values[:, 3] < best[active, 3]
        taken = active[better]
        theta[taken], best[taken] = trial[better], values[better]
        new_gradient, new_hessian = slopes(state, linear)
        gradient[taken], hessian[taken] = new_gradient[better], new_hessian[better]
        damping[active] *= np.where(better, 0.1, 10.0)
        active = active[(moved > tolerance) & (damping[active] < 1e10)]
        if not len(active):
            break
    return theta, best


def slopes(state: Moments, linear: Linear) -> tuple[FloatArray, FloatArray]:
    """Gradient (R, 2) of RSS/2 in the exponents and its Gauss-Newton matrix (R, 2, 2)."""
    E, A, B = linear.E, linear.A, linear.B
    m, S = state.mean, state.products
    # products about the mean where E is free, about zero where E is held at zero
    about_zero = np.where(E > 0, 0.0, state.W)
    T = S + about_zero[:, None, None] * m[:, :, None] * m[:, None, :]
    pp, qq, pq = T[:, 0, 0], T[:, 1, 1], T[:, 0, 1]
    uses_p, uses_q = A > 0, B > 0
    det = pp * qq - pq * pq
    apart = det > 1e-15 * pp * qq  # columns that coincide span one direction
    both, uses_q = uses_p & uses_q & apart, uses_q & ~(uses_p & ~apart)
    inverse = np.zeros((len(E), 2, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse[:, 0, 0] = np.where(both, qq / det, np.where(uses_p, 1 / pp, 0.0))
        inverse[:, 1, 1] = np.where(both, pp / det, np.where(uses_q, 1 / qq, 0.0))
        inverse[:, 0, 1] = inverse[:, 1, 0] = np.where(both, -pq / det, 0.0)
    amplitude = np.column_stack([A, B])
    cross = T[:, 2:4, 4] - A[:, None] * T[:, 2:4, 0] - B[:, None] * T[:, 2:4, 1]
    gradient = amplitude * cross
    projected = T[:, 2:4, 2:4] - T[:, 2:4, :2] @ inverse @ T[:, :2, 2:4]
    return gradient, amplitude[:, :, None] * projected * amplitude[:, None, :]


def _step(theta: FloatArray, gradient: FloatArray, hessian: FloatArray, damping: FloatArray) -> FloatArray:
    """Damped Gauss-Newton step; an exponent that presses against its bound stays there."""
    low, high = EXPONENT_RANGE
    held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
    g = np.where(held, 0.0, gradient)
    haa, hbb, hab = hessian[:, 0, 0], hessian[:, 1, 1], hessian[:, 0, 1]
    hab = np.where(held.any(axis=1), 0.0, hab)
    tiny = np.finfo(float).tiny
    haa, hbb = haa * (1 + damping) + tiny, hbb * (1 + damping) + tiny
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        det = haa * hbb - hab * hab
        step = -np.column_stack([hbb * g[:, 0] - hab * g[:, 1], haa * g[:, 1] - hab * g[:, 0]])
        step /= det[:, None]
    return np.clip(np.nan_to_num(step), -0.5, 0.5)
