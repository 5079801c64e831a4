"""Fit of any law: variable projection over what is not linear in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from scalinglab._arrays import FloatArray, flag, overflow_is_refused
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.concerns import MOST
from scalinglab.fitting.data_concerns import data_concerns
from scalinglab.fitting.law_concerns import Evidence, law_concerns
from scalinglab.fitting.law_results import LawFit, columns_of, plain_loss, values_at
from scalinglab.fitting.results import FitError
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.laws.formulas import Law
from scalinglab.laws.models import Model
from scalinglab.solvers.full_steps import Refined
from scalinglab.solvers.law_search import REDRAWN, SCREENED, STARTS, search_law
from scalinglab.solvers.objectives import Huber, Loss, Squared, require_loss

#: Other minima whose objective is within this share of the lowest are told.
NEARLY_AS_LOW = 0.01


@overflow_is_refused
def fit_law(law: Law, runs: Runs, loss: Loss | None = None, *, log: bool = False) -> LawFit:
    """Fit any law to runs; what :meth:`Law.fit` calls, and describes."""
    require_runs("Law.fit", runs)
    require_loss("Law.fit", loss)
    log = flag("Law.fit: log", log)
    loss = Squared(log) if loss is None else loss
    if log and not loss.log:
        loss = replace(loss, log=True) if isinstance(loss, Squared | Huber) else loss
    if law.linear_form is not law and not loss.log:
        raise ValueError(
            f"Law.fit: {law.formula} has coefficients of either sign inside its exponential, linear in log "
            "L; fit it with log=True."
        )
    inner = law.inside_exponential() if loss.log else None
    names = (inner or law).parameters(runs.extra)
    data = columns_of(runs, law)
    if len(runs) <= len(names):
        raise FitError(
            f"the law has {len(names)} parameters ({', '.join(names)}) and these are {len(runs)} runs; add "
            f"runs until there are {3 * len(names)} or so, or fix or tie parameters."
        )
    if loss.log and not (runs.L > 0).all():
        raise FitError("a loss is not positive, and residuals are asked in log L; fit those of L.")
    model = (inner or law).model(data)
    y, scale = (np.log(runs.L), plain_loss(loss)) if inner else (runs.L, loss)
    method, how, minima = _minima(law, model, runs, y, scale, loss)
    best = minima[0]
    fit = LawFit(
        law, runs, loss, {}, best.objective, (), (), how, method, model, best.c, best.u, inner is not None
    )
    shown = _told(law, model, best)
    others = tuple(
        _told(law, model, end) for end in minima[1:] if end.objective <= best.objective * (1 + NEARLY_AS_LOW)
    )
    evidence = Evidence(inner or law, model, runs, y, scale, best, fit.condition)
    concerns = data_concerns(runs) if {"N", "D"} <= law.names_of(runs.extra) else []
    concerns += law_concerns(evidence, 1 + len(others))
    return replace(fit, parameters=shown, minima=others, concerns=tuple(concerns[:MOST]))


def _minima(
    law: Law, model: Model, runs: Runs, y: FloatArray, scale: Loss, loss: Loss
) -> tuple[str, str, tuple[Refined, ...]]:
    """How the law was fitted, and its minima, the lowest first."""
    surface = law.two_terms(runs.extra)
    if surface and not loss.log:
        found = fit_vpnls(runs, loss)
        own = {name: getattr(found.surface, letter) for letter, name in surface.items()}
        c, u = inner_parameters(model, own)
        return found.method, found.search, (Refined(c, u, found.objective),)
    search = search_law(model, y, scale, model.free)
    if not search.minima or not np.isfinite(model.evaluate(search.minima[0].u[None]).Phi).all():
        raise FitError(
            "the formula overflows or does not exist on these runs wherever it was tried; check the units of "
            "the columns, or give bounds= that keep it finite."
        )
    starts = (
        f"{STARTS} starts that fill the box of {len(model.low)} nonlinear parameters"
        if model.law.log_linear
        else f"the {search.starts} best of {SCREENED} points that fill the box of {len(model.low)} parameters"
    )
    how = (
        f"{starts}, descents with the linear part solved exactly, exponents of vanished terms drawn "
        f"{REDRAWN} times anew, the lowest ends refined in all parameters"
    )
    return "variable projection", how, search.minima


def inner_parameters(model: Model, own: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Coefficients and search coordinates of a law without outer powers, from its own parameters."""
    u = model.coordinates(np.array([own[name] for name in model.law.nonlinear], float))
    ones = model.recovered(np.ones((1, len(model.law.columns))), u[None])[0]
    c = [
        own[name.removesuffix("'")] / float(ones[name.removesuffix("'")][0])
        for name in model.law.coefficients
    ]
    return np.array(c, float), u


def _told(law: Law, model: Model, end: Refined) -> dict[str, float]:
    """The parameters as a fit tells them: nan where a term is zero and its exponents mean nothing."""
    numbers = values_at(law, model, end)
    for j in model.belongs(*np.flatnonzero(end.c == 0).tolist()):
        numbers[model.law.nonlinear[j]] = np.nan
    return numbers
