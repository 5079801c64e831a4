"""Stages of a screening and their limits: each names the runs to drop, with a reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scalinglab._arrays import number
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import training_flops
from scalinglab.solvers.akima import akima
from scalinglab.solvers.parabola import Parabolas, fit_parabolas
from scalinglab.solvers.quantiles import MAD_TO_SIGMA, two_sided_quantile


@dataclass(frozen=True)
class ScreeningLimits:
    """Thresholds of the screening stages; the defaults are those of :cite:t:`czech2026`.

    Attributes
    ----------
    log_tolerance : float
        Sizes of one budget whose logs differ by no more are duplicates.
    points : int
        A budget with fewer runs is dropped.
    margin : float
        A curve may reach past its shorter arm by this fraction of it.
    z : float
        Robust standard scores above which a run is an outlier.
    confidence : float
        Confidence level at which a curvature must differ from zero.

    Raises
    ------
    ValueError
        If a threshold is out of range.

    See Also
    --------
    screen : Applies them.
    curvature_score : Whether a design can pass the stage of curvature.
    """

    log_tolerance: float = 0.01
    points: int = 6
    margin: float = 1.5
    z: float = 6.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name in ("log_tolerance", "points", "margin", "z", "confidence"):
            number(f"ScreeningLimits: {name}", getattr(self, name))
        if not (self.log_tolerance >= 0 and self.margin >= 0 and self.z > 0):
            raise ValueError(
                "ScreeningLimits: log_tolerance and margin must not be negative, and z must be positive."
            )
        if int(self.points) != self.points or self.points < 3:
            raise ValueError(f"ScreeningLimits: points is {self.points}; a parabola needs 3 or more.")
        if not 0 < self.confidence < 1:
            raise ValueError(
                f"ScreeningLimits: confidence is {self.confidence}; give a level between 0 and 1."
            )


#: What a stage says: row numbers of the runs to drop, each with its reason.
Reasons = Mapping[int, str]

#: A stage looks at the runs that are left and names those to drop.
Stage = Callable[[Runs, ScreeningLimits], Reasons]


def near_duplicates(runs: Runs, limits: ScreeningLimits) -> Reasons:
    """Drop near-duplicates in size: the run whose 6ND is nearest its budget stays, then the lowest loss."""
    reasons: dict[int, str] = {}
    off_budget = np.abs(np.log(training_flops(runs.N, runs.D) / runs.C))
    for C, rows in _curves(runs):
        group = [rows[0]]
        for row in [*rows[1:], -1]:
            if row >= 0 and np.log(runs.N[row] / runs.N[group[0]]) <= limits.log_tolerance:
                group.append(row)
                continue
            # a rounding error in 6ND must not decide between two losses
            best = min(group, key=lambda k: (round(float(off_budget[k]), 9), runs.L[k]))
            for other in group:
                if other != best:
                    reasons[other] = (
                        f"Its size, {runs.N[other]:.4g}, is within {limits.log_tolerance:.0%} of another "
                        f"run's at {C:.3g} FLOPs, which is kept."
                    )
            group = [row]
    return reasons


def too_few(runs: Runs, limits: ScreeningLimits) -> Reasons:
    """Drop budgets with fewer runs than ``limits.points``."""
    return {
        row: f"Only {len(rows)} run{'s are' if len(rows) > 1 else ' is'} left at {C:.3g} FLOPs; "
        f"{limits.points} are asked for."
        for C, rows in _curves(runs)
        if len(rows) < limits.points
        for row in rows
    }


def off_centre(runs: Runs, limits: ScreeningLimits) -> Reasons:
    r"""Drop runs far beyond the shorter arm of their curve.

    A run is kept if :math:`|\ln N - \ln \hat N| \le (1 + m)\,r`, where :math:`\hat N` is the vertex of a
    parabola in log L, r the distance to the end of the shorter arm, m the margin. A curve whose vertex has
    runs on one side only is dropped; one that does not open upwards is left to the stage of curvature.
    """
    reasons: dict[int, str] = {}
    for C, rows in _curves(runs):
        distance = np.log(runs.N[rows]) - _log_parabola(runs, rows).vertices()
        if np.isnan(distance).any():
            continue
        short = min(-distance.min(), distance.max())
        if short < 0:
            for row in rows:
                reasons[row] = f"All runs at {C:.3g} FLOPs lie on one side of their parabola's vertex."
            continue
        for row, away in zip(rows, np.abs(distance), strict=True):
            if away > (1 + limits.margin) * short:
                reasons[row] = (
                    f"It lies {np.exp(away):.3g}-fold from the vertex at {C:.3g} FLOPs, whose shorter arm "
                    f"reaches {np.exp(short):.3g}-fold."
                )
    return reasons


def outliers(runs: Runs, limits: ScreeningLimits) -> Reasons:
    r"""Drop outliers: runs far from an Akima spline through the others of their curve.

    The residuals :math:`r_i` of all curves are pooled and scored robustly,
    :math:`z_i = |r_i - \operatorname{med} r| / (1.4826\,\operatorname{MAD})`. A spline goes through the bad
    runs too, so their neighbours may be dropped with them.
    """
    residual = np.full(len(runs), np.nan)
    for _, rows in _curves(runs):
        x, L = np.log(runs.N[rows]), runs.L[rows]
        for k, row in enumerate(rows):
            others = np.delete(np.arange(len(rows)), k)
            # a spline needs distinct abscissae, and two of them
            distinct = np.concatenate([[True], np.diff(x[others]) > 0]) if len(others) else others
            others = others[distinct]
            if len(others) >= 2:
                residual[row] = L[k] - akima(x[others], L[others], x[k])
    centred = residual - np.nanmedian(residual) if np.isfinite(residual).any() else residual
    scale = MAD_TO_SIGMA * np.nanmedian(np.abs(centred)) if np.isfinite(centred).any() else 0.0
    if not scale > 0:
        return {}
    z = np.abs(centred) / scale
    return {
        int(row): f"Its loss is {z[row]:.1f} robust standard deviations from a spline through the other runs "
        f"at {runs.C[row]:.3g} FLOPs."
        for row in np.flatnonzero(z > limits.z)
    }


def weak_curvature(runs: Runs, limits: ScreeningLimits) -> Reasons:
    r"""Drop budgets whose parabola in log L may be flat.

    The coefficient :math:`c_2` must be positive, and so must the lower end of its confidence interval,
    :math:`c_2 - t_{n-3}\,s(c_2)`.
    """
    reasons: dict[int, str] = {}
    for C, rows in _curves(runs):
        parabola, freedom = _log_parabola(runs, rows), len(rows) - 3
        c2 = parabola.natural[0, 2]
        if np.isnan(c2):
            continue
        error = parabola.curvature_error(np.log(runs.N[rows]), np.log(runs.L[rows]))
        reach = two_sided_quantile(limits.confidence, freedom) * error if freedom > 0 else 0.0
        if not parabola.bends[0]:
            reason = f"The parabola of {C:.3g} FLOPs does not open upwards, so it has no minimum."
        elif c2 - reach <= 0:
            digits = max(0, 1 - int(np.floor(np.log10(reach))))
            reason = (
                f"The curvature at {C:.3g} FLOPs is {c2:.{digits}f} ± {reach:.{digits}f} "
                f"({limits.confidence:.0%} interval), which may be zero."
            )
        else:
            continue
        reasons.update(dict.fromkeys(rows, reason))
    return reasons


#: The stages of :cite:t:`czech2026`, in their order.
STAGES: tuple[tuple[str, Stage], ...] = (
    ("near-duplicates", near_duplicates),
    ("too few", too_few),
    ("off centre", off_centre),
    ("outliers", outliers),
    ("weak curvature", weak_curvature),
    ("too few again", too_few),
)


def _curves(runs: Runs) -> list[tuple[float, list[int]]]:
    """Each budget with its rows, ordered by size."""
    budgets, member = runs.by_budget()
    order = np.lexsort((runs.N, member))
    curves = np.split(order, np.cumsum(np.bincount(member))[:-1])
    return [(float(C), rows.tolist()) for C, rows in zip(budgets, curves, strict=True)]


def _log_parabola(runs: Runs, rows: list[int]) -> Parabolas:
    """The parabola of ln L in ln N through one curve."""
    return fit_parabolas(np.log(runs.N[rows]), np.log(runs.L[rows]))
