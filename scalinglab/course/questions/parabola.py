"""Questions of the part *Envelope and parabola*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, surface
from scalinglab.laws.surface import LossSurface
from scalinglab.theory.staircase import size_crossover, staircase_exponent


def ended_exponent(surface: LossSurface, sizes: FloatArray, tokens: float) -> float:
    """Exponent of Approach 1 on trimmed budgets when every size is trained on the same longest horizon."""
    return _staircase(sizes, np.minimum(_crossings(surface, sizes), 6 * sizes[:-1] * tokens))


def _crossings(surface: LossSurface, sizes: FloatArray) -> FloatArray:
    return np.asarray(size_crossover(surface, sizes[:-1], sizes[1:]))


def _staircase(sizes: FloatArray, switches: FloatArray) -> float:
    return staircase_exponent(sizes, switches, switches[0], switches[-1])


def _ended_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(5):
        s = surface(rng)
        steps = np.arange(rng.integers(8, 14))
        sizes: FloatArray = np.asarray(log_uniform(rng, 3e7, 1e8) * rng.uniform(1.5, 2.0) ** steps, float)
        middle = len(sizes) // 2
        tokens = float(_crossings(s, sizes)[middle] / (6 * sizes[middle]) * rng.uniform(0.8, 1.2))
        cases.append((s, sizes, tokens))
    return cases


def shrink(reach: float, points: int, new_reach: float, new_points: int) -> float:
    """Scatter of a vertex on a new grid over that on the old one."""
    return float(np.sqrt(_S2(reach, points) / _S2(new_reach, new_points)))


def _S2(reach: float, n: int) -> float:
    return float(n * (n + 1) / (3 * (n - 1)) * np.log(reach) ** 2)


def _shrink_cases(rng: np.random.Generator) -> list[Case]:
    return [
        (
            log_uniform(rng, 2, 8), int(rng.integers(5, 12)),
            log_uniform(rng, 4, 20), int(rng.integers(12, 30)),
        )
        for _ in range(6)
    ]  # fmt: skip


def my_shift(alpha: float, beta: float, reach: float) -> float:
    """Shift of the vertex on a dense centred grid to the next order, in ln N."""
    d, U = alpha - beta, np.log(reach)
    return float(d * U**2 / 10 * (1 - d**2 * U**2 / 28))


def _shift_cases(rng: np.random.Generator) -> list[Case]:
    return [(rng.uniform(0.4, 0.7), rng.uniform(0.1, 0.35), log_uniform(rng, 2, 20)) for _ in range(6)]


def drift_slope(alpha: float, budgets: FloatArray, drift: float) -> float:
    """Error of the exponent of N* from a centred start that drifts, symmetric surface, tiny grids."""
    return _drift(alpha, budgets, drift)


def _drift(
    alpha: float, budgets: FloatArray, drift: float,
    log: Callable[[Any], Any] = np.log, power: int = 3, share: float = 3.0, sign: int = -1,
) -> float:  # fmt: skip
    x = np.log(budgets)
    t = (x - x[0]) / (x[-1] - x[0])
    m = np.polyfit(t, t**power, 1)[0]
    return float(sign * alpha ** (power - 1) * log(drift) ** power / (share * (x[-1] - x[0])) * m)


def _drift_cases(rng: np.random.Generator) -> list[Case]:
    return [
        (
            rng.uniform(0.2, 0.6),
            log_uniform(rng, 1e17, 1e19) * 10.0 ** np.linspace(0, rng.uniform(2, 5), rng.integers(4, 9)),
            log_uniform(rng, 1.05, 1.5),
        )
        for _ in range(6)
    ]


QUESTIONS = (
    Question(
        label="ex-env-horizons",
        chapter="envelope",
        asks=(
            "ended_exponent(surface, sizes, tokens): the exponent on trimmed budgets when no run "
            "is longer than tokens."
        ),
        reference=ended_exponent,
        cases=_ended_cases,
        mistakes=(
            (
                "you let every change of size be a crossing; runs end at 6 N tokens, and the larger "
                "sizes end first",
                lambda s, sizes, tokens: _staircase(sizes, _crossings(s, sizes)),
            ),
            (
                "you let every change of size be the end of a run; the small sizes still cross before "
                "they end",
                lambda s, sizes, tokens: _staircase(sizes, 6 * sizes[:-1] * tokens),
            ),
            (
                "the later of crossing and end stands where the earlier should: a run that has ended "
                "cannot be lowest",
                lambda s, sizes, tokens: _staircase(
                    sizes, np.maximum(_crossings(s, sizes), 6 * sizes[:-1] * tokens)
                ),
            ),
            (
                "the 6 is missing: a run of N parameters ends at C = 6 N tokens",
                lambda s, sizes, tokens: _staircase(
                    sizes, np.minimum(_crossings(s, sizes), sizes[:-1] * tokens)
                ),
            ),
            (
                "the smaller of two sizes ends; you took the end of the larger",
                lambda s, sizes, tokens: _staircase(
                    sizes, np.minimum(_crossings(s, sizes), 6 * sizes[1:] * tokens)
                ),
            ),
        ),
    ),
    Question(
        label="ex-runs-or-reach",
        chapter="isoflop",
        asks=(
            "shrink(reach, points, new_reach, new_points): the scatter of a vertex on the new "
            "grid over that on the old."
        ),
        reference=shrink,
        cases=_shrink_cases,
        mistakes=(
            ("that is the old scatter over the new", lambda r, n, R, M: 1 / shrink(r, n, R, M)),
            (
                "the square root is missing: S2 is a variance, and the scatter its root",
                lambda r, n, R, M: shrink(r, n, R, M) ** 2,
            ),
            (
                "the reach stands where its logarithm should: U = ln(reach)",
                lambda r, n, R, M: np.sqrt(n * (n + 1) / (n - 1) / (M * (M + 1) / (M - 1))) * r / R,
            ),
            (
                "the number of points enters by n(n+1)/(n-1), not by n alone",
                lambda r, n, R, M: np.sqrt(n / M) * np.log(r) / np.log(R),
            ),
            (
                "U is not squared in S2, so the root takes half of its effect away",
                lambda r, n, R, M: shrink(r, n, R, M) * np.sqrt(np.log(R) / np.log(r)),
            ),
            ("that is the effect of the points alone", lambda r, n, R, M: shrink(3.0, n, 3.0, M)),
            ("that is the effect of the reach alone", lambda r, n, R, M: np.log(r) / np.log(R)),
        ),
    ),
    Question(
        label="ex-next-order",
        chapter="vertex_shift",
        asks="my_shift(alpha, beta, reach): the shift on a dense grid to the next order, in ln N.",
        reference=my_shift,
        cases=_shift_cases,
        mistakes=(
            (
                "log10 stands where the natural log should: U = ln(reach)",
                lambda a, b, r: my_shift(a, b, float(np.exp(np.log10(r)))),
            ),
            ("alpha and beta are exchanged", lambda a, b, r: my_shift(b, a, r)),
            (
                "that is the leading order; the bracket is missing",
                lambda a, b, r: (a - b) * np.log(r) ** 2 / 10,
            ),
            (
                "the correction has the wrong sign: it makes the shift smaller",
                lambda a, b, r: (a - b) * np.log(r) ** 2 / 10 * (1 + (a - b) ** 2 * np.log(r) ** 2 / 28),
            ),
            (
                "U is the full width where it should be half of it: the grid runs from -U to U",
                lambda a, b, r: my_shift(a, b, r**2),
            ),
            (
                "the sum of the exponents stands in the bracket where their difference should",
                lambda a, b, r: (a - b) * np.log(r) ** 2 / 10 * (1 - (a + b) ** 2 * np.log(r) ** 2 / 28),
            ),
            (
                "the difference of the exponents is not squared in the bracket",
                lambda a, b, r: (a - b) * np.log(r) ** 2 / 10 * (1 - (a - b) * np.log(r) ** 2 / 28),
            ),
            (
                "the reach stands where its logarithm should: U = ln(reach)",
                lambda a, b, r: my_shift(a, b, float(np.exp(r))),
            ),
            (
                "that is the factor on N*, not the shift in ln N",
                lambda a, b, r: np.exp(my_shift(a, b, r)),
            ),
        ),
    ),
    Question(
        label="ex-symmetric-drift",
        chapter="off_centre",
        asks="drift_slope(alpha, budgets, drift): the error of the exponent by the formula.",
        reference=drift_slope,
        cases=_drift_cases,
        mistakes=(
            (
                "the sign is wrong: this drift bends the law downwards",
                lambda a, C, d: _drift(a, C, d, sign=1),
            ),
            (
                "log10 stands where the natural log of the drift should",
                lambda a, C, d: _drift(a, C, d, np.log10),
            ),
            (
                "R is in decades where natural logs are meant",
                lambda a, C, d: np.log(10) * _drift(a, C, d),
            ),
            ("the 3 in the denominator is missing", lambda a, C, d: _drift(a, C, d, share=1)),
            (
                "squares stand where cubes should: the vertex of a symmetric surface is odd in the offset",
                lambda a, C, d: _drift(a, C, d, power=2),
            ),
            (
                "m is missing: the cube of t rises with a slope of its own",
                lambda a, C, d: -(a**2) * np.log(d) ** 3 / (3 * np.log(C[-1] / C[0])),
            ),
            (
                "R is missing: the slope is taken on ln C, not on t",
                lambda a, C, d: _drift(a, C, d) * np.log(C[-1] / C[0]),
            ),
            ("alpha is not squared", lambda a, C, d: _drift(a, C, d) / a),
            (
                "the drift stands where its logarithm should",
                lambda a, C, d: _drift(a, C, d, lambda x: x),
            ),
        ),
    ),
)
