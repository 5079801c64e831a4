"""Variable projection's search: a map of the reduced objective, steps from its valleys, prices."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.branch_and_bound import polished, search
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs, bin_runs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.faces import both_terms_are_needed, cannot_tie, lowest_face, spare_terms
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.neighbouring_minima import along_valleys
from scalinglab.solvers.newton import Optimum, newton
from scalinglab.solvers.objectives import Loss
from scalinglab.solvers.pricing import priced
from scalinglab.solvers.projection import Products, map_products, nonnegative_least_squares

#: Exponents at which the reduced objective is first evaluated: 24 from 0.01 to 2, by equal factors.
START_EXPONENTS = np.geomspace(*EXPONENT_RANGE, 24)

#: With more runs than this, the map and the first steps see them gathered into cells.
MANY = 2000

#: Newton steps from the cells of that map, at most; where they do not suffice the search is two-dimensional.
SHORT = 12

#: Newton steps from every start before the ends are compared; more for the lowest, and for the others.
SPRINT, LONG, CHASE = 40, 400, 120

#: Up to so many runs the box is searched to a proof where its minima are many, in so many cells at most: few
#: runs leave valleys that no map shows, and their cells cost little.
FEW, CELLS = 100, 400

#: Local minima of that map from which the search starts, at most.
STARTS = 6


def search_exponents(logs: CentredLogs, loss: Loss) -> tuple[Optimum, tuple[str, ...]]:
    """Best polished optimum over the starts and what pricing adds to them; exponents it can do without."""
    few, weights = (logs, None) if len(logs.n) <= MANY else bin_runs(logs)
    ends: list[Optimum] = []
    face, products = 0.0, None
    squares = np.isinf(loss.knot)
    if squares and weights is None:
        products = map_products(logs, START_EXPONENTS, START_EXPONENTS, None)
        ends += [newton(logs, loss, cell, SHORT) for cell in valleys(products)]
        face = lowest_face(products)
    open_question = not (ends and all(optimum.settled for optimum in ends))
    provable = open_question and len(logs.n) <= FEW
    if open_question:
        starts = local_minima(few, weights)
        if not squares:
            starts = np.array(distinct([*starts, _reweighted(logs, loss, starts[0])]))
        sprints = [newton(logs, loss, start, SPRINT) for start in starts]
        ends += sprints if provable else _raced(logs, loss, sprints)
    best = min(ends, key=lambda optimum: optimum.objective)
    best, proven = _branched(logs, loss, best) if provable else (best, False)
    if products is not None and face:
        needed = cannot_tie(face, best.objective, float(products.LL))
    else:
        needed = both_terms_are_needed(few, loss, best, weights)
    if not proven:
        best = priced(logs, loss, best, needed, few, weights)
        if not squares and weights is None:
            best = along_valleys(logs, loss, best)
    # what is spare in many runs shows in a few of them
    return (best, ()) if needed or weights is not None else spare_terms(logs, loss, best)


def _raced(logs: CentredLogs, loss: Loss, sprints: list[Optimum]) -> list[Optimum]:
    """Those that have not arrived after a sprint go on, unless they creep above the best."""
    lowest = min(sprints, key=lambda end: end.objective)
    if not lowest.arrived:
        # terms that creep along a valley may be one: all of their sum in either
        E, A, B, alpha, beta = lowest.theta
        for merged in ((E, A + B, 0, alpha, beta), (E, 0, A + B, alpha, beta)):
            sprints.append(newton(logs, loss, np.array(merged), SPRINT))
    ends = sorted(sprints, key=lambda end: end.objective)
    for k, end in enumerate(ends):
        if not end.arrived:
            rival = min((other.objective for j, other in enumerate(ends) if j != k), default=np.inf)
            ends[k] = newton(logs, loss, end.theta, CHASE if k else LONG, rival)
    best = min(ends, key=lambda end: end.objective)
    if not best.arrived:  # a long valley, and nothing known that is lower
        ends.append(newton(logs, loss, best.theta, LONG))
    return ends


def _branched(logs: CentredLogs, loss: Loss, best: Optimum) -> tuple[Optimum, bool]:
    """The best of the box by branch and bound, as far as its cells go; whether they went all the way."""
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, loss)
    refine = polished(logs, loss, EXPONENT_RANGE)
    found = search(problem, EXPONENT_RANGE, best.theta, most=CELLS, refine=refine)
    lower = problem.unit * found.objective
    end = best._replace(theta=found.theta, objective=lower) if lower < best.objective else best
    return end, not len(found.remaining)


def valleys(products: Products) -> FloatArray:
    """Cells of the map no higher than their neighbours, lowest first; rows E, A, B, alpha, beta."""
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
    """Distinct minima of the reduced sum of squares, best first."""
    _, _, _, alpha, beta = valleys(map_products(logs, START_EXPONENTS, START_EXPONENTS, weights)).T
    found = levenberg_marquardt(logs, alpha, beta, None if weights is None else weights[None], tolerance=1e-6)
    minima = np.column_stack([found.E, found.A, found.B, found.alpha, found.beta])
    return np.array(distinct(minima[np.argsort(found.rss, kind="stable")]))


def distinct(starts: Iterable[FloatArray]) -> list[FloatArray]:
    """Starts whose exponents differ from those of every earlier one."""
    kept: list[FloatArray] = []
    for row in starts:
        if all(np.abs(row[3:] - other[3:]).max() > 1e-5 for other in kept):
            kept.append(row)
    return kept


def _reweighted(logs: CentredLogs, loss: Loss, start: FloatArray) -> FloatArray:
    """Where reweighted least squares over the whole map lead, as a start for a polish."""

    def weight(rows: slice) -> FloatArray:
        return loss.weight(logs.fitted(start, rows) - logs.L[rows])

    few, weights = (logs, weight(slice(None))) if len(logs.n) <= MANY else bin_runs(logs, weight)
    return np.asarray(local_minima(few, weights)[0])
