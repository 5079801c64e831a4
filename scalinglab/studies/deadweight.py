"""Deadweight loss of Approach 2's plan after each stage of a screening."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import flag, of_kind, positive_number
from scalinglab.data.runs import Runs
from scalinglab.data.screening import Screening
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.methods import require_methods
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import SurfaceAlgebra
from scalinglab.planning.allocation import misallocation


def deadweight_by_stage(
    result: Screening, C: float, judges: Mapping[str, Callable[[Runs], SurfaceFit]], refit: bool = False
) -> pd.DataFrame:
    """Table of the deadweight loss of Approach 2's plan for C FLOPs after each stage of a screening.

    Parameters
    ----------
    result : Screening
        The screened runs.
    C : float
        Budget of the plan in FLOPs.
    judges : mapping of str to callable
        Label and a function that fits the surface taken as true.
    refit : bool
        Fit each judge to the runs left after each stage: what somebody would find who had those runs alone.
        Otherwise it is fitted once, to all runs, as :cite:t:`czech2026` do, so that all stages are judged
        alike, but by runs that were dropped too. Look at both.

    Returns
    -------
    pandas.DataFrame
        One row a stage: runs, budgets, a, and for each judge the deadweight loss as a fraction.

    See Also
    --------
    screen : Makes the screening.
    misallocation : Judges one plan.

    Notes
    -----
    Used in the chapter *Screening the runs*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3, screen
    >>> table = deadweight_by_stage(screen(load_llama3()), 3.8e25, {"VPNLS": fit_vpnls})
    >>> f"{table['VPNLS'].iloc[0]:.2%}, then {table['VPNLS'].iloc[-1]:.2%}"
    '6.30%, then 0.04%'
    """
    import pandas as pd

    of_kind("deadweight_by_stage: result", result, Screening, "give what screen(runs) returned")
    positive_number("deadweight_by_stage: C", C)
    require_methods("deadweight_by_stage", judges, "judges")
    flag("deadweight_by_stage: refit", refit)
    once = {} if refit else {name: _judged(name, judge, result.runs) for name, judge in judges.items()}
    rows: dict[str, dict[str, float]] = {}
    row: dict[str, float] = {"runs": 0}
    for stage, left in result.steps().items():
        if len(left) == row["runs"]:  # nothing was dropped
            rows[stage] = row
            continue
        plan = fit_approach2(left, extrapolate=True)
        verdicts = {
            name: misallocation(plan, once.get(name) or _judged(name, judge, left), C).fraction
            for name, judge in judges.items()
        }
        rows[stage] = row = {"runs": len(left), "budgets": len(left.budgets), "a": plan.a, **verdicts}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"runs": int, "budgets": int})


def _judged(name: str, judge: Callable[[Runs], SurfaceFit], runs: Runs) -> SurfaceFit:
    """The surface that a judge takes as true."""
    truth = judge(runs)
    of_kind(
        f"deadweight_by_stage: what judges[{name!r}] returned",
        truth,
        (SurfaceFit, SurfaceAlgebra),
        "give functions that fit a loss surface, such as fit_vpnls",
    )
    return truth
