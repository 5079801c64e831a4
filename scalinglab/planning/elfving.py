"""The cheapest experiment for one answer, if the law is believed exactly: Elfving's linear programme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, held, not_negative, of_kind, positive_number, positives
from scalinglab.fitting.printed_fits import printed
from scalinglab.fitting.results import FitError
from scalinglab.laws.surface import LossSurface, training_flops
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.planned_runs import PlannedRuns, surface_of
from scalinglab.planning.run_weights import WORST_CONDITION, gradients, size_direction, undetermined

#: Numbers below this share of the largest are rounding of the linear programme.
ROUNDING = 1e-9


class HullView(NamedTuple):
    r"""Elfving's hull seen along one of its faces: the points ±g/√c in two coordinates.

    Attributes
    ----------
    across, height : ndarray, shape (M,)
        Of each candidate's point; its mirror image has both negative. Heights lie between -1 and 1, which is
        the certificate; the ray along c is the vertical axis, and leaves the hull at height 1.
    hull : ndarray, shape (k, 2)
        Corners of the hull of the points and their mirror images.
    """

    across: FloatArray
    height: FloatArray
    hull: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class ElfvingOptimum:
    r"""The optimum of Elfving's linear programme: a limit of what designs can do, and no design.

    Attributes
    ----------
    surface : LossSurface
        What was taken as true.
    C : float
        The target in FLOPs.
    points : PlannedRuns
        Where runs are repeated, at most five points.
    x : ndarray, shape (k,)
        Weights of the points' means in :math:`\ln N^*(C)`.
    price : float
        Compute times variance over noise variance, :math:`(\sum |x_i|\sqrt{c_i})^2`: FLOPs that it takes for
        a standard error as large as the noise.
    multipliers : ndarray, shape (5,)
        The dual solution z, in coordinates centred at the target.
    gap : float
        Share by which the price may lie above the least price on the candidates, proven by z.
    price_per_run : float
        FLOPs that a run costs beside 6ND.

    See Also
    --------
    elfving_optimum : Computes it.
    """

    surface: LossSurface
    C: float
    points: PlannedRuns
    x: FloatArray
    price: float
    multipliers: FloatArray
    gap: float
    price_per_run: float

    @property
    def costs(self) -> FloatArray:
        """FLOPs of one run at each point, its price included."""
        return np.asarray(self.points.cost + self.price_per_run)

    @property
    def shares(self) -> FloatArray:
        """Share of the compute that each point gets."""
        spent = np.abs(self.x) * np.sqrt(self.costs)
        return np.asarray(spent / spent.sum())

    @property
    def misfit_weight(self) -> float:
        r"""Sum of the weights' sizes, :math:`\lVert x \rVert_1`."""
        return float(np.abs(self.x).sum())

    def repeats(self, error: float, noise: float) -> FloatArray:
        """Runs at each point, as fractions, for a standard error of ln N* with that noise."""
        error = positive_number("ElfvingOptimum.repeats: error", error)
        noise = positive_number("ElfvingOptimum.repeats: noise", noise)
        with np.errstate(over="ignore"):
            runs = self.price * np.square(np.divide(noise, error)) * self.shares / self.costs
        return np.asarray(held("ElfvingOptimum.repeats: their number", runs, -1))

    def violation(self, N: ArrayLike, D: ArrayLike) -> float:
        r"""Largest :math:`|g^\top z|/\sqrt c` of further runs; up to 1 the optimum holds among them too."""
        N, D = positives(N=N, D=D)
        G = gradients(self.surface, N, D, self.C)
        cost = training_flops(N, D) + self.price_per_run
        return float(np.max(np.abs(G @ self.multipliers) / np.sqrt(cost)))

    def view(self, candidates: PlannedRuns) -> HullView:
        r"""The hull of candidates' points, seen along the face through which the ray along c leaves it.

        The height of a point is :math:`g^\top z/\sqrt{c}`, with the dual solution z; across is the direction,
        among those in which c has no part, in which the points spread most.
        """
        from scipy.spatial import ConvexHull

        of_kind("ElfvingOptimum.view: candidates", candidates, PlannedRuns, "give the candidates")
        cost = candidates.cost + self.price_per_run
        points = gradients(self.surface, candidates.N, candidates.D, self.C) / np.sqrt(cost)[:, None]
        height = points @ self.multipliers
        scale = np.linalg.norm(points, axis=0)
        c = size_direction(self.surface, self.C) / scale
        without = points / scale - np.outer(height, c) / (c @ (self.multipliers * scale))
        _, _, directions = np.linalg.svd(without, full_matrices=False)
        across = without @ directions[0]
        across = across / (np.abs(across).max() * np.sign(across[np.argmax(np.abs(across))]))
        both = np.column_stack([np.append(across, -across), np.append(height, -height)])
        return HullView(across, height, both[ConvexHull(both).vertices])

    @property
    def concerns(self) -> tuple[str, ...]:
        """Why this is a limit and no advice."""
        k = len(self.points)
        return (
            f"this is a limit, not a plan: it repeats {k} small runs, believes the law exactly, and "
            f"{k} points for five parameters show no misfit. Plan distinct runs with plan_sweep.",
        )

    def to_frame(self) -> pd.DataFrame:
        """Table with a row a point: N, D, budget, FLOPs, D/N, weight and share of the compute."""
        return self.points.to_frame().assign(weight=self.x, share=self.shares)

    def __repr__(self) -> str:
        where = ", ".join(
            f"{share:.0%} at N {N:.2g}, D {D:.2g}"
            for share, N, D in zip(self.shares, self.points.N, self.points.D, strict=True)
        )
        lines = [
            ("price", f"{self.price:.3g} FLOPs for a standard error of ln N* as large as the noise"),
            ("shares", where),
            ("misfit", f"weight {self.misfit_weight:.3g}"),
        ]
        return printed(lines, self.concerns)


@within_floats
def elfving_optimum(
    surface: LossSurface, C: float, candidates: PlannedRuns, price_per_run: float = 0.0
) -> ElfvingOptimum:
    r"""Find the cheapest experiment for the best allocation of C FLOPs, if the law is believed exactly.

    Any design answers by weights with :math:`\sum_i x_i g_i = c`; with runs of cost :math:`c_i` in the best
    numbers, compute times variance is :math:`(\sum_i |x_i| \sqrt{c_i})^2`. Its least is the linear programme

    .. math:: \min_x \sum_i |x_i| \sqrt{c_i} \quad\text{with}\quad \sum_i x_i g_i = c,

    or, in Elfving's picture, the place where the ray along c leaves the convex hull of the points :math:`\pm
    g_i/\sqrt{c_i}`. The dual solution z, with :math:`|g_i^\top z| \le \sqrt{c_i}` everywhere, proves it.

    Use it to see how low the price could be, never as a design: it repeats four or five tiny runs.

    Parameters
    ----------
    surface : LossSurface or SurfaceFit
        What is taken as true.
    C : float
        The target in FLOPs.
    candidates : PlannedRuns
        Where runs may lie, for instance ``PlannedRuns.in_box(budgets, sizes=41)``.
    price_per_run : float
        FLOPs that a run costs beside 6ND. It draws runs together: fewer and larger ones.

    Returns
    -------
    ElfvingOptimum

    Raises
    ------
    FitError
        If the candidates do not determine the answer.

    See Also
    --------
    plan_sweep : A design, in which no two runs are alike.

    Notes
    -----
    Elfving's theorem of 1952 on designs for one combination of the parameters. The chapter
    *Designing a sweep* draws the hull.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> candidates = PlannedRuns.in_box([1e17, 1e18, 1e19, 1e20, 1e21])
    >>> found = elfving_optimum(CHINCHILLA, 1e24, candidates)
    >>> f"{len(found.points)} points, {found.shares @ found.costs:.1e} FLOPs each"
    '5 points, 8.3e+17 FLOPs each'
    """
    from scipy.optimize import linprog

    truth = surface_of("elfving_optimum", surface)
    C = positive_number("elfving_optimum: C", C)
    of_kind("elfving_optimum: candidates", candidates, PlannedRuns, "give PlannedRuns.in_box(budgets)")
    extra = not_negative("elfving_optimum: price_per_run", price_per_run)
    root = np.sqrt(candidates.cost + extra)
    unit = root.min()
    G = gradients(truth, candidates.N, candidates.D, C) / (root / unit)[:, None]
    scale = np.linalg.norm(G, axis=0)
    Q, R = np.linalg.qr(G / scale)
    if len(G) < 5 or np.linalg.cond(R) > WORST_CONDITION:
        raise FitError(undetermined(len(G)))
    c = size_direction(truth, C)
    target = np.linalg.solve(R.T, c / scale)
    found = linprog(
        np.ones(2 * len(G)), A_eq=np.hstack([Q.T, -Q.T]), b_eq=target, bounds=(0.0, None), method="highs"
    )
    if found.x is None:
        raise FitError(undetermined(len(G)))
    y = found.x[: len(G)] - found.x[len(G) :]
    used = np.abs(y) > ROUNDING * np.abs(y).max()
    z = found.eqlin.marginals
    proven = float(target @ z) / float(np.max(np.abs(Q @ z)))
    length = float(np.abs(y).sum())
    return ElfvingOptimum(
        truth,
        C,
        candidates.take(used),
        y[used] / (root[used] / unit),
        (length * unit) ** 2,
        np.linalg.solve(R, z) / scale * unit,
        (length / proven) ** 2 - 1,
        extra,
    )
