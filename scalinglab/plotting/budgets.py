"""Pictures of runs at budgets: IsoFLOP curves, training curves, frontiers, and lines against one variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from scalinglab.allocation import Plan
from scalinglab.approach1 import Envelope, EnvelopeFit
from scalinglab.curves import TrainingCurves
from scalinglab.design import IsoflopDesign
from scalinglab.fits import FrontierFit, Parabola, SurfaceFit
from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    budget_colours,
    count,
    count_label,
    has_role,
    label_ends,
    line_of,
    log_counts,
    look_of,
    power_of_ten,
    shade_fitted,
)
from scalinglab.runs import Runs
from scalinglab.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface


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
        sizes = np.geomspace(part.N.min(), part.N.max(), 121)
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
        ax.annotate(
            power_of_ten(C), (part.N[end], part.L[end]), xytext=(-5, -3) if cut else (5, 0),
            textcoords="offset points", fontsize=9, color=colour, ha="right" if cut else "left", va="center",
            zorder=6,
            path_effects=[withStroke(linewidth=2, foreground="white")],
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
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9, borderaxespad=0.2
        )
    return ax


def missed_minimum(
    surface: LossSurface,
    parabola: Parabola,
    design: IsoflopDesign,
    ax: Axes | None = None,
) -> Axes:
    """One IsoFLOP curve with the parabola fitted to it: where the vertex falls beside the minimum.

    Parameters
    ----------
    surface : LossSurface
        The truth.
    parabola : Parabola
        The fit at one budget of ``design``.
    design : IsoflopDesign
        Says which sizes were sampled.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C = parabola.C
    row = int(np.argmin(np.abs(np.log(design.budgets / C))))
    sampled = design.sizes(surface)[row]
    sizes = np.geomspace(sampled.min(), sampled.max(), 301)
    losses = surface.loss(sizes, C / (FLOPS_PER_PARAMETER_TOKEN * sizes))
    ax.plot(sizes, losses, color="black", label="true loss")
    ax.plot(sizes, parabola.loss(sizes), label="parabola", **line_of("Approach 2"))
    ax.plot(
        sampled, surface.loss(sampled, C / (FLOPS_PER_PARAMETER_TOKEN * sampled)), "o", color="#7f7f7f", ms=5
    )
    best, vertex = surface.N_opt(C), parabola.vertex
    bottom = min(surface.L_opt(C), float(parabola.loss(vertex)))
    height = losses.max() - bottom
    for x, y, name, text, side in (
        (best, surface.L_opt(C), "truth", "true minimum", "right" if best < vertex else "left"),
        (vertex, float(parabola.loss(vertex)), "Approach 2", "vertex", "left" if best < vertex else "right"),
    ):
        ax.plot([x, x], [bottom - 0.22 * height, y], color=ROLES[name]["color"], lw=1.0)
        ax.plot(x, y, ROLES[name]["marker"], color=ROLES[name]["color"], ms=8, mew=1.6, zorder=5)
        ax.annotate(
            f"{text}\n{count(x)}", (x, bottom - 0.22 * height), xytext=(4 if side == "left" else -4, 0),
            textcoords="offset points", ha=side, va="bottom", color=ROLES[name]["color"], fontsize=9,
        )  # fmt: skip
    ax.set_ylim(bottom - 0.24 * height, losses.max() + 0.04 * height)
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L")
    ax.legend(loc="upper center")
    return ax


def frontier(
    plans: Mapping[str, Plan],
    C: ArrayLike,
    quantity: str = "D",
    mark: float | None = None,
    fitted: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Best size or token count against compute, one line a plan.

    Parameters
    ----------
    plans : mapping of str to Plan
        Label and whatever answers ``N_opt`` and ``D_opt``; a label that begins with a role's name gets
        its look.
    C : array_like
        Budgets over which to draw.
    quantity : {"N", "D"}
        What to draw.
    mark : float, optional
        A budget at which every plan's value is written.
    fitted : tuple of float, optional
        Range of budgets that were fitted, shaded.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C = np.asarray(C, float)
    shade_fitted(ax, fitted)
    marked = []
    spare = iter(SPARE_LOOKS)
    for label, plan in plans.items():
        look = look_of(label) if has_role(label) else next(spare, look_of(label))
        values = getattr(plan, f"{quantity}_opt")
        ax.plot(C, values(C), color=look["color"], linestyle=look["linestyle"] or "-", label=label)
        if mark is not None:
            value = float(values(mark))
            edge: dict[str, Any] = {"mew": 1.6} if look["marker"] == "x" else {"mec": "white", "mew": 0.5}
            ax.plot(mark, value, look["marker"], color=look["color"], ms=6, **edge)
            marked.append((value, count_label(value), look["color"]))
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    log_counts(ax, "y", {"N": "best parameters N*", "D": "best tokens D*"}[quantity])
    if mark is not None:
        label_ends(ax, mark, marked)
    ax.legend(loc="upper left")
    return ax


def lines(
    x: ArrayLike,
    curves: Mapping[str, ArrayLike],
    xlabel: str,
    ylabel: str,
    *,
    roles: Mapping[str, str] | None = None,
    logx: bool = False,
    percent: bool = False,
    zero: bool = False,
    fitted: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves against one variable, each labelled at its right end.

    Parameters
    ----------
    x : array_like
        Common abscissa.
    curves : mapping of str to array_like
        Label and values.
    xlabel, ylabel : str
        Axis labels with units.
    roles : mapping, optional
        Role of each label that has one.
    logx : bool
        Logarithmic abscissa.
    percent : bool
        Values are fractions; show per cent.
    zero : bool
        Draw the line y = 0.
    fitted : tuple of float, optional
        Range of the abscissa that was fitted, shaded.
    ylim : tuple of float, optional
        Range of the ordinate, where pictures are to be compared.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    shade_fitted(ax, fitted)
    x = np.asarray(x, float)
    if zero:
        ax.hlines(0, x.min(), x.max(), color="black", lw=0.8)
    free = iter(budget_colours(range(max(2, len(curves)))))
    ends = []
    for label, values in curves.items():
        look = ROLES.get((roles or {}).get(label, label))
        colour = look["color"] if look else next(free)
        y = np.asarray(values, float)
        ax.plot(x, y, color=colour, linestyle=(look or {}).get("linestyle") or "-")
        ends.append((float(y[np.isfinite(y)][-1]), label, colour))
    if logx:
        ax.set_xscale("log")
        if x.max() < 100 * x.min():
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if percent:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %".replace("-", "−")))
    if ylim is not None:
        ax.set_ylim(ylim)
    label_ends(ax, float(x[-1]), ends)
    return ax


def vertex_errors(
    fit: FrontierFit,
    truth: LossSurface,
    C: ArrayLike = (),
    spread: ArrayLike = (),
    ax: Axes | None = None,
) -> Axes:
    r"""Vertex of each parabola over the true best size, against compute.

    Parameters
    ----------
    fit : FrontierFit
        Its used parabolas are drawn.
    truth : LossSurface
        Says which size is best.
    C, spread : array_like, optional
        Budgets and the standard deviation of :math:`\ln \hat N` expected there; twice it is drawn as a band.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    budgets = np.array([parabola.C for parabola in fit.used])
    factors = np.array([parabola.vertex for parabola in fit.used]) / truth.N_opt(budgets)
    colour = ROLES["Approach 2"]["color"]
    C, spread = np.asarray(C, float), np.asarray(spread, float)
    ax.fill_between(C, np.exp(-2 * spread), np.exp(2 * spread), color=colour, alpha=0.2, lw=0)
    ax.axhline(1, color="black", lw=1.0)
    ax.plot(budgets, factors, "P", color=colour, ms=4.5, mec="white", mew=0.4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("vertex over true best size")
    return ax


def training_curves(curves: TrainingCurves, envelope: Envelope | None = None, ax: Axes | None = None) -> Axes:
    """Loss against compute along every run, coloured by size, with the lower envelope.

    Parameters
    ----------
    curves : TrainingCurves
        Drawn from a twelfth of each run to its end.
    envelope : Envelope, optional
        Drawn as a broad band in the colour of Approach 1.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    sizes = np.unique(curves.N)
    colours = budget_colours(sizes)
    late = curves.horizon[:, None] <= 12 * curves.D
    for k in range(len(curves)):
        colour = colours[int(np.searchsorted(sizes, curves.N[k]))]
        C, L = curves.C[k, late[k]], curves.L[k, late[k]]
        ax.plot(C, L, color=colour, lw=0.8)
        ax.plot(C[-1], L[-1], "o", color=colour, ms=3.2)
    for which in (0, -1):
        k = int(np.flatnonzero(sizes[which] == curves.N)[0])
        ax.annotate(
            f"{count(sizes[which])} parameters", (curves.C[k, late[k]][0], curves.L[k, late[k]][0]),
            xytext=(6, 6), textcoords="offset points", fontsize=8, color=colours[which], va="bottom",
        )  # fmt: skip
    if envelope is not None:
        ax.plot(
            envelope.C, envelope.L, color=ROLES["Approach 1"]["color"], lw=6, alpha=0.6, zorder=1,
            label="lower envelope",
        )  # fmt: skip
        ax.legend(loc="upper right")
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("loss L")
    return ax


def staircase(
    fit: EnvelopeFit, truth: LossSurface, *, relative: bool = False, ax: Axes | None = None
) -> Axes:
    """Sizes on the envelope against compute, with the true frontier and the fitted law.

    Parameters
    ----------
    fit : EnvelopeFit
        Its envelope and its law; budgets that did not enter the law are drawn faintly.
    truth : LossSurface
        The true frontier.
    relative : bool
        Divide all sizes by the true best size.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C, look = fit.envelope.C, ROLES["Approach 1"]
    best = truth.N_opt(C)
    scale = best if relative else np.ones_like(C)
    steps = np.where(np.diff(fit.envelope.N, prepend=fit.envelope.N[0]) == 0, fit.envelope.N, np.nan) / scale
    used = fit.used_budgets
    ax.plot(C, steps, color="#c8c8c8", lw=1.6)
    ax.plot(C, np.where(used, steps, np.nan), color="#7f7f7f", lw=1.6, label="size on the envelope")
    ax.plot(C, best / scale, color=ROLES["truth"]["color"], lw=1.2, label="true frontier")
    ax.plot(
        C[used], (fit.N_opt(C) / scale)[used], color=look["color"], ls=look["linestyle"], lw=2.2,
        label="fitted law",
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    if relative:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 8.5)))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_ylabel("size over true best size")
    else:
        log_counts(ax, "y", "parameters N")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return ax
