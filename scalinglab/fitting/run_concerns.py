"""What speaks against a fit from its own runs: those that do not belong, that carry it, that err together."""

from __future__ import annotations

import math

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.linearised import HELD, Linearised
from scalinglab.fitting.odd_runs import OddRuns, Some
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs, Columns
from scalinglab.solvers.first_order import statistic_gradient
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Loss, Squared

#: How often runs whose errors are independent are said to share errors within budgets, whatever the number
#: of budgets.
FALSE_ALARMS = 0.005

#: A fit hangs on a run without which a moves by more than this many standard errors. In linear theory 99.8 %
#: of clean sweeps of 12 to 300 runs, on IsoFLOP curves and on grids of N and D, stay below 2.1.
LARGE_SHIFT = 2.3

#: a is hardly determined with a standard error above this: three decades of compute beyond the middle of the
#: runs N* is then known to a factor of two. Sweeps that settle a stay below .02.
LARGE_ERROR = 0.1

#: Runs that a sentence names; the others it counts.
NAMED = 3


def odd_concerns(runs: Runs, found: Linearised, odd: OddRuns, settled: bool) -> list[str]:
    """Name the runs that do not belong to the rest, and what the fit becomes without them."""
    count = len(odd.rows)
    if not count:
        return []
    heights = odd.heights
    sides = "above" if (heights > 0).all() else "below" if (heights < 0).all() else "off"
    sizes, scores = np.abs(heights), np.abs(odd.scores)
    instead = ""
    if settled and odd.rest is not None:
        instead = f"; without {'it' if count == 1 else 'them'} a is {_a_without(found, odd):.3f} instead of "
        instead += f"{found.surface.a:.3f}"
    if count == 1:
        (row,) = odd.rows
        return [
            f"{runs.label(int(row))} lies {sizes[0]:.2g} {sides} the surface of the other runs "
            f"({scores[0]:.1f} standard errors){instead}. Check that run: was it finished, is its number "
            "right? Leave it out and refit, and report both."
        ]
    rows = runs.listed(odd.rows, most=NAMED if count > NAMED + 1 else count)
    more = ": influence(fit).odd lists their rows" if count > NAMED + 1 else ""
    return [
        f"{count:,} runs lie {'far ' * (sides == 'off')}{sides} the surface of the others: {rows}, by "
        f"{sizes.min():.2g} to {sizes.max():.2g} ({scores.min():.1f} to {scores.max():.1f} standard errors)"
        f"{instead}. Check them{more}. Leave them out and refit, and report both."
    ]


def _a_without(found: Linearised, odd: OddRuns) -> float:
    """The exponent a of the same loss without the odd runs."""
    assert odd.rest is not None
    if isinstance(found.loss, Squared):
        return float(odd.rest.surface.a)
    return _a_of(odd.rest.runs, odd.rest.surface, found.loss)


def _a_of(runs: Columns, near: LossSurface, loss: Loss) -> float:
    """The exponent a of a fit to some runs, sought near a surface."""
    logs = CentredLogs.of(runs)
    alpha, beta = newton(logs, loss, logs.theta(near)).theta[3:]
    return float(beta / (alpha + beta))


def carrying_concerns(runs: Runs, found: Linearised) -> list[str]:
    """Name the run on which a hangs most, if it moves it by more than it should.

    Judged by least squares on the tangent whatever the loss, so that its distribution is known.
    """
    if not found.interior or found.exact or found.count > HELD:
        return []
    pull = statistic_gradient(found.surface, found.logs, "a") @ found.R_inverse
    tangent = found.tangent
    error = math.sqrt(tangent.rss / tangent.freedom * float(pull @ pull))
    left = np.maximum(1 - tangent.leverage, 1e-9)
    shifts = np.abs(tangent.Q @ pull * tangent.residuals / left)
    most = int(np.argmax(shifts))
    if not shifts[most] > LARGE_SHIFT * error > 0:  # runs that are met exactly carry nothing
        return []
    rest = np.delete(np.arange(len(runs)), most)
    a, without = found.surface.a, _a_of(Some.of(runs, rest), found.surface, found.loss)
    return [
        f"the fit hangs on {runs.label(most)}: without it a is {without:.3f} instead of {a:.3f}, "
        f"{shifts[most] / error:.1f} standard errors away. Repeat that run, or add runs near "
        f"N = {runs.N[most]:.3g}, D = {runs.D[most]:.3g}."
    ]


def hardly_determined(found: Linearised) -> list[str]:
    """Say that a is hardly determined where its standard error is large."""
    if not found.interior:
        return []
    error = float(found.standard_error(statistic_gradient(found.surface, found.logs, "a")))
    if not error > LARGE_ERROR:
        return []
    return [
        f"a is hardly determined: its standard error is {error:.2g}. Ask covariance(fit) and "
        'profile(fit, "a") what these runs allow; add runs over wider ranges of N and D at every budget.'
    ]


def shared_errors(runs: Runs, found: Linearised, odd: OddRuns, sums: FloatArray) -> list[str]:
    """Name the budget whose runs err together most, unless chance would do it to one of so many budgets.

    Runs that do not belong are left aside, and so is what they do to the fit. The share of a normal
    distribution beyond the mean residual's standard errors, either side, times the number of budgets compared
    bounds the chance of a false alarm (Bonferroni's inequality).
    """
    if found.exact:
        return []
    if len(odd.rows):
        sums = _without(runs, odd, sums)
    freedom = len(runs) - len(odd.rows) - len(LossSurface.PARAMETERS)
    return erring_together(runs.budgets, sums, freedom, "surface", "Refit without that budget and compare.")


def erring_together(budgets: FloatArray, sums: FloatArray, freedom: int, law: str, remedy: str) -> list[str]:
    """A sentence about the budget, of four runs or more, whose mean residual is furthest from zero.

    ``sums``, shape (3, budgets), holds the residuals to the powers 0, 1 and 2, summed over each budget.
    """
    sizes, totals, squares = sums
    compared = sizes >= 4
    if not compared.any() or freedom <= 0:
        return []
    scatter = math.sqrt(squares.sum() / freedom)
    scores = np.where(compared, np.abs(totals) / np.sqrt(np.maximum(sizes, 1)), 0.0) / scatter
    worst = int(np.argmax(scores))
    if math.erfc(scores[worst] / math.sqrt(2)) * np.count_nonzero(compared) > FALSE_ALARMS:
        return []
    mean = totals[worst] / sizes[worst]
    side = "above" if mean > 0 else "below"
    return [
        f"the {sizes[worst]:.0f} runs of budget {budgets[worst]:.3g} lie {side} the {law} together "
        f"(mean {mean:+.2g}, {scores[worst]:.1f} standard errors): errors are shared within budgets, "
        f"so the fit is less certain than its residuals suggest. {remedy}"
    ]


def _without(runs: Runs, odd: OddRuns, sums: FloatArray) -> FloatArray:
    """Residuals to the powers 0, 1, 2, summed over each budget, without the odd runs."""
    count = sums.shape[1]
    if odd.rest is None:  # of very many runs
        near = np.abs(np.log(runs.budgets[:, None] / runs.C[odd.rows])).argmin(axis=0)
        return np.asarray(sums - [np.bincount(near, odd.heights**k, count) for k in range(3)])
    r = odd.rest.columns(odd.rest.runs, slice(None))[2]
    places = np.delete(runs.by_budget()[1], odd.rows)
    return np.array([np.bincount(places, power, count) for power in (np.ones_like(r), r, r * r)])
