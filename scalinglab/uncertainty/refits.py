"""Refits of thousands of bootstrap draws at once: surfaces, terms with free levels, and Approach 2."""

from __future__ import annotations

from functools import partial

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.fitting.free_levels import LevelsFit, grouped
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FrontierFit, SurfaceFit
from scalinglab.laws.ensembles import Frontiers, Replicates, Surfaces
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.levenberg_marquardt import Descent, levenberg_marquardt
from scalinglab.solvers.parabola import fit_parabolas
from scalinglab.solvers.within_groups import moments_within
from scalinglab.uncertainty.law_replicates import LawReplicates, refit_law

#: A vertex this many half-widths of the grid from its centre belongs to a parabola without a minimum.
FLAT = 10.0

#: What can be refitted.
Refitted = SurfaceFit | LevelsFit | FrontierFit | LawFit


def refit(
    fit: Refitted,
    logs: CentredLogs,
    weights: FloatArray | None,
    losses: FloatArray,
    draws: int,
    whole_budgets: bool = False,
) -> Replicates | LawReplicates:
    """Refit one fit to every draw; of whole budgets a draw with fewer than two of them is nan."""
    if whole_budgets and weights is not None:
        _, first = np.unique(fit.runs.by_budget()[1], return_index=True)
        lost = (weights[:, first] > 0).sum(axis=1) < 2
        if isinstance(fit, FrontierFit):
            return refit_line(fit, weights)
        found = refit(fit, logs, weights, losses, draws)
        if isinstance(found, LawReplicates):
            return LawReplicates(
                found.fit, {k: np.where(lost, np.nan, x) for k, x in found.parameters.items()}
            )
        assert isinstance(found, Surfaces)
        return Surfaces(**{name: np.where(lost, np.nan, x) for name, x in found.parameters.items()})
    if isinstance(fit, LawFit):
        return refit_law(fit, weights, losses)
    if isinstance(fit, SurfaceFit):
        return refit_surface(logs._replace(L=losses), fit.surface, weights, draws)
    if isinstance(fit, LevelsFit):
        return refit_levels(fit, weights, losses, draws)
    return refit_frontier(fit, weights, losses)


def refit_surface(logs: CentredLogs, start: LossSurface, weights: FloatArray | None, draws: int) -> Surfaces:
    """Refit a surface to every draw from the exponents of one; nan where a term vanished."""
    found = levenberg_marquardt(
        logs, np.full(draws, start.alpha), np.full(draws, start.beta), weights, tolerance=1e-7
    )
    return _surfaces(logs, found, found.E)


def refit_levels(fit: LevelsFit, weights: FloatArray | None, losses: FloatArray, draws: int) -> Surfaces:
    """Refit both terms with free levels to every draw; E is nan, and all is where a term vanished."""
    logs, starts, order = grouped(fit.runs)
    logs = logs._replace(L=losses[..., order])
    found = levenberg_marquardt(
        logs,
        np.full(draws, fit.terms.alpha),
        np.full(draws, fit.terms.beta),
        None if weights is None else weights[:, order],
        tolerance=1e-7,
        moments_of=partial(moments_within, starts),
    )
    return _surfaces(logs, found, np.full(draws, np.nan))


def _surfaces(logs: CentredLogs, found: Descent, E: FloatArray) -> Surfaces:
    """What searches found in the units of the runs; nan where a term vanished."""
    lost = (found.A <= 0) | (found.B <= 0)
    with np.errstate(over="ignore", invalid="ignore"):  # a coefficient too large to write down: a lost draw
        A = found.A * np.exp(found.alpha * logs.log_N0)
        B = found.B * np.exp(found.beta * logs.log_D0)
        lost |= ~np.isfinite(A + B)
    E, A, B, alpha, beta = (np.where(lost, np.nan, x) for x in (E, A, B, found.alpha, found.beta))
    return Surfaces(E, A, B, alpha, beta)


def refit_line(fit: FrontierFit, weights: FloatArray) -> Frontiers:
    """Refit the line of Approach 2 through the vertices of the budgets drawn; weights are whole budgets'."""
    budgets, member = fit.runs.by_budget()
    vertex = {parabola.C: parabola.vertex for parabola in fit.used}
    used = np.array([k for k, C in enumerate(budgets) if C in vertex])
    x, y = np.log(budgets[used]), np.log([vertex[C] for C in budgets[used]])
    w = weights[:, [int(np.argmax(member == k)) for k in used]]
    with np.errstate(divide="ignore", invalid="ignore"):  # fewer than two of them in a draw: no line
        total = w.sum(axis=1)
        mean_x, mean_y = w @ x / total, w @ y / total
        spread = w @ x**2 / total - mean_x**2
        a = np.where(spread > 1e-12, (w @ (x * y) / total - mean_x * mean_y) / spread, np.nan)
        return Frontiers(np.exp(mean_y - a * mean_x), a)


def refit_frontier(fit: FrontierFit, weights: FloatArray | None, losses: FloatArray) -> Frontiers:
    """Refit Approach 2 to every draw: weighted parabolas at the budgets it used, then the line."""
    runs = fit.runs
    budgets, member = runs.by_budget()
    used = {parabola.C for parabola in fit.used}
    x = np.log([C for C in budgets if C in used])
    vertices = [
        fit_parabolas(
            np.log(runs.N[rows]), losses[..., rows], None if weights is None else weights[:, rows]
        ).vertices(within=FLAT)
        for rows in (np.flatnonzero(member == k) for k, C in enumerate(budgets) if C in used)
    ]
    y = np.stack(np.broadcast_arrays(*vertices), axis=1)
    centred = x - x.mean()
    a = y @ centred / (centred @ centred)
    return Frontiers(np.exp(y.mean(axis=1) - a * x.mean()), a)
