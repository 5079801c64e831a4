"""Approach 2: a parabola through every budget, then a power law through the vertices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalinglab._arrays import FloatArray, flag
from scalinglab.data.budgets import some_budgets
from scalinglab.data.repeats import repeat_keys
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.data_concerns import ACCURACY, blurred_budget_concerns, data_concerns, rises_with_size
from scalinglab.fitting.repeats_and_checkpoints import disagreements
from scalinglab.fitting.results import FitError, FrontierFit, Parabola
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.solvers.parabola import fit_parabolas

#: Change of the exponent when one budget is left out, above which a fit says so.
INFLUENCE_LIMIT = 0.02

#: What to do with runs on no IsoFLOP curves, if that method can answer.
INSTEAD = "use fit_vpnls, which needs none; or "


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
        If fewer than two budgets remain, if the runs lie on no IsoFLOP curves, or if the losses rise with
        size.

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
    if rises_with_size(runs):
        raise FitError(ACCURACY)
    _require_curves(runs)
    _, member = runs.by_budget()
    held = [np.flatnonzero(member == place) for place in range(len(budgets))]
    parabolas = tuple(
        _judged_parabola(float(C), runs.N[rows], runs.L[rows], extrapolate)
        for C, rows in zip(budgets, held, strict=True)
    )
    used = [parabola for parabola in parabolas if not parabola.verdict]
    left_out = _left_out(parabolas)
    if len(used) < 2:
        raise FitError(
            f"{len(used)} of {len(budgets)} budgets give a usable vertex, and a power law needs two. "
            + " ".join([*blurred_budget_concerns(runs), *left_out])
        )
    x = np.log([parabola.C for parabola in used])
    y = np.log([parabola.vertex for parabola in used])
    slope, intercept = np.polyfit(x, y, 1)
    concerns = data_concerns(runs) + _outside_zero_to_one(slope) + left_out + _without_freedom(used)
    concerns += _repeats(runs, parabolas) + _influence(used, x, y, slope)
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


def _require_curves(runs: Runs) -> None:
    """Raise FitError if most runs lie at budgets with fewer than three sizes."""
    _, member = runs.by_budget()
    order = np.lexsort((runs.N, member))
    new = (np.diff(member[order], prepend=-1) > 0) | (np.diff(runs.N[order], prepend=0.0) != 0)
    held, sizes = np.bincount(member), np.bincount(member[order][new])
    if 2 * held[sizes >= 3].sum() >= len(runs):
        return
    what = f"{len(runs)} runs at {len(held)} budgets"
    blurred = blurred_budget_concerns(runs)
    if blurred:
        raise FitError(f"these runs lie on no IsoFLOP curves as they stand: {blurred[0]}")
    raise FitError(
        f"these runs lie on no IsoFLOP curves ({what}): {INSTEAD}if they were meant to share budgets, give "
        "the nominal ones, runs.group(budgets=[...])."
    )


def _repeats(runs: Runs, parabolas: Sequence[Parabola]) -> list[str]:
    """Whether repeats of one (N, D) disagree by more than the parabolas leave."""
    keys = np.sort(repeat_keys(runs.N, runs.D))
    if (keys[1:] != keys[:-1]).all():
        return []
    _, member = runs.by_budget()
    rows = np.flatnonzero(np.array([not parabola.verdict for parabola in parabolas])[member])
    residuals = np.zeros(len(runs))
    for place, parabola in enumerate(parabolas):
        if not parabola.verdict:
            here = member == place
            residuals[here] = runs.L[here] - parabola.loss(runs.N[here])
    freedom = len(rows) - 3 * len(np.unique(member[rows]))
    return disagreements(runs.take(rows), residuals[rows], freedom)


def _left_out(parabolas: Sequence[Parabola]) -> list[str]:
    """Budgets left out: each with its verdict, or those of one kind in one sentence."""
    kinds: dict[str, list[Parabola]] = {}
    for parabola in parabolas:
        if parabola.verdict:
            if np.isnan(parabola.coefficients[0]):
                kind = "have fewer than 3 distinct model sizes; add sizes"
            elif np.isnan(parabola.vertex):
                kind = (
                    "have a parabola that does not open upwards; add sizes on both sides of the best one, or "
                    "repeat outlying runs"
                )
            else:
                kind = (
                    "have their vertex outside the sampled sizes; add models beyond the nearer end (or pass "
                    "extrapolate=True)"
                )
            kinds.setdefault(kind, []).append(parabola)
    return [
        alike[0].verdict
        if len(alike) == 1
        else f"{len(alike)} of {len(parabolas)} budgets were left out "
        f"({some_budgets(np.array([parabola.C for parabola in alike]), 3)}): they {kind}."
        for kind, alike in kinds.items()
    ]


def _outside_zero_to_one(slope: float) -> list[str]:
    """Say so if the best size or the best token count shrinks with compute."""
    if 0 <= slope <= 1:
        return []
    shrinking = "size" if slope < 0 else "token count"
    return [
        f"a is {slope:.3f}: the best {shrinking} would shrink as compute grows, which no loss surface allows "
        "(a lies between 0 and 1). Check the columns and the budgets, or compare fit_vpnls(runs)."
    ]


def _without_freedom(used: Sequence[Parabola]) -> list[str]:
    """Name budgets whose parabola goes through its runs whatever their errors."""
    exact = [parabola.C for parabola in used if parabola.points == 3]
    if not exact:
        return []
    many = len(exact) > 1
    whose = (
        f"parabolas of {len(exact)} of {len(used)} budgets go" if many else f"parabola of {exact[0]:.3g} goes"
    )
    return [
        f"the {whose} through three runs exactly: the vertex follows their errors, and nothing is left to "
        "judge it by. Add sizes there, four or more a budget."
    ]


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
    return _judged_parabola(float(runs.budgets[0]), runs.N, runs.L, extrapolate)


def _judged_parabola(C: float, N: FloatArray, L: FloatArray, extrapolate: bool) -> Parabola:
    """Fit one budget's parabola, and say in its verdict why its vertex cannot be used."""
    sizes = np.log(N)
    centre = float(sizes.mean())
    sampled = (float(N.min()), float(N.max()))
    distinct = len(np.unique(N))

    def judged(reason: str, coefficients: tuple[float, float, float]) -> Parabola:
        verdict = f"Budget {C:.3g} was left out: {reason}" if reason else ""
        return Parabola(C, coefficients, float(np.exp(centre)), sampled, len(N), verdict)

    if distinct < 3:
        return judged(
            f"it has {distinct} distinct model size{'s' * (distinct > 1)} and a parabola needs 3; add sizes.",
            (np.nan, np.nan, np.nan),
        )
    fitted = fit_parabolas(sizes, L)
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
    u, v = x - x.mean(), y - y.mean()
    # without one of n points, sums of products about the mean lose n/(n - 1) times that point's share
    share = len(x) / (len(x) - 1)
    without = (u @ v - share * u * v) / (u @ u - share * u**2)
    most = int(np.argmax(np.abs(without - slope)))
    if abs(without[most] - slope) <= INFLUENCE_LIMIT:
        return []
    parabola = used[most]
    return [
        f"the exponent hangs on budget {parabola.C:.3g} ({parabola.points} runs): without it a is "
        f"{without[most]:.3f} instead of {slope:.3f}. Add sizes around N = {parabola.vertex:.3g} there, or "
        "budgets beyond it."
    ]
