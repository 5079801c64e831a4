"""Which runs to make: distinct ones, for all surfaces that may be true, with a bound on what was missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scalinglab._arrays import FloatArray, not_negative, of_kind, one_of, positive_number, whole
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.beliefs import believed
from scalinglab.planning.design_bounds import design_bound, rounded
from scalinglab.planning.exchange import DesignProblem, Mask, exchanged, searched
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.plan_results import SweepPlan
from scalinglab.planning.planned_runs import PlannedRuns

#: Budgets of a box when none is given: so many half-decades, the largest so small a share of the compute.
BUDGETS, TOP_SHARE = 9, 1 / 16

#: Smallest model of that box: below it few believe a law.
SMALLEST_MODEL = 1e7

#: Sizes over the whole reach, at so many budgets, that show a misfit: of plans with so many runs or more.
MANY_RUNS, SIZES_OF_MANY, SIZES_OF_FEW, BUDGETS_OF_SIZES = 45, 5, 3, 4

#: Share of the compute that they may take.
MISFIT_SHARE = 0.5

#: Distance in ln N below which two runs of a budget are much the same.
NEAR = 0.09

#: Rounds in which a minimax plan weighs the surfaces anew.
ROUNDS = 8


@within_floats
def plan_sweep(
    surface: LossSurface | Sequence[LossSurface],
    C: float,
    compute: float,
    runs: int = 45,
    candidates: PlannedRuns | None = None,
    *,
    misfit_sizes: int | None = None,
    criterion: str = "average",
    price_per_run: float = 0.0,
) -> SweepPlan:
    r"""Plan a sweep: so many distinct runs that err least about the best allocation of C FLOPs.

    Use it before paying for runs, with a rough idea of the surface. No two runs are alike; some are kept to
    show a misfit of the law; and since the rough idea may be wrong, the plan is made for a set of surfaces
    around it: it makes the mean over them small of the variance of :math:`\ln N^*(C)` over the best that
    surface allows.

    Parameters
    ----------
    surface : LossSurface, SurfaceFit, or sequence of them
        A rough idea, around which :func:`plausible_surfaces` are taken; or the surfaces to plan for, the
        likeliest first. ``[surface]`` believes one.
    C : float
        The target in FLOPs, beyond all candidates.
    compute : float
        FLOPs that may be spent.
    runs : int
        Runs to make, 6 or more.
    candidates : PlannedRuns, optional
        What can be trained, for instance ``PlannedRuns.in_box(budgets, ratio=(2, 500))``. When absent, 15
        sizes of 10 million parameters or more, between 1 and 1000 tokens a parameter, at nine budgets, half
        a decade apart, up to a 16th of the compute.
    misfit_sizes : int, optional
        Sizes, evenly over the whole reach, at each of the four budgets where the plan has most runs; 0 for
        none. When absent 5, or 3 if there are fewer than 45 runs. A law that does not hold shows itself
        there.
    criterion : {"average", "minimax"}
        Whether the mean or the largest of the ratios is made small.
    price_per_run : float
        FLOPs that a run costs beside 6ND.

    Returns
    -------
    SweepPlan

    Raises
    ------
    ValueError
        If no such plan exists: the message says which limit to move.
    FitError
        If the candidates do not determine the law.

    See Also
    --------
    next_run : What one more run would bring.
    when_to_stop : Whether a sweep is worth its cost.
    elfving_optimum : The limit that no plan should reach.

    Notes
    -----
    Greedy additions, then swaps; the bound by linear programming. At the cost of the usual 75
    runs its variance is about two thirds of the usual grid's, and the same error can be had with 6 to 15
    times less compute, 3 to 4 times with 30 runs; that is because the error hardly depends on compute at a
    fixed number of runs: wider and more, not larger. The chapter *Designing a sweep* shows it.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> plan = plan_sweep(CHINCHILLA, C=1e24, compute=1e21)
    >>> f"{len(plan.planned)} runs, standard error {plan.predict(noise=0.01).log_N:.3f}"
    '45 runs, standard error 0.045'
    """
    target, compute, runs = (
        positive_number("plan_sweep: C", C), positive_number("plan_sweep: compute", compute),
        whole("plan_sweep: runs", runs, 6),
    )  # fmt: skip
    one_of("plan_sweep: criterion", criterion, ("average", "minimax"))
    if candidates is None:
        top = compute * TOP_SHARE
        budgets = np.geomspace(top * 10 ** ((1 - BUDGETS) / 2), top, BUDGETS)
        candidates = PlannedRuns.in_box(budgets, N=(SMALLEST_MODEL, 1e300))
    of_kind("plan_sweep: candidates", candidates, PlannedRuns, "give PlannedRuns.in_box(budgets)")
    cost = candidates.cost + not_negative("plan_sweep: price_per_run", price_per_run)
    _require_possible(candidates, target, compute, cost, runs)
    cost = cost / compute
    middle = float(np.exp(np.log(candidates.budgets).mean()))
    surfaces = believed("plan_sweep", surface, middle)
    sizes = whole("plan_sweep: misfit_sizes", _sizes(runs) if misfit_sizes is None else misfit_sizes, 0)
    problem = DesignProblem.of(surfaces, candidates, target, cost, runs)
    rough = searched(replace(problem, weights=1 / problem.variances(np.ones(len(cost)))))
    alone = np.array(
        [one.value(searched(one, rough).chosen) for one in map(problem.only, range(len(surfaces)))]
    )
    problem = replace(problem, weights=1 / (len(surfaces) * alone))
    free = searched(problem, rough).chosen
    problem = replace(problem, forced=_spread_sizes(problem, candidates, free, sizes))
    if criterion == "minimax":
        problem, chosen = _minimax(problem, alone)
        least = design_bound(problem, chosen).least
    else:
        chosen, least = _improved(problem, searched(problem).chosen)
    ratios = problem.variances(chosen) / alone
    reached = (
        float(ratios.max()) if criterion == "minimax" else float(problem.weights @ problem.variances(chosen))
    )
    return SweepPlan(
        target, surfaces, candidates, chosen, problem.forced, compute, ratios, min(1.0, least / reached),
        criterion, _concerns(problem, sizes, candidates, chosen),
    )  # fmt: skip


def _sizes(runs: int) -> int:
    return SIZES_OF_MANY if runs >= MANY_RUNS else SIZES_OF_FEW


def _improved(problem: DesignProblem, chosen: Mask) -> tuple[Mask, float]:
    """The better of a design and of what the bound's fractional design rounds to; and the bound."""
    bound = design_bound(problem, chosen)
    other = rounded(problem, bound.counts)
    if other.sum() == problem.runs:
        other = exchanged(problem, other)
        if problem.weights @ problem.variances(other) < problem.weights @ problem.variances(chosen):
            chosen = other
    return chosen, bound.least


def _minimax(problem: DesignProblem, alone: FloatArray) -> tuple[DesignProblem, Mask]:
    """Weigh surfaces by how badly they fare, until the worst fares best; the weights are a prior."""
    found = searched(problem)
    best, prior = (np.inf, problem, found.chosen), np.full(len(alone), 1 / len(alone))
    for _ in range(ROUNDS):
        ratios = problem.variances(found.chosen) / alone
        if (worst := float(ratios.max())) < best[0]:
            best = worst, problem, found.chosen
        prior = prior * (ratios / ratios.mean()) ** 8
        prior /= prior.sum()
        problem = replace(problem, weights=prior / alone)
        found = searched(problem, found)
    return best[1], best[2]


def _spread_sizes(problem: DesignProblem, candidates: PlannedRuns, free: Mask, sizes: int) -> Mask:
    """Candidates, evenly over the whole reach, at the budgets where the free plan has most runs."""
    forced = np.zeros(len(free), bool)
    if not sizes:
        return forced
    member = candidates.member
    count = np.bincount(member[free], minlength=member.max() + 1)
    spent = 0.0
    for place in np.argsort(-count, kind="stable")[:BUDGETS_OF_SIZES]:
        rows = np.flatnonzero(member == place)
        rows = rows[np.argsort(candidates.N[rows])]
        rows = rows[np.unique(np.round(np.linspace(0, len(rows) - 1, sizes)).astype(int))]
        trial = forced.copy()
        trial[rows] = True
        others = np.sort(problem.cost[~trial])[: problem.runs - int(trial.sum())].sum()
        spent = problem.cost[trial].sum()
        if trial.sum() <= problem.runs and spent <= MISFIT_SHARE and spent + others <= 1:
            forced = trial
    return forced


def _require_possible(candidates: PlannedRuns, C: float, compute: float, cost: FloatArray, runs: int) -> None:
    """Raise ValueError where no plan exists, with the limit to move."""
    if runs > len(candidates):
        raise ValueError(
            f"plan_sweep: runs is {runs} and there are {len(candidates)} candidates, no two alike; give more "
            "budgets or sizes, or ask for fewer runs."
        )
    if candidates.C.max() >= C:
        raise ValueError(
            f"plan_sweep: C is {C:.3g} and candidates reach {candidates.C.max():.3g}: the target lies inside "
            "the sweep; leave the larger budgets out, or plan for a larger C."
        )
    cheapest = np.sort(cost)[:runs].sum()
    if cheapest > compute:
        raise ValueError(
            f"plan_sweep: the {runs} cheapest candidates cost {cheapest:.3g} FLOPs, and compute is "
            f"{compute:.3g}; give more, ask for fewer runs, or add smaller budgets."
        )


def _concerns(problem: DesignProblem, sizes: int, candidates: PlannedRuns, chosen: Mask) -> tuple[str, ...]:
    """Doubts about a plan."""
    concerns = []
    kept = len(np.unique(candidates.member[problem.forced]))
    if not sizes:
        concerns.append(
            "no sizes were kept to show a misfit, so a law that does not hold may go unseen; give "
            "misfit_sizes=5."
        )
    elif kept < 2:
        concerns.append(
            f"sizes that show a misfit could be kept at {kept} budgets only; give more compute or runs, or "
            "fewer misfit_sizes."
        )
    if problem.runs < 20:
        concerns.append(
            f"{problem.runs} runs leave {problem.runs - 5} degrees of freedom to see a misfit by; plan 30 or "
            "more if you can."
        )
    order = np.lexsort((candidates.N, candidates.member))
    order = order[chosen[order]]
    near = (np.diff(np.log(candidates.N[order])) < NEAR) & (np.diff(candidates.member[order]) == 0)
    if near.any():
        concerns.append(
            f"{near.sum()} runs lie within {NEAR:.0%} in size of another at their budget: repeats in "
            "disguise, which show no misfit; give candidates with fewer sizes."
        )
    return tuple(concerns)
