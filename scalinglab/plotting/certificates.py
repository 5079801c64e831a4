"""Pictures of a proof: dual vectors, the prices of columns, cells that may hold the best exponents."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.plotting.style import ROLES, SPARE_LOOKS, axes_of, log_counts, plain_ticks
from scalinglab.uncertainty.proven_regions import ProvenRegion

#: Letter of each term and how its price is drawn.
TERMS: tuple[tuple[str, dict[str, Any]], ...] = (("N", SPARE_LOOKS[0]), ("D", SPARE_LOOKS[1]))


def prices(
    exponents: ArrayLike, values: ArrayLike, used: ArrayLike | None = None, ax: Axes | None = None
) -> Axes:
    """Price of every column of both terms against its exponent, and the exponents in use at zero.

    Parameters
    ----------
    exponents : array_like, shape (j,)
        Exponents of the columns, on a logarithmic axis.
    values : array_like, shape (2, j)
        Prices of the columns of N and of D, as :func:`scalinglab.solvers.pricing.prices` returns them.
    used : array_like, shape (2,) or (2, 2), optional
        Exponents of N and of D that are in use: of a fit, nan for a term that is absent; or from and to of
        a cell's sides, of which the picture shows where the price is positive between the ends.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    e, values = np.asarray(exponents, float), np.asarray(values, float)
    marks = np.full((2, 1), np.nan) if used is None else np.asarray(used, float).reshape(2, -1)
    ax.axhline(0, color="black", lw=0.8)
    for (letter, look), price, at in zip(TERMS, values, marks, strict=True):
        line = {"color": look["color"], "linestyle": look["linestyle"]}
        ax.plot(e, price, label=f"columns of {letter}", **line)
        if len(at) == 2:
            inside = (e >= at[0]) & (e <= at[1])
            ax.fill_between(e, 0, price, where=inside, color=look["color"], alpha=0.22, lw=0)
        ax.plot(at, np.zeros(len(at)), look["marker"], color=look["color"], ms=6, mec="white", mew=0.6)
    ax.set_xscale("log")
    plain_ticks(ax.xaxis)
    ax.set_xlabel("exponent of the column")
    ax.set_ylabel("price (correlation with y)")
    ax.legend(loc="best")
    return ax


def dual_vector(runs: Runs, y: ArrayLike, ax: Axes | None = None) -> Axes:
    """A dual vector over the runs: dots where it is positive, rings where it is negative, by size.

    Parameters
    ----------
    runs : Runs
        The runs.
    y : array_like, shape (m,)
        One number a run.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    y = np.asarray(y, float)
    size = 90 * np.abs(y) / np.abs(y).max()
    for sign, label, face in ((1, "y > 0: loss above", "#444444"), (-1, "y < 0: loss below", "none")):
        of = sign * y > 0
        ax.scatter(
            runs.N[of], runs.D[of], s=size[of] + 3, facecolors=face, edgecolors="#444444", lw=0.9, label=label
        )
    log_counts(ax, "x", "parameters N")
    log_counts(ax, "y", "training tokens D")
    ax.margins(0.08)
    for handle in ax.legend(loc="best").legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([40])
    return ax


def proven_cells(region: ProvenRegion, draws: ArrayLike | None = None, ax: Axes | None = None) -> Axes:
    """Cells outside which nothing fits nearly as well, the fit, and refits if there are any.

    Parameters
    ----------
    region : ProvenRegion
        The cells.
    draws : array_like, shape (2, k), optional
        Pairs alpha, beta of refits, such as those of a bootstrap.
    ax : Axes, optional
        Where to draw.
    """
    ax = axes_of(ax)
    look, s = ROLES["VPNLS"], region.fit.surface
    corners = _strips(region.cells)[:, [[0, 2], [1, 2], [1, 3], [0, 3]]]
    ax.add_collection(
        PolyCollection(list(corners), facecolors=look["color"], alpha=0.25, edgecolors="none", label="proven")
    )
    if draws is not None:
        alpha, beta = np.asarray(draws, float)
        ax.plot(
            alpha, beta, "o", color=ROLES["runs"]["color"], ms=2.2, alpha=0.6, mec="none", label="refits",
            rasterized=len(alpha) > 200,
        )  # fmt: skip
    ax.plot(s.alpha, s.beta, look["marker"], color=look["color"], ms=6, mec="white", label="VPNLS")
    ax.autoscale_view()
    ax.set_xlabel("exponent of parameters α")
    ax.set_ylabel("exponent of data β")
    ax.legend(loc="best")
    return ax


def _strips(cells: FloatArray) -> FloatArray:
    """Cells with neighbours in alpha made one: the same area from fewer rectangles."""
    strips: list[list[float]] = []
    for low, high, bottom, top in cells[np.lexsort((cells[:, 0], cells[:, 3], cells[:, 2]))].tolist():
        if strips and strips[-1][1:] == [low, bottom, top]:
            strips[-1][1] = high
        else:
            strips.append([low, high, bottom, top])
    return np.array(strips)
