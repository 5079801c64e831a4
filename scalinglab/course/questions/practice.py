"""Questions of the part *In practice*."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import brentq

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, study, surface
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.data.screening import screen
from scalinglab.data.screening_stages import STAGES
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.laws.repeated_data import RepeatedSurface


def clustered(J: FloatArray, r: FloatArray, budget: FloatArray) -> FloatArray:
    """Covariance of the parameters with the budget as the unit of chance, right on average (CR2)."""
    return _clustered(J, r, budget, -0.5)


def _clustered(J: FloatArray, r: FloatArray, budget: FloatArray, power: float) -> FloatArray:
    """Sum over budgets of squared pulls, residuals multiplied by a power of what the fit leaves of them."""
    H = np.linalg.pinv(J)
    V = np.zeros((J.shape[1], J.shape[1]))
    for name in np.unique(budget):
        here = budget == name
        size, axes = np.linalg.eigh(np.eye(int(here.sum())) - J[here] @ H[:, here])
        pull = H[:, here] @ (axes * size**power @ axes.T) @ r[here]
        V += np.outer(pull, pull)
    return V


def _clustered_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(5):
        budget = np.repeat(10.0 ** np.arange(18, 24), rng.integers(4, 9, 6))
        J = np.column_stack([np.ones(len(budget)), rng.standard_normal((len(budget), 2))])
        cases.append((J, rng.standard_normal(len(budget)), budget))
    return cases


def most_moving(runs: Runs, statistic: Callable[[Runs], float], rows: FloatArray) -> int:
    """The one of the rows whose removal moves a statistic most."""
    changes = np.abs(_changes(runs, statistic, rows))
    return int(rows[int(np.argmax(changes))])


def _changes(runs: Runs, statistic: Callable[[Runs], float], rows: FloatArray) -> FloatArray:
    every = np.arange(len(runs))
    return np.array([statistic(runs.take(every != row)) for row in rows]) - statistic(runs)


def _slope(runs: Runs) -> float:
    """Slope of ln L on ln N."""
    return float(np.polyfit(np.log(runs.N), np.log(runs.L), 1)[0])


def _slope_of_tokens(runs: Runs) -> float:
    """Slope of ln L on ln D."""
    return float(np.polyfit(np.log(runs.D), np.log(runs.L), 1)[0])


def _keeping(runs: Runs, statistic: Callable[[Runs], float], rows: FloatArray) -> int:
    """The mistake of leaving out all of the rows but one."""
    every = np.arange(len(runs))
    kept = [statistic(runs.take(~np.isin(every, rows) | (every == row))) for row in rows]
    return int(rows[int(np.argmax(np.abs(np.array(kept) - statistic(runs))))])


def _moving_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for place in range(12):
        runs = study(rng, budgets=3, noise=0.05)
        rows = np.sort(rng.choice(np.arange(3, len(runs)), 6, replace=False))
        cases.append((runs, (_slope, _slope_of_tokens)[place % 2], rows))
    return cases


def other_order(runs: Runs) -> Runs:
    """The runs kept when weak curvature is judged before outliers."""
    return _kept(
        runs, "near-duplicates", "too few", "off centre", "weak curvature", "outliers", "too few again"
    )


def _kept(runs: Runs, *names: str) -> Runs:
    stages = dict(STAGES)
    return screen(runs, stages=[(name, stages[name]) for name in names]).kept


def _dented(rng: np.random.Generator, place: int, size: float) -> Runs:
    """A study in which one run of one budget lies off its curve."""
    design = IsoflopDesign(np.geomspace(1, 100, 3) * log_uniform(rng, 1e18, 1e19), reach=3, points=9)
    clean = design.runs(surface(rng), 0.001, rng)
    L = clean.L.copy()
    L[9 * rng.integers(3) + place] += size
    return Runs(clean.N, clean.D, L, clean.C)


def _screening_cases(rng: np.random.Generator) -> list[Case]:
    """Two studies whose budget is lost with its outlier, two in which only the outlier goes."""
    cases: list[Case] = []
    for place, size, rival in ((4, 0.3, _published_order), (0, 0.1, _without_outliers)) * 2:
        for _ in range(20):
            runs = _dented(rng, place, size)
            if len(other_order(runs)) != len(rival(runs)):
                break
        cases.append((runs,))
    return cases


def _published_order(runs: Runs) -> Runs:
    return screen(runs).kept


def _without_outliers(runs: Runs) -> Runs:
    return _kept(runs, "near-duplicates", "too few", "off centre", "weak curvature")


def without_each(runs: Runs, fit: Callable[[Runs], Any], C: float) -> FloatArray:
    """Recommended tokens at C from the runs without each budget in turn."""
    return np.array([fit(rest).D_opt(C) for rest in _leaving(runs)])


def _leaving(runs: Runs) -> Iterator[Runs]:
    _, member = runs.by_budget()
    return (runs.take(member != j) for j in range(len(runs.budgets)))


def _one_run_less(runs: Runs, fit: Callable[[Runs], Any], C: float) -> FloatArray:
    every, (_, member) = np.arange(len(runs)), runs.by_budget()
    firsts = [int(np.argmax(member == j)) for j in range(len(runs.budgets))]
    return np.array([fit(runs.take(every != first)).D_opt(C) for first in firsts])


def equal_compute(law: RepeatedSurface, C: float, unique: float, more: float) -> float:
    """Budget that reaches, with more unique tokens, the best loss of C FLOPs with the unique ones."""
    return _budget_for(law, float(law.allocate(C, unique).loss), more, C)


def _budget_for(law: RepeatedSurface, loss: float, unique: float, C: float) -> float:
    """Budget near C whose best loss with the unique tokens is the given one."""

    def excess(log_C: float) -> float:
        return float(law.allocate(np.exp(log_C), unique).loss) - loss

    return float(np.exp(brentq(excess, np.log(C) - 20, np.log(C) + 20, xtol=1e-13, rtol=1e-14)))


def _same_model(law: RepeatedSurface, C: float, unique: float, more: float) -> float:
    """The mistake of keeping the parameters of the plan for the unique tokens."""
    plan = law.allocate(C, unique)

    def excess(log_D: float) -> float:
        return float(law.loss(plan.N, np.exp(log_D), more)) - float(plan.loss)

    return float(6 * plan.N * np.exp(brentq(excess, np.log(plan.D) - 5, np.log(plan.D) + 5)))


def _repeated_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(6):
        law = RepeatedSurface(surface(rng), log_uniform(rng, 8, 30), log_uniform(rng, 4, 15))
        unique = log_uniform(rng, 1e9, 1e12)
        C = log_uniform(rng, 5, 40) * law.base_compute(unique)
        cases.append((law, C, unique, rng.uniform(1.3, 3) * unique))
    return cases


QUESTIONS = (
    Question(
        label="ex-sure-clustered",
        chapter="uncertainty",
        asks="clustered(J, r, budget): the covariance of the parameters, budgets as the unit of chance.",
        reference=clustered,
        cases=_clustered_cases,
        mistakes=(
            (
                "the factors A_j are missing: the fit has bent towards each budget",
                partial(_clustered, power=0.0),
            ),
            (
                "I - P is inverted whole; its root is asked, or errors count too much on average",
                partial(_clustered, power=-1.0),
            ),
            ("that is the root of I - P; its inverse is asked", partial(_clustered, power=0.5)),
            (
                "every run is a budget of its own here; add the runs of a budget before you square",
                lambda J, r, budget: clustered(J, r, np.arange(len(r), dtype=float)),
            ),
            (
                "errors are taken for independent and alike: that is s² H Hᵀ",
                lambda J, r, budget: np.linalg.inv(J.T @ J) * np.sum(r**2) / (len(r) - J.shape[1]),
            ),
            (
                "that is the standard errors; the whole matrix is asked",
                lambda J, r, budget: np.sqrt(np.diag(clustered(J, r, budget))),
            ),
        ),
    ),
    Question(
        label="ex-care-leave-one",
        chapter="fitting_carefully",
        asks=(
            "most_moving(runs, statistic, rows): that one of the rows whose removal moves "
            "statistic(runs) most."
        ),
        reference=most_moving,
        cases=_moving_cases,
        mistakes=(
            (
                "that is the row with the largest rise; a fall moves the statistic too, so take "
                "absolute values",
                lambda runs, f, rows: rows[int(np.argmax(_changes(runs, f, rows)))],
            ),
            (
                "that is the row with the largest fall; a rise moves the statistic too, so take "
                "absolute values",
                lambda runs, f, rows: rows[int(np.argmin(_changes(runs, f, rows)))],
            ),
            (
                "that is a place in the list of rows; the row itself is asked",
                lambda runs, f, rows: int(np.argmax(np.abs(_changes(runs, f, rows)))),
            ),
            (
                "that is the row that moves the statistic least",
                lambda runs, f, rows: rows[int(np.argmin(np.abs(_changes(runs, f, rows))))],
            ),
            (
                "that is the change; the row is asked",
                lambda runs, f, rows: np.max(np.abs(_changes(runs, f, rows))),
            ),
            ("one run is kept and the other rows are dropped; drop one and keep the others", _keeping),
        ),
    ),
    Question(
        label="ex-screening-order",
        chapter="screening",
        asks="other_order(runs): the runs that are kept when weak curvature is judged before outliers.",
        reference=other_order,
        cases=_screening_cases,
        view=lambda kept: np.sort(kept.L),
        mistakes=(
            ("that is the published order, outliers first", _published_order),
            (
                "the stage of outliers is gone; it comes after weak curvature",
                _without_outliers,
            ),
            ("nothing was screened: return what `screen` keeps", lambda runs: runs),
        ),
    ),
    Question(
        label="ex-more-data",
        chapter="data_runs_out",
        asks=(
            "equal_compute(law, C, unique, more): the budget whose best loss with `more` unique tokens is "
            "that of C FLOPs with `unique` ones."
        ),
        reference=equal_compute,
        cases=_repeated_cases,
        rtol=1e-5,
        mistakes=(
            (
                "that is the share of the compute saved; the budget is asked for",
                lambda law, C, unique, more: 1 - equal_compute(law, C, unique, more) / C,
            ),
            (
                "the loss to match is that of the best plan with `unique` tokens, not of the plain frontier",
                lambda law, C, unique, more: _budget_for(law, law.surface.L_opt(C), more, C),
            ),
            (
                "the budget is split anew when the data grow; you kept the size of the model",
                lambda law, C, unique, more: _same_model(law, C, unique, more),
            ),
        ),
    ),
    Question(
        label="ex-llama3-jackknife",
        chapter="llama3",
        asks=(
            "without_each(runs, fit, C): the tokens recommended at C without each budget in turn, "
            "lowest budget first."
        ),
        reference=without_each,
        cases=lambda rng: [
            (study(rng), (fit_approach2, fit_vpnls)[place % 2], log_uniform(rng, 1e22, 1e24))
            for place in range(4)
        ],
        mistakes=(
            (
                "these are parameters, N_opt; tokens are asked",
                lambda runs, fit, C: [fit(rest).N_opt(C) for rest in _leaving(runs)],
            ),
            (
                "all budgets are still in: the runs without one are not what you fit",
                lambda runs, fit, C: [fit(runs).D_opt(C)] * len(runs.budgets),
            ),
            ("only one run of each budget was left out; leave out all of them", _one_run_less),
            (
                "the budgets come from the highest; begin with the lowest",
                lambda runs, fit, C: without_each(runs, fit, C)[::-1],
            ),
            (
                "these are ratios to the answer from all runs; the tokens are asked",
                lambda runs, fit, C: without_each(runs, fit, C) / fit(runs).D_opt(C),
            ),
        ),
    ),
)
