"""What speaks against a table of runs before a law is fitted: its units, its compute, its columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN

#: A stated compute may differ from 6ND by this relative amount before a fit says so.
COMPUTE_TOLERANCE = 0.02


def data_concerns(runs: Runs) -> list[str]:
    """What speaks against a table of runs, whatever is fitted to it: cause and remedy, a sentence each."""
    return compute_concerns(runs)


def compute_concerns(runs: Runs) -> list[str]:
    """Whether the stated compute is 6ND."""

    def ratio(rows: slice) -> FloatArray:
        return runs.C[rows] / (FLOPS_PER_PARAMETER_TOKEN * runs.N[rows] * runs.D[rows])

    if max(np.abs(np.log(extremes(ratio, len(runs))))) <= np.log1p(COMPUTE_TOLERANCE):
        return []
    everywhere = ratio(slice(None))
    worst = int(np.argmax(np.abs(np.log(everywhere))))
    return [
        f"C differs from 6ND by more than {COMPUTE_TOLERANCE:.0%} (row {worst}: C/6ND = "
        f"{everywhere[worst]:.3g}); allocations assume C = 6ND. Check how N counts embeddings and how C was "
        "counted, or leave C out."
    ]


def extremes(values: Callable[[slice], FloatArray], runs: int) -> tuple[float, float]:
    """Smallest and largest of what ``values`` answers for blocks of the runs."""
    ends = [(part.min(), part.max()) for part in map(values, blocks(runs))]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))
