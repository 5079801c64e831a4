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
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from scalinglab.allocation import Plan
from scalinglab.design import IsoflopDesign
from scalinglab.fits import FrontierFit, Parabola, SurfaceFit
from scalinglab.runs import Runs
from scalinglab.surface import FLOPS_PER_PARAMETER_TOKEN, FloatArray, LossSurface

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
