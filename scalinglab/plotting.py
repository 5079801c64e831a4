"""Pictures: one function each. They take results and return the Axes; nothing is fitted here.

A role (the truth, the runs, a method) has the same colour, line and marker in every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from scalinglab.allocation import Plan
from scalinglab.approach1 import Envelope, EnvelopeFit
from scalinglab.certificate import Certificate
from scalinglab.curves import TrainingCurves
from scalinglab.design import IsoflopDesign
from scalinglab.fits import FrontierFit, Parabola, SurfaceFit
from scalinglab.quality import Screening
from scalinglab.runs import Runs
from scalinglab.simulate import Sweep
from scalinglab.stops import Stop
from scalinglab.surface import FLOPS_PER_PARAMETER_TOKEN, FloatArray, LossSurface
from scalinglab.trials import Coverage, Hindcast
from scalinglab.uncertainty import Profile

#: Colour (Okabe and Ito's colour-blind-safe set), line and marker of each role.
ROLES: dict[str, dict[str, Any]] = {
    "truth": {"color": "#000000", "linestyle": "-", "marker": "x"},
    "runs": {"color": "#7f7f7f", "linestyle": "", "marker": "o"},
    "Approach 1": {"color": "#CC79A7", "linestyle": "-.", "marker": "D"},
    "Approach 2": {"color": "#D55E00", "linestyle": "--", "marker": "P"},
    "Approach 3": {"color": "#009E73", "linestyle": ":", "marker": "s"},
    "VPNLS": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "approximation": {"color": "#222222", "linestyle": (0, (2.5, 3.5)), "marker": ""},
}

#: Looks of lines side by side that play no role.
SPARE_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#332288", "linestyle": "-", "marker": "v"},
    {"color": "#882255", "linestyle": "--", "marker": "^"},
    {"color": "#6B5B00", "linestyle": "-.", "marker": "D"},
)


def use_style() -> None:
    """Switch matplotlib to the book's style; in a notebook, draw figures as SVG."""
    with as_file(files("scalinglab") / "house.mplstyle") as path:
        plt.style.use(path)
    from IPython.core.getipython import get_ipython

    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]


def count(value: float, digits: int = 3) -> str:
    """Write a number of parameters or tokens the way the field does.

    Examples
    --------
    >>> count(6.217e11), count(1.61e13), count(58.72e6)
    ('622B', '16.1T', '58.7M')
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * (1 - 0.5 * 10**-digits):
            return (
                f"{value / size:.{digits}g}{letter}"
                if value < 999.5 * size
                else f"{value / size:.0f}{letter}"
            )
    return f"{value:.{digits}g}"


def role(name: str) -> dict[str, Any]:
    """Line style of a role; methods not in the list get VPNLS's colour and a thin line."""
    return ROLES.get(name, {"color": "#56B4E9", "linestyle": "-", "marker": "v"})


def budget_colours(budgets: Sequence[float] | FloatArray) -> list[Any]:
    """One colour a budget, light to dark with compute."""
    return list(colormaps["viridis_r"](np.linspace(0.18, 0.95, len(budgets))))


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
    ax = _axes(ax)
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
        last = int(np.argmax(part.N))
        ax.annotate(
            f"{C:.0e}".replace("e+", "e"), (part.N[last], part.L[last]), xytext=(5, 0),
            textcoords="offset points", fontsize=8, color=colour, va="center",
        )  # fmt: skip
    _log_counts(ax, "x", "parameters N")
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
    ax = _axes(ax)
    C = parabola.C
    row = int(np.argmin(np.abs(np.log(design.budgets / C))))
    sampled = design.sizes(surface)[row]
    sizes = np.geomspace(sampled.min(), sampled.max(), 301)
    losses = surface.loss(sizes, C / (FLOPS_PER_PARAMETER_TOKEN * sizes))
    ax.plot(sizes, losses, color="black", label="true loss")
    ax.plot(sizes, parabola.loss(sizes), label="parabola", **_line("Approach 2"))
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
    _log_counts(ax, "x", "parameters N")
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
    ax = _axes(ax)
    C = np.asarray(C, float)
    _shade_fitted(ax, fitted)
    marked = []
    spare = iter(SPARE_LOOKS)
    for label, plan in plans.items():
        look = _look(label) if _has_role(label) else next(spare, role(label))
        values = getattr(plan, f"{quantity}_opt")
        ax.plot(C, values(C), color=look["color"], linestyle=look["linestyle"] or "-", label=label)
        if mark is not None:
            value = float(values(mark))
            edge: dict[str, Any] = {"mew": 1.6} if look["marker"] == "x" else {"mec": "white", "mew": 0.5}
            ax.plot(mark, value, look["marker"], color=look["color"], ms=6, **edge)
            marked.append((value, count(value), look["color"]))
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    _log_counts(ax, "y", {"N": "best parameters N*", "D": "best tokens D*"}[quantity])
    if mark is not None:
        _label_ends(ax, mark, marked)
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
    ax = _axes(ax)
    _shade_fitted(ax, fitted)
    x = np.asarray(x, float)
    if zero:
        ax.axhline(0, color="black", lw=0.8)
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
    _label_ends(ax, float(x[-1]), ends)
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
    ax = _axes(ax)
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


def terms(surface: LossSurface, N: ArrayLike, D: float, ax: Axes | None = None) -> Axes:
    """Stack the three terms of the loss against model size at a fixed number of tokens."""
    ax = _axes(ax)
    N = np.asarray(N, float)
    E = np.full_like(N, surface.E)
    data = np.full_like(N, surface.B * D**-surface.beta)
    size = surface.A * N**-surface.alpha
    ax.stackplot(
        N, E, data, size, colors=["#d9d9d9", "#56B4E9", "#E69F00"],
        labels=["E, irreducible", "$B/D^β$, too few tokens", "$A/N^α$, too few parameters"],
    )  # fmt: skip
    ax.plot(N, E + data + size, color="black")
    _log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L (nats per token)")
    ax.set_ylim(bottom=0)
    ax.set_xlim(N.min(), N.max())
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper right")
    return ax


def surface_map(
    surface: LossSurface,
    N: ArrayLike,
    D: ArrayLike,
    budgets: ArrayLike = (),
    runs: Runs | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Contours of the loss over parameters and tokens, IsoFLOP lines, and the compute-optimal frontier.

    Parameters
    ----------
    surface : LossSurface
        What to draw.
    N, D : array_like
        Grids of the two axes.
    budgets : array_like
        Budgets whose lines 6ND = C are drawn, with the optimum on each.
    runs : Runs, optional
        Runs to add as dots.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    N, D = np.asarray(N, float), np.asarray(D, float)
    ax.set(xscale="log", yscale="log", xlim=(N.min(), N.max()), ylim=(D.min(), D.max()))
    loss = surface.loss(N[None, :], D[:, None])
    levels = surface.E + np.geomspace(loss.min() - surface.E, loss.max() - surface.E, 14)
    ax.contourf(N, D, loss, levels=levels, cmap="cividis_r", alpha=0.85)
    contours = ax.contour(N, D, loss, levels=levels[1:-1:2], colors="white", linewidths=0.6)
    for label in ax.clabel(contours, fmt="%.2f", fontsize=8, colors="black"):
        x, y = ax.transAxes.inverted().transform(ax.transData.transform(label.get_position()))
        if not (0.04 < x < 0.96 and 0.04 < y < 0.96):
            label.remove()  # the frame would cut it
    for C in np.atleast_1d(np.asarray(budgets, float)):
        ax.plot(N, C / (FLOPS_PER_PARAMETER_TOKEN * N), color="black", lw=0.7, ls=(0, (4, 3)))
        ax.plot(surface.N_opt(C), surface.D_opt(C), "x", color="black", ms=7, mew=1.6)
    C = FLOPS_PER_PARAMETER_TOKEN * np.array([N.min() * D.min(), N.max() * D.max()])
    track = np.geomspace(C[0], C[1], 100)
    ax.plot(surface.N_opt(track), surface.D_opt(track), color="black", lw=1.8)
    if runs is not None:
        ax.plot(runs.N, runs.D, "o", color="#7f7f7f", ms=3, mec="white", mew=0.4)
    _log_counts(ax, "x", "parameters N")
    _log_counts(ax, "y", "tokens D")
    ax.set_xlim(N.min(), N.max())
    ax.set_ylim(D.min(), D.max())
    ax.grid(False)
    return ax


def exponent_map(
    alpha: ArrayLike,
    beta: ArrayLike,
    rss: ArrayLike,
    marks: Mapping[str, tuple[float, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Contours of the reduced objective over the two exponents.

    Parameters
    ----------
    alpha, beta : array_like, shapes (j,) and (k,)
        Grid.
    rss : array_like, shape (j, k)
        Residual sum of squares there, as :func:`scalinglab.objective_map` returns it.
    marks : mapping, optional
        Labelled points (alpha, beta).
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    alpha, beta = np.asarray(alpha, float), np.asarray(beta, float)
    excess = np.log10(np.asarray(rss, float))
    filled = ax.contourf(alpha, beta, excess.T, levels=24, cmap="viridis_r")
    ax.contour(alpha, beta, excess.T, levels=24, colors="white", linewidths=0.3, alpha=0.6)
    bar = plt.colorbar(filled, ax=ax, pad=0.02)
    bar.set_label("log₁₀ of the reduced objective")
    for label, (x, y) in (marks or {}).items():
        look = _look(label)
        ax.plot(x, y, look["marker"], color=look["color"], ms=8, mec="white", mew=1.0)
        ax.annotate(label, (x, y), xytext=(8, 6), textcoords="offset points", color="black", fontsize=9)
    ax.set_xlabel("exponent of parameters α")
    ax.set_ylabel("exponent of data β")
    ax.grid(False)
    return ax


def residuals(fits: Mapping[str, SurfaceFit], ax: Axes | None = None) -> Axes:
    """Observed minus fitted loss against compute, one marker a fit, nudged apart."""
    ax = _axes(ax)
    ax.axhline(0, color="black", lw=0.8)
    for k, (label, fit) in enumerate(fits.items()):
        look = _look(label)
        nudge = 1.06 ** (k - (len(fits) - 1) / 2)
        ax.plot(
            fit.runs.C * nudge, 1e3 * fit.residuals, look["marker"], color=look["color"],
            ms=3.5, alpha=0.7, label=label,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("observed − fitted loss (×1000)")
    if len(fits) > 1:
        ax.legend(loc="upper left")
    return ax


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
    ax = _axes(ax)
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
        f"wasted {1 - needed:.1%}", (1.0, loss), xytext=(8, 4), textcoords="offset points",
        ha="left", color=ROLES["Approach 2"]["color"], fontsize=9,
    )  # fmt: skip
    ax.axvline(1.0, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    ax.set_xlim(0.2, 1.3)
    ax.set_xlabel("compute, as a share of the budget")
    ax.set_ylabel("loss L")
    ax.legend(loc="lower left")
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
    ax = _axes(ax)
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
    ax = _axes(ax)
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
        _log_counts(ax, "y", "parameters N")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return ax


# Approach 3 as published, and what depends on the loss


def search_histories(histories: Mapping[str, Stop], lowest: float, ax: Axes | None = None) -> Axes:
    """How far above the minimum each search is after every step, and where it stops.

    Parameters
    ----------
    histories : mapping of str to Stop
        Searches from one start, by name.
    lowest : float
        The minimum.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    spare = iter((*SPARE_LOOKS, {"color": "#009E73", "linestyle": ":", "marker": "s"}))
    floor = 1e-9
    for label, stop in histories.items():
        look = next(spare)
        excess = np.maximum(stop.history / lowest - 1, floor)
        ax.plot(excess, color=look["color"], ls=look["linestyle"], lw=1.4)
        ax.plot(
            len(excess) - 1, excess[-1], look["marker"], color=look["color"], ms=7, mec="white", mew=0.6,
            ls=look["linestyle"], label=label, zorder=5,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(floor / 2)
    ax.set_xlabel("step of the search")
    ax.set_ylabel("objective above its minimum,\nas a fraction of it")
    ax.legend(loc="lower left")
    return ax


def search_ranks(scans: Mapping[str, Sequence[Stop]], lowest: float, ax: Axes | None = None) -> Axes:
    """Objective where the search from each start stopped, over the minimum, best first; one curve a scan."""
    ax = _axes(ax)
    looks = (*SPARE_LOOKS[:2], ROLES["Approach 3"])
    for (label, stops), look in zip(scans.items(), looks, strict=False):
        ratio = np.sort([stop.objective for stop in stops]) / lowest
        ax.plot(
            np.arange(1, len(ratio) + 1), ratio, color=look["color"], ls=look["linestyle"],
            marker=look["marker"], ms=3.5, lw=1.0, label=label,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("start, in order of where it ended")
    ax.set_ylabel("objective over its minimum")
    ax.legend(loc="lower right")
    return ax


def search_ends(stops: Sequence[Stop], best: LossSurface, lowest: float, ax: Axes | None = None) -> Axes:
    """Exponents at which searches stopped, coloured by their objective over the minimum."""
    ax = _axes(ax)
    alpha, beta = np.array([stop.x[3:] for stop in stops]).T
    ratio = np.array([stop.objective for stop in stops]) / lowest
    order = np.argsort(-ratio)
    dots = ax.scatter(
        alpha[order], beta[order], c=ratio[order], norm="log", cmap="viridis", s=34,
        edgecolors="white", linewidths=0.5, zorder=3,
    )  # fmt: skip
    ax.plot(best.alpha, best.beta, "x", color=ROLES["truth"]["color"], ms=11, mew=1.8, zorder=5)
    ax.annotate("minimum", (best.alpha, best.beta), xytext=(9, -3), textcoords="offset points", fontsize=9)
    ax.set_xlim(-0.1, 2.1)
    ax.set_ylim(-0.1, 2.1)
    bar = ax.figure.colorbar(dots, ax=ax, label="objective over its minimum")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("exponent of parameters α")
    ax.set_ylabel("exponent of data β")
    return ax


def residual_histogram(fit: SurfaceFit, reach: float = 0.05, ax: Axes | None = None) -> Axes:
    """Residuals of log L, with the band in which Huber's loss counts them as squares.

    Parameters
    ----------
    fit : SurfaceFit
        Its residuals are drawn; a Huber loss adds the band.
    reach : float
        Half the width of the picture; residuals beyond are drawn at its ends.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    r = np.clip(np.log(fit.runs.L / fit.predicted), -reach, reach)
    delta = getattr(fit.loss, "delta", None)
    if delta is not None:
        ax.axvspan(-min(delta, reach), min(delta, reach), color=ROLES["Approach 3"]["color"], alpha=0.2, lw=0)
    ax.hist(r, bins=np.linspace(-reach, reach, 51).tolist(), color=ROLES["runs"]["color"])
    ax.axvline(0, color="black", lw=0.8)
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("residual of ln L (observed − fitted)")
    ax.set_ylabel("runs")
    return ax


def exponent_spread(sweep: Sweep, ax: Axes | None = None) -> Axes:
    """Fitted exponent a against points a budget: every study a dot, medians as bars, failures counted.

    Parameters
    ----------
    sweep : Sweep
        Studies of one surface. Each method gets a column of dots beside the others, and where a fit failed
        the number of failures stands at the foot of the column.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    points = np.array([study.design.points for study in sweep.studies])
    truth = sweep.studies[0].surface.a
    ticks = np.unique(points)
    width = 0.8 / len(sweep.methods)
    lost: list[tuple[float, int, Any]] = []
    for k, method in enumerate(sweep.methods):
        look = _look(method)
        a = truth + sweep.errors(method)
        for j, n in enumerate(ticks):
            x = j + (k - (len(sweep.methods) - 1) / 2) * width
            every = a[points == n]
            values = every[np.isfinite(every)]
            # spread the dots sideways by rank, so that the picture is the same every time
            nudge = 0.32 * width * (np.argsort(np.argsort(values)) % 5 - 2) / 2
            ax.plot(
                x + nudge, values, look["marker"], color=look["color"], ms=2.8, alpha=0.6, mew=0,
                label=method if j == 0 else None,
            )  # fmt: skip
            if len(values):
                ax.plot(
                    [x - 0.4 * width, x + 0.4 * width], [np.median(values)] * 2, color=look["color"], lw=2
                )
            if len(values) < len(every):
                lost.append((x, len(every) - len(values), look["color"]))
    if lost:
        low, high = ax.get_ylim()
        ax.set_ylim(low - 0.1 * (high - low), high)
    for x, failures, colour in lost:
        ax.annotate(
            f"{failures} failed", (x, 0.02), xycoords=("data", "axes fraction"), ha="center",
            va="bottom", fontsize=8, color=colour,
        )  # fmt: skip
    ax.axhline(truth, color=ROLES["truth"]["color"], lw=1.0)
    ax.set_xticks(range(len(ticks)), [f"{n:g}" for n in ticks])
    ax.set_xlabel("points a budget")
    ax.set_ylabel("fitted exponent a")
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(sweep.methods),
        markerscale=1.8,
        frameon=False,
    )
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
    ax = _axes(ax)
    runs = result.runs
    dropped = np.array([flag.row for flag in result.flags], int)
    kept = np.delete(np.arange(len(runs)), dropped)
    budgets, member = runs.by_budget()
    colours = budget_colours(budgets)
    for j, C in enumerate(budgets):
        mine = kept[member[kept] == j]
        ax.plot(runs.N[mine], runs.L[mine], "o", color=colours[j], ms=3.2)
        everything = np.flatnonzero(member == j)
        last = everything[np.argmax(runs.N[everything])]
        ax.annotate(
            f"{C:.0e}".replace("e+", "e"), (runs.N[last], runs.L[last]), xytext=(7, 0),
            textcoords="offset points", fontsize=8, color=colours[j], va="center",
        )  # fmt: skip
    looks = iter(("x", "+", "s", "v", "D", "^", "*"))
    shades = iter(("#000000", "#882255", "#332288", "#D55E00", "#0072B2", "#6B5B00", "#CC79A7"))
    for stage in result.stages:
        rows = [flag.row for flag in result.flags if flag.stage == stage]
        marker, shade = next(looks, "x"), next(shades, "#000000")
        if rows:
            ax.plot(
                runs.N[rows], runs.L[rows], marker, color=shade, ms=7, mfc="none", mew=1.4,
                label=f"{stage} ({len(rows)})",
            )  # fmt: skip
    _log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L")
    if len(dropped):
        ax.legend(loc="best", fontsize=9, title="dropped")
    return ax


def certificate(proof: Certificate, level: int | None = None) -> Axes:
    """Cells of exponents that a certificate excludes, over the box and near the fit; the rest is white.

    Parameters
    ----------
    proof : Certificate
        What was proven.
    level : int, optional
        Draw what was excluded after this many halvings; all of it when absent.

    Returns
    -------
    Axes
        Those of the whole box.
    """
    whole: Axes
    near: Axes
    figure, (whole, near) = plt.subplots(1, 2, figsize=(6.5, 3.2))
    last = int(proof.levels.max(initial=0))
    shown = proof.levels <= (last if level is None else level)
    corners = proof.excluded[shown][:, [[0, 2], [1, 2], [1, 3], [0, 3]]]
    crowded = len(corners) > 2000
    at = np.array([proof.fit.surface.alpha, proof.fit.surface.beta])
    sides = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * proof.square + at
    rest = proof.remaining.reshape(-1, 2, 2).mean(axis=2) if level is None else np.empty((0, 2))
    colour = ROLES["VPNLS"]["color"]
    for part in (whole, near):
        cells = PolyCollection(
            list(corners), array=proof.levels[shown], cmap="viridis_r", clim=(0, max(1, last)),
            edgecolors="white", linewidths=0.08 if crowded else 0.25, rasterized=len(corners) > 200,
        )  # fmt: skip
        part.add_collection(cells)
        part.plot(*rest.T, "x", color="black", ms=5, mew=1.0)
        part.plot(*sides.T, color=colour, lw=1.2)
        part.set_aspect("equal")
        part.grid(False)
        part.set_xlabel("exponent of parameters α")
    near.plot(*at, ROLES["VPNLS"]["marker"], color=colour, ms=4)
    whole.set(xlim=proof.box, ylim=proof.box, ylabel="exponent of data β")
    window = np.outer(at, [1, 1]) + np.array([-8, 8]) * proof.square
    near.set(xlim=window[0], ylim=window[1])
    corner, side = window[:, 0], 16 * proof.square
    whole.indicate_inset((corner[0], corner[1], side, side), edgecolor="black")
    bar = figure.colorbar(cells, ax=near, shrink=0.75, pad=0.04, ticks=MaxNLocator(8, integer=True))
    bar.set_label("excluded after this many halvings", fontsize=9)
    return whole


# Pictures of the chapter "How sure are we?"


def cloud(
    x: ArrayLike,
    y: ArrayLike,
    estimate: tuple[float, float],
    xlabel: str,
    ylabel: str,
    method: str = "VPNLS",
    ax: Axes | None = None,
) -> Axes:
    """Two parameters of every bootstrap draw; the ordinate is logarithmic.

    Parameters
    ----------
    x, y : array_like, shape (draws,)
        Values in every draw.
    estimate : tuple of float
        The two values fitted to all runs.
    xlabel, ylabel : str
        Axis labels with units.
    method : str
        Whose colour the dots have.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    colour = _look(method)["color"]
    ax.plot(x, y, "o", color=colour, ms=2.5, alpha=0.35, mec="none", rasterized=True, label="draws")
    ax.plot(*estimate, "x", color="black", ms=9, mew=2, label="all runs")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="upper left")
    return ax


def profile_curve(
    profile: Profile, name: str, standard_error: float | None = None, ax: Axes | None = None
) -> Axes:
    """The lowest sum of squares for each value of a statistic, and the interval it leaves.

    Parameters
    ----------
    profile : Profile
        The curve.
    name : str
        What is profiled, for the axis.
    standard_error : float, optional
        Adds the parabola that the covariance stands for.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    look = ROLES["VPNLS"]
    best = float(profile.rss.min())
    low, high = profile.interval
    ax.axvspan(low, high, color=look["color"], alpha=0.2, lw=0, label=f"{profile.level:.0%} interval")
    if standard_error is not None:
        z = (profile.values - profile.estimate) / standard_error
        ax.plot(
            profile.values, 1 + z**2 / profile.freedom, color="black", ls=":", label="from the covariance"
        )
    ax.plot(profile.values, profile.rss / best, color=look["color"], label="profile")
    ax.axhline(profile.limit / best, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    ax.plot(profile.estimate, 1.0, "x", color="black", ms=8, mew=1.6)
    ax.set_xlabel(name)
    ax.set_ylabel("RSS / lowest RSS")
    ax.legend(loc="upper center", fontsize=9)
    return ax


def histograms(
    values: Mapping[str, ArrayLike],
    intervals: Mapping[str, tuple[float, float]],
    xlabel: str,
    percent: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Distributions of a statistic over bootstrap draws, each with its interval as a bar below.

    Parameters
    ----------
    values : mapping of str to array_like
        Label and values; nan is left out.
    intervals : mapping of str to tuple of float
        The interval of each label.
    xlabel : str
        Axis label with unit.
    percent : bool
        Values are fractions; show per cent.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    finite = {label: np.asarray(v, float)[np.isfinite(np.asarray(v, float))] for label, v in values.items()}
    top = max(np.quantile(v, 0.985) for v in finite.values())
    bottom = min(float(v.min()) for v in finite.values())
    bottom = 0.0 if 0 <= bottom < 0.1 * top else bottom
    bins = [float(x) for x in np.linspace(bottom, top, 61)]
    tallest = 0.0
    looks = [ROLES.get(label) or SPARE_LOOKS[k % len(SPARE_LOOKS)] for k, label in enumerate(finite)]
    for (label, v), look in zip(finite.items(), looks, strict=True):
        heights, _, _ = ax.hist(
            v, bins=bins, weights=np.full(len(v), 100 / len(v)), histtype="step",
            color=look["color"], ls=look["linestyle"] or "-", lw=1.6, label=label,
        )  # fmt: skip
        tallest = max(tallest, float(np.max(np.asarray(heights))))
    for k, ((label, v), look) in enumerate(zip(finite.items(), looks, strict=True)):
        low, high = intervals[label]
        y = -0.06 * tallest * (k + 1)
        ax.plot([low, high], [y, y], color=look["color"], lw=5, alpha=0.4, solid_capstyle="butt", zorder=1)
        ax.plot(np.median(v), y, "|", color=look["color"], ms=9, mew=2)
    ax.set_xlim(bins[0], top)
    ax.set_ylim(bottom=-0.06 * tallest * (len(finite) + 1))
    ax.set_yticks([tick for tick in ax.get_yticks() if tick >= 0])
    ax.set_xlabel(xlabel)
    ax.set_ylabel("draws (per cent)")
    if percent:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    ax.legend(loc="upper right")
    return ax


def coverage_shares(cases: Mapping[str, Coverage], ax: Axes | None = None) -> Axes:
    """How often intervals held the truth, one row a case, against what they promised.

    Parameters
    ----------
    cases : mapping of str to Coverage
        Label and result; all of one level.
    ax : Axes, optional
        Where to draw.
    """
    ax = _axes(ax)
    looks = {
        "covariance": ("o", "#0072B2"), "profile": ("s", "#56B4E9"), "robust covariance": ("D", "#332288"),
        "pairs": ("v", "#882255"), "residual": ("^", "#CC79A7"), "wild": ("P", "#6B5B00"),
    }  # fmt: skip
    first = next(iter(cases.values()))
    band = 2 * max(case.standard_error for case in cases.values())
    ax.axvspan(first.level - band, first.level + band, color="#e0e0e0", lw=0, zorder=0)
    ax.axvline(first.level, color="black", lw=1.0)
    used: dict[str, None] = {}
    for row, case in enumerate(cases.values()):
        nudges = np.linspace(-0.28, 0.28, len(case.shares)) if len(case.shares) > 1 else [0.0]
        for nudge, (name, share) in zip(nudges, case.shares.items(), strict=True):
            marker, colour = looks[name]
            ax.plot(share, row + nudge, marker, color=colour, ms=6, label=None if name in used else name)
            used[name] = None
    ax.set_yticks(range(len(cases)), list(cases))
    ax.set_ylim(len(cases) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    ax.set_xlabel("studies whose interval held the truth")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=3, fontsize=9)
    return ax


def hindcast_errors(
    result: Hindcast,
    method: str,
    band: tuple[ArrayLike, ArrayLike],
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Observed minus predicted loss of the kept and the held-out runs, with the interval promised.

    Parameters
    ----------
    result : Hindcast
        The fits of the small budgets.
    method : str
        Which of its fits predicts; a surface fit.
    band : tuple of array_like, each of shape (held runs,)
        Ends of the interval of every held-out loss.
    ylim : tuple of float, optional
        Range of the ordinate in thousandths, where pictures are to be compared.
    ax : Axes, optional
        Where to draw.
    """  # fmt: skip
    ax = _axes(ax)
    fit = result.fits[method]
    assert isinstance(fit, SurfaceFit)
    look = _look(method)
    held = result.held
    predicted = fit.surface.loss(held.N, held.D)
    low, high = (1e3 * (np.asarray(end, float) - predicted) for end in band)
    budgets, member = held.by_budget()
    for k, C in enumerate(budgets):
        rows = member == k
        ax.fill_between(
            [C / 1.12, C * 1.12], low[rows].min(), high[rows].max(), color=look["color"], alpha=0.2, lw=0,
            label="interval promised" if k == 0 else None,
        )  # fmt: skip
    ax.axhline(0, color="black", lw=0.8)
    ax.plot(result.kept.C, 1e3 * fit.residuals, "o", color="#7f7f7f", ms=3.5, label="fitted runs")
    errors = 1e3 * (held.L - predicted)
    ax.plot(held.C, errors, look["marker"], color=look["color"], ms=4.5, label="held-out runs")
    ax.set_xscale("log")
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("observed − predicted loss (×1000)")
    if ylim is not None:
        ax.set_ylim(ylim)
    ax.legend(loc="lower left", fontsize=9)
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots()[1] if ax is None else ax


def _shade_fitted(ax: Axes, fitted: tuple[float, float] | None) -> None:
    """Shade a fitted range on a logarithmic abscissa."""
    if fitted is None:
        return
    ax.axvspan(*fitted, color="#f0f0f0", zorder=0)
    ax.annotate(
        "fitted", (np.sqrt(fitted[0] * fitted[1]), 0.03), xycoords=("data", "axes fraction"),
        ha="center", va="bottom", fontsize=8, color="#666666",
    )  # fmt: skip


def _has_role(label: str) -> bool:
    """Whether a label begins with a role's name."""
    return label.startswith(tuple(ROLES))


def _look(label: str) -> dict[str, Any]:
    """The look of the role a label begins with."""
    for name, look in ROLES.items():
        if label.startswith(name):
            return look
    return role(label)


def _line(name: str) -> dict[str, Any]:
    return {key: ROLES[name][key] for key in ("color", "linestyle")}


def _log_counts(ax: Axes, axis: str, label: str) -> None:
    """Make an axis logarithmic with ticks such as 10M, 1B, 100B."""
    which = ax.xaxis if axis == "x" else ax.yaxis
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    which.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    which.set_minor_locator(NullLocator())
    low, high = sorted(ax.get_xlim() if axis == "x" else ax.get_ylim())
    decades = np.log10(high / low)
    which.set_major_locator(LogLocator(subs=(1.0, 3.0) if decades < 2.2 else (1.0,), numticks=9))
    (ax.set_xlabel if axis == "x" else ax.set_ylabel)(label)


def _label_ends(ax: Axes, x: float, ends: list[tuple[float, str, Any]]) -> None:
    """Write each label to the right of (x, y), pushed up where it would collide with the one below."""
    ax.autoscale_view()  # limits are stale until somebody asks, and transData does not ask
    placed = -np.inf
    for y, label, colour in sorted(ends, key=lambda end: end[0]):
        at = float(ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[1])
        placed = max(at, placed + 0.055)
        ax.annotate(
            label, (x, placed), xycoords=("data", "axes fraction"), xytext=(8, 0),
            textcoords="offset points", color=colour, fontsize=9, va="center", annotation_clip=False,
        )  # fmt: skip
