"""Questions of the part *Beyond five parameters*."""

from __future__ import annotations

import numpy as np

from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, surface


def bent_frontier(
    E: float, A: float, B: float, alpha: float, beta: float, k: float, C: float
) -> tuple[float, float]:
    """Best tokens per parameter and lowest loss at C FLOPs of a law with an outer power."""
    N = (alpha * A / (beta * B) * (C / 6) ** beta) ** (1 / (alpha + beta))
    D = C / (6 * N)
    return D / N, float(E + (A / N**alpha + B / D**beta) ** k)


def _powers_of_terms(
    E: float, A: float, B: float, alpha: float, beta: float, k: float, C: float
) -> tuple[float, float]:
    """The mistake of raising each term to the power."""
    return bent_frontier(E, A**k, B**k, k * alpha, k * beta, 1.0, C)


def _floor_inside(
    E: float, A: float, B: float, alpha: float, beta: float, k: float, C: float
) -> tuple[float, float]:
    """The mistake of raising the floor to the power as well."""
    ratio, loss = bent_frontier(E, A, B, alpha, beta, 1.0, C)
    return ratio, loss**k


def _frontier_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(6):
        s, k = surface(rng), rng.uniform(0.3, 0.85)
        cases.append((s.E, s.A, s.B, s.alpha, s.beta, k, log_uniform(rng, 1e20, 1e25)))
    return cases


def scale_interval(w: float, half: float) -> tuple[float, float]:
    """Ends of the interval of a scale whose inverse has the interval w plus or minus half."""
    low, high = w - half, w + half
    return 1 / high, 1 / low if low > 0 else np.inf


def _interval_cases(rng: np.random.Generator) -> list[Case]:
    """Inverses that are surely positive, and some that may be zero."""
    return [
        (w, w * share)
        for w, share in zip(rng.uniform(0.03, 0.3, 6), (0.2, 1.4, 0.5, 2.5, 0.8, 1.1), strict=True)
    ]


QUESTIONS = (
    Question(
        label="ex-bent-frontier",
        chapter="bent_surface",
        asks=(
            "bent_frontier(E, A, B, alpha, beta, k, C): the best number of tokens per parameter and the "
            "lowest loss of the law with an outer power at C FLOPs."
        ),
        reference=bent_frontier,
        cases=_frontier_cases,
        mistakes=(
            (
                "C = 6ND: the 6 is missing",
                lambda E, A, B, alpha, beta, k, C: bent_frontier(E, A, B, alpha, beta, k, 6 * C),
            ),
            ("each term was raised to the power k; it stands around their sum", _powers_of_terms),
            (
                "the loss is that of k = 1: the power is missing",
                lambda E, A, B, alpha, beta, k, C: bent_frontier(E, A, B, alpha, beta, 1.0, C),
            ),
            ("E stands outside the power", _floor_inside),
            (
                "that is the loss above the floor: add E",
                lambda E, A, B, alpha, beta, k, C: bent_frontier(0.0, A, B, alpha, beta, k, C),
            ),
            (
                "these are parameters per token; tokens per parameter are asked",
                lambda E, A, B, alpha, beta, k, C: (
                    1 / bent_frontier(E, A, B, alpha, beta, k, C)[0],
                    bent_frontier(E, A, B, alpha, beta, k, C)[1],
                ),
            ),
        ),
    ),
    Question(
        label="ex-vars-interval",
        chapter="more_variables",
        asks=(
            "scale_interval(w, half): lowest and highest value of a scale whose inverse lies in w plus or "
            "minus half, infinity where that holds zero or less."
        ),
        reference=scale_interval,
        cases=_interval_cases,
        mistakes=(
            (
                "that is first order, 1/w with the error half/w**2; the ends of w are to be inverted",
                lambda w, half: (1 / w - half / w**2, 1 / w + half / w**2),
            ),
            (
                "where w may be zero the scale may be infinite; a negative end is no value of it",
                lambda w, half: (1 / (w + half), 1 / (w - half)),
            ),
            (
                "the inverse turns the order of the ends; the lowest comes first",
                lambda w, half: scale_interval(w, half)[::-1],
            ),
            ("these are ends of w; the scale is its inverse", lambda w, half: (w - half, w + half)),
            (
                "an end below zero was put to zero in the scale; there the scale is infinite",
                lambda w, half: (1 / (w + half), max(1 / (w - half), 0.0)),
            ),
        ),
    ),
)
