"""What speaks against a table of runs before a law is fitted: its units, its compute, its columns."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.data.budgets import Budgets, blurred_budgets
from scalinglab.data.runs import Runs
from scalinglab.data.units import UNITS
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN

#: A stated compute may differ from 6ND by this relative amount before a fit says so.
COMPUTE_TOLERANCE = 0.02

#: Nominal budgets stand for computes that scatter about them by this much at most.
NOMINAL_TOLERANCE = 0.1

#: Looked at of many runs: every so many-th, so that no more than these.
LOOKED_AT = 4096

#: Said alone of losses that rise with size.
ACCURACY = (
    "the losses rise with both N and D: is the column an accuracy? Give the loss, or for an accuracy the "
    "error, 1 - accuracy."
)

#: Standard errors by which a loss must rise along compute to be taken for an accuracy.
RISE = 4.0


def data_concerns(runs: Runs) -> list[str]:
    """What speaks against a table of runs, whatever is fitted to it: cause and remedy, a sentence each.

    A column of losses that rises with size is said alone, for what else is doubtful follows from it. No
    sentence rings on clean designs, IsoFLOP curves or ladders (6 x 200 studies of 12 to 300 runs).
    """
    if rises_with_size(runs):
        return [ACCURACY]
    return (unit_concerns(runs) or compute_concerns(runs)) + blurred_budget_concerns(runs)


def rises_with_size(runs: Runs) -> bool:
    r"""Whether the losses rise along compute, as an accuracy does.

    The plane through L over :math:`u = \ln N D` and :math:`v = \ln N/D` must rise with u by several standard
    errors. A loss falls along u on every design; on clean ones no slope comes near zero.
    """
    rows = _some(runs)
    L, n, d = runs.L[rows], np.log(runs.N[rows]), np.log(runs.D[rows])
    if len(L) < 6:
        return False
    u, v, L = (column - column.sum() / len(L) for column in (n + d, n - d, L))
    uu, uv, vv, uL, vL = u @ u, u @ v, v @ v, u @ L, v @ L
    spread = uu * vv - uv**2
    if not uu * vv > 0:
        vv, uv, vL, spread = 1.0, 0.0, 0.0, uu
    if not spread > 1e-9 * uu * vv:
        return False
    in_u, in_v = (vv * uL - uv * vL) / spread, (uu * vL - uv * uL) / spread
    rest = max(float(L @ L - in_u * uL - in_v * vL), 0.0)
    return bool(in_u > RISE * math.sqrt(rest * vv / spread / (len(L) - 3)) and in_u * u.max() > 1e-9)


def unit_concerns(runs: Runs) -> list[str]:
    """Whether N and D can be counts of parameters and tokens at all.

    Legitimate toys have a thousand parameters, and more tokens than a tenth of that; the limits stay clear of
    them and of every public table of training runs.
    """
    rows = _some(runs)
    N, D = (math.exp(np.log(column[rows]).sum() / len(column[rows])) for column in (runs.N, runs.D))
    remedy = "multiply them out before fitting, or N_opt of a budget in FLOPs is wrong by powers of ten"
    most = f"N is {N:.3g} and D {D:.3g} in the middle"
    if N < 1000 and D < 1e6:
        return [f"{most}: if N is in millions or billions of parameters and D in billions, {remedy}."]
    if N < 1e6 and D < 1e4 and D < 0.5 * N:
        return [f"{most}: if N is in millions of parameters and D in billions of tokens, {remedy}."]
    if N < 1e5 and D > 1e5 * N:
        return [f"{most}: if N is in millions of parameters, {remedy}."]
    if N > 1e6 and D < 1e-3 * N:
        return [f"{most}: if D is in millions or billions of tokens, {remedy}."]
    return []


def compute_concerns(runs: Runs) -> list[str]:
    """Whether the stated compute is 6ND, and if not, what lies between: a unit, a way of counting."""

    def ratio(rows: slice) -> FloatArray:
        return runs.C[rows] / (FLOPS_PER_PARAMETER_TOKEN * runs.N[rows] * runs.D[rows])

    low, high = extremes(ratio, len(runs))
    if max(-math.log(low), math.log(high)) <= math.log1p(COMPUTE_TOLERANCE):
        return []
    middle = float(np.median(ratio(_some(runs))))
    constant = high / low <= 1 + COMPUTE_TOLERANCE
    span = f"{middle:.3g}" if constant else f"{low:.3g} to {high:.3g}"
    if not 0.1 < middle < 10:
        if high > 10 * low:
            return _worst_compute(runs, ratio(slice(None)))
        return [
            f"C is {span} times 6ND in every run: {_unit(middle)}. Until then no budget means the same to C "
            "and to N and D."
        ]
    if constant:
        return [
            f"C is {middle:.3g} times 6ND in every run: one of them counts what the other leaves out, as "
            f"embeddings or attention. A surface takes C = 6ND: ask it at C/{middle:.3g}, or leave C out."
        ]
    return [] if _nominal(runs, low, high, middle) else _worst_compute(runs, ratio(slice(None)))


def _worst_compute(runs: Runs, ratio: FloatArray) -> list[str]:
    """Name the run whose compute is furthest from 6ND; nominal budgets are not to be left out."""
    worst = int(np.argmax(np.abs(np.log(ratio))))
    leave = "" if 3 * len(runs.budgets) <= len(runs) else ", or leave C out"
    return [
        f"C differs from 6ND by more than {COMPUTE_TOLERANCE:.0%} ({runs.label(worst)}: C/6ND = "
        f"{ratio[worst]:.3g}); allocations assume C = 6ND. Check how N counts embeddings and how C was "
        f"counted{leave}."
    ]


def _unit(ratio: float) -> str:
    """What a constant C/6ND far from one is, with the remedy."""
    name, size = min(UNITS.items(), key=lambda unit: abs(math.log(ratio * unit[1])))
    if abs(math.log(ratio * size)) < math.log(1.5):
        return f"C stands in {name} ({size:.3g} FLOPs); multiply it by {size:.3g}, or leave C out"
    power = 10.0 ** (3 * round(math.log10(ratio) / 3))
    if ratio > 1 and abs(math.log(ratio / power)) < math.log(1.5):
        return (
            f"N and D stand in units that together make {power:.3g}, as millions of parameters and billions "
            "of tokens do; multiply them out"
        )
    return "a unit, or another way to count; find the factor and convert C, or leave C out"


def _nominal(runs: Runs, low: float, high: float, middle: float) -> bool:
    """Whether C is the nominal budget of runs whose 6ND scatters about it by some per cent."""
    near = max(-math.log(low), math.log(high)) <= math.log1p(NOMINAL_TOLERANCE)
    return near and abs(math.log(middle)) <= COMPUTE_TOLERANCE and 3 * len(runs.budgets) <= len(runs)


def blurred_budget_concerns(runs: Runs) -> list[str]:
    """Whether computes cluster near fewer budgets than they count as."""
    rows = _some(runs)
    C = runs.C[rows]
    budgets = runs.budgets if len(C) == len(runs) else Budgets.of(C).medians
    blurred = blurred_budgets(budgets, C, runs.N[rows], runs.D[rows])
    if blurred is None:
        return []
    return [
        f"{len(budgets)} budgets for {len(C)} runs: they look like {blurred.meant} that real FLOP counts or "
        f"rounded tokens blurred; group them, runs.group(rtol={blurred.rtol:g}), or give the nominal ones, "
        "runs.group(budgets=[...])."
    ]


def _some(runs: Runs) -> slice:
    """Rows to look at: all, or every so many-th of many."""
    return slice(None, None, -(-len(runs) // LOOKED_AT))


def extremes(values: Callable[[slice], FloatArray], runs: int) -> tuple[float, float]:
    """Smallest and largest of what ``values`` answers for blocks of the runs."""
    ends = [(part.min(), part.max()) for part in map(values, blocks(runs))]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))
