"""Pictures of repeated data: effective tokens, allocations, losses against epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

from scalinglab._text import format_count
from scalinglab.laws.overfitting import OverfittingSurface
from scalinglab.laws.repeated_data import RepeatedAllocation, RepeatedSurface
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN
from scalinglab.plotting.style import SPARE_LOOKS, axes_of, budget_colours, label_ends, percent_ticks
from scalinglab.studies.repetition import RepetitionProfile

#: A law that takes every token for fresh, beside one that does not.
FRESH: dict[str, Any] = {"color": "#222222", "linestyle": (0, (2.5, 3.5)), "lw": 1.3}


def _plain_numbers(ax: Axes, axis: str) -> None:
    """Logarithmic axis with ticks 1, 2, 5, 10 or, over many decades, 1, 10, 100."""
    which = ax.xaxis if axis == "x" else ax.yaxis
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    low, high = sorted(ax.get_xlim() if axis == "x" else ax.get_ylim())
    which.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 500 * low else (1.0,), numticks=12))
    which.set_minor_locator(NullLocator())
    which.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def effective_data(
    epochs: ArrayLike, worths: Mapping[str, ArrayLike], limit: float, ax: Axes | None = None
) -> Axes:
    """Effective over unique tokens against epochs, below the line of fresh data and its own limit.

    Parameters
    ----------
    epochs : array_like
        Passes over the data.
    worths : mapping of str to array_like
        Effective tokens over unique tokens, by name.
    limit : float
        What infinitely many epochs are worth.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    epochs = np.asarray(epochs, float)
    ax.plot(epochs, epochs, **FRESH)
    ax.axhline(limit, color="#7f7f7f", lw=0.9, ls=(0, (6, 3)))
    for (label, worth), look in zip(worths.items(), SPARE_LOOKS, strict=False):
        ax.plot(epochs, np.asarray(worth, float), color=look["color"], ls=look["linestyle"], label=label)
    ax.set_xlim(epochs.min(), epochs.max())
    ax.set_ylim(epochs.min(), 3 * limit)
    for axis in "xy":
        _plain_numbers(ax, axis)
    at = 1.4 * limit
    ax.annotate(
        "all tokens fresh", (at, at), xytext=(-8, 2), textcoords="offset points", ha="right", fontsize=9.5,
    )  # fmt: skip
    ax.annotate(
        f"limit: {limit:.3g} passes", (epochs.max(), limit), xytext=(-2, 4), textcoords="offset points",
        ha="right", fontsize=9.5, color="#666666",
    )  # fmt: skip
    ax.set_xlabel("epochs")
    ax.set_ylabel("effective tokens over unique tokens")
    ax.legend(loc="lower right")
    return ax


def repeated_allocations(law: RepeatedSurface, plan: RepeatedAllocation) -> tuple[Axes, Axes]:
    """Best epochs and parameters against compute for fixed unique data, and the loss below.

    Parameters
    ----------
    law : RepeatedSurface
        Draws the plain frontier and the limit.
    plan : RepeatedAllocation
        Allocations at increasing budgets for one number of unique tokens.

    Returns
    -------
    tuple of Axes
        Of the factors and of the loss.
    """
    split: Axes
    loss: Axes
    _, (split, loss) = plt.subplots(2, 1, figsize=(5.6, 5.4), sharex=True, height_ratios=[3, 2])
    unique = float(np.ravel(plan.unique)[0])
    base = law.base_compute(unique)
    ends = []
    for label, values, look in (
        ("epochs", plan.epochs, SPARE_LOOKS[0]),
        ("parameters", plan.growth, SPARE_LOOKS[1]),
    ):
        split.plot(plan.C, values, color=look["color"], ls=look["linestyle"])
        ends.append((float(values[-1]), label, look["color"]))
    surface = law.surface
    split.plot(plan.C, surface.D_opt(plan.C) / unique, **FRESH)
    if not np.isclose(surface.alpha, surface.beta):
        split.plot(plan.C, surface.N_opt(plan.C) / plan.N_base, **FRESH)
    ends.append((float(surface.D_opt(plan.C[-1]) / unique), "if all fresh", FRESH["color"]))
    split.set_xlim(plan.C.min(), plan.C.max())
    _plain_numbers(split, "y")
    split.set_ylabel("over one pass and its best model")
    loss.plot(plan.C, plan.loss, color=SPARE_LOOKS[0]["color"])
    loss.plot(plan.C, surface.L_opt(plan.C), **FRESH)
    loss.axhline(law.limit(unique), color="#7f7f7f", lw=0.9, ls=(0, (6, 3)))
    loss.set_ylabel("loss (nats per token)")
    loss.set_xlabel("compute C (FLOPs)")
    loss.set_xscale("log")
    for ax in (split, loss):
        ax.axvline(base, color="#7f7f7f", lw=0.8)
    split.annotate(
        "beyond one epoch", (base, 0.04), xycoords=("data", "axes fraction"), xytext=(5, 0),
        textcoords="offset points", ha="left", va="bottom", fontsize=9.5, color="#666666",
    )  # fmt: skip
    label_ends(split, float(plan.C[-1]), ends)
    label_ends(
        loss,
        float(plan.C[-1]),
        [
            (float(plan.loss[-1]), "limit", "#666666"),
            (float(surface.L_opt(plan.C[-1])), "if all fresh", FRESH["color"]),
        ],
    )
    return split, loss


def repeated_isoflop(
    law: RepeatedSurface,
    C: float,
    unique: float,
    epochs: tuple[float, float] = (0.2, 200.0),
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Loss against epochs at one budget, with repetition and as if all tokens were fresh; both minima marked.

    Parameters
    ----------
    law : RepeatedSurface
        What to draw.
    C, unique : float
        Budget in FLOPs and unique tokens.
    epochs : tuple of float
        Range of the abscissa.
    ylim : tuple of float, optional
        Range of the loss, where pictures are to be compared.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    track = np.geomspace(*epochs, 400)
    D = track * unique
    N = C / (FLOPS_PER_PARAMETER_TOKEN * D)
    colour = SPARE_LOOKS[0]["color"]
    ax.plot(track, law.surface.loss(N, D), **FRESH, label="if all tokens were fresh")
    ax.plot(track, law.loss(N, D, unique), color=colour, label="with repetition")
    plan = law.allocate(C, unique)
    fresh = law.surface.D_opt(C) / unique
    ax.plot(fresh, law.surface.L_opt(C), "x", color=FRESH["color"], ms=8, mew=1.6)
    ax.plot(plan.epochs, plan.loss, "o", color=colour, ms=7, mec="white", mew=0.8, zorder=5)
    ax.annotate(
        f"{plan.epochs:.3g} epochs,\n{format_count(plan.N)} parameters", (plan.epochs, plan.loss),
        xytext=(plan.epochs, 0.97), textcoords=("data", "axes fraction"), ha="center", va="top", fontsize=9.5,
        color=colour, bbox={"fc": "white", "ec": "none", "pad": 0.6},
        arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.7, "shrinkB": 5},
    )  # fmt: skip
    ax.axvline(1.0, color="#7f7f7f", lw=0.8)
    ax.set_xlim(*epochs)
    if ylim is not None:
        ax.set_ylim(*ylim)
    _plain_numbers(ax, "x")
    ax.set_xlabel("epochs (fewer epochs: a larger model)")
    ax.set_ylabel("loss (nats per token)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def repetition_constants(
    profile: RepetitionProfile, printed: tuple[float, float, float], share: float = 0.01
) -> Axes:
    """Profile of the decay of repeated tokens, with the decay of excess parameters that goes with it below.

    Parameters
    ----------
    profile : RepetitionProfile
        What is drawn; the lowest point is marked.
    printed : tuple of float
        A published R_D and R_N and their objective.
    share : float
        How far above the lowest objective the shaded band reaches.

    Returns
    -------
    Axes
        Those of the objective.
    """
    above: Axes
    below: Axes
    _, (above, below) = plt.subplots(2, 1, figsize=(5.6, 4.6), sharex=True, height_ratios=[1.5, 1])
    colour, best = SPARE_LOOKS[0]["color"], profile.best
    lowest = min(float(profile.objective[best]), printed[2])
    drawn = profile.R_D <= 1e4
    above.axhspan(0, share, color="#f0f0f0", zorder=0)
    above.plot(profile.R_D[drawn], profile.objective[drawn] / lowest - 1, color=colour)
    below.plot(profile.R_D[drawn], profile.R_N[drawn], color=colour)
    for R_D, R_N, height, marker, label in (
        (printed[0], printed[1], printed[2] / lowest - 1, "s", "as printed"),
        (profile.R_D[best], profile.R_N[best], profile.objective[best] / lowest - 1, "o", "lowest"),
    ):
        for ax, y in ((above, height), (below, R_N)):
            ax.plot(R_D, y, marker, color=colour, ms=6.5, mec="white", mew=0.8, zorder=5)
        above.annotate(
            label, (R_D, height), xytext=(2, 13), textcoords="offset points", fontsize=9.5, color=colour,
        )  # fmt: skip
    above.annotate(
        f"{share:.0%} above the lowest", (1.0, share), xycoords=("axes fraction", "data"), xytext=(-4, -4),
        textcoords="offset points", ha="right", va="top", fontsize=9.5, color="#666666",
    )  # fmt: skip
    above.set_ylim(-0.001, 2.5 * share)
    percent_ticks(above.yaxis)
    above.set_ylabel("objective over the lowest")
    for axis in "xy":
        _plain_numbers(below, axis)
    below.set_xlim(profile.R_D[0], profile.R_D[drawn][-1])
    below.set_xlabel("R*$_D$, repetitions after which a token is worth 1/e")
    below.set_ylabel("best R*$_N$")
    return above


def epoch_losses(
    form: OverfittingSurface,
    law: RepeatedSurface,
    N: ArrayLike,
    unique: float,
    most: float = 100.0,
    ax: Axes | None = None,
) -> Axes:
    """Loss against epochs at several sizes: a form with a penalty, its minima, and one that never rises.

    Parameters
    ----------
    form : OverfittingSurface
        Solid, with its best number of epochs marked.
    law : RepeatedSurface
        Dotted.
    N : array_like
        Model sizes.
    unique : float
        Unique tokens.
    most : float
        Largest number of epochs.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    sizes = np.sort(np.array(N, float, ndmin=1))
    epochs = np.geomspace(1, most, 300)
    ends = []
    for size, colour in zip(sizes, budget_colours(sizes), strict=True):
        loss = form.loss(size, epochs * unique, unique)
        best = form.best_epochs(size, unique)
        ax.plot(epochs, loss, color=colour)
        ax.plot(epochs, law.loss(size, epochs * unique, unique), color=colour, ls=(0, (1, 2)), lw=1.3)
        if best <= most:
            ax.plot(
                best, form.loss(size, best * unique, unique), "o", color=colour, ms=7, mec="white", mew=0.8,
                zorder=5,
            )  # fmt: skip
        ends.append((float(loss[-1]), format_count(size, 2), colour))
    ax.set_xlim(1, most)
    _plain_numbers(ax, "x")
    ax.set_xlabel("epochs")
    ax.set_ylabel("loss (nats per token)")
    ax.plot([], [], color="black", label="with a penalty (constants made up)")
    ax.plot([], [], color="black", ls=(0, (1, 2)), lw=1.3, label="effective data")
    ax.legend(loc="upper right")
    label_ends(ax, most, ends)
    return ax
