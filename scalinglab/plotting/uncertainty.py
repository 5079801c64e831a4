"""Pictures of uncertainty: clouds, profiles, histograms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    has_role,
    look_of,
    percent_ticks,
    plain_ticks,
    shade_fitted,
)
from scalinglab.uncertainty.profiles import Profile


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
    ax = axes_of(ax)
    colour = look_of(method)["color"]
    ax.plot(x, y, "o", color=colour, ms=2.5, alpha=0.35, mec="none", rasterized=True, label="draws")
    ax.plot(*estimate, "x", color="black", ms=9, mew=2, label="all runs")
    ax.set_yscale("log")
    plain_ticks(ax.yaxis)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="upper left")
    return ax


def interval_bands(
    C: ArrayLike,
    intervals: Mapping[str, tuple[ArrayLike, ArrayLike]],
    ylabel: str,
    *,
    roles: Mapping[str, str] | None = None,
    fitted: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Intervals that open with compute, as bands; both axes are logarithmic.

    Parameters
    ----------
    C : array_like
        Budgets in FLOPs.
    intervals : mapping of str to two array_like, each of the shape of C
        Label, lower and upper ends; the widest first, since later bands are drawn over earlier ones.
    ylabel : str
        Axis label with its unit.
    roles : mapping, optional
        Role of each label that has one.
    fitted : tuple of float, optional
        Range of budgets that were fitted, shaded.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    shade_fitted(ax, fitted)
    for label, (low, high) in intervals.items():
        look = look_of((roles or {}).get(label, label))
        shade = 0.25 if has_role(label) else 0.08
        ax.fill_between(C, low, high, color=look["color"], alpha=shade, lw=0, label=label)
        for end in (low, high):
            ax.plot(C, end, color=look["color"], ls=look["linestyle"], lw=1.2)
    ax.axhline(1, color="black", lw=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.margins(y=0.2)  # for the legend
    plain_ticks(ax.yaxis, (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
    ax.set_xlabel("compute C (FLOPs)")
    ax.set_ylabel(ylabel)
    ax.legend(loc="upper left", ncols=2)
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
    ax = axes_of(ax)
    look = ROLES["VPNLS"]
    best = float(profile.rss.min())
    low, high = profile.interval
    ax.axvspan(low, high, color=look["color"], alpha=0.2, lw=0, label=f"{100 * profile.level:.0f} % interval")
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
    ax.legend(loc="upper center", fontsize=9.5)
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
    ax = axes_of(ax)
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
        percent_ticks(ax.xaxis)
    ax.legend(loc="upper right")
    return ax
