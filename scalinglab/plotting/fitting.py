"""Pictures of fits: frontiers, residuals, the map of the objective, the certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from scalinglab.fitting.certificate import Certificate
from scalinglab.fitting.results import SurfaceFit
from scalinglab.planning.allocation import Plan
from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    budget_colours,
    count_label,
    has_role,
    label_ends,
    log_counts,
    look_of,
    percent_ticks,
    plain_ticks,
    shade_fitted,
)


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
            plain_ticks(ax.xaxis)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if percent:
        percent_ticks(ax.yaxis)
    if ylim is not None:
        ax.set_ylim(ylim)
    label_ends(ax, float(x[-1]), ends)
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
        Residual sum of squares there, as :func:`scalinglab.fitting.objective_map` returns it.
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
        ax.annotate(label, (x, y), xytext=(8, 6), textcoords="offset points", color="black", fontsize=9.5)
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


def certificate(proof: Certificate, level: int | None = None) -> Axes:
    """Cells of exponents that a certificate closes, over the box and near the fit; the rest is white.

    Parameters
    ----------
    proof : Certificate
        What was proven.
    level : int, optional
        Draw what was closed after this many halvings; all of it when absent.

    Returns
    -------
    Axes
        Those of the whole box.
    """
    whole: Axes
    near: Axes
    figure, (whole, near) = plt.subplots(1, 2, figsize=(5.6, 3.0))
    last = int(proof.levels.max(initial=0))
    shown = proof.levels <= (last if level is None else level)
    corners = proof.cells[shown][:, [[0, 2], [1, 2], [1, 3], [0, 3]]]
    crowded = len(corners) > 2000
    at = np.array([proof.fit.surface.alpha, proof.fit.surface.beta])
    rest = proof.remaining.reshape(-1, 2, 2).mean(axis=2) if level is None else np.empty((0, 2))
    for part in (whole, near):
        cells = PolyCollection(
            list(corners), array=proof.levels[shown], cmap="viridis_r", clim=(0, max(1, last)),
            edgecolors="white", linewidths=0.08 if crowded else 0.25, rasterized=len(corners) > 200,
        )  # fmt: skip
        part.add_collection(cells)
        part.plot(*rest.T, "x", color="black", ms=5, mew=1.0, rasterized=len(rest) > 200)
        part.set_aspect("equal")
        part.grid(False)
        part.set_xlabel("exponent of parameters α")
        part.plot(*at, ROLES["VPNLS"]["marker"], color=ROLES["VPNLS"]["color"], ms=4)
    whole.set(xlim=proof.box, ylim=proof.box, ylabel="exponent of data β")
    half = (proof.box[1] - proof.box[0]) / 25
    window = np.outer(at, [1, 1]) + np.array([-half, half])
    near.set(xlim=window[0], ylim=window[1])
    corner, side = window[:, 0], 2 * half
    whole.indicate_inset((corner[0], corner[1], side, side), edgecolor="black")
    bar = figure.colorbar(cells, ax=near, shrink=0.75, pad=0.04, ticks=MaxNLocator(8, integer=True))
    bar.set_label("closed after this many halvings", fontsize=9.5)
    return whole
