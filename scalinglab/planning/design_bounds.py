r"""How far from the best a design can be, proven: tangents of one over the variance.

One over the weighted variance, :math:`1/F(n)`, is a concave function of the numbers n of runs at the
candidates and grows in proportion to them. So every design :math:`n_0` gives a bound on every other,

.. math:: \frac{1}{F(n)} \le \frac{\sum_i n_i s_i(n_0)}{F(n_0)^2}, \qquad
          s_i = \sum_s w_s (c^\top M_0^{-1} g_i)^2,

which for one surface is the inequality of Cauchy and Schwarz. The largest value that all tangents allow,
under the limits on cost, number and repeats, is a linear programme; with one tangent it is a fractional
knapsack.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.planning.exchange import ROUNDING, DesignProblem, Mask

#: Rounds of tangents at most, and the gap at which they end.
ROUNDS, ENOUGH = 25, 0.004


class Bound(NamedTuple):
    """A lower bound on the weighted variance of any design, and the best fractional design on the way."""

    least: float
    counts: FloatArray


def knapsack_bound(problem: DesignProblem, counts: FloatArray | Mask) -> float:
    """The bound that one design proves: no design within the limits has a smaller weighted variance."""
    F, s = problem.sensitivities(counts)
    most, _ = _allowed(problem, [s / F**2])
    return 1 / most


def design_bound(problem: DesignProblem, chosen: Mask) -> Bound:
    """The bound of several designs together, each between the best so far and where the bound is reached."""
    F, s = problem.sensitivities(chosen)
    tangents = [s / F**2]
    best, best_F = chosen.astype(float), F
    least = 0.0
    for _ in range(ROUNDS):
        most, counts = _allowed(problem, tangents)
        least = max(least, 1 / most)
        if best_F <= least * (1 + ENOUGH):
            break
        for share in (0.6, 0.2):
            between = best + share * (counts - best)
            F, s = problem.sensitivities(between)
            tangents.append(s / F**2)
            if best_F > F:
                best, best_F = between, F
    return Bound(least, best)


def rounded(problem: DesignProblem, counts: FloatArray) -> Mask:
    """A design of distinct runs near a fractional one: the largest counts that can be paid for."""
    chosen = problem.forced.copy()
    for place in np.argsort(-counts, kind="stable"):
        left = problem.runs - int(chosen.sum())
        if not left:
            break
        if chosen[place]:
            continue
        trial = chosen.copy()
        trial[place] = True
        free = np.sort(problem.cost[~trial])[: left - 1]
        if problem.cost[trial].sum() + free.sum() <= 1 + ROUNDING:
            chosen = trial
    return chosen


def _allowed(problem: DesignProblem, tangents: list[FloatArray]) -> tuple[float, FloatArray]:
    """Largest 1/F that all tangents allow under the limits, and the numbers of runs where it is reached."""
    from scipy.optimize import linprog

    size = max(float(t.max()) for t in tangents)
    M = len(problem.cost)
    rows = np.column_stack([-np.array(tangents) / size, np.ones(len(tangents))])
    limits = np.array([[*problem.cost, 0.0], [*np.ones(M), 0.0]])
    found = linprog(
        np.append(np.zeros(M), -1.0),
        A_ub=np.vstack([rows, limits]),
        b_ub=np.append(np.zeros(len(tangents)), [1.0, problem.runs]),
        bounds=[*((float(one), 1.0) for one in problem.forced), (0.0, None)],
        method="highs",
    )
    return float(-found.fun * size), np.clip(found.x[:-1], 0.0, 1.0)
