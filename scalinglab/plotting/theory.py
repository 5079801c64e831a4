"""Pictures of theory: vertices that miss, the envelope's staircase, learning curves of a threshold."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab._text import format_count
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.fitting.approach1 import EnvelopeFit
from scalinglab.fitting.results import FrontierFit, Parabola
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.plotting.laws import LOOKS
from scalinglab.plotting.style import ROLES, axes_of, label_ends, line_of, log_counts, plain_ticks
from scalinglab.theory.threshold_learner import LearningCurve


def missed_minimum(
    surface: LossSurface,
    parabola: Parabola,
    design: IsoflopDesign,
    *,
    window: float | None = None,
    residuals: bool = False,
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
    window : float, optional
        Show sizes from 1/window to window times the best one, whatever was sampled: pictures of several
        grids then share their axes. Without it the sampled sizes fill the picture.
    residuals : bool
        Add a strip below with the parabola minus the truth, for curves that lie on each other.
    ax : Axes, optional
        Where to draw, when there is no strip.

    Raises
    ------
    ValueError
        If Axes are given for a picture with a strip.
    """
    strip = None
    if residuals:
        if ax is not None:
            raise ValueError("missed_minimum: residuals has two Axes of its own; leave ax out.")
        _, (ax, strip) = plt.subplots(2, 1, sharex=True, figsize=(5.6, 4.0), height_ratios=(1, 0.38))
    ax = axes_of(ax)
    C, truth = parabola.C, ROLES["truth"]["color"]
    row = int(np.argmin(np.abs(np.log(design.budgets / C))))
    sampled = design.sizes(surface)[row]
    best, vertex = float(surface.N_opt(C)), parabola.vertex
    lowest, low = float(surface.L_opt(C)), float(parabola.loss(vertex))

    def true_loss(N: FloatArray) -> FloatArray:
        return np.asarray(surface.loss(N, C / (FLOPS_PER_PARAMETER_TOKEN * N)))

    sizes = np.geomspace(sampled.min(), sampled.max(), 301)
    shown = sizes if window is None else np.geomspace(best / window, best * window, 301)
    ax.plot(shown, true_loss(shown), color=truth, label="true loss")
    ax.plot(sizes, parabola.loss(sizes), label="parabola", **line_of("Approach 2"))
    ax.plot(sampled, true_loss(sampled), "o", color=ROLES["runs"]["color"], ms=5)
    bottom = min(lowest, low) if window is None else lowest
    height = true_loss(shown).max() - bottom
    for x, y, name, text, side in (
        (best, lowest, "truth", "true minimum", "right" if best < vertex else "left"),
        (vertex, low, "Approach 2", "vertex", "left" if best < vertex else "right"),
    ):
        ax.plot([x, x], [bottom - 0.22 * height, y], color=ROLES[name]["color"], lw=1.0)
        ax.plot(x, y, ROLES[name]["marker"], color=ROLES[name]["color"], ms=8, mew=1.6, zorder=5)
        ax.annotate(
            f"{text}\n{format_count(x)}",
            (x, bottom - 0.22 * height),
            xytext=(4 if side == "left" else -4, 0),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=ROLES[name]["color"],
            fontsize=9.5,
        )
    ax.set_ylim(bottom - 0.24 * height, bottom + 1.04 * height)
    left, right = shown.min(), shown.max()  # and room for the text beside the outer mark
    ax.set_xlim(
        min(left / 1.06, min(best, vertex) * (min(best, vertex) / right) ** 0.35),
        max(right * 1.06, max(best, vertex) * (max(best, vertex) / left) ** 0.35),
    )
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L")
    ax.legend(loc="upper center")
    if strip is not None:
        strip.axhline(0, color=truth, lw=1.0)
        dots = {"color": ROLES["runs"]["color"], "ls": "", "marker": "o", "ms": 5}
        for N, look in ((sizes, line_of("Approach 2")), (sampled, dots)):
            strip.plot(N, 1000 * (parabola.loss(N) - true_loss(N)), **look)
        for x, name in ((best, "truth"), (vertex, "Approach 2")):
            strip.axvline(x, color=ROLES[name]["color"], lw=1.0)
        strip.set_xlabel(ax.get_xlabel())
        strip.set_ylabel("diff. × 1000", labelpad=0)
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
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
    plain_ticks(ax.yaxis, (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0))
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("vertex over true best size")
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
        plain_ticks(ax.yaxis, (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0, 8.5))
        ax.set_ylabel("size over true best size")
    else:
        log_counts(ax, "y", "parameters N")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9.5)
    return ax


def learning_curves(curves: Mapping[str, LearningCurve], ax: Axes | None = None) -> Axes:
    """Error against examples on log-log paper: marks are simulated, lines are the theory's limit.

    Parameters
    ----------
    curves : mapping of str to LearningCurve
        Label and curve, at most four.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    ax.set(xscale="log", yscale="log", xlabel="examples t", ylabel="probability of a wrong answer ε")
    ends, last = [], max(float(curve.t[-1]) for curve in curves.values())
    for (label, curve), look in zip(curves.items(), LOOKS, strict=False):
        t = np.geomspace(curve.t[0], last, 100)
        ax.plot(t, curve.limit(t), color=look["color"], linestyle=look["linestyle"], lw=1.3)
        ax.plot(curve.t, curve.error, look["marker"], color=look["color"], ms=5)
        ends.append((float(curve.limit(last)), label, look["color"]))
    ax.set_ylim(top=1)
    label_ends(ax, last, ends)
    return ax
