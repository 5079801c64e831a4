"""What an interval is asked of by name: parameters, exponents of the frontier, answers at a budget."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray, positive, shortened
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.first_order import (
    STATISTICS,
    best_loss_gradient,
    log_size_gradient,
    statistic_gradient,
)

#: Answers of a fit at a budget.
AT_A_BUDGET = ("N_opt", "D_opt", "L_opt")

#: Names of what needs E, which a fit with levels does not know.
OF_E = ("E", "L_opt")


class Answer(NamedTuple):
    """An estimate, and its gradient in the centred parameters, or that of its log."""

    estimate: Any
    gradient: FloatArray
    in_logs: bool


def law_of(fit: SurfaceFit | LevelsFit | LawFit) -> Any:
    """What answers for the fitted numbers: the surface; both terms of levels, with E = 0; a law's own fit."""
    if isinstance(fit, LawFit):
        return fit
    return fit.terms if isinstance(fit, LevelsFit) else fit.surface


def names_of(fit: Any, names: tuple[str, ...] = STATISTICS) -> tuple[str, ...]:
    """Of the names those that the fit can answer; of a law its own, and allocations if it is of N and D."""
    if isinstance(fit, LawFit):
        if names != AT_A_BUDGET:
            return tuple(name for name in fit.names if name not in fit.undetermined)
        return AT_A_BUDGET if fit.law.names_of(fit.runs.extra) == {"N", "D"} else ()
    return tuple(name for name in names if not (isinstance(fit, LevelsFit) and name in OF_E))


def checked_question(
    who: str, name: Any, C: Any, plain: tuple[str, ...], at_a_budget: tuple[str, ...], more: str = ""
) -> FloatArray | None:
    """Return the budget of a question, None if it has none; ValueError if they do not go together."""
    if not isinstance(name, str) or name not in (*plain, *at_a_budget):
        budget = f", and at a budget C {', '.join(at_a_budget)}" if at_a_budget else ""
        raise ValueError(
            f"{who}: no statistic {shortened(name)}; there are {', '.join(plain)}{budget}{more}."
        )
    if name in plain:
        if C is not None:
            raise ValueError(
                f"{who}: C is {shortened(C)}, and {name} has no budget; leave C out, and write level=... for "
                "a level."
            )
        return None
    if C is None:
        raise ValueError(f'{who}: {name} is asked at a budget, C in FLOPs; give it, ("{name}", C=1e24).')
    return positive(f"{who}: C, the budget,", C)


def answer_of(who: str, fit: SurfaceFit | LevelsFit | LawFit, name: str, C: Any = None) -> Answer:
    """What a fit answers to a name, with its gradient, of shape (..., 5) or, of levels, (..., 4)."""
    if isinstance(fit, LawFit):
        return _answer_of_law(who, fit, name, C)
    law, logs = law_of(fit), CentredLogs.of(fit.runs)
    budget = checked_question(who, name, C, names_of(fit), names_of(fit, AT_A_BUDGET))
    if budget is not None:
        estimate = getattr(law, name)(C)
        if name == "L_opt":
            found = Answer(estimate, best_loss_gradient(law, logs, budget), False)
        else:
            sign = 1 if name == "N_opt" else -1
            found = Answer(estimate, sign * log_size_gradient(law, logs, budget), True)
    elif name in ("A", "B"):
        found = Answer(getattr(law, name), statistic_gradient(law, logs, f"ln {name}"), True)
    elif name.startswith("ln "):
        found = Answer(float(np.log(getattr(law, name[3:]))), statistic_gradient(law, logs, name), False)
    else:
        found = Answer(float(getattr(law, name)), statistic_gradient(law, logs, name), False)
    return found._replace(gradient=found.gradient[..., 1:]) if isinstance(fit, LevelsFit) else found


def _answer_of_law(who: str, fit: LawFit, name: str, C: Any) -> Answer:
    """What the fit of a law answers; its gradient is in its own coefficients and search coordinates."""
    budget = checked_question(who, name, C, names_of(fit), names_of(fit, AT_A_BUDGET))
    if budget is None:
        gradient = fit.gradients[fit.names.index(name)]
        in_logs = fit[name] > 0 and name in fit.scales
        return Answer(fit[name], gradient / fit[name] if in_logs else gradient, in_logs)
    budgets = [float(one) for one in budget.flat]
    best, letter = [fit.optimum(one) for one in budgets], name[0]
    estimates = [at.loss if name == "L_opt" else at[letter] for at in best]
    if name == "L_opt":  # by the envelope theorem the allocation stays
        slopes: Any = [fit.loss_gradient(at.at) for at in best]
    else:
        slopes = fit.gradient_of(lambda law: [np.log(law.optimum(one)[letter]) for one in budgets])
    shape = budget.shape
    return Answer(np.reshape(estimates, shape)[()], np.reshape(slopes, (*shape, -1)), name != "L_opt")
