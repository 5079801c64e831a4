"""A search of the exponents that proves what it finds: cells, lowest bound first, closed or halved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.faces import on_face
from scalinglab.solvers.lower_bound import lower_bounds
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Loss

#: The search begins with this many equal factors along each exponent.
GRID = 4

#: Cells evaluated in one round: at least, where so many can be had by halving, and at most.
FILL, ROUND = 32, 256

#: Relative to what a constant would leave, differences of F below this are rounding.
FLOOR = 2e-12

#: Improves a candidate (E, every A, every exponent): returns one that is no worse.
Refine = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Search:
    """Where a search ended and what it has proven.

    Attributes
    ----------
    theta : ndarray, shape (1 + 2K,)
        The best E, every A and every exponent found, in the units of the problem.
    objective : float
        F there.
    lower_bound : float
        No exponents of the box have an F below this.
    examined : int
        Cells evaluated.
    cells : ndarray, shape (k, 2K)
        Cells closed: first exponent from and to, second from and to, ...
    bounds : ndarray, shape (k,)
        Lower bound of F in each closed cell.
    levels : ndarray, shape (k,)
        How many times each was halved.
    remaining : ndarray, shape (r, 2K)
        Cells still open.
    """

    theta: FloatArray
    objective: float
    lower_bound: float
    examined: int
    cells: FloatArray
    bounds: FloatArray
    levels: NDArray[np.int64]
    remaining: FloatArray


class Open(NamedTuple):
    """Cells not closed yet: their corners, the best bound known, halvings, and what each side adds."""

    cells: FloatArray
    bounds: FloatArray
    levels: NDArray[np.int64]
    gap: FloatArray

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Open:
        """Some of the cells."""
        return Open(self.cells[rows], self.bounds[rows], self.levels[rows], self.gap[rows])

    def with_(self, other: Open) -> Open:
        """These cells and others."""
        return Open(
            np.concatenate([self.cells, other.cells]),
            np.concatenate([self.bounds, other.bounds]),
            np.concatenate([self.levels, other.levels]),
            np.concatenate([self.gap, other.gap]),
        )


def grid(box: tuple[float, float], terms: int) -> Open:
    """Cells of a geometric grid over the box."""
    edges = np.geomspace(*box, GRID + 1)
    edges[[0, -1]] = box
    sides = np.column_stack([edges[:-1], edges[1:]])
    index = np.indices((GRID,) * terms).reshape(terms, GRID**terms).T
    cells = sides[index].reshape(len(index), 2 * terms)
    return Open(cells, np.zeros(len(cells)), np.zeros(len(cells), np.int64), np.zeros((len(cells), terms)))


def halve(cells: Open) -> Open:
    """Both halves of every cell, cut across the side that adds most to its gap; the longer if none does."""
    sides = cells.cells.reshape(*cells.gap.shape, 2)
    width = sides[:, :, 1] - sides[:, :, 0]
    rows = np.arange(len(sides))
    known = np.any(cells.gap > 0, axis=1, keepdims=True)
    worst = np.argmax(np.where(known, cells.gap, width), axis=1)
    middle = sides[rows, worst].mean(axis=1)
    low, high, gap = sides.copy(), sides.copy(), cells.gap.copy()
    low[rows, worst, 1] = high[rows, worst, 0] = middle
    gap[rows, worst] /= 4  # it is of second order in the side
    halves = [
        Open(part.reshape(cells.cells.shape), cells.bounds, cells.levels + 1, gap) for part in (low, high)
    ]
    return halves[0].with_(halves[1])


def search(
    problem: Problem,
    box: tuple[float, float],
    start: FloatArray | None = None,
    tolerance: float = 1e-6,
    most: int = 20_000,
    cutoff: float = np.inf,
    refine: Refine | None = None,
) -> Search:
    r"""Find the global minimum over a box of exponents and prove it, in value, to ``tolerance``.

    The cells with the lowest bounds are evaluated, a round at a time. If the candidate of one is lower than
    the best fit known, it is improved and takes its place. A cell closes when its bound reaches
    :math:`(1 - \varepsilon) F`, F being the best known; the others are halved.

    Parameters
    ----------
    problem : Problem
        Runs, loss and K terms.
    box : tuple of float
        Range of every exponent.
    start : ndarray, shape (1 + 2K,), optional
        A fit known: E, every A, every exponent.
    tolerance : float
        The proof is good to this share of F.
    most : int
        Cells evaluated, at most.
    cutoff : float
        Fits whose F exceeds this are of no interest.
    refine : callable, optional
        Improves a candidate; candidates stay as they are when absent.

    Returns
    -------
    Search
        Branch and bound :cite:p:`land1960`. If no candidate reaches ``cutoff``, ``objective`` is infinite.
    """
    terms = len(problem.logs)
    floor = FLOOR * problem.base
    theta = np.full(1 + 2 * terms, np.nan) if start is None else start
    best = np.inf if start is None else float(objectives(problem, theta[None])[0])
    current = grid(box, terms)
    closed = current.take(np.zeros(0, np.intp))
    if not np.isfinite(min(best, cutoff)):
        best, theta = _first(problem, current.cells, refine)
    examined = 0
    while len(current.cells) and examined < most:
        order = np.argsort(current.bounds, kind="stable")
        now, later = current.take(order[:ROUND]), current.take(order[ROUND:])
        while 0 < len(now.cells) < FILL and terms and examined:
            now = halve(now)
        now, rest = now.take(np.arange(min(len(now.cells), most - examined))), now
        later = later.with_(rest.take(np.arange(len(now.cells), len(rest.cells))))
        examined += len(now.cells)
        level = min(best, cutoff)
        found = lower_bounds(problem, now.cells, level, tolerance / 10)
        now = now._replace(bounds=np.maximum(now.bounds, found.value), gap=found.gap)
        values = objectives(problem, found.theta)
        lowest = int(np.argmin(values))
        if values[lowest] < level:
            theta, best = _refined(problem, found.theta[lowest], refine)
        level = min(best, cutoff)
        done = now.bounds >= level - max(tolerance * level, floor)
        closed = closed.with_(now.take(done))
        rest = now.take(~done)
        current = later.with_(halve(rest)) if terms else later.with_(rest)
        # cells may close by a fall of the best fit alone
        done = current.bounds >= level - max(tolerance * level, floor)
        closed, current = closed.with_(current.take(done)), current.take(~done)
    if np.isfinite(best) and refine is not None:
        theta, best = _refined(problem, theta, refine)
    known = np.concatenate([closed.bounds, current.bounds])
    lower = float(min(known.min(initial=np.inf), best, cutoff))
    return Search(theta, best, lower, examined, closed.cells, closed.bounds, closed.levels, current.cells)


def objectives(problem: Problem, theta: FloatArray) -> FloatArray:
    """F of fits (k, 1 + 2K)."""
    K = len(problem.logs)
    columns = np.exp(-theta[:, 1 + K :, None] * problem.logs)
    fitted = theta[:, :1] + np.einsum("kj,kjm->km", theta[:, 1 : 1 + K], columns)
    return problem.values(problem.L - fitted)


def _first(problem: Problem, cells: FloatArray, refine: Refine | None) -> tuple[float, FloatArray]:
    """A fit to begin with, for a search that is given none: the best of the grid's candidates."""
    theta = lower_bounds(problem, cells, problem.base).theta
    theta, best = _refined(problem, theta[np.argmin(objectives(problem, theta))], refine)
    return best, theta


def _refined(problem: Problem, theta: FloatArray, refine: Refine | None) -> tuple[FloatArray, float]:
    """The candidate or what ``refine`` makes of it, whichever is lower."""
    both = np.array([theta] if refine is None else [theta, refine(theta)])
    values = objectives(problem, both)
    lowest = int(np.argmin(values))
    return both[lowest], float(values[lowest])


def polished(logs: CentredLogs, loss: Loss, box: tuple[float, float]) -> Refine:
    """Refine candidates of both terms by Newton steps; ends outside the box are not taken."""

    def refine(theta: FloatArray) -> FloatArray:
        if (theta[3:] < EXPONENT_RANGE[0]).any() or (theta[3:] > EXPONENT_RANGE[1]).any():
            return theta
        end = newton(logs, loss, theta).theta
        return end if ((end[3:] >= box[0]) & (end[3:] <= box[1])).all() else theta

    return refine


def polished_face(logs: CentredLogs, loss: Loss, box: tuple[float, float], term: int) -> Refine:
    """Refine candidates of one term alone, on the face where the other is zero."""
    places = [0, 1 + term, 3 + term]

    def refine(theta: FloatArray) -> FloatArray:
        whole = np.array([0.0, 0.0, 0.0, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])
        whole[places] = theta
        if not EXPONENT_RANGE[0] <= theta[2] <= EXPONENT_RANGE[1]:
            return theta
        end = on_face(logs, loss, whole, 1 - term).theta[places]
        return end if box[0] <= end[2] <= box[1] else theta

    return refine
