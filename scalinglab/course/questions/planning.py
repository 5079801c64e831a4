"""Questions on planning runs, of the part *In practice*."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question


def drop(J: FloatArray, c: FloatArray, g: FloatArray) -> float:
    """Share of the variance of c'θ that one more run with the row g takes away."""
    return _gain(J, c, g) / _variance(J, c)


def _variance(J: FloatArray, c: FloatArray) -> float:
    return float(c @ np.linalg.solve(J.T @ J, c))


def _gain(J: FloatArray, c: FloatArray, g: FloatArray) -> float:
    return _undivided(J, c, g) / (1 + _variance(J, g))


def _undivided(J: FloatArray, c: FloatArray, g: FloatArray) -> float:
    return float(c @ np.linalg.solve(J.T @ J, g)) ** 2


def _cases(rng: np.random.Generator) -> list[Case]:
    return [(rng.normal(size=(9, 3)), rng.normal(size=3), rng.normal(size=3)) for _ in range(6)]


QUESTIONS = (
    Question(
        label="ex-sweep-next",
        chapter="sweep",
        asks="drop(J, c, g): the share of the variance of c'θ that one more run with the row g takes away.",
        reference=drop,
        cases=_cases,
        mistakes=(
            ("that is the drop itself; divide it by the variance before", _gain),
            (
                "the 1 + g'M⁻¹g below is missing: the run's own error counts too",
                lambda J, c, g: _undivided(J, c, g) / _variance(J, c),
            ),
            (
                "that is the share which is left, not the share taken away",
                lambda J, c, g: 1 - drop(J, c, g),
            ),
            (
                "c'M⁻¹g is to be squared",
                lambda J, c, g: np.sqrt(_undivided(J, c, g)) / (1 + _variance(J, g)) / _variance(J, c),
            ),
            (
                "that is a share of the standard error; the variance is asked",
                lambda J, c, g: 1 - np.sqrt(1 - drop(J, c, g)),
            ),
            (
                "the drop was divided by the variance after the run instead of before",
                lambda J, c, g: drop(J, c, g) / (1 - drop(J, c, g)),
            ),
        ),
    ),
)
