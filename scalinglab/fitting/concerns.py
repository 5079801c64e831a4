"""Our own verdict on a fit: what runs cannot answer, and what speaks against an answer they gave."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.data.runs import Runs
from scalinglab.fitting.data_concerns import compute_concerns as compute_concerns, data_concerns, extremes
from scalinglab.fitting.results import FitError, vanished_terms
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE

#: How often runs whose errors are independent are said to share errors within budgets, whatever the number
#: of budgets.
FALSE_ALARMS = 0.005

#: Scaled condition number above which the parameters count as badly determined.
CONDITION_LIMIT = 1e6


def require_identifiable(runs: Runs) -> None:
    """Raise FitError if no method can tell the parameters of a surface from these runs."""
    parameters = len(LossSurface.PARAMETERS)
    distinct = _distinct(parameters, runs.N, runs.D)
    if distinct < parameters:
        raise FitError(
            f"a surface has {parameters} parameters and these are {distinct} distinct runs (N, D); "
            f"add runs until there are {parameters} or more, better {3 * parameters}."
        )
    for letter, meaning, exponent in (("N", "model size", "alpha"), ("D", "token count", "beta")):
        values = _distinct(3, getattr(runs, letter))
        if values < 3:
            raise FitError(
                f"all runs share {values} value{'s' * (values > 1)} of {letter}, which cannot fix {exponent} "
                f"beside E; add runs until there are three or more {meaning}s."
            )
    lowest, highest = runs.L.min(), runs.L.max()
    if lowest <= 0:
        row = int(np.argmin(runs.L > 0))
        raise FitError(
            f"the loss of row {row} is {runs.L[row]:g}, and the law knows only positive losses; "
            "correct or drop the run, or undo what shifted the losses."
        )
    if lowest == highest:
        raise FitError(
            f"every run has the same loss, {runs.L[0]:g}, so nothing depends on N or D; "
            "check the loss column, or add runs that differ."
        )


def _distinct(enough: int, *columns: FloatArray) -> int:
    """How many rows differ, counted up to ``enough``; the first few runs decide most often."""
    if len({*zip(*(column[:12].tolist() for column in columns), strict=True)}) >= enough:
        return enough
    new = np.ones(len(columns[0]), bool)
    found = 0
    while found < enough and new.any():
        row = int(np.argmax(new))
        new &= np.logical_or.reduce([column != column[row] for column in columns])
        found += 1
    return found


def surface_concerns(surface: LossSurface, runs: Runs, spare: Sequence[str] = ()) -> list[str]:
    """What makes a fitted surface doubtful, whatever the method: cause and remedy, a sentence each.

    ``spare`` names exponents whose term the runs can do without.
    """
    found = data_concerns(runs)
    low, high = EXPONENT_RANGE
    vanished = vanished_terms(surface, runs)
    for letter, largest in vanished.items():
        rounded = " to within rounding" if largest else ""
        exponent = LossSurface.EXPONENT_OF.get(letter)
        undetermined = f", and {exponent} is not determined" if exponent else ""
        found.append(
            f"{letter} is zero{rounded}, the edge of what the model allows: these runs do not show the "
            f"term{undetermined}. "
            + (
                "Add larger runs, whose losses come closer to the floor."
                if letter == "E"
                else "Add runs over a wider range of " + ("N" if letter == "A" else "D") + "."
            )
        )
    found += _spare_terms(
        [letter for letter in "AB" if LossSurface.EXPONENT_OF[letter] in spare and letter not in vanished]
    )
    missing = {*spare, *(LossSurface.EXPONENT_OF.get(letter, letter) for letter in vanished)}
    lowest, highest = extremes(lambda rows: runs.D[rows] / runs.N[rows], len(runs))
    ends = f"{lowest:.3g}", f"{highest:.3g}"
    span = f"All have D/N near {ends[0]}" if ends[0] == ends[1] else f"D/N runs from {ends[0]} to {ends[1]}"
    for letter, value in (("alpha", surface.alpha), ("beta", surface.beta)):
        if letter not in missing and (value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6)):
            found.append(
                f"{letter} stands at the edge of its range {low:g}-{high:g}, at {value:g}: these runs do not "
                f"fix it. {span}; add runs outside that."
            )
    if highest / lowest < 1.2:
        middle = np.median(runs.D / runs.N)
        found.append(
            f"all runs share D/N near {middle:.3g}, so the two terms change together and cannot be "
            f"told apart; add runs at {middle / 4:.3g} and {middle * 4:.3g} tokens per parameter."
        )
    freedom = len(runs) - len(surface.parameters)
    if freedom < len(surface.parameters):
        found.append(
            f"{len(runs)} runs for {len(surface.parameters)} parameters leave {freedom} to judge the fit by; "
            "add runs before you rely on it."
        )
    sums = runs.sums_by_budget(lambda rows: _residual_powers(surface, runs, rows))
    rss, mean = sums[2].sum(), runs.L.mean()
    scatter = sum(float(np.sum((runs.L[rows] - mean) ** 2)) for rows in blocks(len(runs)))
    if rss > 0.5 * scatter:
        found.append(
            f"the surface explains {max(0.0, 1 - rss / scatter):.0%} of the variance of the losses: these "
            "runs say little about N and D. Check the loss column, or add runs over wider ranges."
        )
    found += _shared_errors(runs, freedom, *sums)
    condition = scaled_condition(surface, runs)
    if condition > CONDITION_LIMIT and not vanished:
        found.append(
            f"the parameters are nearly interchangeable on these runs (scaled condition number "
            f"{condition:.1e}); their ranges of N and D are too narrow. Add runs outside them."
        )
    return found


def _spare_terms(letters: Sequence[str]) -> list[str]:
    """Name the terms without which the runs are fitted as well."""
    if not letters:
        return []
    if len(letters) == 2:
        return [
            "alpha and beta are not determined (A = 0 fits as well, and so does B = 0): one term suffices "
            "for these runs, and they do not say which. Add runs at other D/N."
        ]
    (letter,) = letters
    column = "N" if letter == "A" else "D"
    return [
        f"{LossSurface.EXPONENT_OF[letter]} is not determined ({letter} = 0 fits as well): these runs can "
        f"do without the term in {column}. Add runs over a wider range of {column}."
    ]


def _residual_powers(surface: LossSurface, runs: Runs, rows: slice) -> tuple[FloatArray, ...]:
    """Residuals of some runs, to the powers 0, 1 and 2."""
    in_N, in_D = surface.A * runs.N[rows] ** -surface.alpha, surface.B * runs.D[rows] ** -surface.beta
    r = runs.L[rows] - (surface.E + in_N + in_D)
    return np.ones_like(r), r, r**2


def _shared_errors(
    runs: Runs, freedom: int, sizes: FloatArray, sums: FloatArray, squares: FloatArray
) -> list[str]:
    """Name the budget whose runs err together most, unless chance would do it to one of so many budgets.

    The share of a normal distribution beyond the mean residual's standard errors, either side, times the
    number of budgets compared bounds the chance of a false alarm (Bonferroni's inequality).
    """
    scatter = math.sqrt(squares.sum() / freedom) if freedom > 0 else math.inf
    if scatter < 1e-10 * max(runs.L.max(), -runs.L.min()):
        return []
    compared = sizes >= 4
    scores = np.where(compared, np.abs(sums) / np.sqrt(sizes), 0.0) / scatter
    worst = int(np.argmax(scores))
    chance = math.erfc(scores[worst] / math.sqrt(2)) * np.count_nonzero(compared)
    if not compared.any() or chance > FALSE_ALARMS:
        return []
    mean = sums[worst] / sizes[worst]
    side = "above" if mean > 0 else "below"
    return [
        f"the {sizes[worst]:.0f} runs of budget {runs.budgets[worst]:.3g} lie {side} the surface together "
        f"(mean {mean:+.2g}, {scores[worst]:.1f} standard errors): errors are shared within budgets, "
        "so the fit is less certain than its residuals suggest. Refit without that budget and compare."
    ]


def scaled_condition(surface: LossSurface, runs: Runs) -> float:
    """Condition number of the Jacobian in (E, A, B, alpha, beta) after its columns get unit length.

    That of the factor R of a QR decomposition, updated block by block: the digits that squares lose are
    the ones in question.
    """
    parts = blocks(len(runs), 4096)
    # any centre near the middle will do: columns get unit length
    log_N0, log_D0 = (float(np.log(column[parts[0]]).mean()) for column in (runs.N, runs.D))
    R: FloatArray = np.empty((0, len(surface.parameters)))
    for rows in parts:
        n, d = np.log(runs.N[rows]) - log_N0, np.log(runs.D[rows]) - log_D0
        p, q = np.exp(-surface.alpha * n), np.exp(-surface.beta * d)
        J = np.array([np.ones_like(n), p, q, n * p, d * q]).T
        R = np.asarray(np.linalg.qr(np.concatenate([R, J]) if len(R) else J, mode="r"))
    sizes = np.linalg.svd(R / np.sqrt((R**2).sum(axis=0)), compute_uv=False)
    return float(sizes[0] / sizes[-1]) if sizes[-1] else math.inf
