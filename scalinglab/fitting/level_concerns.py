"""Verdict on a fit with a level per budget."""

from __future__ import annotations

import math

import numpy as np

from scalinglab.fitting.data_concerns import compute_concerns
from scalinglab.fitting.free_levels import SHAPE, LevelsFit
from scalinglab.fitting.results import vanished_terms
from scalinglab.fitting.run_concerns import FALSE_ALARMS, LARGE_ERROR
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.quantiles import two_sided_quantile

#: Levels are judged where the standard errors of both exponents are below this share of them: beyond it the
#: first-order theory of the levels does not hold. Of 2700 simulated studies with 5 or 10 budgets of 13 or 15
#: sizes, errors of .004 to .05 and shared ones of none or four times as much, .4 % were said to have levels
#: that rise or fall; the bound asks for at most .5 %.
LOOSE = 0.2

#: Levels that differ by no more than rounding: a share of their square.
ROUNDING = 1e-20


def levels_concerns(fit: LevelsFit) -> list[str]:
    """What makes the fit doubtful: cause and remedy, a sentence each."""
    terms, runs, spare = fit.terms, fit.runs, fit.spare
    found = compute_concerns(runs)
    gone = [letter for letter in vanished_terms(terms, runs) if letter != "E"]
    for letter, exponent in LossSurface.EXPONENT_OF.items():
        column = "N" if letter == "A" else "D"
        if letter in gone or exponent in spare:
            found.append(
                f"{exponent} is not determined ({letter} = 0 fits {'best' if letter in gone else 'as well'}):"
                f" within their budgets these runs do not show the term in {column}. Add runs over a wider "
                f"range of {column} to every budget."
            )
            continue
        low, high = EXPONENT_RANGE
        value = getattr(terms, exponent)
        if value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6):
            found.append(
                f"{exponent} stands at the edge of its range {low:g}-{high:g}, at {value:g}: these runs do "
                f"not fix it. Add runs over a wider range of {column} to every budget."
            )
    _, member = runs.by_budget()
    sizes = np.bincount(member)
    alone = int((sizes == 1).sum())
    if alone:
        which = "has a single run" if alone == 1 else "have a single run each"
        found.append(
            f"{alone} of {len(sizes)} budgets {which}, whose level takes all it says: it does not enter the "
            "fit. Add a size to every such budget."
        )
    if fit.freedom < SHAPE:
        found.append(
            f"{len(runs)} runs for {len(sizes)} levels and {SHAPE} parameters leave {fit.freedom} to judge "
            "the fit by; add runs before you rely on it."
        )
    if fit.inner and (error := fit.standard_errors["a"]) > LARGE_ERROR:
        found.append(
            f"a is hardly determined: its standard error is {error:.2g}. Ask covariance(fit) what these runs "
            "allow; add runs over wider ranges of N and D to every budget."
        )
    return found + (_rising_levels(fit) if fit.inner else [])


def _rising_levels(fit: LevelsFit) -> list[str]:
    r"""Say that the levels rise or fall with compute by more than errors would let them.

    The levels answer to errors of the losses by :math:`M - \bar J H`, the budgets' means less what the terms
    take away. For the slope :math:`k^\top e` of a straight line through them in ln C that gives its variance
    from the runs' own errors; what the budgets share adds :math:`\tau^2 k^\top k`, with :math:`\tau^2` taken
    from the scatter about the line. Each of the two variances takes the quantile of its own degrees of
    freedom, which errs on the safe side.
    """
    runs, budgets, errors = fit.runs, len(fit.levels), fit.standard_errors
    loose = any(errors[name] > LOOSE * getattr(fit.terms, name) for name in ("alpha", "beta"))
    if budgets < 4 or loose:
        return []
    _, member = runs.by_budget()
    sizes = np.bincount(member)
    x = np.log(fit.budgets)
    x -= x.mean()
    k = x / (x @ x)
    slope, mean = float(k @ fit.levels), float(fit.levels.mean())
    logs, terms = CentredLogs.of(runs), fit.terms
    p, q = terms.A * runs.N**-terms.alpha, terms.B * runs.D**-terms.beta
    J = np.stack([p, q, -logs.n * p, -logs.d * q])
    means = np.array([np.bincount(member, column) / sizes for column in J])
    own = (k / sizes)[member] - (k @ means.T) @ fit.response
    scatter = np.sum((fit.levels - mean - slope * x) ** 2) / (budgets - 2)
    parts = fit.objective / fit.freedom * float(own @ own), float(scatter * (k @ k))
    if not sum(parts) > ROUNDING * mean**2 * float(k @ k):
        return []
    quantiles = [two_sided_quantile(1 - FALSE_ALARMS, freedom) for freedom in (fit.freedom, budgets - 2)]
    if slope**2 < sum(part * quantile**2 for part, quantile in zip(parts, quantiles, strict=True)):
        return []
    score = abs(slope) / math.sqrt(sum(parts))
    way = "rise" if slope > 0 else "fall"
    return [
        f"the levels {way} with compute, from {fit.levels[0]:.3g} at {fit.budgets[0]:.3g} FLOPs to "
        f"{fit.levels[-1]:.3g} at {fit.budgets[-1]:.3g} ({score:.1f} standard errors), which errors of "
        "budgets do not do: losses bend otherwise within budgets than between them, so more than a level is "
        'shared. Ask covariance(fit, "shared"), and compare with fit_vpnls(runs).'
    ]
