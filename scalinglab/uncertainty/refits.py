"""Refits of thousands of bootstrap draws at once: surfaces and Approach 2."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.fitting.results import FrontierFit
from scalinglab.laws.ensembles import Frontiers, Surfaces
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.parabola import fit_parabolas

#: A vertex this many half-widths of the grid from its centre belongs to a parabola without a minimum.
FLAT = 10.0


def refit_surface(logs: CentredLogs, start: LossSurface, weights: FloatArray | None, draws: int) -> Surfaces:
    """Refit a surface to every draw from the exponents of one; nan where a term vanished."""
    found = levenberg_marquardt(
        logs, np.full(draws, start.alpha), np.full(draws, start.beta), weights, tolerance=1e-7
    )
    lost = (found.A <= 0) | (found.B <= 0)
    with np.errstate(over="ignore", invalid="ignore"):  # a coefficient too large to write down: a lost draw
        A = found.A * np.exp(found.alpha * logs.log_N0)
        B = found.B * np.exp(found.beta * logs.log_D0)
        lost |= ~np.isfinite(A + B)
    E, A, B, alpha, beta = (np.where(lost, np.nan, x) for x in (found.E, A, B, found.alpha, found.beta))
    return Surfaces(E, A, B, alpha, beta)


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
