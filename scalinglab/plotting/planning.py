"""Pictures of decisions: what an error costs, and which runs to make."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.planning.elfving import ElfvingOptimum
from scalinglab.planning.error_results import PredictedError
from scalinglab.planning.plan_results import SweepPlan
from scalinglab.planning.planned_runs import PlannedRuns
from scalinglab.planning.reaches import BestReach
from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    budget_colours,
    line_of,
    log_counts,
    plain_ticks,
)


def deadweight(truth: LossSurface, N: float, D: float, ax: Axes | None = None) -> Axes:
    """The frontier's loss against compute, one training run above it, what it wasted and what it lost.

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
        ha="left", color=ROLES["Approach 2"]["color"], fontsize=9.5,
    )  # fmt: skip
    ax.annotate(
        f"{loss - truth.L_opt(C):.2g} in loss", (1.0, loss), xytext=(8, 18), textcoords="offset points",
        ha="left", fontsize=9.5,
    )  # fmt: skip
    ax.annotate(
        "", (1.0, truth.L_opt(C)), xytext=(1.0, loss),
        arrowprops={"arrowstyle": "->", "color": ROLES["truth"]["color"], "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
    ax.axvline(1.0, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    ax.set_xlim(0.2, 1.3)
    ax.set_xlabel("compute, as a share of the budget")
    ax.set_ylabel("loss L")
    ax.legend(loc="lower left")
    return ax


def reach_errors(found: BestReach, ax: Axes | None = None) -> Axes:
    """Bias and standard error of Approach 2 against the reach of its grids, with the best one, and VPNLS.

    Parameters
    ----------
    found : BestReach
        What :func:`scalinglab.planning.best_reach` returned.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    colour = ROLES["Approach 2"]["color"]
    x, best = found.reaches, int(np.argmin(found.rmse))
    ax.plot(x, np.abs(found.bias), color=colour, ls=":", lw=1.4, label="Approach 2, size of the bias")
    ax.plot(x, found.log_N, color=colour, ls=(0, (1, 1, 4, 1)), lw=1.2, label="Approach 2, standard error")
    ax.plot(x, found.rmse, **line_of("Approach 2"), lw=2.0, label="Approach 2, both")
    ax.plot(x, found.vpnls, **line_of("VPNLS"), lw=1.6, label="VPNLS, standard error")
    ax.plot(found.reach, found.rmse[best], "P", color=colour, ms=9)
    ax.annotate(
        f"best reach {found.reach:.2g}", (found.reach, found.rmse[best]), xytext=(0, 10),
        textcoords="offset points", ha="center", color=colour, fontsize=9.5,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(found.vpnls.min() / 2, 2 * found.rmse.max())
    plain_ticks(ax.xaxis, subs=(1.0, 2.0, 4.0))
    ax.set_xlabel("reach of the grids")
    ax.set_ylabel("error of ln N*")
    ax.legend(loc="upper center")
    return ax


def run_weights(error: PredictedError, ax: Axes | None = None) -> Axes:
    """The weight of every run in the best size, on the map of sizes and tokens.

    Parameters
    ----------
    error : PredictedError
        What :func:`scalinglab.predict_error` returned.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    runs, h = error.runs, error.weights
    largest = np.abs(h).max()
    for sign, look, what in ((1, SPARE_LOOKS[0], "raises"), (-1, SPARE_LOOKS[1], "lowers")):
        mine = sign * h > 0
        ax.scatter(
            runs.N[mine], runs.D[mine], s=220 * np.abs(h[mine]) / largest, color=look["color"],
            marker="o" if sign > 0 else "D", alpha=0.75, linewidths=0,
        )  # fmt: skip
        ax.scatter([], [], s=60, color=look["color"], marker="o" if sign > 0 else "D",
                   label=f"a loss too high {what} N*")  # fmt: skip
    log_counts(ax, "x", "parameters N")
    log_counts(ax, "y", "training tokens D")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9.5, borderaxespad=0.2)
    return ax


def sweep_plan(plan: SweepPlan, ax: Axes | None = None) -> Axes:
    """The candidates of a planned sweep, the runs to make, and those among them that show a misfit.

    Parameters
    ----------
    plan : SweepPlan
        What :func:`scalinglab.plan_sweep` returned.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    every = plan.candidates
    ax.plot(every.N, every.D, "o", color="#c8c8c8", ms=3, label="candidates")
    for mask, look, label in (
        (plan.chosen & ~plan.shows_misfit, SPARE_LOOKS[0], "to measure"),
        (plan.shows_misfit, SPARE_LOOKS[1], "to show a misfit"),
    ):
        ax.plot(every.N[mask], every.D[mask], look["marker"], color=look["color"], ms=6, label=label)
    log_counts(ax, "x", "parameters N")
    log_counts(ax, "y", "training tokens D")
    ax.legend(loc="best")
    return ax


def elfving_hull(optimum: ElfvingOptimum, candidates: PlannedRuns, ax: Axes | None = None) -> Axes:
    """Elfving's hull, seen along the face through which the ray of the target leaves it.

    Parameters
    ----------
    optimum : ElfvingOptimum
        What :func:`scalinglab.planning.elfving_optimum` returned.
    candidates : PlannedRuns
        The runs it was chosen from.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    view, budgets = optimum.view(candidates), candidates.budgets
    colours = budget_colours(budgets)
    ax.fill(*view.hull.T, color="#f0f0f0", zorder=0)
    for sign in (1, -1):
        ax.axhline(sign, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
        for place, colour in enumerate(colours):
            mine = candidates.member == place
            ax.plot(sign * view.across[mine], sign * view.height[mine], "o", color=colour, ms=2.4, mew=0)
    at = optimum.view(optimum.points.and_also(candidates))
    k, side = len(optimum.points), np.sign(optimum.x)
    ax.plot(
        side * at.across[:k], side * at.height[:k], "s", color=SPARE_LOOKS[1]["color"], ms=8, mfc="none",
        mew=1.6, label="the optimum repeats these",
    )  # fmt: skip
    ax.annotate(
        "",
        (0, 1),
        xytext=(0, 0),
        arrowprops={"arrowstyle": "->", "lw": 1.8, "color": ROLES["truth"]["color"]},
    )
    ax.annotate("the answer", (0, 0.45), xytext=(6, 0), textcoords="offset points", fontsize=9.5, va="center")
    ax.set_ylim(-1.3, 1.3)
    ax.set_xlabel("across the face")
    ax.set_ylabel("height, 1 on the face")
    ax.legend(loc="upper left")
    return ax
