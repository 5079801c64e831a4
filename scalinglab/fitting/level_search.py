"""The fit with a level per budget: what it asks of the runs, and the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalinglab.data.runs import Runs
from scalinglab.fitting.concerns import require_identifiable
from scalinglab.fitting.free_levels import SHAPE, LevelsFit, grouped
from scalinglab.fitting.level_concerns import levels_concerns
from scalinglab.fitting.results import FitError
from scalinglab.solvers.within_groups import search_within


def fit_free_levels(runs: Runs) -> LevelsFit:
    """Fit both terms by variable projection with the levels of the budgets partialled out."""
    require_identifiable(runs)
    require_contrasts(runs)
    logs, starts, _ = grouped(runs)
    optimum, spare = search_within(logs, starts)
    A, B, alpha, beta = optimum.theta
    terms = logs.surface(0.0, A, B, alpha, beta)
    fit = LevelsFit(terms, runs.budgets, optimum.levels, runs, optimum.objective, (), spare)
    return replace(fit, concerns=tuple(levels_concerns(fit)))


def require_contrasts(runs: Runs) -> None:
    """Raise FitError unless enough runs can be compared with others of their budget."""
    budgets, member = runs.by_budget()
    if len(budgets) == 1:
        raise FitError(
            "a level per budget needs two budgets or more, and all runs share one, whose level is E itself; "
            "use fit_vpnls(runs), or add runs at another budget."
        )
    distinct = np.unique(np.stack([member, runs.N, runs.D]), axis=1)[0].astype(int)
    sizes = np.bincount(distinct)
    contrasts = int((sizes - 1).sum())
    if contrasts < SHAPE:
        alone = int((sizes == 1).sum())
        raise FitError(
            f"a level per budget leaves {contrasts} comparison{'s' * (contrasts != 1)} within budgets for "
            f"{SHAPE} parameters ({len(runs)} runs at {len(budgets)} budgets, {alone} of them with a single "
            "run); add sizes to the budgets, pass nominal budgets as C if these were meant to be equal, or "
            "use fit_vpnls(runs)."
        )
