"""Thousands of refits at once: surfaces and parabolas on weighted or redrawn runs."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.fitting.results import FrontierFit, SurfaceFit
from scalinglab.laws.ensembles import Frontiers, Surfaces
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt

#: A vertex this many half-widths of the grid from its centre belongs to a parabola without a minimum.
FLAT = 10.0


def refit_surface(logs: CentredLogs, fit: SurfaceFit, weights: FloatArray | None, draws: int) -> Surfaces:
    """Refit a surface to every draw from the optimum of all runs; nan where a term vanished."""
    s = fit.surface
    found = levenberg_marquardt(
        logs, np.full(draws, s.alpha), np.full(draws, s.beta), weights, tolerance=1e-7
    )
    lost = (found.A <= 0) | (found.B <= 0)
    A = found.A * np.exp(found.alpha * logs.log_N0)
    B = found.B * np.exp(found.beta * logs.log_D0)
    E, A, B, alpha, beta = (np.where(lost, np.nan, x) for x in (found.E, A, B, found.alpha, found.beta))
    return Surfaces(E, A, B, alpha, beta)


def refit_frontier(fit: FrontierFit, weights: FloatArray | None, losses: FloatArray) -> Frontiers:
    """Refit Approach 2 to every draw: weighted parabolas at the budgets it used, then the line."""
    runs = fit.runs
    budgets, member = runs.by_budget()
    used = {parabola.C for parabola in fit.used}
    x = np.log([C for C in budgets if C in used])
    vertices = [
        _vertices(np.log(runs.N[rows]), losses[..., rows], None if weights is None else weights[:, rows])
        for rows in (np.flatnonzero(member == k) for k, C in enumerate(budgets) if C in used)
    ]
    y = np.stack(np.broadcast_arrays(*vertices), axis=1)
    centred = x - x.mean()
    a = y @ centred / (centred @ centred)
    return Frontiers(np.exp(y.mean(axis=1) - a * x.mean()), a)


def _vertices(sizes: FloatArray, L: FloatArray, weights: FloatArray | None) -> FloatArray:
    """Vertex in ln N of each draw's parabola at one budget, shape (R,); nan unless it opens upwards."""
    middle = sizes.mean()
    half_width = np.abs(sizes - middle).max()
    powers = ((sizes - middle) / half_width) ** np.arange(5)[:, None]
    w = np.ones((1, len(sizes))) if weights is None else weights
    sums = w @ powers.T
    products = (w * (L - L.mean())) @ powers[:3].T
    sums, products = np.broadcast_arrays(sums, np.pad(products, ((0, 0), (0, 2))))
    gram = sums[:, np.add.outer(np.arange(3), np.arange(3))]
    _, place = np.unique(sizes, return_inverse=True)
    distinct = (w @ np.eye(place.max() + 1)[place] > 0).sum(axis=1)
    short = np.broadcast_to(distinct < 3, len(gram))
    gram = np.where(short[:, None, None], np.eye(3), gram)
    c = np.linalg.solve(gram, products[:, :3, None])[:, :, 0]
    flat = short | (c[:, 2] <= np.abs(c[:, 1]) / (2 * FLAT)) | (c[:, 2] <= 0)
    return np.where(flat, np.nan, middle - half_width * c[:, 1] / (2 * np.where(flat, 1.0, c[:, 2])))
