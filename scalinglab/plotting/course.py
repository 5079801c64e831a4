"""Pictures of coursework: a contest of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

if TYPE_CHECKING:
    import pandas as pd

from scalinglab.plotting.style import percent_ticks


def contest(games: pd.DataFrame) -> Axes:
    """Waste and interval score of strategies, one row each: median, middle four fifths, every game.

    Parameters
    ----------
    games : pandas.DataFrame
        Of :func:`scalinglab.course.tournament`: columns strategy, waste, interval score, covers, failure.

    Returns
    -------
    Axes
        The left one, of the waste.
    """
    _, axes = plt.subplots(1, 2, sharey=True, figsize=(5.6, 0.9 + 0.55 * games["strategy"].nunique()))
    names = list(dict.fromkeys(games["strategy"]))
    for row, name in enumerate(names):
        mine = games[(games["strategy"] == name) & (games["failure"] == "")]
        for ax, column in zip(axes, ("waste", "interval score"), strict=True):
            values = mine[column].to_numpy(float)
            lift = np.linspace(-0.22, 0.22, len(values))
            ax.plot(values, row + lift, ".", color="#7f7f7f", markersize=2, alpha=0.5, zorder=1)
            if len(values):
                low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
                ax.plot([low, high], [row, row], color="#332288", linewidth=3, solid_capstyle="butt")
                ax.plot(middle, row, "v", color="#332288", markerfacecolor="white", markersize=7)
        failed = int(np.sum((games["strategy"] == name) & (games["failure"] != "")))
        note = f"holds {100 * mine['covers'].mean():.0f} %" if len(mine) else ""
        note += f"{', ' if note else ''}{failed} failed" if failed else ""
        axes[1].annotate(
            note,
            (0.98, row - 0.36),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=9.5,
        )
    for ax, label in zip(axes, ("wasted compute", "interval score (nats per token)"), strict=True):
        ax.set_xscale("log")
        ax.set_xlabel(label)
    percent_ticks(axes[0].xaxis)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.6)
    first: Axes = axes[0]
    return first
