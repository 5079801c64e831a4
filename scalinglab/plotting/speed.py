"""Pictures of what a fit costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from scalinglab.plotting.style import ROLES, axes_of, label_ends, line_of, log_counts

if TYPE_CHECKING:
    import pandas as pd


def growth(timings: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Time against the number of runs, a line a method.

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
    """
    for size, unit in ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
