"""Pictures of many studies side by side: exponents, screening, concerns, laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

if TYPE_CHECKING:
    import pandas as pd

from scalinglab.plotting.style import SPARE_LOOKS, axes_of, look_of, plain_ticks

#: Height of a row, in inches, and of what stands around the rows.
ROW, AROUND = 0.42, 1.3

#: Looks of laws beside the additive one.
LAW_LOOKS: dict[str, dict[str, Any]] = dict(
    zip(("tied exponents", "outer power", "product"), SPARE_LOOKS, strict=True)
)


def _rows(count: int) -> Axes:
    """Axes of a new figure, high enough for so many rows."""
    ax: Axes = plt.subplots(figsize=(5.6, AROUND + ROW * count))[1]
    return ax


def _of_labels(ax: Axes, labels: Sequence[str]) -> None:
    """A row for each label, the first on top."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def study_exponents(
    table: pd.DataFrame,
    letter: str,
    printed: Mapping[str, Sequence[float]] | None = None,
    xlim: tuple[float, float] = (0.1, 1.0),
    ax: Axes | None = None,
) -> Axes:
    """An exponent of every study by every method with its interval, a row a study, and what was printed.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``StoredStudies.exponents`` returns.
    letter : str
        ``"a"``, ``"alpha"`` or ``"beta"``.
    printed : mapping of str to sequence of float, optional
        By label of a study, the values that were printed of it: crosses.
    xlim : tuple of float
        Range of the abscissa; intervals may leave it.
    ax : Axes, optional
        Where to draw.
    """
    known = table[np.isfinite(table[letter])]
    labels = list(dict.fromkeys(known["label"]))
    ax = _rows(len(labels)) if ax is None else ax
    methods = list(dict.fromkeys(known["method"]))
    methods.sort(key=lambda name: (not name.startswith("Approach"), name))
    nudges = dict(zip(methods, np.linspace(-0.27, 0.27, len(methods)), strict=True))
    for method in methods:
        look = look_of(method)
        for row in known[known["method"] == method].to_dict("records"):
            y = labels.index(row["label"]) + nudges[method]
            ends = [row[f"{letter} low"], row[f"{letter} high"]]
            ax.plot(ends, [y, y], color=look["color"], lw=1.6, alpha=0.45)
            ax.plot(row[letter], y, look["marker"], color=look["color"], ms=4.5)
        ax.plot([], [], look["marker"], color=look["color"], ms=4.5, label=method)
    for label, values in (printed or {}).items():
        if label in labels and len(values):
            ax.plot(values, [labels.index(label) + 0.4] * len(values), "x", color="black", ms=5, mew=1.3)
    if printed:
        ax.plot([], [], "x", color="black", ms=5, mew=1.3, label="printed")
    for row in range(1, len(labels)):
        ax.axhline(row - 0.5, color="#e4e4e4", lw=0.8, zorder=0)
    _of_labels(ax, labels)
    ax.set_xlim(xlim)
    names = {"a": "exponent a of N* ∝ C$^a$", "alpha": "exponent α of N", "beta": "exponent β of D"}
    ax.set_xlabel(names[letter])
    entries = len(methods) + bool(printed)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3 if entries > 4 else entries, fontsize=9.5
    )
    return ax


def screened_waste(table: pd.DataFrame, least: float = 1e-4) -> Axes:
    """Waste of Approach 2's plan after each stage of screening, one panel a study, by both kinds of judges.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``StoredStudies.screened`` returns.
    least : float
        Lower end of the ordinates; smaller wastes are drawn there.

    Returns
    -------
    Axes
        Those of the last panel.
    """
    labels = list(dict.fromkeys(table["label"]))
    panels: Any
    _, panels = plt.subplots(
        len(labels), 1, figsize=(5.6, 1.2 + 1.05 * len(labels)), sharex=True, squeeze=False
    )
    fixed, refitted = SPARE_LOOKS[0], SPARE_LOOKS[1]
    for label, ax in zip(labels, panels[:, 0], strict=True):
        of_one = table[table["label"] == label]
        places = range(len(of_one))
        for name, look in (("fixed", fixed), ("refitted", refitted)):
            ax.plot(
                places, np.maximum(of_one[name], least), color=look["color"], ls=look["linestyle"],
                marker=look["marker"], ms=4.5, label=f"judge {name}",
            )  # fmt: skip
        ax.set_yscale("log")
        ax.set_ylim(0.7 * least, 1.3)
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_yticks([1e-4, 1e-2, 1])
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        ax.annotate(
            f"{label}: {of_one['runs'].iloc[0]} → {of_one['runs'].iloc[-1]} runs, "
            f"{of_one['budgets'].iloc[0]} → {of_one['budgets'].iloc[-1]} budgets",
            (0.0, 1.02), xycoords="axes fraction", fontsize=9.5, va="bottom",
        )  # fmt: skip
    stages = list(table[table["label"] == labels[0]]["stage"])
    ax = panels[-1, 0]
    ax.set_xticks(range(len(stages)), stages, rotation=30, ha="right", rotation_mode="anchor")
    panels[len(labels) // 2, 0].set_ylabel("wasted by Approach 2's plan")
    panels[0, 0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.15), ncols=2, fontsize=9.5)
    return ax


def study_concerns(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Which concerns ring in which study: a dot where some method has one, its number of methods inside.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``StoredStudies.concerns`` returns.
    ax : Axes, optional
        Where to draw.
    """
    kinds = [str(kind) for kind in table if table[kind].any()]
    ax = _rows(len(table)) if ax is None else ax
    for y, label in enumerate(table.index):
        for x, kind in enumerate(kinds):
            if count := int(table.loc[label, kind]):
                ax.plot(x, y, "o", color="#332288", ms=11)
                ax.annotate(f"{count}", (x, y), ha="center", va="center", color="white", fontsize=9.5)
    _of_labels(ax, list(table.index))
    ax.grid(axis="y", visible=True)
    ax.set_xticks(range(len(kinds)), kinds, rotation=50, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.set_xlim(-0.6, len(kinds) - 0.4)
    return ax


def outer_powers(table: pd.DataFrame, xlim: tuple[float, float] = (0.0, 1.6), ax: Axes | None = None) -> Axes:
    """The outer power of every study with its interval, errors shared by budgets, beside one.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``StoredStudies.laws`` returns.
    xlim : tuple of float
        Range of the abscissa; intervals may leave it.
    ax : Axes, optional
        Where to draw.
    """
    known = table[(table["law"] == "outer power") & np.isfinite(table["k"]) & np.isfinite(table["k low"])]
    ax = _rows(len(known)) if ax is None else ax
    look = LAW_LOOKS["outer power"]
    ax.axvline(1, color="black", lw=1.0)
    ax.annotate("additive", (1, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), va="bottom",
                textcoords="offset points", ha="center", fontsize=9.5)  # fmt: skip
    for y, row in enumerate(known.to_dict("records")):
        ax.plot([row["k low"], row["k high"]], [y, y], color=look["color"], lw=4, alpha=0.25)
        ax.plot(row["k"], y, look["marker"], color=look["color"], ms=6)
    _of_labels(ax, list(known["label"]))
    ax.set_xlim(xlim)
    ax.set_xlabel("outer power k")
    return ax


def law_forecasts(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Error of each law's hindcast over that of the additive law, a row a study.

    Parameters
    ----------
    table : pandas.DataFrame
        What ``StoredStudies.laws`` returns.
    ax : Axes, optional
        Where to draw.
    """
    wide = table.pivot_table(index="label", columns="law", values="hindcast", sort=False)
    ax = axes_of(ax) if ax is not None else _rows(len(wide))
    ax.axvline(1, color="black", lw=1.0)
    for law, look in LAW_LOOKS.items():
        ratio = wide[law] / wide["additive"]
        ax.plot(ratio, range(len(wide)), look["marker"], color=look["color"], ms=5.5, label=law)
    ax.set_xscale("log")
    plain_ticks(ax.xaxis)
    _of_labels(ax, list(wide.index))
    ax.grid(axis="y", visible=True)
    ax.set_xlabel("error of the forecast, over the additive law's")
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, fontsize=9.5)
    return ax
