"""Several laws on the same runs: how they fit, forecast and allocate, and where the criteria disagree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, of_kind, positive_number, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.law_fits import fit_law
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FitError
from scalinglab.laws.formulas import Law
from scalinglab.solvers.objectives import Loss
from scalinglab.studies.hindcasts import highest_fitted

#: Folds of the cross-validation, at most: budgets are gathered into so many blocks.
FOLDS = 10

#: Laws whose AICc differs by less are not told apart by it.
INDIFFERENT = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class LawComparison:
    """Laws compared on the same runs.

    Attributes
    ----------
    fits : dict of str to LawFit
        Label and fit of each law.
    refused : dict of str to str
        Laws that these runs could not determine, and why.
    aicc : dict of str to float
        Akaike's criterion with its correction for few runs; lower is better, differences count.
    validation : dict of str to float
        Root mean square error of losses of budgets that a refit had not seen.
    forecast, bias : dict of str to float
        Root mean square and mean of predicted minus observed loss at the largest budgets, a fifth of the
        runs, which a refit had not seen; nan where it failed.
    C : float or None
        The budget at which allocations are compared.
    allocations : dict of str to (N, D)
        What each law recommends there.
    waste : dict of (str, str) to float
        Deadweight loss of following the first law where the second is right.

    See Also
    --------
    compare : Makes it.
    """

    fits: dict[str, LawFit]
    refused: dict[str, str]
    aicc: dict[str, float]
    validation: dict[str, float]
    forecast: dict[str, float]
    bias: dict[str, float]
    C: float | None
    allocations: dict[str, tuple[float, float]]
    waste: dict[tuple[str, str], float]

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table, one row a law."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {}
        for label, fit in self.fits.items():
            rows[label] = {
                "parameters": len(fit.names),
                "objective": fit.objective,
                "AICc": self.aicc[label],
                "cross-validation": self.validation[label],
                "hindcast": self.forecast[label],
                "hindcast bias": self.bias[label],
                "condition": fit.condition,
            }
            if label in self.allocations:
                rows[label] |= dict(zip(("N*", "D*"), self.allocations[label], strict=True))
        return pd.DataFrame.from_dict(rows, orient="index")

    @property
    def preferred(self) -> dict[str, str]:
        """The law that each criterion prefers."""
        criteria = {
            "AICc": self.aicc,
            "cross-validation": self.validation,
            "hindcast": self.forecast,
        }
        return {
            name: min(scores, key=lambda label: scores[label] if np.isfinite(scores[label]) else np.inf)
            for name, scores in criteria.items()
            if any(np.isfinite(score) for score in scores.values())
        }

    @property
    def verdict(self) -> str:
        """What the criteria say together."""
        chosen = self.preferred
        if len(set(chosen.values())) == 1 and len(self.fits) > 1:
            label = next(iter(chosen.values()))
            rest = sorted(score - self.aicc[label] for other, score in self.aicc.items() if other != label)
            if rest[0] < INDIFFERENT:
                return f"all prefer {label}, by less than chance would: report both"
            return f"all criteria prefer {label}"
        said = "; ".join(f"{name} prefers {label}" for name, label in chosen.items())
        return f"criteria disagree: {said}. For a forecast the hindcast counts, if its bias is small"

    def __repr__(self) -> str:
        width = max((len(label) for label in self.fits), default=3)
        head = f"{'law':<{width}}  p  objective   AICc    c.-valid.  hindcast    bias"
        lines = [head + ("       N*        D*" if self.allocations else "")]
        for label, fit in self.fits.items():
            line = (
                f"{label:<{width}} {len(fit.names):>2}  {fit.objective:<10.4g} {self.aicc[label]:>7.1f} "
                f"{self.validation[label]:>9.4f} {self.forecast[label]:>9.4f} {self.bias[label]:>+8.4f}"
            )
            if label in self.allocations:
                N, D = self.allocations[label]
                line += f" {N:>9.3g} {D:>9.3g}"
            lines.append(line)
        lines += [f"refused: {label}: {why}" for label, why in self.refused.items()]
        worst = max(self.waste, key=lambda pair: self.waste[pair], default=None)
        if worst:
            lines.append(
                f"at {self.C:.3g} FLOPs, following {worst[0]} where {worst[1]} is right wastes "
                f"{self.waste[worst]:.1%}, the most of any pair"
            )
        return "\n".join([*lines, self.verdict])


def compare(
    laws: Sequence[Law] | Mapping[str, Law],
    runs: Runs,
    C: float | None = None,
    loss: Loss | None = None,
) -> LawComparison:
    r"""Compare laws on the same runs.

    Use it before you trust a law with more parameters: a better fit is not a better forecast. Each law is
    fitted to all runs, to all but one block of budgets at a time, and to all but those of the
    largest budgets, a fifth or so.

    Parameters
    ----------
    laws : sequence of Law, or mapping of str to Law
        Two laws or more; labels are their names or formulas.
    runs : Runs
        The runs, on budgets: two or more.
    C : float, optional
        A budget at which the allocations of laws in N and D are compared.
    loss : Squared or Huber, optional
        What the fits minimise; squares when absent.

    Returns
    -------
    LawComparison

    Raises
    ------
    ValueError
        If these are no laws, or the runs have a single budget.

    See Also
    --------
    hindcast : The methods instead of the laws.
    Law.fit : One fit.

    Notes
    -----
    With p parameters and the variance, :math:`k = p + 1`,
    :math:`\text{AICc} = n \ln(\text{RSS}/n) + 2k + 2k(k+1)/(n-k-1)` :cite:p:`hurvich1989`, of residuals in L
    whatever the fit minimised. Refits of the cross-validation start at the fit of all runs; that of the
    hindcast is a search of its own.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> straight, bent = Law("E + A/N**alpha + B/D**beta"), Law("E + (A/N**alpha + B/D**beta)**k")
    >>> found = compare({"additive": straight, "bent": bent}, load_llama3())
    >>> {label: round(score, 1) for label, score in found.aicc.items()}
    {'additive': -1463.0, 'bent': -1546.4}
    """
    require_runs("compare", runs)
    labelled = _labelled(laws)
    budgets, member = runs.by_budget()
    if len(budgets) < 2:
        raise ValueError("compare: all runs share one budget; comparing forecasts needs two or more.")
    C = None if C is None else positive_number("compare: C", C)
    blocks = np.minimum(np.arange(len(budgets)) * FOLDS // max(len(budgets), FOLDS), FOLDS - 1)
    blocks = np.unique(blocks, return_inverse=True)[1][member]
    ahead = budgets[member] > highest_fitted(runs)
    fits: dict[str, LawFit] = {}
    refused: dict[str, str] = {}
    scores: dict[str, tuple[float, float, float, float]] = {}
    for label, law in labelled.items():
        try:
            fits[label] = fit_law(law, runs, loss)
        except FitError as error:
            refused[label] = str(error)
            continue
        left_out = blocks == np.arange(blocks.max() + 1)[:, None]
        _, predicted = fits[label].refits((~left_out).astype(float))
        errors = predicted[left_out] - np.broadcast_to(runs.L, predicted.shape)[left_out]
        forecast = _errors(law, runs, ahead, loss)
        scores[label] = (
            _aicc(fits[label]),
            float(np.sqrt((errors**2).mean())),
            float(np.sqrt((forecast**2).mean())),
            float(forecast.mean()),
        )
    aicc, validation, forecasts, bias = (
        {label: score[k] for label, score in scores.items()} for k in range(4)
    )
    allocations, waste = _allocated(fits, C)
    return LawComparison(fits, refused, aicc, validation, forecasts, bias, C, allocations, waste)


def _labelled(laws: Any) -> dict[str, Law]:
    """Laws by label."""
    if isinstance(laws, Law) or not isinstance(laws, (Sequence, Mapping)) or isinstance(laws, str):
        raise ValueError(f"compare: laws is {shortened(laws)}; give two laws or more in a list.")
    labelled = (
        laws
        if isinstance(laws, Mapping)
        else {
            getattr(law, "name", "") or str(law.formula) if isinstance(law, Law) else "": law for law in laws
        }
    )
    for law in labelled.values():
        of_kind("compare: one of laws", law, Law, 'give Law("E + A/N**alpha + B/D**beta") or another')
    if len(labelled) < 2:
        raise ValueError(
            "compare: laws holds fewer than two different laws; give two, each with its own name."
        )
    return dict(labelled)


def _errors(law: Law, runs: Runs, held: Any, loss: Loss | None) -> FloatArray:
    """Predicted minus observed loss of held-out runs, by a fit of the others; nan where it failed."""
    try:
        fit = fit_law(law, runs.take(~held), loss)
    except (FitError, ValueError):
        return np.full(int(held.sum()), np.nan)
    rest = runs.take(held)
    return np.asarray(fit.predict(rest) - rest.L)


def _aicc(fit: LawFit) -> float:
    """Akaike's criterion of a fit, corrected for few runs."""
    n, k = len(fit.runs), len(fit.names) + 1
    rss = float((fit.residuals**2).sum())
    if n <= k + 1:
        return math.inf
    return n * math.log(max(rss, 1e-300) / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def _allocated(
    fits: Mapping[str, LawFit], C: float | None
) -> tuple[dict[str, tuple[float, float]], dict[tuple[str, str], float]]:
    """What each law in N and D recommends, and what following one costs where another is right."""
    if C is None:
        return {}, {}
    best: dict[str, tuple[float, float]] = {}
    for label, fit in fits.items():
        if fit.law.names_of(fit.runs.extra) == {"N", "D"}:
            try:
                plan = fit.optimum(C)
                best[label] = plan["N"], plan["D"]
            except ValueError:  # this law has no best allocation
                continue
    lowest = {label: _lowest(fits[label]) for label in best}
    waste = {
        (label, other): _waste(fits[other], own, C, lowest[other])
        for label, own in best.items()
        for other in best
        if other != label
    }
    return best, waste


def _lowest(truth: LawFit) -> Callable[[float], float]:
    """The lowest loss of a law at exp(log C) FLOPs, each found once: searches share their ends."""
    return cache(lambda log_C: truth.optimum(math.exp(log_C)).loss)


def _waste(
    truth: LawFit, plan: tuple[float, float], C: float, lowest: Callable[[float], float] | None = None
) -> float:
    """Share of C that a plan wastes where a law is right, whose lowest losses may be known."""
    best = lowest or _lowest(truth)
    loss = float(truth.predict({"N": plan[0], "D": plan[1]}))

    def excess(log_C: float) -> float:
        return best(log_C) - loss

    if excess(math.log(C)) >= 0:  # the plan is the best one, to rounding
        return 0.0
    if excess(math.log(C) - 12) <= 0:  # less than a hundred-thousandth of C would have done
        return 1.0
    return 1 - math.exp(brentq(excess, math.log(C) - 12, math.log(C), xtol=1e-10)) / C
