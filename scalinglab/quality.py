"""Which runs to leave out before a parabola is fitted, and why, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalinglab.allocation import misallocation
from scalinglab.approach2 import fit_approach2
from scalinglab.fits import SurfaceFit
from scalinglab.runs import Runs
from scalinglab.surface import FloatArray, LossSurface, training_flops

if TYPE_CHECKING:
    import pandas as pd

#: A scaled median absolute deviation of Gaussian errors is their standard deviation: 1/Phi^-1(3/4).
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Limits:
    """Thresholds of the screening; the defaults are those of :cite:t:`czech2026`.

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
    """

    log_tolerance: float = 0.01
    points: int = 6
    margin: float = 1.5
    z: float = 6.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not (self.log_tolerance >= 0 and self.margin >= 0 and self.z > 0):
            raise ValueError("Limits: log_tolerance and margin must not be negative, and z must be positive.")
        if int(self.points) != self.points or self.points < 3:
            raise ValueError(f"Limits: points is {self.points}; a parabola needs 3 or more.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"Limits: confidence is {self.confidence}; give a level between 0 and 1.")


#: What a stage says: row numbers of the runs to drop, each with its reason.
Reasons = Mapping[int, str]

#: A stage looks at the runs that are left and names those to drop.
Stage = Callable[[Runs, Limits], Reasons]


@dataclass(frozen=True)
class Flag:
    """One dropped run.

    Attributes
    ----------
    row : int
        Its place in the runs that were screened.
    stage : str
        Name of the stage that dropped it.
    reason : str
        Why, in a sentence.
    """

    row: int
    stage: str
    reason: str


@dataclass(frozen=True, repr=False)
class Screening:
    """What a screening kept, what it dropped, and why.

    Attributes
    ----------
    runs : Runs
        The runs that were screened.
    kept : Runs
        Those that passed every stage, in their old order.
    flags : tuple of Flag
        One for each dropped run, in the order of dropping.
    stages : tuple of str
        Names of the stages, in order.
    """

    runs: Runs
    kept: Runs
    flags: tuple[Flag, ...]
    stages: tuple[str, ...]

    def after(self, stage: str | None = None) -> Runs:
        """Return the runs left after a stage and all before it; all runs when no stage is named.

        Raises
        ------
        ValueError
            If there is no such stage.
        """
        if stage is None:
            return self.runs
        if stage not in self.stages:
            raise ValueError(f"Screening: no stage {stage!r}; there are {', '.join(self.stages)}.")
        done = self.stages[: self.stages.index(stage) + 1]
        keep = np.ones(len(self.runs), bool)
        keep[[flag.row for flag in self.flags if flag.stage in done]] = False
        return self.runs.take(keep)

    def steps(self) -> dict[str, Runs]:
        """Return the runs before the first stage (key ``"all runs"``) and after each."""
        return {"all runs": self.runs, **{stage: self.after(stage) for stage in self.stages}}

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table: one row a dropped run, with N, D, L, C, stage and reason."""
        import pandas as pd

        rows = [flag.row for flag in self.flags]
        table = pd.DataFrame(
            {letter: getattr(self.runs, letter)[rows] for letter in ("N", "D", "L", "C")}, index=rows
        )
        return table.assign(
            stage=[flag.stage for flag in self.flags], reason=[flag.reason for flag in self.flags]
        )

    def __repr__(self) -> str:
        lines = [f"{len(self.runs)} runs at {len(self.runs.budgets)} budgets"]
        for stage in self.stages:
            left = self.after(stage)
            lines.append(f"{stage:<20} {len(left)} runs at {len(left.budgets)} budgets")
        return "\n".join(lines)


def screen(
    runs: Runs, limits: Limits | None = None, stages: Sequence[tuple[str, Stage]] | None = None
) -> Screening:
    """Screen IsoFLOP runs stage by stage; each stage sees what the last one left.

    Parameters
    ----------
    runs : Runs
        Runs on IsoFLOP curves; positive losses.
    limits : Limits, optional
        Thresholds; those of :cite:t:`czech2026` when absent.
    stages : sequence of (name, stage), optional
        ``STAGES`` when absent. A stage takes the runs that are left and the limits, and returns a
        reason for every row it drops.

    Returns
    -------
    Screening

    Raises
    ------
    ValueError
        If nothing is left after a stage; the message names it and its first reason.

    Notes
    -----
    Screening looks at the losses, so it can manufacture agreement. The chapter *Screening the runs*
    shows what each stage does to the answer, on data where it helps and on data where it does not.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> screen(load_llama3())
    133 runs at 10 budgets
    near-duplicates      131 runs at 10 budgets
    too few              131 runs at 10 budgets
    off centre           130 runs at 10 budgets
    outliers             126 runs at 10 budgets
    weak curvature       116 runs at 8 budgets
    too few again        116 runs at 8 budgets
    """
    limits = Limits() if limits is None else limits
    stages = STAGES if stages is None else tuple(stages)
    names = tuple(name for name, _ in stages)
    if len(set(names)) < len(names):
        raise ValueError(f"screen: two stages share a name; give each its own ({', '.join(names)}).")
    if not (runs.L > 0).all():
        row = int(np.argmin(runs.L > 0))
        raise ValueError(
            f"screen: loss of row {row} is {runs.L[row]:g}; curvature is judged on log L, so losses must "
            "be positive. Drop the run or correct its loss."
        )
    left = np.arange(len(runs))
    flags: list[Flag] = []
    for name, stage in stages:
        reasons = stage(runs.take(left), limits)
        flags += [Flag(int(left[row]), name, reasons[row]) for row in sorted(reasons)]
        left = np.delete(left, sorted(reasons))
        if not len(left):
            raise ValueError(
                f"screen: nothing is left after the stage {name!r}. {flags[-1].reason} Relax the limits or "
                "leave that stage out."
            )
    return Screening(runs, runs.take(left), tuple(flags), names)


def deadweight_by_stage(
    result: Screening, C: float, judges: Mapping[str, Callable[[Runs], SurfaceFit]], refit: bool = False
) -> pd.DataFrame:
    """What Approach 2 finds after each stage, and what its plan for C FLOPs wastes.

    Parameters
    ----------
    result : Screening
        The screened runs.
    C : float
        Budget of the plan in FLOPs.
    judges : mapping of str to callable
        Label and a function that fits the surface taken as true.
    refit : bool
        Fit each judge to the runs left after each stage. Otherwise it is fitted once, to all runs, as
        :cite:t:`czech2026` do.

    Returns
    -------
    pandas.DataFrame
        One row a stage: runs, budgets, a, and for each judge the deadweight loss as a fraction.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> table = deadweight_by_stage(screen(load_llama3()), 3.8e25, {"VPNLS": fit_vpnls})
    >>> f"{table['VPNLS'].iloc[0]:.2%}, then {table['VPNLS'].iloc[-1]:.2%}"
    '6.30%, then 0.04%'
    """
    import pandas as pd

    once = {} if refit else {name: judge(result.runs) for name, judge in judges.items()}
    rows: dict[str, dict[str, float]] = {}
    for stage, left in result.steps().items():
        plan = fit_approach2(left, extrapolate=True)
        verdicts = {
            name: misallocation(plan, once[name] if name in once else judge(left), C).fraction
            for name, judge in judges.items()
        }
        rows[stage] = {"runs": len(left), "budgets": len(left.budgets), "a": plan.a, **verdicts}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"runs": int, "budgets": int})


def curvature_score(
    surface: LossSurface,
    C: float,
    reach: float,
    points: int,
    noise: float,
) -> float:
    r"""Expected curvature of an IsoFLOP parabola over its standard error.

    With the loss :math:`L^* + c_2 u^2`, :math:`c_2 = \tfrac12\alpha(\alpha+\beta)A {N^*}^{-\alpha}`, and n
    sizes spaced by :math:`h = 2\ln(\text{reach})/(n-1)`,

    .. math:: \frac{c_2}{s(c_2)} = \frac{c_2\,h^2}{\sigma}\sqrt{\frac{n(n^2-1)(n^2-4)}{180}} .

    Parameters
    ----------
    surface : LossSurface
        What is expected of the losses.
    C : float
        Budget in FLOPs.
    reach, points : float, int
        The grid, centred on the best size.
    noise : float
        Standard deviation of the losses' errors, in their unit.

    Returns
    -------
    float
        Compare with the quantile of Student's t that the stage of weak curvature asks for.

    Notes
    -----
    Derived in the chapter *Screening the runs*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> f"{curvature_score(CHINCHILLA, 1e20, reach=4, points=9, noise=0.01):.1f}"
    '9.1'
    """
    alpha, beta, n = surface.alpha, surface.beta, float(points)
    c2 = alpha * (alpha + beta) / 2 * surface.A * surface.N_opt(C) ** -alpha
    h = 2 * np.log(reach) / (n - 1)
    s = noise / h**2 * np.sqrt(180 / (n * (n**2 - 1) * (n**2 - 4)))
    return float(c2 / s)


def near_duplicates(runs: Runs, limits: Limits) -> Reasons:
    """Of sizes that nearly coincide keep the run whose 6ND is nearest to the budget, then the lowest loss."""
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


def too_few(runs: Runs, limits: Limits) -> Reasons:
    """Drop budgets with few runs."""
    return {
        row: f"Only {len(rows)} runs are left at {C:.3g} FLOPs; {limits.points} are asked for."
        for C, rows in _curves(runs)
        if len(rows) < limits.points
        for row in rows
    }


def off_centre(runs: Runs, limits: Limits) -> Reasons:
    r"""Drop runs far beyond the shorter arm of their curve.

    A run is kept if :math:`|\ln N - \ln \hat N| \le (1 + m)\,r`, where :math:`\hat N` is the vertex of a
    parabola in log L, r the distance to the end of the shorter arm, m the margin. A curve whose vertex has
    runs on one side only is dropped; one that does not open upwards is left to the stage of curvature.
    """
    reasons: dict[int, str] = {}
    for C, rows in _curves(runs):
        x, (_, c1, c2), _ = _log_parabola(runs, rows)
        if not c2 > 0:
            continue
        distance = x + c1 / (2 * c2)
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


def outliers(runs: Runs, limits: Limits) -> Reasons:
    r"""Drop runs that an Akima spline through the others of their curve does not foresee.

    The residuals :math:`r_i` of all curves are pooled and scored robustly,
    :math:`z_i = |r_i - \operatorname{med} r| / (1.4826\,\operatorname{MAD})`. A spline goes through the bad
    runs too, so their neighbours may be dropped with them.
    """
    from scipy.interpolate import Akima1DInterpolator

    residual = np.full(len(runs), np.nan)
    for _, rows in _curves(runs):
        x, L = np.log(runs.N[rows]), runs.L[rows]
        for k, row in enumerate(rows):
            others = np.delete(np.arange(len(rows)), k)
            # a spline needs distinct abscissae, and two of them
            distinct = np.concatenate([[True], np.diff(x[others]) > 0]) if len(others) else others
            others = others[distinct]
            if len(others) >= 2:
                spline = Akima1DInterpolator(x[others], L[others], extrapolate=True)
                residual[row] = L[k] - float(spline(x[k]))
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


def weak_curvature(runs: Runs, limits: Limits) -> Reasons:
    r"""Drop curves whose parabola in log L may be flat.

    The coefficient :math:`c_2` must be positive, and so must the lower end of its confidence interval,
    :math:`c_2 - t_{n-3}\,s(c_2)`.
    """
    from scipy.stats import t as student

    reasons: dict[int, str] = {}
    for C, rows in _curves(runs):
        _, (_, _, c2), spread = _log_parabola(runs, rows)
        freedom = len(rows) - 3
        reach = float(student.ppf((1 + limits.confidence) / 2, freedom)) * spread if freedom > 0 else 0.0
        if np.isnan(c2):
            continue
        if c2 <= 0:
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
    order = np.argsort(runs.N, kind="stable")
    return [(float(C), [int(row) for row in order if member[row] == j]) for j, C in enumerate(budgets)]


def _log_parabola(runs: Runs, rows: list[int]) -> tuple[FloatArray, FloatArray, float]:
    """Centred ln N, coefficients of the parabola in ln L, standard error of the curvature; nan if too few."""
    x = np.log(runs.N[rows])
    x = x - x.mean()
    if len(np.unique(x)) < 3:
        return x, np.full(3, np.nan), np.nan
    V = np.vander(x, 3, increasing=True)
    y = np.log(runs.L[rows])
    coefficients = np.linalg.lstsq(V, y, rcond=None)[0]
    freedom = len(rows) - 3
    if freedom == 0:
        return x, coefficients, np.nan
    left = y - V @ coefficients
    covariance = np.linalg.inv(V.T @ V) * (left @ left) / freedom
    return x, coefficients, float(np.sqrt(covariance[2, 2]))
