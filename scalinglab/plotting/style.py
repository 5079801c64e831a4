"""The book's look: roles, labels and axes that every picture shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from scalinglab._arrays import FloatArray
from scalinglab._extras import in_notebook
from scalinglab._text import format_count, typeset
from scalinglab.plotting.drawings import written

#: Colour (Okabe and Ito's colour-blind-safe set), line and marker of each role.
ROLES: dict[str, dict[str, Any]] = {
    "truth": {"color": "#000000", "linestyle": "-", "marker": "x"},
    "runs": {"color": "#7f7f7f", "linestyle": "", "marker": "o"},
    "Approach 1": {"color": "#CC79A7", "linestyle": "-.", "marker": "D"},
    "Approach 2": {"color": "#D55E00", "linestyle": "--", "marker": "P"},
    "Approach 3": {"color": "#009E73", "linestyle": ":", "marker": "s"},
    "VPNLS": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "approximation": {"color": "#222222", "linestyle": (0, (2.5, 3.5)), "marker": ""},
}

#: Looks of lines side by side that play no role.
SPARE_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#332288", "linestyle": "-", "marker": "v"},
    {"color": "#882255", "linestyle": "--", "marker": "^"},
    {"color": "#6B5B00", "linestyle": "-.", "marker": "D"},
)

#: Looks of Kaplan's and of Chinchilla's law, or count of parameters, side by side.
CAMPS: dict[str, dict[str, Any]] = {
    "Kaplan": {"color": "#882255", "linestyle": "--"},
    "Chinchilla": {"color": "#332288", "linestyle": "-"},
}


def use_style() -> None:
    """Switch matplotlib to the book's style; in a notebook, draw figures as SVG (for paper, as PDF).

    Where the book is built, letters remain text: the page sets them. A notebook's figures are drawn once,
    where IPython and matplotlib between them would draw each three times.
    """
    with as_file(files("scalinglab.plotting") / "house.mplstyle") as path:
        plt.style.use(path)
    if in_notebook():
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        built = os.environ.get("SCALINGLAB_STATIC")
        set_matplotlib_formats("pdf" if built == "paper" else "svg")
        plt.rcParams["svg.fonttype"] = "none" if built else "path"
        if built != "paper":
            shown: Any = get_ipython()
            shown.display_formatter.formatters["image/svg+xml"].for_type(Figure, written)
        if plt.get_backend().endswith("inline"):
            plt.uninstall_repl_displayhook()  # it draws on canvases that nobody sees


def power_of_ten(C: float) -> str:
    """Write a budget in one or two digits, for a label.

    Examples
    --------
    >>> print(power_of_ten(1e17), power_of_ten(2.98e18), power_of_ten(1.34e20))
    10¹⁷ 3×10¹⁸ 1.3×10²⁰
    >>> print(power_of_ten(3), power_of_ten(0), power_of_ten(float("inf")))
    3 0 ∞
    """
    return typeset(f"{C + 0.0:.2g}").replace("\N{NO-BREAK SPACE}", "")


def count_label(value: float) -> str:
    """Write a number of parameters or tokens for a label, beyond a thousand trillions a power of ten.

    Examples
    --------
    >>> print(count_label(1e12), count_label(6.07e16))
    1T 6.1×10¹⁶
    """
    return power_of_ten(value) if abs(value) >= 0.9995e15 else format_count(value)


def budget_colours(budgets: Sequence[float] | FloatArray) -> list[Any]:
    """One colour a budget, light to dark with compute."""
    return list(colormaps["viridis_r"](np.linspace(0.18, 0.95, len(budgets))))


def axes_of(ax: Axes | None) -> Axes:
    """Return the given Axes, or those of a new figure."""
    return plt.subplots()[1] if ax is None else ax


def shade_fitted(ax: Axes, fitted: tuple[float, float] | None) -> None:
    """Shade a fitted range on a logarithmic abscissa."""
    if fitted is None:
        return
    ax.axvspan(*fitted, color="#f0f0f0", zorder=0)
    ax.annotate(
        "fitted", (np.sqrt(fitted[0] * fitted[1]), 0.03), xycoords=("data", "axes fraction"),
        ha="center", va="bottom", fontsize=9.5, color="#666666",
    )  # fmt: skip


def has_role(label: str) -> bool:
    """Whether a label begins with a role's name."""
    return label.startswith(tuple(ROLES))


def look_of(label: str) -> dict[str, Any]:
    """The look of the role a label begins with."""
    for name, look in ROLES.items():
        if label.startswith(name):
            return look
    return {"color": "#56B4E9", "linestyle": "-", "marker": "v"}


def line_of(name: str) -> dict[str, Any]:
    """Colour and line of a role, without its marker."""
    return {key: ROLES[name][key] for key in ("color", "linestyle")}


def log_counts(ax: Axes, axis: str, label: str) -> None:
    """Make an axis logarithmic with ticks such as 10M, 1B, 100B."""
    which = ax.xaxis if axis == "x" else ax.yaxis
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    which.set_major_formatter(FuncFormatter(lambda value, _: count_label(value)))
    which.set_minor_locator(NullLocator())
    low, high = sorted(ax.get_xlim() if axis == "x" else ax.get_ylim())
    decades = np.log10(high / low)
    which.set_major_locator(LogLocator(subs=(1.0, 3.0) if decades < 2.2 else (1.0,), numticks=9))
    (ax.set_xlabel if axis == "x" else ax.set_ylabel)(label)


def plain_ticks(axis: Axis, subs: Sequence[float] = (1.0, 2.0, 5.0), between: bool = False) -> None:
    """Write the ticks of a logarithmic axis out: these digits of every decade, and no powers of ten.

    ``between`` leaves the small ticks, without numbers.
    """
    axis.set_major_locator(LogLocator(subs=subs))
    if between:
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def percent_ticks(axis: Axis) -> None:
    """Write the ticks of an axis of fractions in per cent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %".replace("-", "−")))


def label_ends(ax: Axes, x: float, ends: list[tuple[float, str, Any]]) -> None:
    """Write each label to the right of (x, y), pushed up where it would collide with the one below.

    Labels follow when the limits of the ordinate change.
    """
    ax.autoscale_view()  # limits are stale until somebody asks, and transData does not ask
    ends = sorted(ends, key=lambda end: end[0])
    labels = [
        ax.annotate(
            label, (x, 0.0), xycoords=("data", "axes fraction"), xytext=(8, 0),
            textcoords="offset points", color=colour, fontsize=9.5, va="center", annotation_clip=False,
        )
        for _, label, colour in ends
    ]  # fmt: skip

    def place(_: Axes) -> None:
        placed = -np.inf
        for (y, *_what), label in zip(ends, labels, strict=True):
            at = float(ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[1])
            placed = max(at, placed + 0.058)
            label.xy = (x, placed)

    place(ax)
    ax.callbacks.connect("ylim_changed", place)
