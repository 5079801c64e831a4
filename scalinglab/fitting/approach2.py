"""Approach 2: a parabola through every budget, then a power law through the vertices."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray, flag
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.data_concerns import data_concerns
from scalinglab.fitting.results import FitError, FrontierFit, Parabola
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.solvers.parabola import fit_parabolas

#: Change of the exponent when one budget is left out, above which a fit says so.
INFLUENCE_LIMIT = 0.02


def fit_approach2(runs: Runs, *, extrapolate: bool = False) -> FrontierFit:
    r"""Approach 2: fit IsoFLOP parabolas and the power law through their vertices.

    Use it as a second opinion beside a surface fit, and where whole budgets are off together: an offset that
    a budget shares leaves its vertex in place.

    At each budget the loss is fitted by least squares as :math:`c_0 + c_1 \ln N + c_2 (\ln N)^2`; the
    vertex :math:`\hat N = e^{-c_1/2c_2}` stands for the best size, and :math:`\ln \hat N` is regressed on
    :math:`\ln C`. A parabola in :math:`\ln D` gives the same answer, since at one budget
    :math:`\ln D = \ln(C/6) - \ln N`.

    Parameters
    ----------
    runs : Runs
        Runs of two budgets or more; runs whose C agrees to 1 % form a budget.
    extrapolate : bool
        Use vertices that lie outside the sampled sizes too. They are read off a curve where nobody
        looked, so by default such a budget is left out. Pass True to redo a published fit or to study the
        method on simulated runs; for a decision add runs.

    Returns
    -------
    FrontierFit
        With one parabola for every budget; those left out carry a verdict, which is also a concern.

    Raises
    ------
    FitError
        If fewer than two budgets remain.

    See Also
    --------
    fit_parabola : The parabola of one budget.
    approach2_bias : Its bias on a design, in closed form.
    fit_vpnls : The whole surface, without that bias.
    fit_approach1, fit_approach3

    Notes
    -----
    The second approach of :cite:t:`hoffmann2022`. The chapter *Approach 2: IsoFLOP parabolas* walks
    through it; *Why the vertex shifts* shows that it is biased on perfect data.

    Examples
    --------
    >>> from scalinglab import IsoflopDesign
    >>> from scalinglab.laws import SYMMETRIC
    >>> fit = fit_approach2(IsoflopDesign([1e18, 1e19, 1e20]).runs(SYMMETRIC))
    >>> f"{fit.a:.6f}"
    '0.500000'
    """
    require_runs("fit_approach2", runs)
    flag("fit_approach2: extrapolate", extrapolate)
    budgets = runs.budgets
    if len(budgets) < 2:
        raise FitError(
            f"all runs share the budget {budgets[0]:.3g} FLOPs, and a power law needs two; "
            "add an IsoFLOP curve at another budget."
        )
    parabolas = tuple(fit_parabola(runs.at(C), extrapolate=extrapolate) for C in budgets)
    used = [parabola for parabola in parabolas if not parabola.verdict]
    left_out = [parabola.verdict for parabola in parabolas if parabola.verdict]
    if len(used) < 2:
        raise FitError(
            f"{len(used)} of {len(budgets)} budgets give a usable vertex, and a power law needs two. "
            + " ".join(left_out)
        )
    x = np.log([parabola.C for parabola in used])
    y = np.log([parabola.vertex for parabola in used])
    slope, intercept = np.polyfit(x, y, 1)
    concerns = data_concerns(runs) + left_out + _influence(used, x, y, slope)
    outside = [parabola for parabola in used if not _inside(parabola)]
    if outside:
        concerns.append(
            f"the vertex of {len(outside)} budgets lies outside their sampled sizes and was used all the "
            "same; add runs around it."
        )
    if len(used) == 2:
        concerns.append("two budgets fix a power law exactly and leave nothing to judge it by; add a third.")
    return FrontierFit(
        PowerLaw(float(np.exp(intercept)), float(slope)), runs, "Approach 2", parabolas, tuple(concerns)
    )


def fit_parabola(runs: Runs, *, extrapolate: bool = False) -> Parabola:
    r"""Fit a parabola in :math:`\ln N` to the runs of one budget and judge whether its vertex can be used.

    Parameters
    ----------
    runs : Runs
        Runs of a single budget.
    extrapolate : bool
        Accept a vertex outside the sampled sizes.

    Returns
    -------
    Parabola
        With an empty ``verdict``, or one that says why the vertex cannot be used.

    Raises
    ------
    ValueError
        If the runs have more than one budget.

    See Also
    --------
    fit_approach2 : All budgets, and the power law through their vertices.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> f"{fit_parabola(load_llama3().at(1e21)).vertex:.3g}"
    '3.05e+09'
    """
    require_runs("fit_parabola", runs)
    flag("fit_parabola: extrapolate", extrapolate)
    if len(runs.budgets) > 1:
        raise ValueError(
            f"fit_parabola: the runs have {len(runs.budgets)} budgets; pick one with runs.at(C), "
            "or use fit_approach2."
        )
    C = float(runs.budgets[0])
    sizes = np.log(runs.N)
    centre = float(sizes.mean())
    sampled = (float(runs.N.min()), float(runs.N.max()))
    distinct = len(np.unique(runs.N))

    def judged(reason: str, coefficients: tuple[float, float, float]) -> Parabola:
        verdict = f"Budget {C:.3g} was left out: {reason}" if reason else ""
        return Parabola(C, coefficients, float(np.exp(centre)), sampled, len(runs), verdict)

    if distinct < 3:
        return judged(
            f"it has {distinct} distinct model size{'s' * (distinct > 1)} and a parabola needs 3; add sizes.",
            (np.nan, np.nan, np.nan),
        )
    fitted = fit_parabolas(sizes, runs.L)
    c0, c1, c2 = fitted.natural[0].tolist()
    parabola = judged("", (c0, c1, c2))
    if not fitted.bends[0]:
        return judged(
            "its parabola does not open upwards, so it has no minimum; add sizes on both sides of the "
            "best one, or repeat its outlying runs.",
            (c0, c1, c2),
        )
    if not extrapolate and not _inside(parabola):
        side = "smaller" if parabola.vertex < sampled[0] else "larger"
        return judged(
            f"its vertex, N = {parabola.vertex:.3g}, lies outside the sampled sizes {sampled[0]:.3g} to "
            f"{sampled[1]:.3g}; add {side} models (or pass extrapolate=True).",
            (c0, c1, c2),
        )
    return parabola


def _inside(parabola: Parabola) -> bool:
    """Whether the vertex lies among the sampled sizes."""
    low, high = parabola.sampled
    return low <= parabola.vertex <= high


def _influence(used: list[Parabola], x: FloatArray, y: FloatArray, slope: float) -> list[str]:
    """Name the budget on which the exponent hangs most, if it moves it by more than it should."""
    if len(used) < 3:
        return []
    without = [np.polyfit(np.delete(x, j), np.delete(y, j), 1)[0] for j in range(len(used))]
    most = int(np.argmax(np.abs(np.array(without) - slope)))
    if abs(without[most] - slope) <= INFLUENCE_LIMIT:
        return []
    parabola = used[most]
    return [
        f"the exponent hangs on budget {parabola.C:.3g} ({parabola.points} runs): without it a is "
        f"{without[most]:.3f} instead of {slope:.3f}. Add sizes around N = {parabola.vertex:.3g} there, or "
        "budgets beyond it."
    ]
