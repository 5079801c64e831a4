"""Pictures of studies: searches, exponents, coverage, hindcasts, timings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.plotting.style import (
    ROLES,
    SPARE_LOOKS,
    axes_of,
    label_ends,
    line_of,
    log_counts,
    look_of,
    percent_ticks,
    plain_ticks,
)
from scalinglab.studies.comparison_results import MethodComparison
from scalinglab.studies.hindcasts import Hindcast
from scalinglab.studies.interval_coverage import Coverage
from scalinglab.studies.published_searches import SearchResult


def growth(timings: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Time against the number of runs, one line a method.

    Parameters
    ----------
    timings : DataFrame
        Columns ``method``, ``runs``, ``seconds``.  A method named like a role has the role's look; any
        other is drawn as an approximation is, dotted.
    ax : Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = axes_of(ax)
    ends = []
    for method, rows in timings.groupby("method", sort=False):
        name = str(method) if method in ROLES else "approximation"
        ax.plot(rows["runs"], rows["seconds"], **line_of(name), marker=ROLES[name]["marker"])
        ends.append((float(rows["seconds"].iloc[-1]), str(method), ROLES[name]["color"]))
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(numticks=12))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.set_ylabel("time, one core")
    log_counts(ax, "x", "training runs")
    ax.set_xlim(right=float(timings["runs"].max()) * 1.3)
    label_ends(ax, float(timings["runs"].max()), ends)
    return ax


def duration(seconds: float) -> str:
    """Write a time with three digits at most and a unit that suits it.

    Examples
    --------
    >>> duration(0.00123), duration(0.0471), duration(2.5), duration(4200)
    ('1.23 ms', '47.1 ms', '2.5 s', '1.17 h')
    >>> duration(0.9996), duration(0)
    ('1 s', '0 s')
    """
    seconds = float(f"{seconds:.3g}")
    if not seconds or not np.isfinite(seconds):
        return f"{seconds:g} s"
    for size, unit in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def search_histories(
    histories: Mapping[str, SearchResult], lowest: float, gain: float | None = None, ax: Axes | None = None
) -> Axes:
    """How far above the minimum each search is after every step, and where it stops.

    Parameters
    ----------
    histories : mapping of str to SearchResult
        Searches from one start, by name.
    lowest : float
        The minimum.
    gain : float, optional
        A step that lowers the objective by less stops the search; drawn as a line.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
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
    ax.set_ylim(floor / 2, 30)  # room for the names above the curves
    if gain is not None:
        ax.axhline(gain / lowest, color="#7f7f7f", lw=0.8, ls=(0, (4, 3)))
        side = -1 if gain / lowest > 3e-3 else 1  # off the curves, which begin near the top
        ax.annotate(
            "a step that gains less is the last", (0.02, gain / lowest), xycoords=("axes fraction", "data"),
            xytext=(0, 2 * side), textcoords="offset points", ha="left",
            va="bottom" if side > 0 else "top", fontsize=9.5, color="#666666",
        )  # fmt: skip
    ax.set_xlabel("step of the search")
    ax.set_ylabel("objective above its minimum,\nas a fraction of it")
    ax.legend(loc="upper right", ncols=2)
    return ax


def search_ranks(scans: Mapping[str, Sequence[SearchResult]], lowest: float, ax: Axes | None = None) -> Axes:
    """Objective where the search from each start stopped, over the minimum, best first; one curve a scan."""
    ax = axes_of(ax)
    looks = (*SPARE_LOOKS[:2], ROLES["Approach 3"])
    for (label, stops), look in zip(scans.items(), looks, strict=False):
        ratio = np.sort([stop.objective for stop in stops]) / lowest
        ax.plot(
            np.arange(1, len(ratio) + 1), ratio, color=look["color"], ls=look["linestyle"],
            marker=look["marker"], ms=3.5, lw=1.0, label=label,
        )  # fmt: skip
    ax.set_yscale("log")
    plain_ticks(ax.yaxis)
    ax.set_xlabel("start, in order of where it ended")
    ax.set_ylabel("objective over its minimum")
    ax.legend(loc="lower right")
    return ax


def search_ends(
    stops: Sequence[SearchResult], best: LossSurface, lowest: float, ax: Axes | None = None
) -> Axes:
    """Exponents at which searches stopped, coloured by their objective over the minimum."""
    ax = axes_of(ax)
    alpha, beta = np.array([stop.x[3:] for stop in stops]).T
    ratio = np.array([stop.objective for stop in stops]) / lowest
    order = np.argsort(-ratio)
    dots = ax.scatter(
        alpha[order], beta[order], c=ratio[order], norm="log", cmap="viridis", s=34,
        edgecolors="white", linewidths=0.5, zorder=3,
    )  # fmt: skip
    ax.plot(best.alpha, best.beta, "x", color=ROLES["truth"]["color"], ms=11, mew=1.8, zorder=5)
    ax.annotate("minimum", (best.alpha, best.beta), xytext=(9, -3), textcoords="offset points", fontsize=9.5)
    ax.set_xlim(-0.1, 2.1)
    ax.set_ylim(-0.1, 2.1)
    bar = ax.figure.colorbar(dots, ax=ax, label="objective over its minimum")
    plain_ticks(bar.ax.yaxis)
    ax.set_xlabel("exponent of parameters α")
    ax.set_ylabel("exponent of data β")
    return ax


def exponent_spread(sweep: MethodComparison, ax: Axes | None = None) -> Axes:
    """Fitted exponent a against points a budget: every study a dot, medians as bars, failures counted.

    Parameters
    ----------
    sweep : MethodComparison
        Studies of one surface. Each method gets a column of dots beside the others, and where a fit failed
        the number of failures stands at the foot of the column.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    points = np.array([study.design.points for study in sweep.studies])
    truth = sweep.studies[0].surface.a
    ticks = np.unique(points)
    width = 0.8 / len(sweep.methods)
    lost: list[tuple[float, int, Any]] = []
    for k, method in enumerate(sweep.methods):
        look = look_of(method)
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
            va="bottom", fontsize=9.5, color=colour,
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


def coverage_shares(cases: Mapping[str, Coverage], ax: Axes | None = None) -> Axes:
    """How often intervals held the truth, one row a case, against what they promised.

    Parameters
    ----------
    cases : mapping of str to Coverage
        Label and result; all of one level.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    looks = {
        "covariance": ("o", "#0072B2"), "profile": ("s", "#56B4E9"), "robust covariance": ("D", "#332288"),
        "pairs": ("v", "#882255"), "residual": ("^", "#AA4499"), "wild": ("P", "#6B5B00"),
        "clustered covariance": ("X", "#117733"), "budgets": ("<", "#999933"), "levels": ("*", "#994400"),
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
            label, size = None if name in used else name, 7 if marker == "*" else 6
            ax.plot(share, row + nudge, marker, color=colour, ms=size, label=label)
            used[name] = None
    ax.set_yticks(range(len(cases)), list(cases))
    ax.set_ylim(len(cases) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    percent_ticks(ax.xaxis)
    ax.set_xlabel("studies whose interval held the truth")
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.2), ncols=3, fontsize=9.5)
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
        Which of its fits predicts; of a surface or another law.
    band : tuple of array_like, each of shape (held runs,)
        Ends of the interval of every held-out loss.
    ylim : tuple of float, optional
        Range of the ordinate in thousandths, where pictures are to be compared.
    ax : Axes, optional
        Where to draw.
    """  # fmt: skip
    ax = axes_of(ax)
    fit = result.fits[method]
    assert isinstance(fit, SurfaceFit | LawFit)
    look = look_of(method)
    held = result.held
    predicted = fit.predict(held) if isinstance(fit, LawFit) else fit.surface.loss(held.N, held.D)
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
    ax.legend(loc="lower left", fontsize=9.5)
    return ax
