"""What a plan would waste if other budgets had been left out: the measure of a screening's choice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import numpy as np

from scalinglab._arrays import FloatArray, function, generator, positive_number, shortened, whole
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.methods import attempt
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.planning.allocation import misallocation

#: Sets of budgets that are tried, at most; of more of them as many are drawn.
MOST_SETS = 500


def waste_without_budgets(
    runs: Runs,
    count: int,
    C: float,
    rng: np.random.Generator,
    judge: Callable[[Runs], SurfaceFit] = fit_vpnls,
) -> FloatArray:
    """Deadweight loss of Approach 2's plan for C FLOPs with ``count`` of the budgets left out, whichever.

    Screening that drops whole budgets and ends in agreement has shown something if other budgets dropped in
    their place would have ended in less of it. The judge is fitted to the same runs as the plan.

    Parameters
    ----------
    runs : Runs
        All runs.
    count : int
        How many budgets are left out; two or more must remain.
    C : float
        Budget of the plan in FLOPs.
    rng : numpy.random.Generator
        Source of chance where there are more than ``MOST_SETS`` sets of so many budgets.
    judge : callable
        Fits the surface taken as true.

    Returns
    -------
    ndarray
        One fraction for each set of budgets, ascending; nan, at the end, where no fit could be made.

    Raises
    ------
    ValueError
        If too few budgets remain.
    FitError
        If no set of budgets leaves runs that can be judged.

    See Also
    --------
    deadweight_by_stage : What a screening leaves.

    Notes
    -----
    Used in the chapter *Studies compared*.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> others = waste_without_budgets(load_llama3(), 2, 1e24, np.random.default_rng(0))
    >>> len(others), f"{np.median(others):.1%}"
    (45, '3.3%')
    """
    require_runs("waste_without_budgets", runs)
    C = positive_number("waste_without_budgets: C", C)
    generator("waste_without_budgets: rng", rng)
    function("waste_without_budgets: judge", judge, "runs")
    budgets, member = runs.by_budget()
    count = whole("waste_without_budgets: count", count, 1)
    if len(budgets) - count < 2:
        raise ValueError(
            f"waste_without_budgets: count is {count} of {len(budgets)} budgets; leave two or more in, or "
            "give runs at more budgets."
        )
    if comb(len(budgets), count) <= MOST_SETS:
        sets = [np.array(one) for one in combinations(range(len(budgets)), count)]
    else:
        sets = [rng.choice(len(budgets), count, replace=False) for _ in range(MOST_SETS)]
    found, why = np.full(len(sets), np.nan), ""
    for place, left_out in enumerate(sets):
        left = runs.take(~np.isin(member, left_out))
        truth = attempt(judge, left)
        if not isinstance(truth, SurfaceFit):
            why = truth if isinstance(truth, str) else f"{shortened(truth)} is no fit of a surface."
            continue
        try:
            found[place] = misallocation(fit_approach2(left, extrapolate=True), truth, C).fraction
        except (FitError, ValueError) as error:
            why = str(error)
    if np.isnan(found).all():
        raise FitError(
            f"waste_without_budgets: whichever budgets are left out, judge {shortened(judge)} and Approach 2 "
            f"cannot both answer for the other runs. {why}"
        )
    return np.sort(found)
