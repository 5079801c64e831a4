"""The global search of any law: starts that fill the box, descents, terms that died redrawn, full steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, blocks
from scalinglab.laws.models import Model
from scalinglab.solvers.full_steps import Refined, refine
from scalinglab.solvers.objectives import Loss, Squared, square_roots
from scalinglab.solvers.separable import Ends, descents, solve_inner

#: Starts of a law whose columns are log-linear; those screened of any other, and those kept.
STARTS, SCREENED, KEPT = 12, 2048, 32

#: Draws of the exponents of a term that died.
REDRAWN = 16

#: Lowest ends of a law with derivatives of its formula that go on alone, and their steps, at most.
FURTHER, LONGEST = 8, 1500

#: Ends refined in all parameters, at most.
REFINED = 4

#: Minima are distinct if some coordinate differs by more.
APART = 1e-3

#: Numbers a screen holds at once, at most.
HELD = 1 << 21


class Search(NamedTuple):
    """Distinct minima, the lowest first, and how many searches there were."""

    minima: tuple[Refined, ...]
    starts: int


def search_law(model: Model, y: FloatArray, loss: Loss, free: NDArray[np.bool_]) -> Search:
    """Search the box of a law for its lowest minimum."""
    root = square_roots(loss, y)
    starts = _starts(model, y * root, root, free)
    ends = _searched(model, y * root, root, starts, free)
    if not model.law.log_linear and len(model.low):
        # a valley may be longer than a race: the lowest go on, and stop at once where they had arrived
        longer = descents(model, y * root, ends.u[:FURTHER].copy(), free, root, iterations=LONGEST)
        ends = _ordered(Ends(*(np.concatenate(pair) for pair in zip(longer, ends, strict=True))))
    if not isinstance(loss, Squared):
        best = ends.take([0])
        for _ in range(3):
            r = _residuals(model, y, best) * root
            again = root * np.sqrt(loss.weight(r) / loss.unit)
            nearest = Ends(*(np.concatenate(pair) for pair in zip(best, ends.take(slice(0, 3)), strict=True)))
            best = _searched(model, y * again, again, nearest.u, free).take([0])
        ends = Ends(*(np.concatenate(pair) for pair in zip(best, ends, strict=True)))
    found = [refine(model, y, loss, ends.c[k], ends.u[k], free) for k in _distinct(ends)]
    found.sort(key=lambda end: end.objective)
    apart: list[Refined] = []
    for end in found:
        if all(np.abs(end.u - other.u).max(initial=0.0) > APART for other in apart):
            apart.append(end)
    return Search(tuple(apart), len(starts))


def fill(low: FloatArray, high: FloatArray, count: int) -> FloatArray:
    r"""Points that fill a box evenly, shape (count, p): Richtmyer's sequence :cite:p:`niederreiter1992`.

    The k-th point has the fractional parts of :math:`1/2 + k \sqrt{q_j}`, with :math:`q_j` the j-th prime.
    """
    primes = [q for q in range(2, 8 * len(low) + 8) if all(q % divisor for divisor in range(2, q))]
    share = (0.5 + np.outer(np.arange(1, count + 1), np.sqrt(primes[: len(low)]))) % 1
    return np.asarray(low + share * (high - low))


def _starts(model: Model, y: FloatArray, root: FloatArray, free: NDArray[np.bool_]) -> FloatArray:
    """Where the searches begin."""
    if not len(model.low):
        return np.zeros((1, 0))
    if model.law.log_linear:
        return fill(model.low, model.high, STARTS)
    points = fill(model.low, model.high, SCREENED)
    rss = _screened(model, y, root, points, free)
    return points[np.argsort(rss, kind="stable")[:KEPT]]


def _screened(
    model: Model, y: FloatArray, root: FloatArray, points: FloatArray, free: NDArray[np.bool_]
) -> FloatArray:
    """Reduced sum of squares at many points; inf where the law does not exist."""
    size = max(1, HELD // (model.runs * (len(free) + 1)))
    parts = []
    for rows in blocks(len(points), size):
        at = model.evaluate(points[rows], slopes=False)
        target = y if at.offset is None else y - at.offset * root
        parts.append(solve_inner(at.Phi * root, target, free).rss)
    rss = np.concatenate(parts)
    return np.where(np.isfinite(rss), rss, np.inf)


def _searched(
    model: Model, y: FloatArray, root: FloatArray, starts: FloatArray, free: NDArray[np.bool_]
) -> Ends:
    """Descend from every start, then from new exponents of the terms that died; lowest first."""
    ends = _ordered(descents(model, y, starts.copy(), free, root, race=True))
    dead = (ends.c <= 0) & ~free
    redrawn = []
    for k in np.flatnonzero(dead.any(axis=0)):
        own = model.belongs(int(k))
        if not own:
            continue
        row = int(np.argmax(dead[:, k]))
        points = np.repeat(ends.u[row][None], REDRAWN, axis=0)
        points[:, own] = fill(model.low[own], model.high[own], REDRAWN)
        redrawn.append(points[int(np.argmin(_screened(model, y, root, points, free)))])
    if not redrawn:
        return ends
    more = descents(model, y, np.array(redrawn), free, root)
    return _ordered(Ends(*(np.concatenate(pair) for pair in zip(ends, more, strict=True))))


def _ordered(ends: Ends) -> Ends:
    """Ends, the lowest first."""
    rss = np.where(np.isfinite(ends.rss), ends.rss, np.inf)
    return ends.take(np.argsort(rss, kind="stable"))


def _distinct(ends: Ends) -> list[int]:
    """Places of the lowest ends that differ."""
    kept: list[int] = []
    for k in range(len(ends.rss)):
        if not np.isfinite(ends.rss[k]) or len(kept) == REFINED:
            break
        if all(np.abs(ends.u[k] - ends.u[other]).max(initial=0) > APART for other in kept):
            kept.append(k)
    return kept


def _residuals(model: Model, y: FloatArray, end: Ends) -> FloatArray:
    """Residuals of one end."""
    at = model.evaluate(end.u, slopes=False)
    fitted = end.c[0] @ at.Phi[0] + (0.0 if at.offset is None else at.offset[0])
    return np.asarray(fitted - y)
