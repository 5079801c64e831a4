"""Our own verdict on a fit: what runs cannot answer, and what speaks against an answer they gave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.data.runs import Runs
from scalinglab.fitting.data_concerns import ACCURACY, data_concerns, extremes
from scalinglab.fitting.linearised import Linearised
from scalinglab.fitting.odd_runs import odd_runs
from scalinglab.fitting.repeats_and_checkpoints import repeat_concerns
from scalinglab.fitting.results import ONE_RATIO, FitError, vanished_terms
from scalinglab.fitting.run_concerns import carrying_concerns, hardly_determined, odd_concerns, shared_errors
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE
from scalinglab.solvers.objectives import Loss, Squared

#: Scaled condition number above which the parameters count as badly determined.
CONDITION_LIMIT = 1e6

#: Concerns that are told, the weightiest ones, however many there are.
MOST = 6


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
            f"the loss of {runs.label(row)} is {runs.L[row]:g}, and the law knows only positive losses; "
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


def surface_concerns(
    surface: LossSurface,
    runs: Runs,
    spare: Sequence[str] = (),
    loss: Loss | None = None,
    search: Sequence[str] = (),
) -> tuple[str, ...]:
    """What makes a fitted surface doubtful, whatever the method: cause and remedy, a sentence each.

    ``spare`` names exponents whose term the runs can do without; ``loss`` is what was minimised, squares when
    absent; ``search`` is what the search has to say of itself, put first. The weightiest of the others come
    first: what makes the table another one than it seems, what the runs cannot
    say at all, runs that do not belong, and what makes the answer less certain. Six at most.
    """
    concerns = [*search, *data_concerns(runs)]
    if ACCURACY in concerns:  # no law of losses has anything to say about these
        return tuple(concerns[:MOST])
    found = Linearised(surface, runs, Squared() if loss is None else loss)
    sums = runs.sums_by_budget(found.add)
    freedom = len(runs) - len(surface.parameters)
    concerns += repeat_concerns(runs, found.residuals, freedom)
    vanished = vanished_terms(surface, runs)
    concerns += _absent_terms(vanished)
    concerns += _spare_terms(
        [letter for letter in "AB" if LossSurface.EXPONENT_OF[letter] in spare and letter not in vanished]
    )
    missing = {*spare, *(LossSurface.EXPONENT_OF.get(letter, letter) for letter in vanished)}
    ratios = extremes(lambda rows: runs.D[rows] / runs.N[rows], len(runs))
    concerns += _exponents_at_edges(surface, missing, ratios)
    one_ratio = ratios[1] < ONE_RATIO * ratios[0]
    if one_ratio:
        middle = np.median(runs.D / runs.N)
        concerns.append(
            f"all runs share D/N near {middle:.3g}, so the two terms change together and cannot be "
            f"told apart; add runs at {middle / 4:.3g} and {middle * 4:.3g} tokens per parameter."
        )
    explained = _explained(runs, float(sums[2].sum()))
    if explained < 0.5:
        concerns.append(
            f"the surface explains {explained:.0%} of the variance of the losses: these "
            "runs say little about N and D. Check the loss column, or add runs over wider ranges."
        )
    odd = odd_runs(found)
    concerns += odd_concerns(runs, found, odd, not {"alpha", "beta"} & missing)
    hardly = [] if one_ratio or missing else hardly_determined(found)
    concerns += hardly
    if freedom < len(surface.parameters):
        concerns.append(
            f"{len(runs)} runs for {len(surface.parameters)} parameters leave {freedom} to judge the fit by; "
            "add runs before you rely on it."
        )
    elif not len(odd.rows):
        concerns += carrying_concerns(runs, found)
    concerns += shared_errors(runs, found, odd, sums)
    if not (vanished or one_ratio or hardly) and (condition := found.condition) > CONDITION_LIMIT:
        concerns.append(
            f"the parameters are nearly interchangeable on these runs (scaled condition number "
            f"{condition:.1e}); their ranges of N and D are too narrow. Add runs outside them."
        )
    return tuple(concerns[:MOST])


def _explained(runs: Runs, rss: float) -> float:
    """Share of the variance of the losses that a surface with this residual sum of squares explains."""
    mean = runs.L.mean()
    scatter = sum(float(np.sum((runs.L[rows] - mean) ** 2)) for rows in blocks(len(runs)))
    return max(0.0, 1 - rss / scatter)


def _absent_terms(vanished: dict[str, float]) -> list[str]:
    """Name the terms that are zero on every run."""
    found = []
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
    return found


def _exponents_at_edges(surface: LossSurface, missing: set[str], ratios: tuple[float, float]) -> list[str]:
    """Name the exponents that stand at the edge of their range."""
    low, high = EXPONENT_RANGE
    ends = f"{ratios[0]:.3g}", f"{ratios[1]:.3g}"
    span = f"All have D/N near {ends[0]}" if ends[0] == ends[1] else f"D/N runs from {ends[0]} to {ends[1]}"
    return [
        f"{letter} stands at the edge of its range {low:g}-{high:g}, at {value:g}: these runs do not "
        f"fix it. {span}; add runs outside that."
        for letter, value in (("alpha", surface.alpha), ("beta", surface.beta))
        if letter not in missing and (value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6))
    ]


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
