"""Pictures of richer laws: how curved IsoFLOP bowls are, what the runs of a budget share, a flat valley."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import SurfaceFit
from scalinglab.plotting.style import ROLES, SPARE_LOOKS, axes_of, label_ends, plain_ticks
from scalinglab.uncertainty.profiles import Profile


def bowl_curvatures(
    C: ArrayLike, curvature: ArrayLike, laws: Mapping[str, ArrayLike], ax: Axes | None = None
) -> Axes:
    """Curvature of the IsoFLOP bowls against compute: of the runs as dots, of laws as lines.

    Parameters
    ----------
    C, curvature : array_like, shape (budgets,)
        Budgets, and the second derivative of the loss in ln N at the bottom of each bowl.
    laws : mapping of str to array_like
        Label and the same curvature by a law.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    C = np.asarray(C, float)
    ax.plot(C, np.asarray(curvature, float), "o", color=ROLES["runs"]["color"], ms=6, label="runs")
    ends = [(float(np.asarray(curvature, float)[-1]), "runs", ROLES["runs"]["color"])]
    for (label, values), look in zip(laws.items(), SPARE_LOOKS, strict=False):
        values = np.asarray(values, float)
        ax.plot(C, values, color=look["color"], ls=look["linestyle"], label=label)
        ends.append((float(values[-1]), label, look["color"]))
    ax.set(xscale="log", yscale="log")
    plain_ticks(ax.yaxis, (1.0, 2.0, 3.0, 5.0))
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("curvature of the loss in ln N")
    label_ends(ax, float(C[-1]), ends)
    return ax


def budget_offsets(fit: LawFit | SurfaceFit, reach: float | None = None, ax: Axes | None = None) -> Axes:
    """What the runs of each budget share: their mean residual, in its standard error if errors were alike.

    Parameters
    ----------
    fit : LawFit or SurfaceFit
        Whose residuals are averaged.
    reach : float, optional
        Half the range of the ordinate, where pictures are to be compared.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    colour = ROLES["VPNLS"]["color"]
    budgets, member = fit.runs.by_budget()
    scatter = np.sqrt(np.sum(fit.residuals**2) / fit.freedom)
    scores = np.bincount(member, fit.residuals) / np.sqrt(np.bincount(member)) / scatter
    ax.axhspan(-2, 2, color="#f0f0f0", zorder=0)
    ax.axhline(0, color="black", lw=0.8)
    ax.vlines(budgets, 0, scores, color=colour, lw=1.6)
    ax.plot(budgets, scores, "o", color=colour, ms=6)
    ax.set_xscale("log")
    if reach is not None:
        ax.set_ylim(-reach, reach)
    ax.annotate(
        "shaded: chance, if errors were alike", (1, 1.02), xycoords="axes fraction", ha="right",
        va="bottom", fontsize=9.5, color="#666666",
    )  # fmt: skip
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel("mean residual (standard errors)")
    return ax


def valley(
    inverse: Profile,
    standard_error: float,
    name: str,
    scales: tuple[float, float] = (1.0, 1000.0),
    inverses: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
) -> tuple[Axes, Axes]:
    """One profile twice: over a scale, on a logarithmic axis, and over its inverse, on a plain one.

    Parameters
    ----------
    inverse : Profile
        Profile of the inverse of the scale; at or below zero the scale is infinite.
    standard_error : float
        Of the inverse. Dotted is what it says of both by first-order theory.
    name : str
        Symbol of the scale.
    scales : tuple of float
        Range of the axis of the scale.
    inverses : tuple of float, optional
        Range of the axis of its inverse, where pictures are to be compared.
    ylim : tuple of float, optional
        Range of the ordinate, where pictures are to be compared.

    Returns
    -------
    tuple of Axes
        Of the scale and of its inverse.
    """
    left: Axes
    right: Axes
    figure, (left, right) = plt.subplots(1, 2, figsize=(5.6, 3.3), sharey=True)
    colour, w = ROLES["VPNLS"]["color"], inverse.estimate
    best, z = float(inverse.rss.min()), np.linspace(-6, 6, 400)
    curve = CubicSpline(inverse.values, inverse.rss / best)
    dense = np.linspace(inverse.values[0], inverse.values[-1], 600)
    fine = np.geomspace(max(1 / scales[1], 1e-9), 1 / scales[0], 600)
    fine = fine[(fine >= dense[0]) & (fine <= dense[-1])]
    parabola = 1 + z**2 / inverse.freedom
    low, high = inverse.interval
    ends = (1 / high if high > 0 else np.inf, 1 / low if low > 0 else np.inf)
    left.plot(1 / fine, curve(fine), color=colour)
    right.plot(dense, curve(dense), color=colour, label="profile")
    right.plot(w + z * standard_error, parabola, color="black", ls=":", label="first order")
    if w > 0:
        by_scale = 1 / w + z * standard_error / w**2
        left.plot(by_scale[by_scale > 0], parabola[by_scale > 0], color="black", ls=":")
        left.plot(1 / w, 1.0, "x", color="black", ms=8, mew=1.6)
    right.plot(w, 1.0, "x", color="black", ms=8, mew=1.6)
    left.axvspan(min(ends[0], scales[1]), min(ends[1], scales[1]), color=colour, alpha=0.2, lw=0)
    right.axvspan(low, high, color=colour, alpha=0.2, lw=0)
    right.axvline(0, color="#7f7f7f", lw=0.8)
    for ax in (left, right):
        ax.axhline(inverse.limit / best, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
    left.set(xscale="log", xlim=scales, xlabel=name, ylabel="RSS / lowest RSS")
    plain_ticks(left.xaxis, (1.0,))
    right.set(xlim=inverses or (dense[0], dense[-1]), xlabel=f"1 / {name}")
    right.set_ylim(ylim or (0.985, 1 + 2.5 * (inverse.limit / best - 1)))
    figure.legend(loc="outside upper center", ncols=2, fontsize=9.5)  # off the bowls, however narrow
    return left, right
