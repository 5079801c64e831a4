"""From runs to an answer: every method side by side at a budget, its cost, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalinglab._arrays import of_kind, one_of, positive_number, share, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.data.screening import Screening, screen
from scalinglab.fitting.approach2 import INSTEAD, fit_approach2
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.methods import METHODS, attempt
from scalinglab.fitting.recommendations import Recommendation
from scalinglab.fitting.results import FitError, FrontierFit, SurfaceFit
from scalinglab.laws.formulas import Law
from scalinglab.planning.allocation import Misallocation, misallocation
from scalinglab.planning.compute_price import H100_DENSE, GpuRate
from scalinglab.studies.hindcasts import Hindcast, highest_fitted, hindcast
from scalinglab.uncertainty.covariances import covariance

#: Methods in the order of the answer; the first that answers judges the others.
JUDGES = ("VPNLS", "Approach 3", "law")


@dataclass(frozen=True)
class Answer:
    """What runs say of a budget, by every method.

    Attributes
    ----------
    C : float
        The budget in FLOPs.
    runs : Runs
        The runs.
    screening : Screening or str
        What screening would leave out, or why the runs cannot be screened.
    fits : dict of str to fit
        By method; ``refused`` says why others are not here.
    recommended : dict of str to Recommendation
        Size, tokens and loss at the budget, with intervals.
    bias : float or None
        Error of ln N* that Approach 2 makes on this design without any noise, where the judge is right.
    waste : dict of str to Misallocation
        What following each method costs where the judge is right.
    judge : str
        The method whose surface judges the others.
    ahead : Hindcast or None
        Fits of the smaller budgets, against the largest.
    concerns : tuple of str
        Doubts about the judge first, then those of other methods that it does not share.
    level : float
        Nominal coverage of the intervals.
    rate : GpuRate
        Price of compute.
    """

    C: float
    runs: Runs
    screening: Screening | str
    fits: dict[str, Any]
    refused: dict[str, str]
    recommended: dict[str, Recommendation]
    bias: float | None
    waste: dict[str, Misallocation]
    judge: str
    ahead: Hindcast | None
    concerns: tuple[str, ...]
    level: float
    rate: GpuRate
    foreseen: dict[str, float] = field(default_factory=dict)


def answer(
    runs: Runs,
    C: float,
    law: Law | None = None,
    methods: tuple[str, ...] | None = None,
    level: float = 0.9,
    rate: GpuRate = H100_DENSE,
    progress: Callable[[str], object] = str,
) -> Answer:
    """Answer what to train with a budget, by every method, with what speaks against it.

    Parameters
    ----------
    runs : Runs
        The runs.
    C : float
        The budget in FLOPs.
    law : Law, optional
        A law of your own, fitted beside the others.
    methods : tuple of str, optional
        Of ``METHODS``; all when absent.
    level : float
        Nominal coverage of the intervals.
    rate : GpuRate
        Price of compute, for what a wrong plan wastes.
    progress : callable
        Told what begins: the name of each method, then "screening" and "hindcast".

    Raises
    ------
    FitError
        If no method can answer; the message holds each one's reason.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> found = answer(load_llama3(), 3.8e25)
    >>> f"{found.recommended[found.judge].D / 1e12:.1f}T", f"{found.waste['Approach 2'].fraction:.1%}"
    ('10.2T', '6.3%')
    """
    require_runs("answer", runs)
    C, level = positive_number("answer: C", C), share("answer: level", level)
    of_kind("answer: rate", rate, GpuRate, "give a GpuRate, for instance H100_DENSE")
    of_kind("answer: law", law, (Law, type(None)), 'give Law("E + A/N**alpha + B/D**beta") or another')
    of_kind("answer: methods", methods, (tuple, list, type(None)), f"give some of {', '.join(METHODS)}")
    wanted = tuple(METHODS) if methods is None else methods
    for name in wanted:
        one_of("answer: one of methods", name, METHODS)
    tried: dict[str, Any] = {name: METHODS[name] for name in wanted}
    if law is not None:
        tried["law"] = law.fit
    outcomes = {}
    for name, method in tried.items():
        _tell(progress, name)
        outcomes[name] = attempt(method, runs)
    fits: dict[str, Any] = {name: one for name, one in outcomes.items() if not isinstance(one, str)}
    refused = {name: one for name, one in outcomes.items() if isinstance(one, str)}
    recommended: dict[str, Recommendation] = {}
    for name, fit in fits.items():
        try:
            recommended[name] = _of_law(fit, C, level) if isinstance(fit, LawFit) else fit.recommend(C, level)
        except (FitError, ValueError) as error:
            refused[name] = str(error)
    if not recommended:
        reasons = " ".join(f"{name}: {why}" for name, why in refused.items())
        if "VPNLS" in refused:
            reasons = reasons.replace(INSTEAD, "")
        raise FitError(f"no method can answer from these {len(runs)} runs. {reasons}")
    judge = next(
        (name for name in JUDGES if isinstance(fits.get(name), SurfaceFit) and name in recommended), ""
    )
    waste = {}
    if isinstance(truth := fits.get(judge), SurfaceFit):
        waste = {name: misallocation(fits[name], truth, C) for name in recommended if name != judge}
    order = [*filter(None, [judge]), *(name for name in fits if name != judge)]
    concerns = dict.fromkeys(
        (text if name == judge or not judge else f"{name}: {text}")
        for name in order
        for text in fits[name].concerns
        if name == judge or not judge or not any(text[:20] == one[:20] for one in fits[judge].concerns)
    )
    _tell(progress, "screening")
    screening = _screened(runs)
    _tell(progress, "hindcast")
    return Answer(
        C,
        runs,
        screening,
        fits,
        refused,
        recommended,
        _bias(runs, fits.get(judge), fits.get("Approach 2"), C),
        waste,
        judge,
        ahead := _ahead(runs, tried),
        tuple(concerns),
        level,
        rate,
        _foreseen(ahead),
    )


def _tell(progress: Callable[[str], object], word: str) -> None:
    """Say what begins, to whoever can hear it."""
    try:
        progress(word)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"answer: progress is {shortened(progress)}, which cannot be told {word!r} ({error}); give a "
            "function of a word, like print."
        ) from error


def _of_law(fit: LawFit, C: float, level: float) -> Recommendation:
    """What a law of one's own recommends, with the intervals of its covariance."""
    best = fit.optimum(C)
    nan, note = float("nan"), ""
    spread = loss_spread = nan
    try:
        V = covariance(fit)
        spread = float(np.log(V.interval("N_opt", C, level).high / best["N"]))
        loss_spread = float(V.interval("L_opt", C, level).high - best.loss)
    except (FitError, ValueError) as error:
        note = str(error)
    reach = C / float(fit.runs.C.max())
    return Recommendation(C, best["N"], best["D"], best.loss, level, spread, loss_spread, reach, note)


def _screened(runs: Runs) -> Screening | str:
    """What screening leaves out, or why it cannot be done."""
    try:
        return screen(runs)
    except (ValueError, FitError) as error:
        return str(error)


def _bias(runs: Runs, judge: Any, frontier: Any, C: float) -> float | None:
    """Error of ln N* of Approach 2 on this design without noise, by the judge's surface."""
    if not (isinstance(judge, SurfaceFit) and isinstance(frontier, FrontierFit)):
        return None
    exact = Runs(runs.N, runs.D, judge.predicted, runs.C)
    used = {parabola.C for parabola in frontier.used}
    budgets, member = runs.by_budget()
    try:
        fitted = fit_approach2(exact.take(np.isin(budgets[member], list(used))), extrapolate=True)
    except (FitError, ValueError):
        return None
    return float(np.log(fitted.N_opt(C) / judge.N_opt(C)))


def _ahead(runs: Runs, methods: Mapping[str, Any]) -> Hindcast | None:
    """Fits of the smaller budgets, the largest held out: about a fifth of the runs."""
    if len(runs.budgets) < 4:
        return None
    highest = highest_fitted(runs)
    return hindcast(runs, highest, methods) if np.count_nonzero(runs.budgets <= highest) > 2 else None


def _foreseen(ahead: Hindcast | None) -> dict[str, float]:
    """Root mean square error of the losses that each method foresees of the held-out runs."""
    found: dict[str, float] = {}
    for name, fit in ({} if ahead is None else ahead.fits).items():
        assert ahead is not None
        if isinstance(fit, FrontierFit):
            continue
        held = ahead.held
        predicted = fit.predict(held) if isinstance(fit, LawFit) else fit.surface.loss(held.N, held.D)
        found[name] = float(np.sqrt(np.mean((held.L - predicted) ** 2)))
    return found
