"""Pictures of published laws: Kaplan's beside Chinchilla's, the steps between, and exponents by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from scalinglab.laws.compute_laws import ComputeLaw
from scalinglab.laws.published import PorianStep
from scalinglab.plotting.style import CAMPS, SPARE_LOOKS, axes_of, plain_ticks
from scalinglab.studies.lopsided_exponents import Lopsidedness


def two_laws(
    laws: Mapping[str, ComputeLaw],
    C: ArrayLike,
    crossings: ArrayLike = (),
    floor: float | None = None,
) -> Axes:
    """Loss against compute above, local exponents below, with the crossings marked.

    Parameters
    ----------
    laws : mapping of str to ComputeLaw
        Two laws, named Kaplan and Chinchilla.
    C : array_like, shape (n,)
        Compute in FLOPs.
    crossings : array_like
        Where the laws meet.
    floor : float, optional
        An irreducible loss to draw.

    Returns
    -------
    Axes
        Those of the losses.
    """
    above: Axes
    below: Axes
    _, (above, below) = plt.subplots(2, 1, figsize=(5.6, 5.0), sharex=True, height_ratios=[1.7, 1])
    C = np.asarray(C, float)
    side = {"Kaplan": (-6, -4, "top"), "Chinchilla": (0, 7, "bottom")}
    for name, law in laws.items():
        above.plot(C, law(C), label=name, **CAMPS[name])
        slope = law.local_exponent(C) + 0 * C
        below.plot(C, slope, **CAMPS[name])
        dx, dy, va = side[name]
        k = 3 * len(C) // 4
        above.annotate(
            name, (C[k], law(C[k])), xytext=(dx, dy), textcoords="offset points", ha="right", va=va,
            color=CAMPS[name]["color"], fontsize=9.5,
        )  # fmt: skip
    first = next(iter(laws.values()))
    for meet in np.atleast_1d(np.asarray(crossings, float)):
        above.plot(meet, first(meet), "o", color="black", ms=5, mfc="white", mew=1.4, zorder=5)
        above.annotate(
            _power(meet), (meet, first(meet)), xytext=(5, 7), textcoords="offset points", fontsize=9.5,
        )  # fmt: skip
    if floor is not None:
        above.axhline(floor, color="#333333", lw=0.9, ls=(0, (1, 2)))
        above.annotate(
            f"floor E = {floor:g}", (C[0], floor), xytext=(4, 3), textcoords="offset points", fontsize=9.5
        )
    above.set_xscale("log")
    above.set_yscale("log")
    plain_ticks(above.yaxis, (1.0, 1.5, 2.0, 3.0, 4.0), between=True)
    above.xaxis.set_major_locator(LogLocator(numticks=9))
    above.xaxis.set_minor_locator(NullLocator())
    above.set_ylabel("loss L (nats per token)")
    below.set_ylim(bottom=0)
    below.set_ylabel("local exponent\n−d ln L / d ln C")
    below.set_xlabel("compute C (FLOPs)")
    below.set_xlim(C[0], C[-1])
    return above


def porian_steps(
    steps: Sequence[PorianStep], aside: PorianStep | None = None, ax: Axes | None = None
) -> Axes:
    """Published exponents step by step, with their intervals, and a second data set as open marks.

    Parameters
    ----------
    steps : sequence of PorianStep
        From Kaplan's setting to Chinchilla's.
    aside : PorianStep, optional
        One more row, set apart.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    rows = [*steps, *([aside] if aside is not None else [])]
    heights = [-k - (0.6 if k == len(steps) else 0) for k in range(len(rows))]
    a = [step.a for step in rows]
    ax.plot(a[: len(steps)], heights[: len(steps)], color="#cccccc", lw=1.2, zorder=1)
    for step, y in zip(rows, heights, strict=True):
        ax.plot([step.low, step.high], [y, y], color=CAMPS["Chinchilla"]["color"], lw=5, alpha=0.25)
        ax.plot(step.a, y, "o", color=CAMPS["Chinchilla"]["color"], ms=5.5)
        if step.a_openwebtext2 is not None:
            ax.plot(step.a_openwebtext2, y, "D", color=CAMPS["Kaplan"]["color"], ms=4.5, mfc="white", mew=1.1)
        ax.annotate(
            f"{step.a:.3f}", (step.a, y), xytext=(0, 8), textcoords="offset points", ha="center",
            fontsize=9.5, color=CAMPS["Chinchilla"]["color"], bbox={"fc": "white", "ec": "none", "pad": 0.6},
        )  # fmt: skip
    for level in (0.5, 0.73):
        ax.axvline(level, color="#333333", lw=0.9, ls=(0, (1, 2)), zorder=0)
    ax.set_yticks(heights, [("+ " if 0 < k < len(steps) else "") + step.name for k, step in enumerate(rows)])
    ax.set_ylim(heights[-1] - 0.6, 0.9)
    ax.set_xlim(0.45, 0.9)
    ax.set_xlabel("exponent a of N* ∝ C$^a$")
    ax.grid(False)
    ax.plot([], [], "o", color=CAMPS["Chinchilla"]["color"], ms=5.5, label="RefinedWeb")
    ax.plot([], [], "D", color=CAMPS["Kaplan"]["color"], ms=4.5, mfc="white", mew=1.1, label="OpenWebText2")
    ax.legend(loc="upper left")
    return ax


def _power(value: float) -> str:
    """A power of ten with two digits always, such as 2.0·10^21."""
    exponent = int(np.floor(np.log10(value)))
    return f"${value / 10.0**exponent:.1f}\\cdot 10^{{{exponent}}}$"


def lopsided_fields(
    found: Lopsidedness,
    band: Lopsidedness,
    field: str | None = None,
    top: float | None = None,
) -> Axes:
    """Ratio of exponents against the error of N*, a mark a study, above the same marks by field.

    Parameters
    ----------
    found : Lopsidedness
        Of studies: a dot where the sum of the exponents is known, a bar where it is not.
    band : Lopsidedness
        Of many ratios in ascending order, for the band behind the marks.
    field : str, optional
        The field whose marks are to stand out.
    top : float, optional
        End of the ordinate, a factor on N* above 1, where pictures are to be compared.

    Returns
    -------
    Axes
        Those of the errors.
    """
    fields = list(dict.fromkeys(one.field for one in found.studies))
    above: Axes
    below: Axes
    _, (above, below) = plt.subplots(
        2, 1, figsize=(5.6, 2.9 + 0.2 * len(fields)), sharex=True, height_ratios=[2.3, 0.2 * len(fields)]
    )
    low, high = np.exp(found.shift_low), np.exp(found.shift_high)
    above.fill_between(band.ratio, np.exp(band.shift_low), np.exp(band.shift_high), color="#e4e4e4", lw=0)
    above.axhline(1, color="black", lw=1.0)
    rows = len(fields) - 1 - np.array([fields.index(one.field) for one in found.studies])
    first_hand = np.array([one.first_hand for one in found.studies])
    known = np.array([one.total is not None for one in found.studies])
    everyone = np.ones(len(rows), bool)
    chosen = np.array([field in (None, one.field) for one in found.studies])
    layers = [(chosen, SPARE_LOOKS[0]["color"], 4), *([(everyone, "#b0b0b0", 2)] if field else [])]
    for mine, colour, order in reversed(layers):
        bars, dots = mine & ~known, mine & known
        above.vlines(found.ratio[bars], low[bars], high[bars], color=colour, lw=1.6, zorder=order)
        above.plot(
            found.ratio[dots], low[dots], "o", color=colour, ms=4.5, mec="white", mew=0.5, zorder=order + 1
        )
        for some, face in ((mine & first_hand, colour), (mine & ~first_hand, "white")):
            below.plot(
                found.ratio[some], rows[some], "o", color=colour, mfc=face, ms=5, mew=1.1, zorder=order
            )
    for ax in (above, below):
        ax.axvline(1, color="#333333", lw=0.9, ls=(0, (1, 2)), zorder=1)
    if top is not None:
        above.set_ylim(1 / top, top)
    above.set_yscale("log")
    above.yaxis.set_major_locator(FixedLocator([0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2]))
    above.yaxis.set_minor_locator(NullLocator())
    above.yaxis.set_major_formatter(FuncFormatter(lambda factor, _: _per_cent_off(factor)))
    above.set_ylabel("error of N*")
    below.set_xscale("log")
    below.set_xlim(band.ratio[0], band.ratio[-1])
    plain_ticks(below.xaxis, (0.5, 0.7, 1.0, 1.5, 2.0, 3.0))
    below.set_xlabel("ratio of the exponents, α/β")
    below.set_yticks(range(len(fields)), fields[::-1])
    below.set_ylim(-0.6, len(fields) - 0.4)
    below.grid(axis="x", visible=False)
    return above


def _per_cent_off(factor: float) -> str:
    """A factor as a change in per cent with its sign, such as −10 %."""
    return f"{100 * (factor - 1):+.0f} %".replace("-", "−") if factor != 1 else "0"
