"""Pictures of runs: IsoFLOP curves, training curves, where runs lie, what screening drops."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from scalinglab._text import format_count
from scalinglab.data.runs import Runs
from scalinglab.data.screening import Screening
from scalinglab.data.training_curves import TrainingCurves
from scalinglab.fitting.approach1 import Envelope
from scalinglab.fitting.results import FrontierFit, SurfaceFit
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.plotting.style import ROLES, axes_of, budget_colours, log_counts, power_of_ten


def isoflops(
    runs: Runs,
    fit: FrontierFit | None = None,
    truth: LossSurface | SurfaceFit | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Loss against model size at each budget, with parabolas, their vertices and the true optima.

    Parameters
    ----------
    runs : Runs
        Drawn as dots, coloured by budget.
    fit : FrontierFit, optional
        Adds the parabola and the vertex of every budget it used.
    truth : LossSurface or SurfaceFit, optional
        Adds the true curve and its minimum at every budget.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    surface = truth.surface if isinstance(truth, SurfaceFit) else truth
    budgets = runs.budgets
    used = {parabola.C: parabola for parabola in fit.parabolas if not parabola.verdict} if fit else {}
    for C, colour in zip(budgets, budget_colours(budgets), strict=True):
        part = runs.at(C)
        ax.plot(part.N, part.L, "o", color=colour, markersize=3.6)
        sizes = np.geomspace(part.N.min(), part.N.max(), 41)
        if surface is not None:
            ax.plot(sizes, surface.loss(sizes, C / (FLOPS_PER_PARAMETER_TOKEN * sizes)), color=colour, lw=1.0)
            best = surface.N_opt(C)
            ax.plot(
                best, surface.L_opt(C), marker="x", color=ROLES["truth"]["color"], ms=7, mew=1.6, zorder=4
            )
        parabola = used.get(float(C))
        if parabola is not None:
            ax.plot(sizes, parabola.loss(sizes), color=ROLES["Approach 2"]["color"], ls="--", lw=1.1)
            ax.plot(
                parabola.vertex, parabola.loss(parabola.vertex), "P", color=ROLES["Approach 2"]["color"],
                ms=6, mec="white", mew=0.6, zorder=5,
            )  # fmt: skip
        # without a right arm a curve ends among the others: its label goes to its left
        cut = surface is not None and part.N.max() < surface.N_opt(C)
        end = int(np.argmin(part.N) if cut else np.argmax(part.N))
        height = (
            part.L[end] if surface is None else surface.loss(part.N[end], part.D[end])
        )  # whatever the noise
        ax.annotate(
            power_of_ten(C), (part.N[end], height), xytext=(-5, -3) if cut else (5, 0),
            textcoords="offset points", fontsize=9.5, color=colour, va="center",
            ha="right" if cut else "left", zorder=6,
            bbox={"fc": "white", "ec": "none", "pad": 0.4, "alpha": 0.75},
        )  # fmt: skip
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L")
    handles = []
    if surface is not None:
        what = "minimum of the fitted surface" if isinstance(truth, SurfaceFit) else "true minimum"
        handles += ax.plot([], [], "x", color="black", ms=7, mew=1.6, label=what)
    if used:
        handles += ax.plot(
            [], [], "P--", color=ROLES["Approach 2"]["color"], ms=6, lw=1.1, label="parabola and vertex"
        )
    if handles:
        ax.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9.5, borderaxespad=0.2
        )
    return ax


def training_curves(
    curves: TrainingCurves,
    envelope: Envelope | None = None,
    above: LossSurface | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Loss against compute along every run, coloured by size, with the lower envelope.

    Parameters
    ----------
    curves : TrainingCurves
        Drawn from a twelfth of each run to its end.
    envelope : Envelope, optional
        Drawn as a broad band in the colour of Approach 1.
    above : LossSurface, optional
        Draw losses above the best that this surface allows at the same compute, L - L*(C): curves that
        lie on one another as they stand come apart.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    sizes = np.unique(curves.N)
    colours = budget_colours(sizes)
    late = curves.horizon[:, None] <= 12 * curves.D
    losses = curves.L if above is None else curves.L - above.L_opt(curves.C)
    for k in range(len(curves)):
        colour = colours[int(np.searchsorted(sizes, curves.N[k]))]
        C, L = curves.C[k, late[k]], losses[k, late[k]]
        ax.plot(C, L, color=colour, lw=0.8)
        ax.plot(C[-1], L[-1], "o", color=colour, ms=3.2)
    for which in (0, -1):
        k = int(np.flatnonzero(sizes[which] == curves.N)[0 if above is None else -1])
        first = int(np.argmax(late[k]) if above is None else np.argmin(np.where(late[k], losses[k], np.inf)))
        beside: dict[str, Any] = {"xytext": (6, 6), "va": "bottom"}
        below: dict[str, Any] = {"xytext": (0, -8), "va": "top", "ha": "center"}
        ax.annotate(
            f"{format_count(sizes[which])} parameters", (curves.C[k, first], losses[k, first]),
            textcoords="offset points", fontsize=9.5, color=colours[which],
            **(beside if above is None else below),
        )  # fmt: skip
    if envelope is not None:
        lowest = envelope.L if above is None else envelope.L - above.L_opt(envelope.C)
        ax.plot(
            envelope.C, lowest, color=ROLES["Approach 1"]["color"], lw=6, alpha=0.6, zorder=1,
            label="lower envelope",
        )  # fmt: skip
        ax.legend(loc="upper right")
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("loss L" if above is None else "loss above the best, L − L*(C)")
    return ax


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
            va="center", fontsize=9.5, color=colour,
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


def screening(result: Screening, ax: Axes | None = None) -> Axes:
    """Loss against model size at each budget, kept runs as dots and dropped ones marked by their stage.

    Parameters
    ----------
    result : Screening
        What :func:`scalinglab.screen` returned.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    runs = result.runs
    dropped = np.array([flag.row for flag in result.flags], int)
    kept = np.delete(np.arange(len(runs)), dropped)
    budgets, member = runs.by_budget()
    colours = budget_colours(budgets)
    ends = []
    for j, C in enumerate(budgets):
        mine = kept[member[kept] == j]
        ax.plot(runs.N[mine], runs.L[mine], "o", color=colours[j], ms=3.2)
        everything = np.flatnonzero(member == j)
        last = everything[np.argmax(runs.N[everything])]
        ends.append((float(runs.N[last]), float(runs.L[last]), power_of_ten(C), colours[j]))
    looks = iter(("x", "+", "s", "v", "D", "^", "*"))
    # none of them a role's
    shades = iter(("#882255", "#332288", "#6B5B00", "#117733", "#AA4499", "#E69F00", "#56B4E9"))
    for stage in result.stages:
        rows = [flag.row for flag in result.flags if flag.stage == stage]
        marker, shade = next(looks, "x"), next(shades, "#000000")
        if rows:
            ax.plot(
                runs.N[rows], runs.L[rows], marker, color=shade, ms=7, mfc="none", mew=1.4,
                label=f"{stage} ({len(rows)})",
            )  # fmt: skip
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L")
    _label_apart(ax, ends)
    if len(dropped):
        ax.legend(loc="best", fontsize=9.5, title="dropped")
    return ax


def _label_apart(ax: Axes, ends: list[tuple[float, float, str, Any]]) -> None:
    """Write labels to the right of their points, each moved up or down where it would lie on another."""
    ax.autoscale_view()
    taken: list[tuple[float, float]] = []
    for N, L, label, colour in sorted(ends, key=lambda end: end[1]):
        x, y = ax.transAxes.inverted().transform(ax.transData.transform((N, L)))
        near = [up for along, up in taken if abs(x - along) < 0.14]
        free = (y + step * 0.015 for step in sorted(range(-40, 41), key=abs))
        at = next(up for up in free if all(abs(up - other) >= 0.056 for other in near))
        taken.append((x, at))
        ax.annotate(
            label, (N, L), xytext=(7, (at - y) * ax.bbox.height * 72 / ax.figure.dpi),
            textcoords="offset points", fontsize=9.5, color=colour, va="center",
        )  # fmt: skip
