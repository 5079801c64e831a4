"""Our own verdict on a fit: what runs cannot answer, and what speaks against an answer they gave."""

from __future__ import annotations

import numpy as np

from scalinglab.fits import EXPONENT_RANGE, FitError
from scalinglab.runs import Runs
from scalinglab.surface import LossSurface, training_flops

#: A stated compute may differ from 6ND by this relative amount before a fit says so.
COMPUTE_TOLERANCE = 0.02

#: Standard errors by which a budget's mean residual may differ from zero before a fit says so.
SHARED_ERROR_LIMIT = 3.5

#: Scaled condition number above which the parameters count as badly determined.
CONDITION_LIMIT = 1e6


def require_identifiable(runs: Runs) -> None:
    """Raise FitError if no method can tell the five parameters of a surface from these runs."""
    distinct = len(np.unique(np.column_stack([runs.N, runs.D]), axis=0))
    if distinct < 5:
        raise FitError(
            f"a surface has five parameters and these are {distinct} distinct runs (N, D); "
            "add runs until there are five or more, better fifteen."
        )
    for letter, meaning, exponent in (("N", "model size", "alpha"), ("D", "token count", "beta")):
        values = len(np.unique(getattr(runs, letter)))
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
    ratio = runs.D / runs.N
    for letter, value in (("alpha", surface.alpha), ("beta", surface.beta)):
        if value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6):
            found.append(
                f"{letter} stands at the edge of its range, {value:g} of {low:g}-{high:g}: these runs do not "
                f"fix it. D/N runs from {ratio.min():.3g} to {ratio.max():.3g}; add runs outside that."
            )
    if ratio.max() / ratio.min() < 1.2:
        found.append(
            f"all runs share D/N near {np.median(ratio):.3g}, so the two terms change together and cannot be "
            f"told apart; add runs at {np.median(ratio) / 4:.3g} and {np.median(ratio) * 4:.3g} tokens "
            "per parameter."
        )
    if len(runs) < 10:
        found.append(
            f"{len(runs)} runs for five parameters leave {len(runs) - 5} to judge the fit by; "
            "add runs before you rely on it."
        )
    spread = runs.L - runs.L.mean()
    rss = float(np.sum((runs.L - surface.loss(runs.N, runs.D)) ** 2))
    if rss > 0.5 * float(spread @ spread):
        found.append(
            f"the surface explains {max(0.0, 1 - rss / float(spread @ spread)):.0%} of the variance of the "
            "losses: these runs say little about N and D. Check the loss column, or add runs over wider "
            "ranges."
        )
    found += _shared_errors(surface, runs)
    condition = scaled_condition(surface, runs)
    if condition > CONDITION_LIMIT and not vanished:
        found.append(
            f"the five parameters are nearly interchangeable on these runs (scaled condition number "
            f"{condition:.1e}); their ranges of N and D are too narrow. Add runs outside them."
        )
    return found


def _shared_errors(surface: LossSurface, runs: Runs) -> list[str]:
    """Name the budget whose runs err together most, unless chance would do it."""
    residuals = runs.L - np.asarray(surface.loss(runs.N, runs.D))
    freedom = len(runs) - 5
    scatter = np.sqrt(residuals @ residuals / freedom) if freedom > 0 else np.inf
    if scatter < 1e-10 * np.abs(runs.L).max():
        return []
    budgets, member = runs.by_budget()
    sizes = np.bincount(member)
    means = np.bincount(member, residuals) / sizes
    scores = np.where(sizes >= 4, np.abs(means) * np.sqrt(sizes) / scatter, 0.0)
    worst = int(np.argmax(scores))
    if scores[worst] <= SHARED_ERROR_LIMIT:
        return []
    side = "above" if means[worst] > 0 else "below"
    return [
        f"the {sizes[worst]} runs of budget {budgets[worst]:.3g} lie {side} the surface together (mean "
        f"{means[worst]:+.2g}, {scores[worst]:.1f} standard errors): errors are shared within budgets, so "
        "the fit is less certain than its residuals suggest. Refit without that budget and compare."
    ]


def compute_concerns(runs: Runs) -> list[str]:
    """Whether the stated compute is 6ND."""
    ratio = runs.C / training_flops(runs.N, runs.D)
    worst = int(np.argmax(np.abs(np.log(ratio))))
    if np.abs(np.log(ratio[worst])) <= np.log1p(COMPUTE_TOLERANCE):
        return []
    return [
        f"C differs from 6ND by more than {COMPUTE_TOLERANCE:.0%} (row {worst}: C/6ND = {ratio[worst]:.3g}); "
        "allocations assume C = 6ND. Check how N counts embeddings and how C was counted, or leave C out."
    ]


def scaled_condition(surface: LossSurface, runs: Runs) -> float:
    """Condition number of the Jacobian in (E, A, B, alpha, beta) after its columns get unit length."""
    n, d = np.log(runs.N), np.log(runs.D)
    p, q = np.exp(-surface.alpha * (n - n.mean())), np.exp(-surface.beta * (d - d.mean()))
    J = np.column_stack([np.ones(len(runs)), p, q, (n - n.mean()) * p, (d - d.mean()) * q])
    return float(np.linalg.cond(J / np.linalg.norm(J, axis=0)))
