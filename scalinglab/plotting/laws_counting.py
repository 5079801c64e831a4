"""Pictures of the two ways to count parameters: frontiers, local exponents, refits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from numpy.typing import ArrayLike

from scalinglab.laws.nonembedding_frontier import (
    CountedFrontier,
    counted_frontier,
    local_exponent,
    read_off_exponent,
)
from scalinglab.laws.published import KAPLAN_N_OPT, PEARCE_OMEGA
from scalinglab.laws.surface import LossSurface
from scalinglab.plotting.style import CAMPS, ROLES, axes_of, line_of, log_counts, plain_ticks
from scalinglab.studies.recount import CountingDesign, Recount

GREY = ROLES["runs"]["color"]


def two_counts(
    surface: LossSurface,
    simulated: CountedFrontier,
    simulated_total: CountedFrontier,
    omega: float = PEARCE_OMEGA,
    ax: Axes | None = None,
) -> Axes:
    """Best model against compute in both counts: closed forms as lines, simulations as marks.

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    simulated, simulated_total : CountedFrontier
        Best models for budgets of non-embedding, and of total, compute.
    omega : float
        Coefficient of the embedding.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    track = counted_frontier(surface, np.geomspace(simulated.N.min() / 3, simulated.N.max() * 3, 300), omega)
    C = np.geomspace(simulated_total.C_total.min(), simulated_total.C_total.max(), 100)
    ax.plot(track.C, track.N, **CAMPS["Kaplan"])
    ax.plot(C, surface.N_opt(C), **CAMPS["Chinchilla"])
    ax.plot(simulated.C, simulated.N, "o", color=CAMPS["Kaplan"]["color"], ms=3.5, mfc="white", mew=0.9)
    ax.plot(
        simulated_total.C_total, simulated_total.N_total, "s", color=CAMPS["Chinchilla"]["color"], ms=3.2,
        mfc="white", mew=0.9,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_minor_locator(NullLocator())
    log_counts(ax, "y", "parameters of the best model")
    ax.set_xlabel("compute C (FLOPs), counted like the parameters")
    ax.annotate(
        "all parameters", (C[10], surface.N_opt(C[10])), xytext=(-34, 22), textcoords="offset points",
        color=CAMPS["Chinchilla"]["color"], fontsize=9.5, ha="left",
    )  # fmt: skip
    k = len(track.N) // 3
    ax.annotate(
        "without the\nembedding", (track.C[k], track.N[k]), xytext=(14, -16), textcoords="offset points",
        color=CAMPS["Kaplan"]["color"], fontsize=9.5, ha="left",
    )  # fmt: skip
    return ax


def local_exponents(
    surfaces: Mapping[str, LossSurface],
    N: ArrayLike,
    marks: Mapping[str, float] | None = None,
    fitted: tuple[float, float] | None = None,
    omega: float = PEARCE_OMEGA,
    ax: Axes | None = None,
) -> Axes:
    """Slope of the frontier in non-embedding counts against the best model.

    Parameters
    ----------
    surfaces : mapping of str to LossSurface
        One line each.
    N : array_like, shape (n,)
        Best models, non-embedding parameters.
    marks : mapping of str to float, optional
        Horizontal lines with names.
    fitted : tuple of float, optional
        A range of models to shade.
    omega : float
        Coefficient of the embedding.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    N = np.asarray(N, float)
    if fitted is not None:
        ax.axvspan(*fitted, color="#f0f0f0", zorder=0)
        ax.annotate(
            "Kaplan's models", (np.sqrt(fitted[0] * fitted[1]), 0.03), xycoords=("data", "axes fraction"),
            ha="center", fontsize=9.5, color="#666666",
        )  # fmt: skip
    looks: tuple[dict[str, Any], ...] = (CAMPS["Chinchilla"], {"color": "#666666", "linestyle": "--"})
    for (name, surface), look in zip(surfaces.items(), looks, strict=False):
        g = local_exponent(surface, N, omega)
        ax.plot(N, g, **look)
        ax.plot(N[[0, -1]], [surface.beta / (surface.alpha / 3 + surface.beta), surface.a], "o", ms=3.5,
                color=look["color"], clip_on=False)  # fmt: skip
        ax.annotate(
            name, (N[-1], g[-1]), xytext=(0, 7), textcoords="offset points", ha="right", fontsize=9.5,
            color=look["color"],
        )  # fmt: skip
    for name, level in (marks or {}).items():
        ax.axhline(level, color="#333333", lw=0.9, ls=(0, (1, 2)))
        ax.annotate(name, (N[-1], level), xytext=(0, 3), textcoords="offset points", ha="right", fontsize=9.5)
    log_counts(ax, "x", "non-embedding parameters N of the best model")
    ax.set_xlim(N[0], N[-1])
    ax.set_ylim(0.4, 1.03)
    ax.set_ylabel("local exponent g = d ln N* / d ln C")
    return ax


def sliding_window(
    surface: LossSurface,
    low: float,
    high: float,
    whole: tuple[float, float],
    omega: float = PEARCE_OMEGA,
) -> Axes:
    """The bent frontier with the straight line that a range of models reads off, and the exponent below.

    For comparison: the frontier counted in full above, and its exponent and Kaplan's below.

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    low, high : float
        Smallest and largest model of the study, non-embedding parameters.
    whole : tuple of float
        Smallest and largest model of the picture.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    Axes
        Those of the frontier.
    """
    above: Axes
    below: Axes
    _, (above, below) = plt.subplots(2, 1, figsize=(4.8, 3.7), height_ratios=[1.4, 1])
    N = np.geomspace(*whole, 400)
    inside = np.geomspace(low, high, 100)
    track, part = counted_frontier(surface, N, omega), counted_frontier(surface, inside, omega)
    line = read_off_exponent(surface, low, high, omega)
    above.plot(track.C, surface.N_opt(track.C), color="#666666", lw=1, zorder=1)
    above.plot(part.C, part.N, color="#cccccc", lw=6, zorder=1)
    above.plot(track.C, track.N, **CAMPS["Chinchilla"])
    above.plot(track.C, line(track.C), color=CAMPS["Kaplan"]["color"], ls="--", lw=1.3)
    above.set_xscale("log")
    log_counts(above, "y", "best model N*")
    above.set_xlim(track.C[0], track.C[-1])
    above.set_ylim(*whole)
    above.xaxis.set_minor_locator(NullLocator())
    above.set_xlabel("compute (FLOPs)")
    above.annotate(
        f"read off: {line.exponent:.2f}", (0.04, 0.9), xycoords="axes fraction",
        color=CAMPS["Kaplan"]["color"], fontsize=11,
    )  # fmt: skip
    above.annotate(
        "in full", (track.C[125], surface.N_opt(track.C[125])), xytext=(-4, 3),
        textcoords="offset points", ha="right", va="bottom", fontsize=9.5, color="#666666",
    )  # fmt: skip
    below.axvspan(low, high, color="#f0f0f0", zorder=0)
    below.plot(N, local_exponent(surface, N, omega), **CAMPS["Chinchilla"])
    for level, name in ((KAPLAN_N_OPT.exponent, "Kaplan"), (surface.a, "in full")):
        below.axhline(level, color="#666666", lw=0.9, ls=(0, (1, 2)))
        below.annotate(
            f"{name} {level:.2f}", (whole[1], level), xytext=(-2, -2), textcoords="offset points",
            ha="right", va="top", fontsize=9.5, color="#666666",
        )  # fmt: skip
    below.plot([low, high], [line.exponent] * 2, color=CAMPS["Kaplan"]["color"], ls="--", lw=1.6)
    log_counts(below, "x", "best model N*")
    below.set_xlim(*whole)
    below.set_ylim(0.4, 1.03)
    below.set_ylabel("local exponent g")
    above.grid(False)
    below.grid(False)
    return above


def recounted_size_term(
    surface: LossSurface, both: Recount, family: CountingDesign, ax: Axes | None = None
) -> Axes:
    """E plus the size term, true and as fitted in non-embedding parameters, with the sampled models.

    Parameters
    ----------
    surface : LossSurface
        The truth in total parameters.
    both : Recount
        The fits of the same runs in both counts.
    family : CountingDesign
        Models at which to draw.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    N = family.N
    fitted = both.nonembedding.surface
    true = surface.E + surface.A * family.N_total**-surface.alpha
    ax.plot(N, true, **line_of("truth"))
    ax.plot(N, fitted.E + fitted.A * N**-fitted.alpha, **CAMPS["Kaplan"])
    sizes, first = np.unique(both.nonembedding.runs.N, return_index=True)
    dots = surface.E + surface.A * both.total.runs.N[first] ** -surface.alpha
    ax.plot(sizes, dots, "o", color=GREY, ms=5, zorder=5)
    ax.axhline(surface.E, color="#333333", lw=0.9, ls=(0, (1, 2)))
    ax.annotate(
        f"true floor {surface.E:.2f}", (N[0], surface.E), xytext=(4, -4), textcoords="offset points",
        ha="left", va="top", fontsize=9.5,
    )  # fmt: skip
    k = 3 * len(N) // 4
    ax.annotate(
        "truth", (N[k], true[k]), xytext=(0, 8), textcoords="offset points", fontsize=9.5,
        color=ROLES["truth"]["color"],
    )  # fmt: skip
    ax.annotate(
        "fitted without\nthe embedding", (N[k], fitted.E + fitted.A * N[k] ** -fitted.alpha), xytext=(-8, -4),
        textcoords="offset points", ha="right", va="top", fontsize=9.5, color=CAMPS["Kaplan"]["color"],
    )  # fmt: skip
    log_counts(ax, "x", "non-embedding parameters N")
    ax.set_yscale("log")
    plain_ticks(ax.yaxis, (1.0, 1.5, 2.0, 2.5, 3.0), between=True)
    ax.set_xlim(N[0] / 1.5, N[-1])
    ax.set_ylabel("loss with unlimited data")
    return ax
