"""Repeats: runs with equal N and D, and what to make of their losses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, blocks
from scalinglab.data.runs import Runs, require_runs

#: Bits of a double that rounding may change: N and D that agree to 1e-9 are equal.
_LOOSE_BITS = 23

#: Odd numbers that scatter the bits of a key (Knuth's multiplicative hashing).
_SCATTER = np.int64(-7046029254386353131), np.int64(-4417276706812531889)


def best_of_repeats(runs: Runs) -> Runs:
    """The run of lowest loss of each (N, D): the best of a sweep of learning rates, batch sizes or seeds.

    Use it where repeats differ in something that was tuned, since the law is one of well-trained runs. Of
    repeats that differ by chance the lowest is the luckiest: use :func:`mean_of_repeats`.

    Parameters
    ----------
    runs : Runs
        Runs of which some have equal N and D, to a relative 1e-9.

    Returns
    -------
    Runs
        One run for each (N, D), in the order of the runs; ``notes`` says what was done.

    Raises
    ------
    ValueError
        If these are no runs.

    See Also
    --------
    mean_of_repeats : The average of each.
    screen : Leaves out single runs by rules.

    Examples
    --------
    >>> runs = Runs([1e8, 1e8, 2e8], [4e9, 4e9, 2e9], [3.1, 3.0, 2.9], extra={"lr": [1e-3, 3e-3, 3e-3]})
    >>> best = best_of_repeats(runs)
    >>> best.extra["lr"].tolist(), best.notes
    ([0.003, 0.003], ('Of 3 runs at 2 different (N, D) the lowest loss of each was kept.',))
    """
    require_runs("best_of_repeats", runs)
    cell, _ = repeat_cells(runs)
    order = np.lexsort((np.arange(len(runs)), runs.L, cell))
    first = np.concatenate([[True], np.diff(cell[order]) > 0])
    kept = runs.take(np.sort(order[first]))
    return _noted(
        kept, f"Of {len(runs)} runs at {len(kept)} different (N, D) the lowest loss of each was kept."
    )


def mean_of_repeats(runs: Runs) -> Runs:
    """The runs with one mean loss for each (N, D).

    Use it where repeats differ by chance alone, as by the seed. Where a learning rate or a batch size
    differs, a mean is the loss of no training: use :func:`best_of_repeats`.

    Parameters
    ----------
    runs : Runs
        Runs of which some have equal N and D, to a relative 1e-9.

    Returns
    -------
    Runs
        One run for each (N, D), in the order of their first; a further column is kept where the repeats
        agree and is unknown (nan or an empty text) where they do not; ``notes`` says what was done.

    Raises
    ------
    ValueError
        If these are no runs.

    See Also
    --------
    best_of_repeats : The lowest of each.

    Examples
    --------
    >>> runs = Runs([1e8, 1e8, 2e8], [4e9, 4e9, 2e9], [3.1, 3.0, 2.9])
    >>> mean_of_repeats(runs).L
    array([3.05, 2.9 ])
    """
    require_runs("mean_of_repeats", runs)
    cell, first = repeat_cells(runs)
    kept = runs.take(first)
    L = (np.bincount(cell, runs.L) / np.bincount(cell)).astype(float)
    extra = {}
    for name, values in runs.extra.items():
        same = np.bincount(cell, values == values[first][cell]) == np.bincount(cell)
        extra[name] = np.where(same, kept.extra[name], np.nan if values.dtype.kind == "f" else "")
    mean = Runs(kept.N, kept.D, L, kept.C, extra, kept.origin)
    return _noted(mean, f"The losses of {len(runs)} runs were averaged at {len(kept)} different (N, D).")


def _noted(runs: Runs, sentence: str) -> Runs:
    """The runs with a note."""
    return Runs(runs.N, runs.D, runs.L, runs.C, runs.extra, runs.origin.noted(sentence))


def repeat_keys(N: FloatArray, D: FloatArray) -> NDArray[np.int64]:
    """A number for each run, the same where N and D are; two (N, D) share one with a chance of 2^-64."""
    n, d = ((column.view(np.int64) + (1 << (_LOOSE_BITS - 1))) >> _LOOSE_BITS for column in (N, D))
    return np.asarray((n * _SCATTER[0] + d) * _SCATTER[1])


def repeat_cells(runs: Runs) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Place of each run among the different (N, D), in the order of their first rows, and those rows."""
    _, first, cell = np.unique(repeat_keys(runs.N, runs.D), return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[cell], first[order]


def repeats_together(runs: Runs, most: int) -> NDArray[np.intp]:
    """Rows of some of the runs, about ``most``, such that a run comes with all its repeats."""
    if len(runs) <= most:
        return np.arange(len(runs))
    limit = np.uint64(2.0**64 * most / len(runs))
    chosen = [
        rows.start + np.flatnonzero(repeat_keys(runs.N[rows], runs.D[rows]).view(np.uint64) < limit)
        for rows in blocks(len(runs))
    ]
    return np.concatenate(chosen)[: 4 * most]
