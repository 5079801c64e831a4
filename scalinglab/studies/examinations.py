"""One table of runs examined by everything that the book teaches, as plain values that can be stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scalinglab._arrays import generator, of_kind, positive_number, share
from scalinglab.data.runs import Runs, require_runs
from scalinglab.data.screening import Screening, screen
from scalinglab.data.training_curves import TrainingCurves
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.certificate import certify
from scalinglab.fitting.law_fits import fit_law
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import Fit, FitError, FrontierFit, SurfaceFit
from scalinglab.laws.formulas import Law
from scalinglab.studies.budget_subsets import waste_without_budgets
from scalinglab.studies.deadweight import deadweight_by_stage
from scalinglab.studies.hindcasts import highest_fitted, hindcast
from scalinglab.studies.law_comparison import LawComparison, compare
from scalinglab.studies.method_outcomes import SURFACES, joint_waste, outcomes, told, wasted
from scalinglab.uncertainty.covariances import covariance

#: The laws that are compared on every table.
LAWS = (
    Law("E + A/N**alpha + B/D**beta", name="additive"),
    Law("E + A/N**alpha + B/D**alpha", name="tied exponents"),
    Law("E + (A/N**alpha + B/D**beta)**k", name="outer power"),
    Law("E + A/N**alpha + B/D**beta + K/(N**alpha*D**beta)", free=("K",), name="product"),
)

#: The plans are made for a budget so many times the largest of the runs.
AHEAD = 100.0


def examine(
    runs: Runs,
    rng: np.random.Generator,
    *,
    curves: TrainingCurves | None = None,
    later: Runs | None = None,
    level: float = 0.9,
    ahead: float = AHEAD,
) -> dict[str, Any]:
    """Examine a table of runs: every method, what their plans waste, forecasts, a proof, screening, laws.

    Use it to put a table of your own beside the public ones, in the form in which they are stored.

    Parameters
    ----------
    runs : Runs
        The runs.
    rng : numpy.random.Generator
        Source of chance of the joint bootstrap.
    curves : TrainingCurves, optional
        The same trainings step by step, for Approach 1.
    later : Runs, optional
        Runs made after these by whoever followed them: they are foretold, not fitted.
    level : float
        Nominal coverage of the intervals.
    ahead : float
        Plans are made for so many times the largest budget.

    Returns
    -------
    dict
        ``runs`` (how many, at which budgets), ``methods`` (parameters with first-order intervals, the plan
        and the concerns of each), ``waste`` and ``joint waste`` (deadweight loss of the plans where VPNLS is
        right; with the bootstrap's interval, both sides refitted on every draw), ``hindcast``, ``later``,
        ``certificate``, ``screening`` and ``laws``. Whatever cannot be had stands there as
        ``{"refused": sentence}``.

    Raises
    ------
    ValueError
        If an argument makes no sense. Runs that cannot answer raise nothing: the reason is the answer.

    See Also
    --------
    PUBLIC_STUDIES : The public tables, ready to be examined.
    deadweight_by_stage, hindcast, compare

    Notes
    -----
    Used in the chapter *Studies compared*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> runs = IsoflopDesign([1e18, 1e19, 1e20], points=5).runs(CHINCHILLA)
    >>> found = examine(runs, np.random.default_rng(0))
    >>> f"{found['methods']['VPNLS']['a']:.3f} and {found['methods']['Approach 2']['a']:.3f}"
    '0.452 and 0.452'
    >>> found["certificate"]["holds"]
    True
    """
    require_runs("examine", runs)
    generator("examine: rng", rng)
    of_kind("examine: curves", curves, (TrainingCurves, type(None)), "give TrainingCurves, or leave it out")
    of_kind("examine: later", later, (Runs, type(None)), "give Runs, or leave it out")
    level, ahead = share("examine: level", level), positive_number("examine: ahead", ahead)
    target = ahead * float(runs.C.max())
    fits = outcomes(runs, curves)
    compared = _compared(runs, target, fits["VPNLS"])
    return {
        "runs": {
            "count": len(runs),
            "budgets": len(runs.budgets),
            "largest budget": float(runs.C.max()),
            "target": target,
            "notes": list(runs.notes),
        },
        "methods": {name: told(fit, target, level) for name, fit in fits.items()},
        "waste": wasted(fits, target),
        "joint waste": joint_waste(runs, target, level, rng),
        "hindcast": _hindcast(runs),
        "later": _foretold(runs, later, fits, compared),
        "certificate": _certificate(fits["VPNLS"]),
        "screening": _screening(runs, target, rng, fits),
        "laws": compared if isinstance(compared, dict) else _laws(compared, level),
    }


def _errors(fit: Any, held: Runs) -> dict[str, float]:
    """Foretold minus observed losses: root mean square, mean, and mean at the largest budget."""
    foretold = fit.predict(held) if isinstance(fit, LawFit) else fit.surface.loss(held.N, held.D)
    error = np.asarray(foretold - held.L)
    highest = float(error[held.C.max() <= held.C].mean())
    return {"error": float(np.sqrt(np.mean(error**2))), "bias": float(error.mean()), "highest": highest}


def _hindcast(runs: Runs) -> dict[str, Any]:
    """The largest budgets, about a fifth of the runs, foretold from the others."""
    try:
        found = hindcast(runs, highest_fitted(runs), {"Approach 2": fit_approach2, **SURFACES})
    except (FitError, ValueError) as error:
        return {"refused": str(error)}
    sizes = found.sizes().dropna(subset="vertex")
    return {
        "fitted": len(found.kept),
        "held out": len(found.held),
        "highest fitted": float(found.kept.C.max()),
        "methods": {
            name: _errors(fit, found.held) for name, fit in found.fits.items() if isinstance(fit, SurfaceFit)
        },
        "sizes": {name: sizes[name].tolist() for name in sizes},
        "refused": dict(found.refused),
    }


def _foretold(
    runs: Runs,
    later: Runs | None,
    fits: Mapping[str, Fit | str],
    compared: LawComparison | dict[str, Any],
) -> dict[str, Any]:
    """Runs made later, by the methods' fits and the laws' of the runs before."""
    if later is None:
        return {}
    of_runs = {name: fit for name, fit in fits.items() if name != "Approach 1"}
    laws = (
        compared.fits
        if isinstance(compared, LawComparison)
        else {law.name: _law_or_reason(law, runs) for law in LAWS}
    )
    foretelling = {**of_runs, **laws}
    return {
        "count": len(later),
        "largest budget": float(later.C.max()),
        "methods": {
            name: _errors(fit, later)
            for name, fit in foretelling.items()
            if isinstance(fit, SurfaceFit | LawFit)
        },
        "sizes": {
            "C": later.C.tolist(),
            "tried": later.N.tolist(),
            **{
                name: np.asarray(fit.N_opt(later.C)).tolist()
                for name, fit in foretelling.items()
                if isinstance(fit, FrontierFit | SurfaceFit)
            },
        },
    }


def _law_or_reason(law: Law, runs: Runs) -> LawFit | str:
    try:
        return fit_law(law, _plain(runs))
    except (FitError, ValueError) as error:
        return str(error)


def _plain(runs: Runs) -> Runs:
    """The runs without further columns, whose names might be those of a law's parameters."""
    return Runs(runs.N, runs.D, runs.L, runs.C)


def _certificate(fit: Any) -> dict[str, Any]:
    """Whether the least-squares fit is proven to be the lowest there is."""
    if not isinstance(fit, SurfaceFit):
        return {"refused": fit}
    try:
        found = certify(fit)
    except (FitError, ValueError) as error:
        return {"refused": str(error)}
    return {"holds": found.holds, "improved": found.improved, "reason": found.reason}


def _screening(
    runs: Runs, target: float, rng: np.random.Generator, fits: Mapping[str, Fit | str]
) -> dict[str, Any]:
    """What screening drops, and what Approach 2's plan wastes after each stage, by both kinds of judges."""
    judges = {name: _judge(judge, runs, fits[name]) for name, judge in SURFACES.items()}
    try:
        result = screen(runs)
        fixed, refitted = (deadweight_by_stage(result, target, judges, refit) for refit in (False, True))
    except (FitError, ValueError) as error:
        return {"refused": str(error)}
    return {
        "kept": len(result.kept),
        "dropped": _dropped(result),
        "stages": list(fixed.index),
        **{column: fixed[column].tolist() for column in ("runs", "budgets", "a")},
        "fixed": {judge: fixed[judge].tolist() for judge in SURFACES},
        "refitted": {judge: refitted[judge].tolist() for judge in SURFACES},
        "other budgets": _other_budgets(result, target, rng),
    }


def _judge(method: Callable[[Runs], SurfaceFit], runs: Runs, fit: Fit | str) -> Callable[[Runs], SurfaceFit]:
    """A method that does not fit all runs once more."""
    return lambda left: fit if left is runs and isinstance(fit, SurfaceFit) else method(left)


def _other_budgets(result: Screening, target: float, rng: np.random.Generator) -> dict[str, Any]:
    """The waste with as many budgets left out as the screening dropped, but any, judged by VPNLS."""
    gone = len(result.runs.budgets) - len(result.kept.budgets)
    if not gone:
        return {"count": 0}
    wastes = waste_without_budgets(result.runs, gone, target, rng)
    return {
        "count": gone,
        "waste": wastes[np.isfinite(wastes)].tolist(),
        "failed": int(np.isnan(wastes).sum()),
    }


def _dropped(result: Screening) -> dict[str, int]:
    stages = [flag.stage for flag in result.flags]
    return {stage: stages.count(stage) for stage in result.stages}


def _compared(runs: Runs, target: float, fit: Any) -> LawComparison | dict[str, Any]:
    """The laws side by side, or why not; none where the additive one has no fit."""
    if isinstance(fit, str):
        return {"refused": fit}
    try:
        return compare(LAWS, _plain(runs), target)
    except (FitError, ValueError) as error:
        return {"refused": str(error)}


def _laws(found: LawComparison, level: float) -> dict[str, Any]:
    """What each law says, with an interval of the outer power."""
    table: dict[str, dict[str, Any]] = {
        label: {
            "parameters": {
                name: None if name in fit.undetermined else value for name, value in fit.values.items()
            },
            "objective": fit.objective,
            "AICc": found.aicc[label],
            "cross-validation": found.validation[label],
            "hindcast": found.forecast[label],
            "hindcast bias": found.bias[label],
            "concerns": list(fit.concerns),
        }
        for label, fit in found.fits.items()
    }
    for label, (N, D) in found.allocations.items():
        table[label]["plan"] = {"N": N, "D": D}
    if "outer power" in found.fits:
        table["outer power"]["k"] = {
            errors: _interval(found.fits["outer power"], errors, level) for errors in ("alike", "shared")
        }
    return {"laws": table, "refused": dict(found.refused), "verdict": found.verdict}


def _interval(fit: LawFit, errors: Any, level: float) -> list[float] | str:
    try:
        return [float(end) for end in covariance(fit, errors).interval("k", level=level)]
    except (FitError, ValueError) as error:
        return str(error)
