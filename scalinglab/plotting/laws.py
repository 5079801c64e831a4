"""Pictures of laws: terms, surfaces, learning curves, straight lines and what they miss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from scalinglab.data.runs import Runs
from scalinglab.laws.intersections import LossLaw, where_laws_meet
from scalinglab.laws.power_laws import PowerLaw, SaturatingPowerLaw, ThreeRegions
from scalinglab.laws.straight_lines import StraightLine
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    label_ends,
    line_of,
    log_counts,
    percent_ticks,
    plain_ticks,
    shade_fitted,
)

#: Looks of the four types.
LOOKS: tuple[dict[str, Any], ...] = (
    *SPARE_LOOKS,
    {"color": "#117733", "linestyle": (0, (1, 1.2)), "marker": "o"},
)


def three_regions(curve: ThreeRegions, m: ArrayLike, ax: Axes | None = None) -> Axes:
    """A learning curve with its two plateaus, and the power law between them.

    Parameters
    ----------
    curve : ThreeRegions
        The curve.
    m : array_like
        Where to draw it, numbers of examples.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    m = np.asarray(m, float)
    low, high = float(m.min()), float(m.max())
    start, end = (float(np.clip(border, low, high)) for border in curve.borders)
    ax.set(xscale="log", yscale="log", xlabel="examples m", ylabel="error")
    if start < end:
        ax.axvspan(start, end, color="#f0f0f0", zorder=0)
    ax.plot(m, curve(m), color=ROLES["truth"]["color"])
    look = line_of("approximation")
    power = curve.floor + (curve.guess - curve.floor) * (m / curve.start) ** -curve.exponent
    shown = (power - curve.floor < curve.guess) & (m < 30 * end)
    ax.plot(m[shown], power[shown] - curve.floor, lw=1.2, **look)
    for height in (curve.guess, curve.floor):
        if height > 0:
            ax.axhline(height, lw=1.0, **look)
    ax.set_ylim(min(float(curve(high)), curve.floor or np.inf) / 1.8, curve.guess * 1.8)
    bounds = [low, start, end, high]
    for left, right, name in zip(
        bounds, bounds[1:], ("best guess", "power law", "irreducible error"), strict=False
    ):
        if right > 8 * left:
            ax.annotate(
                name, (np.sqrt(left * right), 0.97), xycoords=("data", "axes fraction"),
                ha="center", va="top", fontsize=9.5, color="#444444",
            )  # fmt: skip
    plain_ticks(ax.yaxis)
    return ax


def line_and_law(law: SaturatingPowerLaw, line: StraightLine, target: float, ax: Axes | None = None) -> Axes:
    """A straight line fitted over a range, beside the law far ahead of it.

    Parameters
    ----------
    law : SaturatingPowerLaw
        The truth.
    line : StraightLine
        Its best line over some range.
    target : float
        Where the promise is read off, ahead of the range.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    fitted = (float(line.x.min()), float(line.x.max()))
    shade_fitted(ax, fitted)
    x = np.geomspace(fitted[0], 3 * target, 200)
    truth, promised = float(law(target)), float(line.law(target))
    ax.plot(x, law(x), label="truth", **line_of("truth"))
    ax.plot(
        x,
        line.law(x),
        color=SPARE_LOOKS[1]["color"],
        ls=SPARE_LOOKS[1]["linestyle"],
        label="best straight line",
    )
    ax.plot(line.x, law(line.x), "o", color=ROLES["runs"]["color"], ms=3.6, markevery=_sparse(line))
    ax.plot([target, target], [promised, truth], color="#444444", lw=1.0)
    for height, colour, side in ((truth, "black", "bottom"), (promised, SPARE_LOOKS[1]["color"], "top")):
        ax.plot(target, height, "o", color=colour, ms=5)
        ax.annotate(
            f"{height:.2f}", (target, height), xytext=(0, 6 if side == "bottom" else -6),
            textcoords="offset points", ha="center", va=side, fontsize=9.5, color=colour,
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="compute C (FLOPs)", ylabel="loss L (nats per token)")
    _plain_losses(ax)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9.5, borderaxespad=0.2)
    return ax


def line_residuals(lines: Mapping[str, StraightLine], ax: Axes | None = None) -> Axes:
    """Residuals of straight lines fitted over ranges of different length, in per cent of the loss.

    Parameters
    ----------
    lines : mapping of str to StraightLine
        Label and line, at most four.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    ax.set(xscale="log", xlabel="compute C (FLOPs)", ylabel="loss above the line")
    ax.axhline(0, color="black", lw=0.8)
    for (label, line), look in zip(lines.items(), LOOKS, strict=False):
        colour = look["color"]
        ax.plot(
            line.x,
            np.expm1(line.residuals),
            look["marker"],
            color=colour,
            ls=look["linestyle"],
            ms=3.6,
            lw=1.3,
            markevery=_sparse(line),
        )
        ax.annotate(
            label, (line.x[0], np.expm1(line.residuals[0])), xytext=(-6, 0), textcoords="offset points",
            ha="right", va="center", fontsize=9.5, color=colour,
        )  # fmt: skip
    percent_ticks(ax.yaxis)
    low, high = ax.get_xlim()
    ax.set_xlim(low * (low / high) ** 0.15, high)  # room for the labels
    return ax


def contradiction(
    compute: LossLaw, data: LossLaw, tokens: PowerLaw, C: ArrayLike, ax: Axes | None = None
) -> Axes:
    """The loss that one law promises to compute, the least its tokens allow by another, and where they meet.

    Parameters
    ----------
    compute, data : LossLaw
        Loss against compute and against tokens.
    tokens : PowerLaw
        Tokens that go with a compute.
    C : array_like
        Compute, in the unit of ``compute`` (PF-days for Kaplan's laws), ascending.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C = np.asarray(C, float)
    promised = (compute.scale / C) ** compute.exponent
    allowed = (data.scale / tokens(C)) ** data.exponent
    meeting = where_laws_meet(compute, data, tokens)
    ax.set(xscale="log", yscale="log", xlabel="compute C (PF-days)", ylabel="loss L (nats per token)")
    ax.fill_between(C, promised, allowed, where=promised < allowed, color="#f0f0f0", lw=0, interpolate=True)
    for values, look in ((promised, SPARE_LOOKS[0]), (allowed, SPARE_LOOKS[1])):
        ax.plot(C, values, color=look["color"], linestyle=look["linestyle"])
    ax.plot(meeting.C, meeting.L, "o", color="black", ms=6, zorder=4)
    _plain_losses(ax)
    label_ends(
        ax, float(C[-1]),
        [
            (float(promised[-1]), "promised to C", SPARE_LOOKS[0]["color"]),
            (float(allowed[-1]), "allowed by D(C)", SPARE_LOOKS[1]["color"]),
        ],
    )  # fmt: skip
    return ax


def terms(surface: LossSurface, N: ArrayLike, D: float, ax: Axes | None = None) -> Axes:
    """Stack the three terms of the loss against model size at a fixed number of tokens."""
    ax = axes_of(ax)
    N = np.asarray(N, float)
    E = np.full_like(N, surface.E)
    data = np.full_like(N, surface.B * D**-surface.beta)
    size = surface.A * N**-surface.alpha
    ax.stackplot(
        N, E, data, size, colors=["#d9d9d9", "#56B4E9", "#E69F00"],
        labels=["$E$, irreducible", "$B/D^β$, too few tokens", "$A/N^α$, too few parameters"],
    )  # fmt: skip
    ax.plot(N, E + data + size, color="black")
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss L (nats per token)")
    ax.set_ylim(bottom=0)
    ax.set_xlim(N.min(), N.max())
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], loc="upper right")
    return ax


def isoflop_slice(surface: LossSurface, C: float, reach: float = 30.0, ax: Axes | None = None) -> Axes:
    """One IsoFLOP curve taken apart: a falling term, a rising one, and their slopes at the best size.

    Parameters
    ----------
    surface : LossSurface
        What to draw, above its irreducible loss.
    C : float
        The budget, in FLOPs.
    reach : float
        Sizes from 1/reach to reach times the best one.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    best = float(surface.N_opt(C))
    u = np.linspace(-np.log(reach), np.log(reach), 201)
    N = best * np.exp(u)
    size = surface.A * N**-surface.alpha
    data = surface.B * (C / (FLOPS_PER_PARAMETER_TOKEN * N)) ** -surface.beta
    near = np.abs(u) < np.log(reach) / 2.5
    ends = [(float((size + data)[-1]), "their sum", ROLES["truth"]["color"])]
    ax.plot(N, size + data, **line_of("truth"))
    for term, slope, label, look in (
        (size, -surface.alpha, "$A/N^α$, falling", SPARE_LOOKS[2]),
        (data, surface.beta, "$B/D^β$, rising", SPARE_LOOKS[0]),
    ):
        colour = look["color"]
        ax.plot(N, term, color=colour)
        height = float(term[len(u) // 2])
        ax.plot(N[near], height * (1 + slope * u[near]), lw=1.2, **line_of("approximation"))
        ax.plot(best, height, "o", color=colour, ms=5)
        ends.append((float(term[-1]), label, colour))
    bottom = float((size + data)[len(u) // 2])
    ax.plot([best, best], [0, bottom], color=ROLES["truth"]["color"], lw=0.8)
    ax.plot(best, bottom, ROLES["truth"]["marker"], color=ROLES["truth"]["color"], ms=8, mew=1.6, zorder=5)
    log_counts(ax, "x", "parameters N")
    ax.set_ylabel("loss above E (nats per token)")
    ax.set_ylim(bottom=0)
    label_ends(ax, float(N[-1]), ends)
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
    ax = axes_of(ax)
    N, D = np.asarray(N, float), np.asarray(D, float)
    ax.set(xscale="log", yscale="log", xlim=(N.min(), N.max()), ylim=(D.min(), D.max()))
    loss = surface.loss(N[None, :], D[:, None])
    levels = surface.E + np.geomspace(loss.min() - surface.E, loss.max() - surface.E, 14)
    ax.contourf(N, D, loss, levels=levels, cmap="cividis_r", alpha=0.85)
    contours = ax.contour(N, D, loss, levels=levels[1:-1:2], colors="white", linewidths=0.6)
    for label in ax.clabel(contours, fmt="%.2f", fontsize=9.5, colors="black"):
        x, y = ax.transAxes.inverted().transform(ax.transData.transform(label.get_position()))
        if not (0.04 < x < 0.96 and 0.04 < y < 0.96):
            label.remove()  # the frame would cut it
            continue
        label.set_bbox({"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.8})
        label.set_zorder(4)  # above the lines of the budgets
    for C in np.atleast_1d(np.asarray(budgets, float)):
        ax.plot(N, C / (FLOPS_PER_PARAMETER_TOKEN * N), color="black", lw=0.7, ls=(0, (4, 3)))
        ax.plot(surface.N_opt(C), surface.D_opt(C), "x", color="black", ms=7, mew=1.6)
    C = FLOPS_PER_PARAMETER_TOKEN * np.array([N.min() * D.min(), N.max() * D.max()])
    track = np.geomspace(C[0], C[1], 100)
    ax.plot(surface.N_opt(track), surface.D_opt(track), color="black", lw=1.8)
    if runs is not None:
        ax.plot(runs.N, runs.D, "o", color="#7f7f7f", ms=3, mec="white", mew=0.4)
    log_counts(ax, "x", "parameters N")
    log_counts(ax, "y", "tokens D")
    ax.set_xlim(N.min(), N.max())
    ax.set_ylim(D.min(), D.max())
    ax.grid(False)
    return ax


def _sparse(line: StraightLine) -> int:
    """Mark every so many points, a dozen or so of them."""
    return max(1, len(line.x) // 12)


def _plain_losses(ax: Axes) -> None:
    """Losses are written out, not as powers of ten."""
    plain_ticks(ax.yaxis, (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0))
