"""Compute budgets: which runs share one, found once by sorting and then looked up run by run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray

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
