r"""Variable projection for any law that is linear in some of its parameters, many searches at once.

.. math:: \min_{\theta}\ \min_{c \ge 0}\ \bigl\lVert y - o(\theta) - \Phi(\theta)\, c \bigr\rVert^2

The inner problem is solved exactly, active sets and all; Levenberg-Marquardt steps in the nonlinear
parameters go outside, with Kaufman's Jacobian.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from scalinglab._arrays import FloatArray

#: Columns shorter than this beside their parts along the others count as dependent on them.
DEPENDENT = 1e-11

#: Longest step of a search coordinate.
LONGEST_STEP = 0.5

#: Steps after which the pace of a race is judged; more than so many times as many are too many.
PACE, PATIENCE = 5, 10

#: Steps after which searches that are this near to the lowest, in coordinates and as a share of it, join it.
MERGED, NEAR = 3, 0.02

#: Steps in which coefficients may have either sign, before they may not.
FREE_STEPS = 6


class Columns(Protocol):
    """Columns at some parameters: ``Phi`` (R, K, n), an offset, and what moves them."""

    @property
    def Phi(self) -> FloatArray:
        """Columns."""

    @property
    def offset(self) -> FloatArray | None:
        """What stands beside them."""

    def moved(self, c: FloatArray, parameters: int) -> FloatArray:
        """Derivative of the fitted values in each parameter, (R, p, n)."""


class Separable(Protocol):
    """What the search asks of a law on some runs."""

    @property
    def low(self) -> FloatArray:
        """Lower bounds."""

    @property
    def high(self) -> FloatArray:
        """Upper bounds."""

    def evaluate(self, u: FloatArray, slopes: bool = True) -> Columns:
        """Columns at R points."""


class Inner(NamedTuple):
    """Best coefficients (R, K), residuals (R, n), their squares' sum, a basis of the columns in use."""

    c: FloatArray
    residuals: FloatArray
    rss: FloatArray
    basis: FloatArray


class Ends(NamedTuple):
    """Where R searches ended: nonlinear parameters, coefficients, sum of squares."""

    u: FloatArray
    c: FloatArray
    rss: FloatArray

    def take(self, rows: Any) -> Ends:
        """Some of them."""
        return Ends(self.u[rows], self.c[rows], self.rss[rows])


def solve_inner(Phi: FloatArray, y: FloatArray, free: NDArray[np.bool_], constrained: bool = True) -> Inner:
    """Least squares in the coefficients, those not free zero or more; ``y`` broadcasts to (R, n).

    A QR factorisation answers where no sign is wrong. Elsewhere the active set is found on the triangle.
    """
    R, K, n = Phi.shape
    y = np.broadcast_to(y, (R, n))
    if not K:
        return Inner(np.zeros((R, 0)), y.copy(), np.einsum("rn,rn->r", y, y), np.zeros((R, n, 0)))
    sizes = np.sqrt(np.einsum("rkn,rkn->rk", Phi, Phi))
    usable = np.isfinite(sizes) & (sizes > 0)
    scale = np.where(usable, sizes, 1.0)
    X = np.swapaxes(np.where(usable[:, :, None], Phi / scale[:, :, None], 0.0), 1, 2)
    Q, T = np.linalg.qr(X)
    b = np.einsum("rnk,rn->rk", Q, y)
    pivots = np.abs(np.diagonal(T, axis1=1, axis2=2))
    whole = np.all(pivots > DEPENDENT, axis=1)
    c = np.linalg.solve(np.where(whole[:, None, None], T, np.eye(K)), b[..., None])[..., 0]
    wrong = ~whole
    if constrained:
        wrong |= (c[:, ~free] < 0).any(axis=1)
    basis = Q
    if wrong.any():
        rows = np.flatnonzero(wrong)
        c[rows], small = _active_sets(T[rows], b[rows], free if constrained else np.ones(K, bool))
        basis = Q.copy()
        basis[rows] = Q[rows] @ small
    fitted = np.einsum("rnk,rk->rn", X, c)
    r = y - fitted
    return Inner(c / scale, r, np.einsum("rn,rn->r", r, r), basis)


def _active_sets(T: FloatArray, b: FloatArray, free: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Best coefficients of small triangular problems, those not free zero or more; and a basis of each.

    Principal pivoting on the conditions of the optimum: coefficients that are negative leave, columns that
    would lower the sum enter, all at once while that helps, then one at a time, which ends.
    """
    R, K = b.shape
    G, slope = np.swapaxes(T, 1, 2) @ T, np.einsum("rij,ri->rj", T, b)
    used = np.diagonal(G, axis1=1, axis2=2) > 0
    tolerance = 1e-12 * np.abs(slope).max(axis=1, initial=np.finfo(float).tiny)[:, None]
    identity = np.eye(K)
    fewest = np.full(R, K + 1)
    for _ in range(8 * K):
        both = used[:, :, None] & used[:, None, :]
        x = np.linalg.solve(
            np.where(both, G * (1 + 1e-14 * identity), identity), np.where(used, slope, 0.0)[..., None]
        )[..., 0]
        enters = ~used & (slope - np.einsum("rij,rj->ri", G, x) > tolerance)
        wrong = (used & ~free & (x < 0)) | enters
        count = wrong.sum(axis=1)
        if not count.any():
            break
        last = K - 1 - np.argmax(wrong[:, ::-1], axis=1)
        alone = np.zeros_like(wrong)
        alone[np.arange(R), last] = True
        used ^= wrong & np.where((count < fewest)[:, None], True, alone)
        fewest = np.minimum(fewest, count)
    while True:
        # the columns in use first, the others as nothing behind them
        order = np.argsort(~used, axis=1, kind="stable")
        kept = np.take_along_axis(used, order, axis=1)
        q, t = np.linalg.qr(np.take_along_axis(T, order[:, None, :], axis=2) * kept[:, None, :])
        dependent = kept & (np.abs(np.diagonal(t, axis1=1, axis2=2)) <= DEPENDENT)
        if not dependent.any():
            break
        np.put_along_axis(used, order, kept & ~dependent, axis=1)
    t = np.where(kept[:, :, None] & kept[:, None, :], t, identity)
    inner = np.linalg.solve(t, np.where(kept, np.einsum("rij,ri->rj", q, b), 0.0)[..., None])[..., 0]
    c = np.zeros((R, K))
    np.put_along_axis(c, order, np.where(kept, inner, 0.0), axis=1)
    basis = q * kept[:, None, :]
    rest = slope - np.einsum("rij,rj->ri", G, c)
    settled = ~((c < 0) & ~free).any(axis=1) & ~((c == 0) & ~free & (rest > 1e3 * tolerance)).any(axis=1)
    for r in np.flatnonzero(~settled):  # columns that nearly coincide
        c[r], basis[r] = _by_nnls(T[r], b[r], free)
    return c, basis


def _by_nnls(T: FloatArray, b: FloatArray, free: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """One small problem by the algorithm of Lawson and Hanson; free columns enter with either sign."""
    K = len(b)
    x, _ = nnls(np.concatenate([T, -T[:, free]], axis=1), b)
    c = x[:K].copy()
    c[free] -= x[K:]
    basis = np.zeros((K, K))
    used = np.flatnonzero(c)
    q, t = np.linalg.qr(T[:, used])
    firm = np.abs(np.diagonal(t)) > DEPENDENT
    basis[:, : len(used)] = q * firm
    return c, basis


def descents(
    model: Separable,
    y: FloatArray,
    u: FloatArray,
    free: NDArray[np.bool_],
    weights: FloatArray | None = None,
    iterations: int = 150,
    tolerance: float = 1e-5,
    along: NDArray[np.bool_] | None = None,
    race: bool = False,
) -> Ends:
    """Search from R points at once, coefficients of either sign for the first few steps.

    Parameters
    ----------
    model : Separable
        The law on its runs.
    y : ndarray, shape (n,) or (R, n)
        Losses, each times the root of its weight.
    u : ndarray, shape (R, p)
        Where the searches start.
    free : ndarray of bool, shape (K,)
        Coefficients of either sign.
    weights : ndarray, shape (n,) or (R, n), optional
        Square roots of the weights.
    iterations, tolerance
        Most steps; a search is done when a step changes no coordinate by more than the tolerance.
    along : ndarray of bool, shape (p,), optional
        Coordinates that may move; all when absent.
    race : bool
        The searches are for one minimum: leave behind those that creep above the lowest.
    """
    low, high = model.low, model.high
    R, p = u.shape
    y = np.broadcast_to(y, (R, y.shape[-1]))
    root = None if weights is None else np.broadcast_to(weights, y.shape)
    u = np.clip(u, low, high)
    held = np.zeros(p, bool) if along is None else ~along

    def state(points: FloatArray, rows: NDArray[np.intp], signs: bool) -> tuple[Inner, FloatArray]:
        at = model.evaluate(points)
        target, Phi, offset = y[rows], at.Phi, at.offset
        if root is not None:
            Phi, offset = Phi * root[rows, None], None if offset is None else offset * root[rows]
        if offset is not None:
            target = target - offset
        inner = solve_inner(Phi, target, free, signs)
        J = at.moved(inner.c, p)
        if root is not None:
            J *= root[rows, None]
        return inner, J - (J @ inner.basis) @ np.swapaxes(inner.basis, 1, 2)

    every = np.arange(R)
    signs = False
    before = np.full(R, np.inf)
    inner, J = state(u, every, signs)
    c, rss, r = inner.c, inner.rss, inner.residuals
    damping = np.full(R, 1e-2)
    active = every
    for k in range(iterations):
        if not signs and (k == FREE_STEPS or not len(active)):
            signs = True
            if not (c[:, ~free] >= 0).all():
                inner, J = state(u, every, signs)
                c, rss, r = inner.c, inner.rss, inner.residuals
                damping[:], active = 1e-2, every
        if not len(active):
            break
        step = _damped(J[active], r[active], damping[active], u[active], low, high, held)
        trial = np.clip(u[active] + step, low, high)
        at, slopes = state(trial, active, signs)
        better = at.rss <= rss[active] * (1 + 1e-15)
        taken = active[better]
        gain = rss[taken] - at.rss[better]
        moved = np.abs(trial - u[active]).max(axis=1, initial=0.0)
        u[taken], c[taken], rss[taken] = trial[better], at.c[better], at.rss[better]
        r[taken], J[taken] = at.residuals[better], slopes[better]
        damping[active] = np.clip(damping[active] * np.where(better, 0.1, 8.0), 1e-12, None)
        stuck = np.zeros(len(active), bool)
        stuck[better] = gain <= 1e-9 * rss[taken]
        going = (moved > tolerance) & ~stuck & (damping[active] < 1e9)
        if signs and k % PACE == 0:
            # those that at their pace would take too many steps to the lowest are left behind
            hopeless = rss[active] > rss.min() + PATIENCE * (before[active] - rss[active])
            going &= ~(hopeless & race)
            before[active] = rss[active]
        if race and k % MERGED == MERGED - 1:
            # searches that have met the lowest go on as one
            lowest = int(active[np.argmin(rss[active])])
            near = np.abs(u[active] - u[lowest]).max(axis=1, initial=0.0) < NEAR
            met = near & (rss[active] <= rss[lowest] * (1 + NEAR)) & (active != lowest)
            u[active[met]], c[active[met]], rss[active[met]] = u[lowest], c[lowest], rss[lowest]
            going &= ~met
        active = active[going]
    return Ends(u, c, rss)


def _damped(
    J: FloatArray,
    r: FloatArray,
    damping: FloatArray,
    u: FloatArray,
    low: FloatArray,
    high: FloatArray,
    held: NDArray[np.bool_],
) -> FloatArray:
    """Damped Gauss-Newton steps; a coordinate that presses against its bound stays there."""
    slope = np.einsum("rpn,rn->rp", J, r)
    H = J @ np.swapaxes(J, 1, 2)
    stays = held | ((u <= low) & (slope < 0)) | ((u >= high) & (slope > 0))
    size = np.sqrt(np.diagonal(H, axis1=1, axis2=2))
    size = np.where(size > 0, size, 1.0)
    slope = np.where(stays, 0.0, slope / size)
    H = H / (size[:, :, None] * size[:, None, :])
    H = np.where(stays[:, :, None] | stays[:, None, :], 0.0, H)
    p = u.shape[1]
    H[:, np.arange(p), np.arange(p)] = 1 + damping[:, None]
    step = np.linalg.solve(H, slope[..., None])[..., 0] / size
    longest = np.abs(step).max(axis=1, initial=LONGEST_STEP)
    return np.asarray(np.nan_to_num(step * (LONGEST_STEP / longest)[:, None]))
