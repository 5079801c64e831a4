"""Bootstrap draws: weights of the runs for pairs and budgets, new losses for residual and wild draws."""

from __future__ import annotations

from typing import Literal

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FitError, SurfaceFit

Kind = Literal["pairs", "residual", "wild", "budgets"]

#: Kinds of draws, in the order in which messages list them.
KINDS = ("pairs", "residual", "wild", "budgets")


def draw_weights(runs: Runs, draws: int, rng: np.random.Generator, within_budgets: bool = True) -> FloatArray:
    """Number of times that each run is drawn in each draw of pairs, shape (draws, n)."""
    n = len(runs)
    if not within_budgets:
        return np.asarray(rng.multinomial(n, np.full(n, 1 / n), draws), float)
    budgets, member = runs.by_budget()
    sizes = np.bincount(member)
    if sizes.min() < 2:
        raise ValueError(
            f"bootstrap: budget {budgets[np.argmin(sizes)]:.3g} has a single run, which would be drawn every "
            "time; leave within_budgets out, or pass False."
        )
    weights = np.empty((draws, n))
    for k, size in enumerate(sizes):
        weights[:, member == k] = rng.multinomial(size, np.full(size, 1 / size), draws)
    return weights


def draw_budgets(runs: Runs, draws: int, rng: np.random.Generator) -> FloatArray:
    """Number of times that each run's budget is drawn in each draw of whole budgets, shape (draws, n)."""
    budgets, member = runs.by_budget()
    count = len(budgets)
    if count < 2:
        raise FitError(
            "bootstrap: all runs share one budget, and whole budgets are drawn from two or more; add runs at "
            "other budgets, or draw pairs."
        )
    return np.asarray(rng.multinomial(count, np.full(count, 1 / count), draws)[:, member], float)


def every_budget_has_company(runs: Runs) -> bool:
    """Whether no run is alone at its budget, so that pairs can be drawn within budgets."""
    _, member = runs.by_budget()
    return int(np.bincount(member).min()) > 1


def draw_losses(
    fit: SurfaceFit | LevelsFit | LawFit, draws: int, rng: np.random.Generator, kind: Kind
) -> FloatArray:
    """Losses of each residual or wild draw, around the fitted ones, shape (draws, n)."""
    predicted, n = fit.predicted, len(fit.runs)
    enlarged = fit.residuals * np.sqrt(n / fit.freedom)
    if kind == "residual":
        return np.asarray(predicted + rng.choice(enlarged - enlarged.mean(), (draws, n)))
    return np.asarray(predicted + enlarged * rng.choice([-1.0, 1.0], (draws, n)))
