"""Questions on what errors cost, on planning runs and on what others printed, of the part *In practice*."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, surface
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.allocation import deadweight_loss
from scalinglab.theory.isoflop_bias import leading_shift, vertex_shift


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


def printed_bias(a: float, b: float, total: float, reach: float) -> float:
    """Factor by which a law with printed exponents a and b misses the best tokens; dense, centred grids."""
    alpha, beta = total * b / (a + b), total * a / (a + b)
    return float(np.exp(-vertex_shift(alpha, beta, reach)))


def _pairs(rng: np.random.Generator) -> list[Case]:
    return [
        (rng.uniform(0.25, 0.45), rng.uniform(0.5, 0.8), rng.uniform(0.5, 1.1), log_uniform(rng, 6, 20))
        for _ in range(4)
    ] + [
        (rng.uniform(0.55, 0.8), rng.uniform(0.2, 0.4), rng.uniform(0.5, 1.1), log_uniform(rng, 6, 20))
        for _ in range(4)
    ]


def lasts_until(surface: LossSurface, C: float, slope: float, share: float) -> float:
    """Budget at which a law that is exact at C, with an exponent of tokens off by slope, wastes the share."""
    return C * float(np.exp(_stray(surface, share, np.sign(slope)) / abs(slope)))


def _stray(surface: LossSurface, share: float, side: float) -> float:
    """Distance in ln D, to one side of the best, at which a share of the compute is wasted."""
    C = 1e22

    def excess(size: float) -> float:
        D = np.exp(side * size) * surface.D_opt(C)
        return float(deadweight_loss(surface, C / (6 * D), D)) - share

    return float(brentq(excess, 0, 20, xtol=1e-13, rtol=1e-14))


QUESTIONS = (
    Question(
        label="ex-cost-exponent",
        chapter="cost",
        asks=(
            "lasts_until(surface, C, slope, share): the budget at which a law that is exact at C, with an "
            "exponent of D* off by slope, wastes that share."
        ),
        reference=lasts_until,
        cases=lambda rng: [
            (
                surface(rng),
                log_uniform(rng, 1e20, 1e23),
                side * rng.uniform(0.02, 0.06),
                rng.uniform(0.01, 0.2),
            )
            for side in (1, -1, 1, -1, 1)
        ],
        mistakes=(
            (
                "that is the leading order, x² (α + β)/2; the two sides differ, so solve the exact form",
                lambda s, C, slope, w: C * np.exp(np.sqrt(2 * w / (s.alpha + s.beta)) / abs(slope)),
            ),
            (
                "that is the waste on the other side: a positive slope asks for too many tokens",
                lambda s, C, slope, w: C * np.exp(_stray(s, w, -np.sign(slope)) / abs(slope)),
            ),
            (
                "that budget lies below C: the law strays to the side of its slope, so x/slope is positive",
                lambda s, C, slope, w: C * np.exp(-_stray(s, w, np.sign(slope)) / abs(slope)),
            ),
            (
                "powers of ten are taken of a natural logarithm",
                lambda s, C, slope, w: C * 10 ** (_stray(s, w, np.sign(slope)) / abs(slope)),
            ),
            (
                "that is the ratio of the tokens; divide its logarithm by the slope to come to compute",
                lambda s, C, slope, w: np.exp(np.sign(slope) * _stray(s, w, np.sign(slope))),
            ),
            (
                "that is the factor on the compute; multiply it by C",
                lambda s, C, slope, w: lasts_until(s, C, slope, w) / C,
            ),
        ),
    ),
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
    Question(
        label="ex-lop-pair",
        chapter="lopsided",
        asks=(
            "printed_bias(a, b, total, reach): the factor by which a law misses the best token count on "
            "dense, centred grids, from its printed exponents and the sum of alpha and beta."
        ),
        reference=printed_bias,
        cases=_pairs,
        mistakes=(
            (
                "either that is the factor on parameters, and tokens go the other way, or alpha and beta are "
                "swapped: a is beta over the sum, so alpha goes with b",
                lambda a, b, total, reach: 1 / printed_bias(a, b, total, reach),
            ),
            (
                "a and b need not add up to one: divide by their sum",
                lambda a, b, total, reach: np.exp(-vertex_shift(total * b, total * a, reach)),
            ),
            ("that is the log; the factor is asked", lambda *given: np.log(printed_bias(*given))),
            ("that is the error; the factor is asked", lambda *given: printed_bias(*given) - 1),
            (
                "that is the leading order; vertex_shift is exact",
                lambda a, b, total, reach: np.exp(
                    -leading_shift(total * b / (a + b), total * a / (a + b), reach)
                ),
            ),
        ),
    ),
)
