r"""An interior point on the dual of the best mixture: steady at the knots of Huber's loss.

A Newton method on the primal cycles at :math:`|r| = \delta`; the dual is a quadratic programme in a box, and
y stays strictly inside it. Many problems are solved at once, over a leading axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.coefficients import Mixture, Problem, mix, slopes

#: Added to the unit diagonal of a Gram matrix, which may be singular to rounding.
RIDGE = 1e-14

#: Steps, at most.
STEPS = 50


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
    gap = _gap(state, w, delta)
    for _ in range(STEPS):
        y, s, c = state[:3]
        miss = slopes(X, y) + s - price
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
            active, X, price, miss, gap = active[keep], X[keep], price[keep], miss[keep], gap[keep]
            state = tuple(np.asarray(part[keep]) for part in state)
        if not len(active):
            break
        state, gap = _newton(problem, X, miss, state, gap, delta)
    if len(active):
        y = np.where(np.all(np.isfinite(state[0]), axis=1, keepdims=True), state[0], 0.0)
        ends[0][active], ends[1][active] = np.where(np.isfinite(state[2]), state[2], 0.0), y
    edge = w * problem.delta
    return Mixture(ends[0], np.clip(ends[1], -edge, edge))


#: A step that reaches less far, or gains little, gives way to one towards equal products of this share of mu.
SHORT, CENTRE = 0.5, 0.7

State = tuple[FloatArray, ...]


def _start(problem: Problem, X: FloatArray, price: FloatArray, delta: float) -> State:
    """A start inside: y, s, c and both z, from least squares held off the singular and the negative."""
    w, L, q = problem.w, problem.L, X.shape[1]
    weighted = X * w
    gram, right = weighted @ X.transpose(0, 2, 1), weighted @ L
    diagonal = np.arange(q)
    gram[:, diagonal, diagonal] *= 1.01
    least = (0.05 / q) * np.abs(right.max(axis=1, keepdims=True))
    c = np.maximum(_regular(gram, right), least)
    f = mix(c, X)
    scale = ((f @ (w * L)) / ((f * f) @ w))[:, None]
    c, r = scale * c, L - scale * f
    y = w * np.clip(r, -0.3 * delta, 0.3 * delta)
    rest = r - y / w
    off = 0.5 * np.abs(r).mean(axis=1, keepdims=True) + 1e-3 * min(delta, float(np.abs(L).max()))
    up, down = np.maximum(rest, 0) + off, np.maximum(-rest, 0) + off
    room = np.abs(slopes(X, y)) + np.abs(price)
    s = room + 0.3 * room.mean(axis=1, keepdims=True) + np.finfo(float).tiny
    return y, s, c, up, down


def _gap(state: State, w: FloatArray, delta: float) -> FloatArray:
    """What the products of slacks and multipliers add up to: primal less dual."""
    y, s, c, up, down = state
    edge = w * delta
    return np.asarray((c * s).sum(axis=1) + (up * (edge - y) + down * (edge + y)).sum(axis=1))


class _Equations:
    """Newton's equations at a state: the same matrix for the prediction and its correction."""

    def __init__(self, problem: Problem, X: FloatArray, miss: FloatArray, state: State, delta: float) -> None:
        y, self.s, self.c, self.up, self.down = self.state = state
        edge = problem.w * delta
        self.by_above, self.by_below = 1 / (edge - y), 1 / (edge + y)
        self.steep = self.up * self.by_above, self.down * self.by_below
        self.by_H = 1 / (1 / problem.w + self.steep[0] + self.steep[1])
        self.X, self.miss = X, miss
        self.scaled = X * self.by_H[:, None]
        self.gram = self.scaled @ X.transpose(0, 2, 1)
        self.ratio = self.s / self.c
        diagonal = np.einsum("kii->ki", self.gram)
        diagonal += self.ratio + RIDGE * diagonal.max(axis=1)[:, None]
        self.rest = y / problem.w - problem.L + mix(self.c, X)

    def step(self, of_s: Any, of_up: Any, of_down: Any) -> State:
        """The step to products c s, z t of these sizes, each given over c or t."""
        right = self.rest + of_up - of_down
        dc = _regular(self.gram, self.miss + of_s - self.s - slopes(self.scaled, right))
        dy = -self.by_H * (right + mix(dc, self.X))
        ds = of_s - self.s - self.ratio * dc
        return dy, ds, dc, of_up - self.up + self.steep[0] * dy, of_down - self.down - self.steep[1] * dy

    def reach(self, d: State) -> FloatArray:
        """How much of a step keeps slacks and multipliers positive, 1 at most."""
        dy, ds, dc, d_up, d_down = d
        box = np.maximum(dy * self.by_above, -dy * self.by_below)
        of_box = np.maximum(box, -np.minimum(d_up / self.up, d_down / self.down)).max(axis=1)
        of_slopes = -np.minimum(ds / self.s, dc / self.c).min(axis=1)
        return np.asarray(1 / np.maximum(1, np.maximum(of_box, of_slopes)))[:, None]

    def ahead(self, d: State, share: float = 0.995) -> tuple[FloatArray, State]:
        """How far the step reaches, and the state a little before that."""
        size = self.reach(d)
        walked = share * size
        return size, tuple(part + walked * change for part, change in zip(self.state, d, strict=True))


def _newton(
    problem: Problem, X: FloatArray, miss: FloatArray, state: State, gap: FloatArray, delta: float
) -> tuple[State, FloatArray]:
    """One step: predict with mu = 0, centre by how far that went, correct for the second order.

    Returns the state it leads to, and its gap.
    """
    equations = _Equations(problem, X, miss, state, delta)
    products = X.shape[1] + 2 * X.shape[2]
    mu = gap / products
    dy, ds, dc, d_up, d_down = d = equations.step(0.0, 0.0, 0.0)
    size = equations.reach(d)[:, 0]
    by_s, by_up, by_down = dc * ds, -d_up * dy, d_down * dy  # what the products gain in second order
    left = (1 - size) * mu + size**2 * (by_s.sum(axis=1) + (by_up + by_down).sum(axis=1)) / products
    centre = (mu * np.clip(left / mu, 0, 1) ** 3)[:, None]
    walked = (size**2)[:, None]  # what could not be walked is not corrected
    d = equations.step(
        (centre - walked * by_s) / equations.c,
        (centre - walked * by_up) * equations.by_above,
        (centre - walked * by_down) * equations.by_below,
    )
    reach, there = equations.ahead(d)
    after = _gap(there, problem.w, delta)
    poor = (reach[:, 0] < SHORT) | ~(after < 0.9 * gap)
    if poor.any():  # products out of balance: bring them together before going on
        equations = _Equations(problem, X[poor], miss[poor], tuple(part[poor] for part in state), delta)
        middle = (CENTRE * mu[poor])[:, None]
        even = equations.step(middle / equations.c, middle * equations.by_above, middle * equations.by_below)
        _, even = equations.ahead(even)
        for part, other in zip(there, even, strict=True):
            part[poor] = other
        after[poor] = _gap(even, problem.w, delta)
    return there, after


def _regular(gram: FloatArray, right: FloatArray) -> FloatArray:
    """Solve; a system whose numbers have broken down answers nan."""
    fine = np.isfinite(gram).all(axis=(1, 2))
    if fine.all():
        return np.asarray(np.linalg.solve(gram, right[..., None])[..., 0], float)
    answer = np.full_like(right, np.nan)
    answer[fine] = np.linalg.solve(gram[fine], right[fine][..., None])[..., 0]
    return answer
