"""What every method makes of a table of runs: exponents with intervals, a plan, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from scalinglab.data.runs import Runs
from scalinglab.data.training_curves import TrainingCurves
from scalinglab.fitting.approach1 import fit_approach1
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.approach3 import fit_approach3
from scalinglab.fitting.methods import attempt
from scalinglab.fitting.results import Fit, FitError, FrontierFit, SurfaceFit
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.planning.allocation import deadweight_loss, misallocation
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.resampling import bootstrap

#: What fits a surface, by the name it has in a study: the judges of a plan.
SURFACES: Mapping[str, Callable[[Runs], SurfaceFit]] = {
    "Approach 3": partial(fit_approach3, loss=Squared(log=True)),
    "VPNLS": fit_vpnls,
    "Huber": fit_approach3,
}

#: Why Approach 1 cannot answer from runs alone.
FINAL_LOSSES = (
    "these are final losses, and Approach 1 follows the lowest of many trainings; give their curves, "
    "TrainingCurves(N, horizon, D, L)."
)

#: Draws of the joint bootstrap.
DRAWS = 1000


def outcomes(runs: Runs, curves: TrainingCurves | None) -> dict[str, Fit | str]:
    """Fit by every method; a method that cannot answer is held by its sentence."""
    found: dict[str, Fit | str] = {"Approach 1": FINAL_LOSSES}
    if curves is not None:
        found["Approach 1"] = attempt(lambda _: fit_approach1(curves), runs)
    methods: dict[str, Callable[[Runs], Fit]] = {"Approach 2": fit_approach2, **SURFACES}
    return found | {name: attempt(method, runs) for name, method in methods.items()}


def told(outcome: Fit | str, target: float, level: float) -> dict[str, Any]:
    """An outcome as plain values: exponents, their intervals, the plan at a budget, concerns."""
    if isinstance(outcome, str):
        return {"refused": outcome}
    found: dict[str, Any]
    surface = outcome if isinstance(outcome, SurfaceFit) else None
    if surface is not None:
        unknown = set(surface.undetermined)
        unknown |= {A for A, alpha in surface.surface.EXPONENT_OF.items() if alpha in unknown}
        values = {**surface.surface.parameters, "a": surface.a}
        found = {
            name: None if name in unknown or (unknown and name == "a") else value
            for name, value in values.items()
        }
        found["objective"] = surface.objective
        errors, freedom = surface.standard_errors, surface.freedom
    else:
        assert isinstance(outcome, FrontierFit)
        found = {"a": outcome.a, "budgets": list(outcome.budgets_used)}
        errors, freedom = {"a": outcome.standard_error}, outcome.budgets_used[0] - 2
    found["intervals"] = {
        name: [found[name] - reach, found[name] + reach]
        for name in ("alpha", "beta", "a")
        if name in errors
        and found[name] is not None
        and np.isfinite(errors[name])
        and freedom > 0
        and np.isfinite(reach := errors[name] * two_sided_quantile(level, freedom))
    }
    if surface is not None and surface.no_frontier:
        found["plan"] = surface.no_frontier
    else:
        found["plan"] = {"N": float(outcome.N_opt(target)), "D": float(outcome.D_opt(target))}
    found["concerns"] = list(outcome.concerns)
    return found


def wasted(fits: Mapping[str, Fit | str], target: float) -> dict[str, Any]:
    """Share of the target's compute that each method's plan wastes where VPNLS is right."""
    truth = fits["VPNLS"]
    if not isinstance(truth, SurfaceFit):
        return {"refused": truth}
    if truth.no_frontier:
        return {"refused": f"VPNLS fixes no best size, {truth.no_frontier}"}
    plans = {name: fit for name, fit in fits.items() if name != "VPNLS" and not isinstance(fit, str)}
    return {
        name: misallocation(fit, truth, target).fraction
        for name, fit in plans.items()
        if not (isinstance(fit, SurfaceFit) and fit.no_frontier)
    }


def joint_waste(runs: Runs, target: float, level: float, rng: np.random.Generator) -> dict[str, Any]:
    """Waste of Approach 2's plan where VPNLS is right, both refitted on every draw, and their exponents."""
    try:
        plan, truth = fit_approach2(runs, extrapolate=True), fit_vpnls(runs)
        drawn = bootstrap(runs, [truth, plan], DRAWS, rng)
    except (FitError, ValueError) as error:
        return {"refused": str(error)}

    def waste(surface: Any, frontier: Any) -> Any:
        return deadweight_loss(surface, frontier.N_opt(target), frontier.D_opt(target))

    def between(statistic: Callable[..., Any]) -> list[float]:
        return [float(end) for end in drawn.interval(statistic, level=level, worst=False)]

    return {
        "draws": drawn.draws,
        "failures": drawn.failures,
        "kind": drawn.kind,
        "waste": float(waste(truth.surface, plan)),
        "interval": between(waste),
        "a": {
            "VPNLS": between(lambda surface, _: surface.a),
            "Approach 2": between(lambda _, frontier: frontier.a),
        },
    }
