"""All exponents that fit nearly as well as the best, found by excluding the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, not_negative, positive_number, shortened, whole
from scalinglab.fitting.certificate import checked_box, require_convex
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.branch_and_bound import grid
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.lower_bound import lower_bounds


@dataclass(frozen=True, repr=False)
class ProvenRegion:
    """Cells of exponents outside which nothing fits as well as asked.

    Attributes
    ----------
    fit : SurfaceFit
        The fit whose objective sets the level.
    excess : float
        Exponents count if their objective is at most ``1 + excess`` times the fit's.
    box : tuple of float
        Range of both exponents searched.
    width : float
        No cell's side is longer.
    cells : ndarray, shape (k, 4)
        Alpha from, alpha to, beta from, beta to: together they contain every pair that counts.
    examined : int
        Cells evaluated.
    """

    fit: SurfaceFit
    excess: float
    box: tuple[float, float]
    width: float
    cells: FloatArray
    examined: int

    @property
    def alpha(self) -> tuple[float, float]:
        """Smallest and largest alpha of the cells."""
        return float(self.cells[:, 0].min()), float(self.cells[:, 1].max())

    @property
    def beta(self) -> tuple[float, float]:
        """Smallest and largest beta of the cells."""
        return float(self.cells[:, 2].min()), float(self.cells[:, 3].max())

    @property
    def a(self) -> tuple[float, float]:
        """Smallest and largest frontier exponent beta / (alpha + beta) in the cells."""
        low = self.cells[:, 2] / (self.cells[:, 2] + self.cells[:, 1])
        high = self.cells[:, 3] / (self.cells[:, 3] + self.cells[:, 0])
        return float(low.min()), float(high.max())

    def __repr__(self) -> str:
        rows = [
            f"{name:<8} {low:.3f} to {high:.3f}"
            for name, (low, high) in (("alpha", self.alpha), ("beta", self.beta), ("a", self.a))
        ]
        head = (
            f"proven   nothing outside these {len(self.cells):,} cells fits within {100 * self.excess:.3g} % "
            "of the objective"
        )
        return "\n".join([head, *rows])


def proven_region(
    fit: SurfaceFit,
    excess: float,
    box: tuple[float, float] = EXPONENT_RANGE,
    width: float = 0.005,
    cells: int = 200_000,
) -> ProvenRegion:
    r"""Cover all exponents whose objective is at most :math:`(1 + x)` times the fit's.

    Use it beside an interval where the objective may have more than one valley: a profile and a bootstrap
    follow the one of the fit. Where there is one, :func:`profile` is sharper for a single statistic.

    Cells whose lower bound exceeds that level are excluded, the others halved until their sides are as short
    as ``width``. What remains contains every such pair, however many separate valleys there are: a region
    that no local search could miss a part of. With :math:`x = \chi^2_2 / (m - 5)` it is the region of a
    deviance of :math:`\chi^2_2` for m runs with normal errors.

    Parameters
    ----------
    fit : SurfaceFit
        A fit of squared or Huber residuals in L.
    excess : float
        The share x; not negative.
    box : tuple of float
        Range of both exponents.
    width : float
        Longest side of a cell.
    cells : int
        Most cells examined.

    Returns
    -------
    ProvenRegion

    Raises
    ------
    ValueError
        If an argument makes no sense, or the cells do not suffice.

    See Also
    --------
    profile : An interval for one statistic.
    bootstrap : Refits to runs drawn anew.
    certify : Whether the fit is the minimum.

    Notes
    -----
    The bound is derived in the chapter *A proof of the global minimum*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> fit = fit_vpnls(load_llama3())
    >>> proven_region(fit, excess=5.99 / (133 - 5), width=0.02).alpha < (0.28, 0.36)
    True
    """
    name = "proven_region"
    require_convex(fit, name)
    box = checked_box(fit, box, name)
    x, side = not_negative(f"{name}: excess", excess), positive_number(f"{name}: width", width)
    most = whole(f"{name}: cells", cells, 1, 10**9)
    if side < 1e-6:
        raise ValueError(f"{name}: width is {shortened(width)}; it is too small.")
    logs = CentredLogs.of(fit.runs)
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, fit.loss)
    level = (1 + x) * fit.objective / problem.unit
    current, kept, examined = grid(box, 2).cells, [np.empty((0, 4))], 0
    while len(current):
        examined += len(current)
        if examined > most:
            raise ValueError(
                f"{name}: {most:,} cells do not suffice for a width of {width}; {len(current):,} are "
                "open. Allow more cells, a larger width or a smaller excess."
            )
        # fits above twice the level are of no interest: bounds are capped there
        current = current[lower_bounds(problem, current, 2 * level).value <= level]
        small = _sides(current).max(axis=1, initial=0.0) <= side
        kept.append(current[small])
        current = _halves(current[~small])
    return ProvenRegion(fit, x, box, side, np.concatenate(kept), examined)


def _sides(cells: FloatArray) -> FloatArray:
    return np.asarray(cells[:, [1, 3]] - cells[:, [0, 2]])


def _halves(cells: FloatArray) -> FloatArray:
    """Both halves of every cell, cut across its longer side."""
    rows = np.arange(len(cells))
    side: Any = 2 * np.argmax(_sides(cells), axis=1) if len(cells) else rows
    middle = (cells[rows, side] + cells[rows, side + 1]) / 2
    low, high = cells.copy(), cells.copy()
    low[rows, side + 1] = high[rows, side] = middle
    return np.concatenate([low, high])
