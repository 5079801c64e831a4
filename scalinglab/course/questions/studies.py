"""Questions on many studies side by side, of the part *In practice*."""

from __future__ import annotations

import numpy as np

from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import study
from scalinglab.data.runs import Runs
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.planning.allocation import misallocation


def waste_without(runs: Runs, budget: float, C: float) -> float:
    """Waste of Approach 2's plan for C where VPNLS is right, both fitted without one budget."""
    left = _without(runs, budget)
    return misallocation(fit_approach2(left, extrapolate=True), fit_vpnls(left), C).fraction


def _without(runs: Runs, budget: float) -> Runs:
    return runs.take(np.abs(runs.C / budget - 1) > 0.01)


def _fixed_judge(runs: Runs, budget: float, C: float) -> float:
    return misallocation(fit_approach2(_without(runs, budget), extrapolate=True), fit_vpnls(runs), C).fraction


def _nothing_left_out(runs: Runs, budget: float, C: float) -> float:
    return misallocation(fit_approach2(runs, extrapolate=True), fit_vpnls(runs), C).fraction


def _sampled_vertices_only(runs: Runs, budget: float, C: float) -> float:
    left = _without(runs, budget)
    return misallocation(fit_approach2(left), fit_vpnls(left), C).fraction


def _cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(3):
        runs = study(rng, budgets=5, points=9, noise=0.001)
        cases.append((runs, float(rng.choice(runs.budgets)), 100 * float(runs.C.max())))
    runs = study(rng, budgets=5, points=9, noise=0.0)
    largest = runs.budgets[-1]
    middle = np.sort(runs.at(largest).N)[4]
    kept = (middle > runs.N) | (0.5 * largest > runs.C)  # that budget's vertex lies beyond its sizes
    runs = runs.take(kept)
    cases.append((runs, float(rng.choice(runs.budgets[:-1])), 100 * float(largest)))
    return cases


QUESTIONS = (
    Question(
        label="ex-studies-judge",
        chapter="studies_compared",
        asks=(
            "waste_without(runs, budget, C): the share of C that Approach 2's plan wastes where VPNLS is "
            "right, both fitted to the runs without one budget."
        ),
        reference=waste_without,
        cases=_cases,
        mistakes=(
            ("the judge saw all runs; refit it to those that are left", _fixed_judge),
            ("no budget was left out", _nothing_left_out),
            (
                "a vertex beyond the sampled sizes is wanted, too: extrapolate=True",
                _sampled_vertices_only,
            ),
            (
                "that is what is left of the budget, not what is wasted",
                lambda *given: 1 - waste_without(*given),
            ),
            ("that is FLOPs; the share of C is asked", lambda *given: given[2] * waste_without(*given)),
        ),
    ),
)
