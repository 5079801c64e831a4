"""Pictures of what single runs do to a fit."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from scalinglab.fitting.influences import Influence
from scalinglab.plotting.style import ROLES, SPARE_LOOKS, axes_of, log_counts

#: Area of a dot, in points squared, of a run without which a moves by one standard error; the least drawn.
AREA, LEAST = 160.0, 3.0


def influence_map(influence: Influence, labelled: int = 3, ax: Axes | None = None) -> Axes:
    """Influence of runs on a, where they are: dots where a rises without the run, rings where it falls.

    Parameters
    ----------
    influence : Influence
        Of a fit. Areas are shifts of a in standard errors; runs that do not belong to the rest are crossed.
    labelled : int
        How many rows to write beside the runs that move a most.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    runs, rows = influence.fit.runs, influence.rows
    N, D, shift = runs.N[rows], runs.D[rows], influence.relative
    look = SPARE_LOOKS[0]["color"]
    area = np.maximum(AREA * np.abs(shift), LEAST)
    for up, face, label in ((True, look, "a rises without it"), (False, "none", "a falls without it")):
        some = (shift > 0) == up
        ax.scatter(N[some], D[some], s=area[some], facecolors=face, edgecolors=look, lw=0.9, label=label)
    odd = influence.odd
    if len(odd):
        ax.plot(
            runs.N[odd], runs.D[odd], ROLES["truth"]["marker"], color="black", ms=7, mew=1.2,
            label="does not belong to the rest",
        )  # fmt: skip
    log_counts(ax, "x", "parameters N")
    log_counts(ax, "y", "training tokens D")
    for k in influence.largest(labelled):
        ax.annotate(
            f"row {rows[k]}", (N[k], D[k]), xytext=(3 + np.sqrt(area[k]) / 2, 0), textcoords="offset points",
            ha="left", va="center", fontsize=9.5,
        )  # fmt: skip
    ax.margins(0.08)
    for handle in ax.legend(loc="best").legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([30])
    return ax
