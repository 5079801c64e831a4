"""Losses that are not independent runs: repeats of one (N, D), and checkpoints of one training."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.data.repeats import repeat_keys, repeats_together
from scalinglab.data.runs import Runs

#: Of many runs about so many are looked at, each with all its repeats.
LOOKED_AT = 8192

#: Nominal chances that repeats which differ by noise alone are said to disagree, and of a needless lack of
#: fit. With two to five repeats at 7 to 80 (N, D) the tests are conservative: see ``repeat_concerns``.
FALSE_ALARMS = 5e-3
NEEDLESS = 5e-4

#: Spread of repeats, over the loss, that no seed makes.
BEYOND_SEEDS = 0.04

#: Columns whose values are tuned, so that repeats that differ in them are no repeats by chance.
TUNED = re.compile(
    r"(^|[^a-z])(lr|bs|wd)([^a-z]|$)|learning.?rate|batch|warm.?up|decay|dropout|momentum|optimi[sz]er|schedule",
    re.IGNORECASE,
)

#: Losses of one size, one after another along D, that more than a ladder has.
MANY = 8

#: Residuals below this share of the loss are rounding.
ROUNDING = 1e-7


def repeat_concerns(runs: Runs, residuals: FloatArray, freedom: int) -> list[str]:
    r"""What repeats of one (N, D), and losses along one training, say about a fit.

    With residuals :math:`r_{ij}` of the repeats i of cell j, the mean square within cells

    .. math:: M_w = \frac{\sum_{ij} (r_{ij} - \bar r_j)^2}{n - k}, \qquad
              M_b = \frac{\sum_j n_j \bar r_j^2}{k - p}

    is pure error, whatever the law. If :math:`M_w / M_b` is beyond what F allows, the repeats differ by more
    than the rest is scattered; if it is below, the law misses the means of the cells. ``freedom`` is n - p.
    Repeats that were tuned also differ by their place in the table, by more in some cells than in others,
    or to one side; or a column such as a learning rate says so.

    Of studies with equal normal errors (two to five repeats at 7 to 80 cells) 0.2 % are said to disagree and
    0.1 % to lack a term. Three rates a cell whose outer ones cost seven times the noise or more are found in
    99 % if the table lists them in order, in nine of ten shuffled, and in all if a column names them.

    Parameters
    ----------
    runs : Runs
        The runs that were fitted.
    residuals : ndarray, shape (n,)
        Observed minus fitted losses.
    freedom : int
        Runs less parameters.

    Returns
    -------
    list of str
        None, one or two sentences.
    """
    return disagreements(runs, residuals, freedom, surface=True) + checkpoint_concerns(runs, residuals)


def disagreements(runs: Runs, residuals: FloatArray, freedom: int, surface: bool = False) -> list[str]:
    """Whether repeats disagree; if they agree, whether a surface misses what they agree on."""
    rows = repeats_together(runs, LOOKED_AT)
    keys = repeat_keys(runs.N[rows], runs.D[rows])
    ordered = np.sort(keys)
    if not (ordered[1:] == ordered[:-1]).any():
        return []
    _, cell = np.unique(keys, return_inverse=True)
    L, r, held = runs.L[rows], residuals[rows], np.bincount(cell)
    repeated = free_within = len(rows) - len(held)
    free_between = freedom - (len(runs) - len(rows)) - free_within
    together = np.lexsort((L, cell))
    copies = int(np.sum((np.diff(cell[together]) == 0) & (np.diff(L[together]) == 0)))
    within = r - (np.bincount(cell, r) / held)[cell]
    inside = float(within @ within)
    between = max(float(r @ r) - inside, 0.0)
    if copies and inside <= (ROUNDING * np.abs(L).max()) ** 2 * len(L):
        return [
            f"{repeated} runs are copies of another, with the same N, D and loss, and count twice; keep one "
            "of each, best_of_repeats(runs)."
        ]
    spread = _largest_range(cell, L)
    scatter = math.sqrt(between / free_between) if free_between > 0 else math.nan
    error = math.sqrt(inside / (free_within - copies))
    tuned = [name for name in runs.extra if TUNED.search(name) and _differs(cell, runs.extra[name][rows])]
    large = error > BEYOND_SEEDS * abs(float(np.median(L)))
    chances = (
        _beyond(inside, free_within - copies, between, free_between),
        _by_position(cell, within, inside),
        _unequal(cell, within, held),
        _one_sided(cell, within, held),
    )
    if tuned or large or _together(chances) < FALSE_ALARMS:
        of = f" in {len(rows)} looked at" if len(rows) < len(runs) else ""
        against = f", {error / scatter:.2g} times the scatter of the rest" if error < 1e6 * scatter else ""
        cause = f" ({', '.join(tuned[:2])} differs)" if tuned else ""
        return [
            f"{repeated} runs{of} repeat another's N and D, up to {spread:.2g} apart{against}{cause}: "
            "keep the best of each, best_of_repeats(runs), or say why not. A fit goes through their mean, "
            "which is no run's loss."
        ]
    short = not copies and _beyond(between, free_between, inside, free_within) < NEEDLESS
    if surface and short and scatter > 2 * error:
        return [
            f"repeats of one (N, D) differ by {error:.2g}, but their means lie {scatter:.2g} off the fit: it "
            "lacks something that N and D do not say, or another term. See what more terms could gain, "
            "lack_of_fit_bound(fit), or fit a narrower range."
        ]
    return []


def _together(chances: Sequence[float]) -> float:
    """Chance of the least of these or of their product, by Bonferroni or Fisher; 1 says nothing."""
    from scipy.special import chdtrc

    known = [max(chance, 1e-300) for chance in chances if chance < 1]
    if not known:
        return 1.0
    product = float(chdtrc(2 * len(known), -2 * sum(map(math.log, known))))
    return 2 * min(product, len(known) * min(known))


def _differs(cell: NDArray[np.intp], values: NDArray[Any]) -> bool:
    """Whether a column has several values in some cell."""
    _, place = np.unique(values, return_inverse=True)
    return _largest_range(cell, place.astype(float)) > 0


def _largest_range(cell: NDArray[np.intp], values: FloatArray) -> float:
    """Largest difference within a cell."""
    order = np.lexsort((values, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    ends = np.append(starts[1:], len(cell)) - 1
    return float(np.nanmax(np.append(values[order][ends] - values[order][starts], 0.0)))


def _beyond(upper: float, free_upper: int, lower: float, free_lower: int) -> float:
    """Chance of so large a ratio of mean squares, by the F distribution; 1 where nothing can be said."""
    from scipy.special import fdtrc

    if free_upper < 1 or free_lower < 1 or upper <= 0:
        return 1.0
    if lower <= 1e-12 * upper:
        return 0.0
    return float(fdtrc(free_upper, free_lower, upper / free_upper * free_lower / lower))


def _by_position(cell: NDArray[np.intp], within: FloatArray, inside: float) -> float:
    """Chance that the first, second ... repeat of all cells differ so much: a sweep listed in its order."""
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    held = np.diff(np.append(starts, len(cell)))
    often = int(held.max())
    if (held != often).any() or len(held) < 3:
        return 1.0
    table = within[order].reshape(len(held), often)
    along = len(held) * float(np.sum(table.mean(axis=0) ** 2))
    return _beyond(along, often - 1, inside - along, (len(held) - 1) * (often - 1))


def _unequal(cell: NDArray[np.intp], within: FloatArray, held: NDArray[np.intp]) -> float:
    """Chance that spreads differ so much from cell to cell, by Bartlett's test; noise is alike."""
    from scipy.special import chdtrc

    free = held[held > 1] - 1
    squares = np.bincount(cell, within**2)[held > 1]
    if len(free) < 3 or not squares.max() > 0:
        return 1.0
    # losses that were rounded may agree by rounding: no spread is known to less than the least one seen
    variances = np.maximum(squares, squares[squares > 0].min()) / free
    total = free.sum()
    excess = total * math.log(free @ variances / total) - float(free @ np.log(variances))
    correction = 1 + (float(np.sum(1 / free)) - 1 / total) / (3 * (len(free) - 1))
    return float(chdtrc(len(free) - 1, excess / correction))


def _one_sided(cell: NDArray[np.intp], within: FloatArray, held: NDArray[np.intp]) -> float:
    """Chance that cells of three or more lean so often to one side: one bad rate of three, or one good one.

    The skewness of each cell has a random sign if errors are symmetric, whatever their size.
    """
    squares, cubes = np.bincount(cell, within**2), np.bincount(cell, within**3)
    lean = (cubes / np.where(squares > 0, squares, 1) ** 1.5)[held > 2]
    return math.erfc(abs(float(lean.sum())) / math.sqrt(2 * float(lean @ lean))) if lean.any() else 1.0


def checkpoint_concerns(runs: Runs, residuals: FloatArray) -> list[str]:
    r"""Whether many losses of few sizes follow one another along D, as checkpoints of one training do.

    Within a size of :math:`m \ge 8` losses a parabola in :math:`\ln D` takes away what a law might miss. Of
    independent errors the rest has

    .. math:: \eta = \frac{\sum_i (r_{i+1} - r_i)^2}{\sum_i r_i^2} \ge 2 \pm 2/\sqrt{M}

    with M neighbours in all (von Neumann's ratio), near 0 along a training curve. Ladders of 3 to 30 token
    counts a size with independent errors stay above the limit in all but 2 of 1000 studies.
    """
    step = -(-len(runs) // LOOKED_AT)
    N = runs.N[::step]
    sizes = np.unique(N)
    if len(N) < MANY * len(sizes):
        return []
    member = np.searchsorted(sizes, N)
    r, x = residuals[::step], np.log(runs.D[::step])
    if not r @ r > (ROUNDING * np.abs(runs.L).max()) ** 2 * len(r):
        return []
    order = np.lexsort((x, member))
    steps = squares = neighbours = 0.0
    for rows in np.split(order, np.cumsum(np.bincount(member))[:-1]):
        if len(rows) < MANY or len(np.unique(x[rows])) < MANY:
            continue
        u = (x[rows] - x[rows].mean()) / np.ptp(x[rows])
        basis = np.linalg.qr(np.array([np.ones_like(u), u, u**2]).T)[0]
        rest = r[rows] - basis @ (basis.T @ r[rows])
        steps, squares = steps + float(np.sum(np.diff(rest) ** 2)), squares + float(rest @ rest)
        neighbours += len(rows) - 1
    if not squares > 0 or (2 - steps / squares) * math.sqrt(neighbours) < 2 * 3.3 or steps > squares:
        return []
    correlation = 1 - steps / squares / 2
    worth = max(len(sizes), round(len(runs) * (1 - correlation) / (1 + correlation)))
    return [
        f"{len(runs)} losses of {len(sizes)} sizes follow one another along D (correlation {correlation:.2g} "
        f"from one to the next), as checkpoints do: they say about as much as {worth} independent runs, so "
        "standard errors are too small, and a loss on the way is no final one. Keep the last of each "
        "training, or use TrainingCurves and fit_approach1."
    ]
