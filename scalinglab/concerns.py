"""Our own verdict on a fit: what runs cannot answer, and what speaks against an answer they gave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scalinglab.fits import EXPONENT_RANGE, FitError
from scalinglab.runs import Runs, blocks
from scalinglab.surface import FloatArray, LossSurface, training_flops

#: A stated compute may differ from 6ND by this relative amount before a fit says so.
COMPUTE_TOLERANCE = 0.02

#: Standard errors by which a budget's mean residual may differ from zero before a fit says so.
SHARED_ERROR_LIMIT = 3.5

#: Scaled condition number above which the parameters count as badly determined.
CONDITION_LIMIT = 1e6


def require_identifiable(runs: Runs) -> None:
    """Raise FitError if no method can tell the five parameters of a surface from these runs."""
    distinct = _distinct(5, runs.N, runs.D)
    if distinct < 5:
        raise FitError(
            f"a surface has five parameters and these are {distinct} distinct runs (N, D); "
            "add runs until there are five or more, better fifteen."
        )
    for letter, meaning, exponent in (("N", "model size", "alpha"), ("D", "token count", "beta")):
        values = _distinct(3, getattr(runs, letter))
        if values < 3:
            raise FitError(
                f"all runs share {values} value{'s' * (values > 1)} of {letter}, which cannot fix {exponent} "
                f"beside E; add runs until there are three or more {meaning}s."
            )
    if not (runs.L > 0).all():
        row = int(np.argmin(runs.L > 0))
        raise FitError(
            f"the loss of row {row} is {runs.L[row]:g}, and the law knows only positive losses; "
            "correct or drop the run, or undo what shifted the losses."
        )
    if np.ptp(runs.L) == 0:
        raise FitError(
            f"every run has the same loss, {runs.L[0]:g}, so nothing depends on N or D; "
            "check the loss column, or add runs that differ."
        )


def _distinct(enough: int, *columns: FloatArray) -> int:
    """How many rows differ, counted up to ``enough``; the first hundred runs decide most often."""
    if len({*zip(*(column[:100].tolist() for column in columns), strict=True)}) >= enough:
        return enough
    new = np.ones(len(columns[0]), bool)
    found = 0
    while found < enough and new.any():
        row = int(np.argmax(new))
        new &= np.logical_or.reduce([column != column[row] for column in columns])
        found += 1
    return found


def surface_concerns(surface: LossSurface, runs: Runs) -> list[str]:
    """What makes a fitted surface doubtful, whatever the method: cause and remedy, a sentence each."""
    found = compute_concerns(runs)
    low, high = EXPONENT_RANGE
    vanished = [letter for letter in ("E", "A", "B") if getattr(surface, letter) == 0]
    for letter in vanished:
        found.append(
            f"{letter} is zero, the edge of what the model allows: these runs do not show that term. "
            + (
                "Add larger runs, whose losses come closer to the floor."
                if letter == "E"
                else "Add runs over a wider range of " + ("N" if letter == "A" else "D") + "."
            )
        )
    lowest, highest = _extremes(lambda rows: runs.D[rows] / runs.N[rows], len(runs))
    ends = f"{lowest:.3g}", f"{highest:.3g}"
    span = f"All have D/N near {ends[0]}" if ends[0] == ends[1] else f"D/N runs from {ends[0]} to {ends[1]}"
    for letter, value in (("alpha", surface.alpha), ("beta", surface.beta)):
        if value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6):
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
    if len(runs) < 10:
        found.append(
            f"{len(runs)} runs for five parameters leave {len(runs) - 5} to judge the fit by; "
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
    found += _shared_errors(runs, *sums)
    condition = scaled_condition(surface, runs)
    if condition > CONDITION_LIMIT and not vanished:
        found.append(
            f"the five parameters are nearly interchangeable on these runs (scaled condition number "
            f"{condition:.1e}); their ranges of N and D are too narrow. Add runs outside them."
        )
    return found


def _residual_powers(surface: LossSurface, runs: Runs, rows: slice) -> tuple[FloatArray, ...]:
    """Residuals of some runs, to the powers 0, 1 and 2."""
    r = runs.L[rows] - np.asarray(surface.loss(runs.N[rows], runs.D[rows]))
    return np.ones_like(r), r, r**2


def _shared_errors(runs: Runs, sizes: FloatArray, sums: FloatArray, squares: FloatArray) -> list[str]:
    """Name the budget whose runs err together most, unless chance would do it."""
    freedom = len(runs) - 5
    scatter = np.sqrt(squares.sum() / freedom) if freedom > 0 else np.inf
    if scatter < 1e-10 * max(runs.L.max(), -runs.L.min()):
        return []
    means = sums / sizes
    scores = np.where(sizes >= 4, np.abs(means) * np.sqrt(sizes) / scatter, 0.0)
    worst = int(np.argmax(scores))
    if scores[worst] <= SHARED_ERROR_LIMIT:
        return []
    side = "above" if means[worst] > 0 else "below"
    return [
        f"the {sizes[worst]:.0f} runs of budget {runs.budgets[worst]:.3g} lie {side} the surface together "
        f"(mean {means[worst]:+.2g}, {scores[worst]:.1f} standard errors): errors are shared within budgets, "
        "so the fit is less certain than its residuals suggest. Refit without that budget and compare."
    ]


def compute_concerns(runs: Runs) -> list[str]:
    """Whether the stated compute is 6ND."""

    def ratio(rows: slice) -> FloatArray:
        return np.asarray(runs.C[rows] / training_flops(runs.N[rows], runs.D[rows]))

    if max(np.abs(np.log(_extremes(ratio, len(runs))))) <= np.log1p(COMPUTE_TOLERANCE):
        return []
    everywhere = ratio(slice(None))
    worst = int(np.argmax(np.abs(np.log(everywhere))))
    return [
        f"C differs from 6ND by more than {COMPUTE_TOLERANCE:.0%} (row {worst}: C/6ND = "
        f"{everywhere[worst]:.3g}); allocations assume C = 6ND. Check how N counts embeddings and how C was "
        "counted, or leave C out."
    ]


def _extremes(values: Callable[[slice], FloatArray], runs: int) -> tuple[float, float]:
    """Smallest and largest of what ``values`` answers for blocks of the runs."""
    ends = [(part.min(), part.max()) for part in map(values, blocks(runs))]
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def scaled_condition(surface: LossSurface, runs: Runs) -> float:
    """Condition number of the Jacobian in (E, A, B, alpha, beta) after its columns get unit length.

    That of the factor R of a QR decomposition, updated block by block: the digits that squares lose are
    the ones in question.
    """
    log_N0, log_D0 = (
        sum(float(np.log(column[rows]).sum()) for rows in blocks(len(runs))) / len(runs)
        for column in (runs.N, runs.D)
    )
    R: FloatArray = np.empty((0, 5))
    for rows in blocks(len(runs), 4096):
        n, d = np.log(runs.N[rows]) - log_N0, np.log(runs.D[rows]) - log_D0
        p, q = np.exp(-surface.alpha * n), np.exp(-surface.beta * d)
        J = np.stack([np.ones_like(n), p, q, n * p, d * q], axis=1)
        R = np.asarray(np.linalg.qr(np.concatenate([R, J]), mode="r"))
    return float(np.linalg.cond(R / np.linalg.norm(R, axis=0)))
