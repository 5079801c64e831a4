"""Pictures of decisions: what an error costs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.plotting.style import ROLES, axes_of


def deadweight(truth: LossSurface, N: float, D: float, ax: Axes | None = None) -> Axes:
    """The frontier's loss against compute, one training run above it, and the compute it wasted.

    Parameters
    ----------
    truth : LossSurface
        The surface that judges.
    N, D : float
        Parameters and tokens of the run.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C = FLOPS_PER_PARAMETER_TOKEN * N * D
    track = np.geomspace(0.25, 1.25, 200)
    loss = truth.loss(N, D)
    needed = truth.C_for(loss) / C
    ax.plot(track, truth.L_opt(track * C), color=ROLES["truth"]["color"], label="best loss at each compute")
    ax.annotate(
        "", (needed, loss), xytext=(1.0, loss),
        arrowprops={"arrowstyle": "->", "color": ROLES["Approach 2"]["color"], "lw": 1.6, "shrinkB": 0},
    )  # fmt: skip
    ax.plot(1.0, loss, "P", color=ROLES["Approach 2"]["color"], ms=8, label="the run")
    ax.plot(needed, loss, "x", color=ROLES["truth"]["color"], ms=8, mew=1.6, label="same loss, spent well")
    ax.annotate(
        f"wasted {100 * (1 - needed):.1f} %", (1.0, loss), xytext=(8, 4), textcoords="offset points",
        ha="left", color=ROLES["Approach 2"]["color"], fontsize=9,
    )  # fmt: skip
    ax.axvline(1.0, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    ax.set_xlim(0.2, 1.3)
    ax.set_xlabel("compute, as a share of the budget")
    ax.set_ylabel("loss L")
    ax.legend(loc="lower left")
    return ax
