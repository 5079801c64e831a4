"""Pictures of the reference pages: bundled figures drawn again from their digitised runs."""

from __future__ import annotations

from matplotlib.axes import Axes

from scalinglab.plotting.style import axes_of, budget_colours, log_counts, power_of_ten
from scalinglab.runs import Runs


def token_curves(runs: Runs, ax: Axes | None = None) -> Axes:
    """Loss against training tokens, the runs of each budget joined in the order of their tokens.

    Parameters
    ----------
    runs : Runs
        Coloured by budget, light to dark with compute; each curve is labelled with its budget.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    for C, colour in zip(runs.budgets, budget_colours(runs.budgets), strict=True):
        part = runs.at(C)
        order = part.D.argsort()
        D, L = part.D[order], part.L[order]
        ax.plot(D, L, "o-", color=colour, markersize=3.2, linewidth=0.9)
        ax.annotate(
            power_of_ten(C), (D[-1], L[-1]), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=8, color=colour,
        )  # fmt: skip
    log_counts(ax, "x", "training tokens D")
    ax.set_ylabel("loss")
    return ax


def run_map(runs: Runs, ax: Axes | None = None) -> Axes:
    """Every run by its compute and its size, coloured by its final loss.

    Parameters
    ----------
    runs : Runs
        Runs of any design.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    dots = ax.scatter(
        runs.C, runs.N, c=runs.L, s=14, cmap="viridis_r", edgecolors="#00000055", linewidths=0.3
    )
    ax.set_xscale("log")
    ax.set_xlabel("training compute C (FLOPs)")
    log_counts(ax, "y", "parameters N")
    ax.figure.colorbar(dots, ax=ax, label="final loss (nats per token)")
    return ax
