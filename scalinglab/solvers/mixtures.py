r"""The best non-negative mixture of given columns, and the dual vector that proves it best.

Fit L by :math:`\sum_j c_j X_j`, :math:`c \ge 0`, under squares or Huber's loss. That is a convex problem; its
dual is

.. math:: \max_y\; D(y) = y \cdot L - \sum_i \frac{y_i^2}{2 w_i}, \qquad X_j \cdot y \le 0, \quad
    |y_i| \le w_i \delta,

and y is the derivative of the loss at the best residuals. Many such problems are solved at once, over a
leading axis. Squares, where the box is absent, need the Gram matrix alone: block principal pivoting. Huber's
loss takes an interior point on the dual, which stays away from the knots at :math:`|r| = \delta`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.objectives import Huber, Loss, Squared

#: Added to the unit diagonal of a Gram matrix, which may be singular to rounding.
RIDGE = 1e-14

#: A mixture from pivoting whose violation or complementarity exceeds this share of its objective is redone.
POOR = 1e-8

#: Steps of an interior point, at most.
STEPS = 50


class Problem(NamedTuple):
    r"""Minimise :math:`F = \sum_i w_i\,\rho(L_i - E - \sum_j A_j e^{-e_j n_{ij}})` over E, A >= 0.

    ``logs`` has shape (K, m): the centred logs of each of K terms. The loss rho is Huber's, with ``delta``
    infinite for squares: then F is half the sum of squares, and ``unit`` is 2.
    """

    logs: FloatArray
    L: FloatArray
    w: FloatArray
    delta: float
    unit: float

    @classmethod
    def of(cls, logs: FloatArray, L: FloatArray, loss: Loss, weights: FloatArray | None = None) -> Problem:
        """Pose the problem of a loss in L; runs of weight zero are left out."""
        w = np.ones_like(L) if weights is None else weights
        used = w > 0
        logs, L, w = np.asarray(logs, float).reshape(-1, len(L))[:, used], L[used], w[used]
        if loss == Squared():
            return cls(logs, L, w, np.inf, 2.0)
        if isinstance(loss, Huber) and not loss.log:
            return cls(logs, L, w, loss.delta, 1.0)
        raise ValueError(f"{loss} is not convex in the coefficients; squared or Huber residuals in L are.")

    def rho(self, r: FloatArray) -> FloatArray:
        """Loss of each residual: its square's half, beyond delta a straight line."""
        size = np.abs(r)
        inside = np.minimum(size, self.delta)
        return np.asarray(inside * (size - inside / 2))

    def values(self, r: FloatArray) -> FloatArray:
        """F of residuals (..., m)."""
        return np.asarray(self.rho(r) @ self.w)

    def dual(self, r: FloatArray) -> FloatArray:
        """Derivative y of F by the residuals."""
        return np.asarray(self.w * np.clip(r, -self.delta, self.delta))

    def dual_values(self, y: FloatArray) -> FloatArray:
        """D(y) of vectors (..., m)."""
        return np.asarray(y @ self.L - (y * y) @ (0.5 / self.w))

    @property
    def base(self) -> float:
        """F of a constant: the scale of everything."""
        return float(self.values(self.L - self.L @ self.w / self.w.sum()))


class Mixture(NamedTuple):
    """Coefficients (k, q) of the best mixtures and their dual vectors (k, m)."""

    c: FloatArray
    y: FloatArray


def best_mixture(
    problem: Problem,
    X: FloatArray,
    cost: FloatArray | None = None,
    enough: float = np.inf,
    digits: float = 1e-9,
) -> Mixture:
    r"""Minimise :math:`F(L - \sum_j c_j X_j) + \sum_j \kappa_j c_j` over :math:`c \ge 0`, k times.

    Parameters
    ----------
    problem : Problem
        Runs and loss.
    X : ndarray, shape (k, q, m)
        Columns of each mixture.
    cost : ndarray, shape (k, q), optional
        The price kappa of each coefficient: zero when absent. The dual vector then has
        :math:`X_j \cdot y \le \kappa_j`; give minus the margin by which it shall stay below zero.
    enough : float
        Where D(y) is certain to exceed this, a better y is of no use.
    digits : float
        Gap allowed, relative to F.

    Returns
    -------
    Mixture
    """
    # columns of unit length
    length = np.sqrt((X * X) @ problem.w)
    X = X / length[:, :, None]
    price = np.zeros_like(length) if cost is None else cost / length
    if np.isfinite(problem.delta):
        c, y = interior_point(problem, X, price, enough, digits)
    else:
        c, y = _by_pivoting(problem, X, price)
        poor = _poor(problem, X, price, c, y)
        if poor.any():
            c[poor], y[poor] = interior_point(problem, X[poor], price[poor], enough, digits)
    return Mixture(c / length, y)


def _mix(c: FloatArray, X: FloatArray) -> FloatArray:
    """Mixtures of the columns, shape (k, m)."""
    return np.asarray((c[:, None] @ X)[:, 0])


def _slopes(X: FloatArray, y: FloatArray) -> FloatArray:
    """Products of every column with y, shape (k, q)."""
    return np.asarray((X @ y[:, :, None])[:, :, 0])


def _by_pivoting(problem: Problem, X: FloatArray, price: FloatArray) -> Mixture:
    """Squares: the Gram matrix, pivoting, and one step of refinement on the residuals themselves."""
    weighted = X * problem.w
    gram = weighted @ X.transpose(0, 2, 1)
    diagonal = np.arange(X.shape[1])
    gram[:, diagonal, diagonal] += RIDGE
    c, used = pivot(gram, weighted @ problem.L - price)
    for last in (False, True):
        y = problem.w * (problem.L - _mix(c, X))
        if not last:
            c += _solve(gram, _slopes(X, y) - price, used)
    return Mixture(c, y)


def pivot(G: FloatArray, b: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    r"""Find :math:`c \ge 0` with :math:`\lambda = G c - b \ge 0` and :math:`c \cdot \lambda = 0`, k times.

    Block principal pivoting: exchange every variable of the wrong sign; after three exchanges without
    progress only the last of them, which cannot cycle for a positive definite G. Returns c and which are
    used.
    """
    c, used = np.zeros_like(b), np.ones(b.shape, bool)
    fewest, patience = np.full(len(b), b.shape[1] + 1), np.full(len(b), 3)
    tiny = 1e-13 * np.abs(b).max(axis=1, initial=0.0)
    active = np.arange(len(b))
    last = np.arange(b.shape[1])
    for _ in range(12 * b.shape[1]):
        inside = used[active]
        x = _solve(G[active], b[active], inside)
        slope = np.einsum("kij,kj->ki", G[active], x) - b[active]
        wrong = np.where(inside, x, slope) < -tiny[active, None]
        c[active] = x
        count = wrong.sum(axis=1)
        better = count < fewest[active]
        fewest[active] = np.minimum(fewest[active], count)
        patience[active] = np.where(better, 3, patience[active] - 1)
        one = last == np.where(wrong, last, -1).max(axis=1)[:, None]
        used[active] ^= np.where((patience[active] >= 0)[:, None], wrong, one & wrong)
        active = active[count > 0]
        if not len(active):
            break
    return c, used


def _solve(G: FloatArray, b: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    """Solve the equations of the variables in use; the others are zero."""
    both = used[:, :, None] & used[:, None, :]
    return np.linalg.solve(np.where(both, G, np.eye(b.shape[1])), np.where(used, b, 0.0)[..., None])[..., 0]


def _poor(
    problem: Problem, X: FloatArray, price: FloatArray, c: FloatArray, y: FloatArray
) -> NDArray[np.bool_]:
    """Where the conditions of the optimum are missed by more than a hundred-millionth of F."""
    slope = _slopes(X, y) - price
    norm = np.sqrt(problem.L**2 @ problem.w)
    missed = slope.max(axis=1) * norm + np.abs(c * slope).sum(axis=1)
    return np.asarray(~(missed <= POOR * np.abs(problem.dual_values(y)) + 1e-14 * problem.base))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def interior_point(
    problem: Problem, X: FloatArray, price: FloatArray, enough: float = np.inf, digits: float = 1e-9
) -> Mixture:
    r"""Solve the dual by Mehrotra's primal-dual method, k times at once.

    With slacks :math:`s = \kappa - X y \ge 0` and :math:`t^\pm = w\delta \mp y \ge 0`, and their
    multipliers c and :math:`z^\pm`, the optimum has

    .. math:: \frac{y}{w} - L + X^\top c + z^+ - z^- = 0, \qquad c\,s = 0, \quad z^\pm t^\pm = 0.

    Newton's method on these equations with the products held at a falling :math:`\mu` needs one system of q
    equations a step: H is diagonal in y. y stays strictly inside the box. It stops at a gap of ``digits``
    relative to F, or where D exceeds ``enough``. Where the numbers break down y is zero, which is valid and
    proves nothing.
    """
    k, q, m = X.shape
    w, L = problem.w, problem.L
    delta = problem.delta
    if not np.isfinite(delta):  # a box that no residual reaches
        delta = 4 * float(np.sqrt((L**2 @ w) / w.min()))
    state = _start(problem, X, price, delta)
    ends = np.zeros((k, q)), np.zeros((k, m))
    active = np.arange(k)
    small = 1e-16 * problem.base
    for _ in range(STEPS):
        y, s, c = state[:3]
        gap = _gap(state, w, delta)
        miss = _slopes(X, y) + s - price
        value = problem.dual_values(y)
        missed = (np.abs(miss) * c).sum(axis=1)
        wanted = digits * np.abs(value) + small
        done = (gap <= wanted) & (missed <= wanted)
        done |= value - 20 * missed > 1.01 * enough  # coefficients may be larger than those of the mixture
        broken = np.asarray(~np.isfinite(gap))
        out = np.asarray(done | broken)
        if out.any():
            good = np.asarray(done & ~broken)
            ends[0][active[good]], ends[1][active[good]] = c[good], y[good]
            keep = ~out
            active, X, price, miss = active[keep], X[keep], price[keep], miss[keep]
            state = tuple(np.asarray(part[keep]) for part in state)
        if not len(active):
            break
        state = _newton(problem, X, miss, state, delta)
    if len(active):
        y = np.where(np.all(np.isfinite(state[0]), axis=1, keepdims=True), state[0], 0.0)
        ends[0][active], ends[1][active] = np.where(np.isfinite(state[2]), state[2], 0.0), y
    edge = w * problem.delta
    return Mixture(ends[0], np.clip(ends[1], -edge, edge))


#: A step that reaches less far, or gains little, gives way to one towards equal products of this share of mu.
SHORT, CENTRE = 0.5, 0.7

State = tuple[FloatArray, ...]


def _start(problem: Problem, X: FloatArray, price: FloatArray, delta: float) -> State:
    """A start inside: y, s, c and both z, from a mixture that shares the losses evenly."""
    q = X.shape[1]
    size = np.abs((X @ (problem.w * problem.L)).max(axis=1))
    c = np.repeat(size[:, None] / q, q, axis=1)
    r = problem.L - _mix(c, X)
    y = problem.w * np.clip(r, -0.5 * delta, 0.5 * delta)
    rest = r - y / problem.w
    least = 0.1 * np.abs(r).mean(axis=1, keepdims=True) + 1e-3 * min(delta, float(np.abs(problem.L).max()))
    up, down = np.maximum(rest, 0) + least, np.maximum(-rest, 0) + least
    room = np.abs(_slopes(X, y)) + np.abs(price)
    s = room + 0.1 * room.mean(axis=1, keepdims=True) + np.finfo(float).tiny
    return y, s, c, up, down


def _gap(state: State, w: FloatArray, delta: float) -> FloatArray:
    """What the products of slacks and multipliers add up to: primal less dual."""
    y, s, c, up, down = state
    edge = w * delta
    return np.asarray((c * s).sum(axis=1) + (up * (edge - y)).sum(axis=1) + (down * (edge + y)).sum(axis=1))


def _newton(problem: Problem, X: FloatArray, miss: FloatArray, state: State, delta: float) -> State:
    """One step: predict with mu = 0, centre by how far that went, correct for the second order."""
    y, s, c, up, down = state
    edge = problem.w * delta
    above, below = edge - y, edge + y
    H = 1 / problem.w + up / above + down / below
    scaled = X / H[:, None]
    gram = scaled @ X.transpose(0, 2, 1)
    diagonal = np.arange(X.shape[1])
    gram[:, diagonal, diagonal] += s / c + RIDGE * gram[:, diagonal, diagonal].max(axis=1)[:, None]
    rest = y / problem.w - problem.L + _mix(c, X) + up - down
    products = c.shape[1] + 2 * y.shape[1]
    mu = _gap(state, problem.w, delta) / products

    def step(in_s: FloatArray, in_up: FloatArray, in_down: FloatArray) -> State:
        # what each product shall gain: c ds + s dc = in_s, and so on
        right = rest + in_up / above - in_down / below
        dc = _regular(gram, miss + in_s / c - _slopes(scaled, right))
        dy = -(right + _mix(dc, X)) / H
        return dy, (in_s - s * dc) / c, dc, (in_up + up * dy) / above, (in_down - down * dy) / below

    def reach(d: State) -> FloatArray:
        pairs = ((above, -d[0]), (below, d[0]), *zip(state[1:], d[1:], strict=True))
        worst = np.array([(change / value).min(axis=1) for value, change in pairs]).min(axis=0)
        return np.asarray(1 / np.maximum(1, -worst))[:, None]

    d = step(-c * s, -up * above, -down * below)
    size = reach(d)
    ahead = tuple(part + size * change for part, change in zip(state, d, strict=True))
    left = _gap(ahead, problem.w, delta) / products
    centre = (mu * np.clip(left / mu, 0, 1) ** 3)[:, None]
    dy, ds, dc, d_up, d_down = (size * change for change in d)  # what could not be walked is not corrected
    d = step(centre - c * s - dc * ds, centre - up * above + d_up * dy, centre - down * below - d_down * dy)
    size = 0.995 * reach(d)
    ahead = tuple(part + size * change for part, change in zip(state, d, strict=True))
    poor = (size[:, 0] < SHORT) | ~(_gap(ahead, problem.w, delta) < 0.9 * mu * products)
    if poor.any():  # products out of balance: bring them together before going on
        middle = (CENTRE * mu)[:, None]
        even = step(middle - c * s, middle - up * above, middle - down * below)
        d = tuple(np.where(poor[:, None], other, change) for change, other in zip(d, even, strict=True))
        size = 0.995 * reach(d)
    return tuple(part + size * change for part, change in zip(state, d, strict=True))


def _regular(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solve; a system whose numbers have broken down answers nan."""
    fine = np.isfinite(gram).all(axis=(1, 2))
    answer = np.full_like(right, np.nan)
    answer[fine] = np.linalg.solve(gram[fine], right[fine][..., None])[..., 0]
    return answer
