"""Pictures of a surface: its terms, its map, its objective, what it leaves over."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from scalinglab.certificate import Certificate
from scalinglab.fits import SurfaceFit
from scalinglab.plotting.style import ROLES, axes_of, log_counts, look_of
from scalinglab.runs import Runs
from scalinglab.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface


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
    for label in ax.clabel(contours, fmt="%.2f", fontsize=8, colors="black"):
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
    ax = axes_of(ax)
    alpha, beta = np.asarray(alpha, float), np.asarray(beta, float)
    excess = np.log10(np.asarray(rss, float))
    filled = ax.contourf(alpha, beta, excess.T, levels=24, cmap="viridis_r")
    ax.contour(alpha, beta, excess.T, levels=24, colors="white", linewidths=0.3, alpha=0.6)
    bar = plt.colorbar(filled, ax=ax, pad=0.02, ticks=MaxNLocator(6))
    bar.set_label("log₁₀ of the reduced objective")
    for label, (x, y) in (marks or {}).items():
        look = look_of(label)
        ax.plot(x, y, look["marker"], color=look["color"], ms=8, mec="white", mew=1.0)
        ax.annotate(label, (x, y), xytext=(8, 6), textcoords="offset points", color="black", fontsize=9)
    ax.set_xlabel("exponent of parameters α")
    ax.set_ylabel("exponent of data β")
    ax.grid(False)
    return ax


def residuals(fits: Mapping[str, SurfaceFit], ax: Axes | None = None) -> Axes:
    """Observed minus fitted loss against compute, one marker a fit, nudged apart."""
    ax = axes_of(ax)
    ax.axhline(0, color="black", lw=0.8)
    for k, (label, fit) in enumerate(fits.items()):
        look = look_of(label)
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
    ax = axes_of(ax)
    r = np.clip(np.log(fit.runs.L / fit.predicted), -reach, reach)
    delta = getattr(fit.loss, "delta", None)
    if delta is not None:
        edge, colour = min(delta, reach), ROLES["Approach 3"]["color"]
        ax.axvspan(-edge, edge, color=colour, alpha=0.3, lw=0, zorder=3)  # above the bars
        for x in (-edge, edge):
            ax.axvline(x, color=colour, lw=1.2, zorder=3)
    ax.hist(r, bins=np.linspace(-reach, reach, 51).tolist(), color=ROLES["runs"]["color"])
    ax.axvline(0, color="black", lw=0.8)
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("residual of ln L (observed − fitted)")
    ax.set_ylabel("runs")
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
        ha="left", color=ROLES["Approach 2"]["color"], fontsize=9,
    )  # fmt: skip
    ax.axvline(1.0, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    ax.set_xlim(0.2, 1.3)
    ax.set_xlabel("compute, as a share of the budget")
    ax.set_ylabel("loss L")
    ax.legend(loc="lower left")
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
        part.plot(*rest.T, "x", color="black", ms=5, mew=1.0, rasterized=len(rest) > 200)
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
