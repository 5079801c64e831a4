r"""Designs in which no two runs are alike: greedy additions, then swaps, by updates of low rank.

The variance of a target :math:`c^\top\theta` under a design M is :math:`\varphi = c^\top M^{-1} c` with
:math:`M = \sum_i g_i g_i^\top`; of several surfaces it is the weighted sum. Adding g lowers it by
:math:`(c^\top M^{-1} g)^2/(1 + g^\top M^{-1} g)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.fitting.results import FitError
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.planned_runs import PlannedRuns
from scalinglab.planning.run_weights import WORST_CONDITION, gradients, size_direction, undetermined

Mask = NDArray[np.bool_]

#: Information that every direction has before the first run, beside that of all candidates, one.
RIDGE = 1e-7

#: Swaps that gain less than this share end the search.
LEAST_GAIN = 1e-5

#: Share of the limit by which sums of costs may exceed it.
ROUNDING = 1e-12

#: Prices of compute that are tried.
PRICES = 12

#: Swaps at most.
MOST_SWAPS = 400


@dataclass(frozen=True, eq=False)
class DesignProblem:
    r"""What is chosen among, what for, and within which limits.

    Attributes
    ----------
    rows : ndarray, shape (S, M, 5)
        g of each surface and candidate, in coordinates in which all candidates together have information one
        in every direction.
    targets : ndarray, shape (S, 5)
        c of each surface in the same coordinates.
    cost : ndarray, shape (M,)
        Cost of each candidate, as a share of what may be spent.
    runs : int
        Runs of the design.
    weights : ndarray, shape (S,)
        What each surface's variance counts.
    forced : ndarray of bool, shape (M,)
        Candidates that any design has.
    """

    rows: FloatArray
    targets: FloatArray
    cost: FloatArray
    runs: int
    weights: FloatArray
    forced: Mask

    @classmethod
    def of(
        cls, surfaces: Sequence[LossSurface], candidates: PlannedRuns, C: float, cost: FloatArray, runs: int
    ) -> DesignProblem:
        """All surfaces count one, and nothing is forced; FitError where no design determines a law."""
        rows, targets = [], []
        for surface in surfaces:
            G = gradients(surface, candidates.N, candidates.D, C)
            Q, R = np.linalg.qr(G / np.linalg.norm(G, axis=0))
            if len(G) < 5 or np.linalg.cond(R) > WORST_CONDITION:
                raise FitError(undetermined(len(G)))
            rows.append(Q)
            targets.append(np.linalg.solve(R.T, size_direction(surface, C) / np.linalg.norm(G, axis=0)))
        ones = np.ones(len(surfaces))
        return cls(np.array(rows), np.array(targets), cost, runs, ones, np.zeros(len(cost), bool))

    def only(self, place: int) -> DesignProblem:
        """The problem of one surface alone."""
        one = slice(place, place + 1)
        return replace(self, rows=self.rows[one], targets=self.targets[one], weights=np.ones(1))

    def inverses(self, counts: FloatArray | Mask, ridge: float = 0.0) -> FloatArray:
        """Inverse information of each surface, (S, 5, 5), of so many runs at each candidate."""
        used = counts > 0
        rows = self.rows[:, used]
        M = np.swapaxes(rows * counts[used, None], 1, 2) @ rows
        return np.asarray(np.linalg.inv(M + ridge * np.eye(M.shape[1])))

    def variances(self, counts: FloatArray | Mask) -> FloatArray:
        """c'M⁻¹c of each surface, (S,)."""
        V = self.inverses(counts)
        return np.asarray(np.einsum("sp,spq,sq->s", self.targets, V, self.targets))

    def value(self, counts: FloatArray | Mask) -> float:
        """Weighted sum of the variances."""
        return float(self.weights @ self.variances(counts))

    def sensitivities(self, counts: FloatArray | Mask) -> tuple[float, FloatArray]:
        r"""Weighted variance, and :math:`s_i = \sum w (c^\top M^{-1} g_i)^2`, minus its derivatives, (M,)."""
        reach = np.einsum("sp,spq->sq", self.targets, self.inverses(counts))
        s = self.weights @ np.einsum("smq,sq->sm", self.rows, reach) ** 2
        return float(self.weights @ np.einsum("sq,sq->s", reach, self.targets)), np.asarray(s)


def greedy(problem: DesignProblem) -> Mask:
    """Runs added one by one, each the one that helps most and leaves money for the others."""
    chosen = problem.forced.copy()
    by_cost = np.argsort(problem.cost, kind="stable")
    V = problem.inverses(chosen, RIDGE)
    quadratic = "smp,spq,smq->sm"
    path = np.einsum_path(quadratic, problem.rows, V, problem.rows)[0]
    while (left := problem.runs - int(chosen.sum())) > 0:
        free = by_cost[~chosen[by_cost]]
        room = 1 - problem.cost[chosen].sum() - problem.cost[free[: left - 1]].sum()
        fits = problem.cost <= room + ROUNDING
        fits[free[:left]] = True
        reach = np.einsum("sp,spq->sq", problem.targets, V)
        lift = np.einsum("smq,sq->sm", problem.rows, reach)
        spread = np.einsum(quadratic, problem.rows, V, problem.rows, optimize=path)
        drop = problem.weights @ (lift**2 / (1 + spread))
        best = int(np.argmax(np.where(fits & ~chosen, drop, -1.0)))
        g = problem.rows[:, best]
        Vg = np.einsum("spq,sq->sp", V, g)
        V = V - Vg[:, :, None] * Vg[:, None, :] / (1 + np.einsum("sp,sp->s", g, Vg))[:, None, None]
        chosen[best] = True
    return chosen


class Found(NamedTuple):
    """A design, and the price of compute at which it was found, a share of its value for all of it."""

    chosen: Mask
    price: float


def searched(problem: DesignProblem, near: Found | None = None) -> Found:
    r"""The best design found: swaps under a price of compute, which falls as far as the limit allows.

    Under the limit itself single swaps get stuck, since a dear run can come in only where one as dear
    leaves. With a price :math:`\lambda` the sum of variance and :math:`\lambda` times cost is made small,
    which single swaps do well; the price is bisected until the design just fits, and swaps within the limit
    end the search. Near the design of a similar problem, which is within the limit too, fewer prices are
    tried.
    """
    chosen = exchanged(problem, greedy(problem) if near is None else near.chosen)
    price, step, rounds = (0.1, 4.0, PRICES) if near is None else (near.price, 1.6, PRICES // 3)
    best, value = Found(chosen, price), problem.value(chosen)
    low, high = 0.0, np.inf
    for _ in range(rounds):
        chosen = exchanged(problem, chosen, price * value)
        if problem.cost[chosen].sum() <= 1 + ROUNDING:
            high = price
            polished = exchanged(problem, chosen)
            if (reached := problem.value(polished)) < value * (1 - LEAST_GAIN):
                best, value = Found(polished, price), reached
        else:
            low = price
        price = price * step if np.isinf(high) else price / step if low == 0 else float(np.sqrt(low * high))
    return best


def exchanged(problem: DesignProblem, chosen: Mask, price: float | None = None) -> Mask:
    """Swap one run for another, the best at a time, until none gains; within the limit, or at a price."""
    chosen = chosen.copy()
    for _ in range(MOST_SWAPS):
        swap = _best_swap(problem, chosen, price)
        if swap is None:
            break
        chosen[list(swap)] = [False, True]
    return chosen


def _best_swap(problem: DesignProblem, chosen: Mask, price: float | None = None) -> tuple[int, int] | None:
    r"""The run to leave out and the one to take in, if that gains.

    With :math:`k_{ij} = g_i^\top V g_j`, :math:`a_i = c^\top V g_i` the variance falls by
    :math:`[a_j^2(k_{ii}-1) - 2a_i a_j k_{ij} + a_i^2(1+k_{jj})]/\det`,
    :math:`\det = (1+k_{jj})(k_{ii}-1) - k_{ij}^2`.
    """
    out, into = np.flatnonzero(chosen & ~problem.forced), np.flatnonzero(~chosen)
    if not (len(out) and len(into)):
        return None
    V = problem.inverses(chosen)
    T = np.swapaxes(V, 1, 2)
    G_out, G_in = problem.rows[:, out], problem.rows[:, into]
    reach = np.einsum("sp,spq->sq", problem.targets, V)
    a_out, a_in = (np.einsum("smq,sq->sm", G, reach) for G in (G_out, G_in))
    left = G_out @ T
    k_out = np.einsum("smp,smp->sm", left, G_out)[:, :, None] - 1
    k_in = 1 + np.einsum("smp,smp->sm", G_in @ T, G_in)[:, None, :]
    both = left @ np.swapaxes(G_in, 1, 2)
    det, drop = k_in * k_out, k_out * a_in[:, None, :] ** 2
    det -= both**2
    det[~(det < -1e-9)] = np.nan
    drop += k_in * a_out[:, :, None] ** 2
    both *= 2
    both *= a_in[:, None, :]
    both *= a_out[:, :, None]
    drop -= both
    drop /= det
    gain = np.einsum("s,soi->oi", problem.weights, drop)
    dearer = problem.cost[into][None, :] - problem.cost[out][:, None]
    if price is None:
        gain[dearer > 1 - problem.cost[chosen].sum() + ROUNDING] = -np.inf
    else:
        gain -= price * dearer
    gain[np.isnan(gain)] = -np.inf
    best: Any = np.unravel_index(int(np.argmax(gain)), gain.shape)
    now = float(problem.weights @ np.einsum("sq,sq->s", reach, problem.targets))
    return (int(out[best[0]]), int(into[best[1]])) if gain[best] > LEAST_GAIN * now else None
