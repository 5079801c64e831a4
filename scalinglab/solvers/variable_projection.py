"""Variable projection's search: the map of the reduced objective, steps from its valleys, the best end."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs, bin_runs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.newton import Optimum, newton
from scalinglab.solvers.objectives import Loss, Squared
from scalinglab.solvers.projection import map_products, nonnegative_least_squares

#: Exponents at which the reduced objective is first evaluated: 24 from 0.01 to 2, by equal factors.
START_EXPONENTS = np.geomspace(*EXPONENT_RANGE, 24)

#: With more runs than this, the map and the first steps see them gathered into cells.
MANY = 16384

#: Newton steps from the cells of that map, at most; where they do not suffice the search is two-dimensional.
SHORT = 12

#: Local minima of that map from which the search starts, at most.
STARTS = 6


def search_exponents(logs: CentredLogs, loss: Loss) -> Optimum:
    """Best polished optimum over the starting points."""
    candidates: list[Optimum] = []
    if isinstance(loss, Squared) and len(logs.n) <= MANY:
        candidates += [newton(logs, loss, cell, SHORT) for cell in _valleys(logs, None)]
    if not (candidates and all(optimum.settled for optimum in candidates)):
        starts = local_minima(logs, None)
        if not isinstance(loss, Squared):
            starts = np.vstack([starts, _reweighted(logs, loss, starts[0])])
        candidates += [newton(logs, loss, start) for start in starts]
    return min(candidates, key=lambda optimum: optimum.objective)


def _valleys(logs: CentredLogs, weights: FloatArray | None) -> FloatArray:
    """Cells of the map no higher than their neighbours, lowest first; rows E, A, B, alpha, beta."""
    products = map_products(logs, START_EXPONENTS, START_EXPONENTS, weights)
    E, A, B, rss = nonnegative_least_squares(*products)
    fenced = np.full((len(rss) + 2, len(rss) + 2), np.inf)
    fenced[1:-1, 1:-1] = rss
    across = np.minimum(np.minimum(fenced[:, :-2], fenced[:, 2:]), fenced[:, 1:-1])
    around = np.minimum(np.minimum(across[:-2], across[2:]), across[1:-1])
    rows, columns = np.nonzero(rss <= around)
    order = np.argsort(rss[rows, columns], kind="stable")[:STARTS]
    cells = rows[order], columns[order]
    exponents = START_EXPONENTS[cells[0]], START_EXPONENTS[cells[1]]
    return np.column_stack([E[cells], A[cells], B[cells], *exponents])


def local_minima(logs: CentredLogs, weights: FloatArray | None) -> FloatArray:
    """Distinct minima of the reduced sum of squares, of many runs those of their cells; best first."""
    few, total = (logs, weights) if len(logs.n) <= MANY else bin_runs(logs, weights)
    _, _, _, alpha, beta = _valleys(few, total).T
    found = levenberg_marquardt(few, alpha, beta, None if total is None else total[None], tolerance=1e-6)
    minima = np.column_stack([found.E, found.A, found.B, found.alpha, found.beta])
    kept: list[FloatArray] = []
    for row in minima[np.argsort(found.rss, kind="stable")]:
        if all(np.abs(row[3:] - other[3:]).max() > 1e-5 for other in kept):
            kept.append(row)
    return np.array(kept)


def _reweighted(logs: CentredLogs, loss: Loss, start: FloatArray) -> FloatArray:
    """A few rounds of reweighted least squares, each over the whole map, as starts for Newton's method."""
    for _ in range(4):
        E, A, B, alpha, beta = start
        fitted = E + A * np.exp(-alpha * logs.n) + B * np.exp(-beta * logs.d)
        start = local_minima(logs, loss.weight(fitted - logs.L))[0]
    return start[None]
