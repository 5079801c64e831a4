"""Compute budgets: which runs share one, found once by sorting, and which were meant to share one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray, floats, positive_number, positive_row, shortened

#: Runs whose compute agrees to this relative tolerance belong to one budget.
BUDGET_TOLERANCE = 0.01


class Budgets(NamedTuple):
    """Distinct budgets, ascending, with a table that finds the budget of a run in one look.

    The leading bits of a double count in steps of less than the tolerance, and budgets lie further apart;
    so the runs that share these bits belong to two budgets at most.
    """

    medians: FloatArray
    lowest_bits: int
    before: NDArray[np.intp]
    starts: FloatArray

    @classmethod
    def of(cls, C: FloatArray) -> Budgets:
        """Find the distinct budgets of runs from their compute C.

        The loop makes one step a budget, and a factor of e in compute holds a hundred budgets at most,
        however many the runs.
        """
        ordered = np.sort(C)
        above = np.exp(BUDGET_TOLERANCE)
        starts = [0]
        while (stop := int(ordered.searchsorted(above * ordered[starts[-1]], "right"))) < len(C):
            starts.append(stop)
        first, last = np.array(starts), np.array([*starts[1:], len(C)]) - 1
        medians = (ordered[(first + last) // 2] + ordered[(first + last + 1) // 2]) / 2
        bits = _leading_bits(ordered[[*starts, -1]])
        table = np.full(bits[-1] - bits[0] + 1, np.inf)
        table[bits[:-1] - bits[0]] = ordered[first]
        begun = np.cumsum(np.isfinite(table))
        return cls(medians, int(bits[0]), begun - np.isfinite(table) - 1, table)

    def places(self, C: FloatArray) -> NDArray[np.intp]:
        """Place among the budgets of the one each run belongs to."""
        cell = _leading_bits(C) - self.lowest_bits
        return self.before[cell] + (self.starts[cell] <= C)


def _leading_bits(C: FloatArray) -> NDArray[np.int64]:
    """Exponent and first seven binary digits of C: a count that grows by 128 with each doubling."""
    return np.ascontiguousarray(C).view(np.int64) >> 45


def some_budgets(values: FloatArray, most: int = 12) -> str:
    """The first few budgets, and how many more there are."""
    shown = ", ".join(f"{value:.3g}" for value in values[:most])
    return shown + (f" and {len(values) - most} more" if len(values) > most else "")


def place_of_budget(budgets: FloatArray, C: float) -> int:
    """Place of the budget C among those there are, or raise ValueError."""
    given = floats("Runs.at: C", C)
    if given.ndim or not 0 < given < np.inf:
        raise ValueError(f"Runs.at: C, the budget, is a positive number of FLOPs, got {shortened(C)}.")
    with np.errstate(over="ignore"):
        away = np.abs(np.log(budgets / float(given)))
    if away.min() > BUDGET_TOLERANCE:
        raise ValueError(
            f"Runs: no run has a budget of {float(given):.3g} FLOPs; budgets are {some_budgets(budgets)}."
        )
    return int(np.argmin(away))


def nominal_budgets(
    C: FloatArray, budgets: ArrayLike | None, rtol: float | None, listed: Callable[[ArrayLike], str]
) -> tuple[FloatArray, str]:
    """Nominal budget of each run, with a note of what was done; ``listed`` names rows in a message."""
    far = positive_number("Runs.group: rtol", rtol if rtol is not None else 0.05 if budgets is None else 0.25)
    if far > 1:
        raise ValueError(f"Runs.group: rtol is {far:g}; give a share such as 0.05.")
    if budgets is None:
        nominal = grouped(C, far)
    else:
        values = np.unique(positive_row("Runs.group: budgets", budgets))
        nominal = values[np.searchsorted(np.sqrt(values[1:]) * np.sqrt(values[:-1]), C)]
    off = np.abs(np.log(C) - np.log(nominal))
    beyond = off > np.log1p(far) * (1 + 1e-9)
    if budgets is not None and beyond.any():
        raise ValueError(
            f"Runs.group: budgets has none within {far:.0%} of {listed(np.flatnonzero(beyond))}, C = "
            f"{C[beyond][0]:.3g}; add their budgets, take a larger rtol, or leave these runs out."
        )
    return nominal, (
        f"{len(C)} runs were grouped at {len(np.unique(nominal))} nominal budgets; their computes lie up to "
        f"{np.expm1(off.max()):.1%} from them."
    )


def grouped(C: FloatArray, rtol: float) -> FloatArray:
    """Nominal budget of each run: computes within a factor 1 + rtol of one middle form a group.

    Groups are taken from the lowest compute up. The nominal budget is the group's median, rounded to one or
    two digits where that stays inside the group.
    """
    ordered = np.sort(C)
    starts = _starts_of_groups(ordered, rtol)
    members = np.split(ordered, starts[1:])
    nominal = np.array([_round_inside(group) for group in members])
    return np.asarray(nominal[np.searchsorted(ordered[starts], C, "right") - 1])


def _starts_of_groups(ordered: FloatArray, rtol: float) -> list[int]:
    """Where each group of sorted computes begins: it holds what is within a factor 1 + rtol of one middle."""
    starts = [0]
    while (stop := int(ordered.searchsorted((1 + rtol) ** 2 * ordered[starts[-1]], "right"))) < len(ordered):
        starts.append(stop)
    return starts


def _round_inside(group: FloatArray) -> float:
    """Median of sorted numbers, with the fewest digits that stay among them."""
    middle = float(np.median(group))
    rounded = (float(f"{middle:.{digits}e}") for digits in (0, 1))
    return next((value for value in rounded if group[0] <= value <= group[-1]), middle)


class BlurredBudgets(NamedTuple):
    """Budgets that real FLOP counts or rounded tokens blurred: they count as more than were meant."""

    meant: int
    rtol: float


def blurred_budgets(
    budgets: FloatArray, C: FloatArray, N: FloatArray, D: FloatArray
) -> BlurredBudgets | None:
    """Say how many budgets runs were meant to have, if their computes cluster; None if they do not.

    Clusters have to lie four times their width apart, and nine runs of ten in one of three runs or more of
    different sizes; runs on a grid of N by D are none. That holds in none of 2000 studies of 12 to 300 runs
    each with exact budgets, on regular and irregular ladders, along D/N, and scattered at random.
    """
    if len(C) < 8 or len(budgets) < 3 or (budgets[1:] > 1.32 * budgets[:-1]).all():
        return None
    if max(len(np.unique(N)), len(np.unique(D))) < 0.6 * len(C):
        return None
    ordered = np.sort(C)
    for rtol in (0.02, 0.03, 0.05, 0.1, 0.15):
        starts = _starts_of_groups(ordered, rtol)
        if len(budgets) <= 1.5 * len(starts):
            continue
        member = ordered[starts].searchsorted(C, "right") - 1
        held = np.bincount(member)
        low, high, small, large = (
            _by_group(extreme, column, member, len(held))
            for column in (np.log(C), np.log(N))
            for extreme in (np.minimum, np.maximum)
        )
        real = (held >= 3) & (large - small > 0.4)
        if len(held) < 2 or held[real].sum() < 0.9 * len(C) or real.sum() > len(C) / 3:
            continue
        if (low[1:] - high[:-1]).min() > 4 * (high - low).max():
            return BlurredBudgets(len(held), rtol)
    return None


def _by_group(extreme: np.ufunc, values: FloatArray, member: NDArray[np.intp], groups: int) -> FloatArray:
    """Smallest or largest value of each group."""
    found = np.full(groups, np.inf if extreme is np.minimum else -np.inf)
    extreme.at(found, member, values)
    return found
