"""Questions of the part *The whole surface*."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, study
from scalinglab.data.runs import Runs
from scalinglab.fitting.reduced_objective import solve_coefficients


def matching_ftol(n: int, ftol: float) -> float:
    """Largest tolerance at which the sum over n runs stops where the mean stops at ftol."""
    return n * ftol


def value_and_gradient(theta: FloatArray, runs: Runs) -> tuple[float, FloatArray]:
    """Reduced objective and its gradient in the exponents."""
    s, rss = solve_coefficients(runs, *theta)
    r = runs.L - s.loss(runs.N, runs.D)
    size = s.A * runs.N**-s.alpha * np.log(runs.N)
    data = s.B * runs.D**-s.beta * np.log(runs.D)
    return rss, 2 * np.array([r @ size, r @ data])


def _gradient(theta: FloatArray, runs: Runs, rss: float = 1.0, slope: Any = 1.0) -> tuple[float, FloatArray]:
    value, gradient = value_and_gradient(theta, runs)
    return rss * value, slope * gradient


def _swapped(theta: FloatArray, runs: Runs) -> tuple[float, FloatArray]:
    value, gradient = value_and_gradient(theta, runs)
    return value, gradient[::-1]


def _without_logs(theta: FloatArray, runs: Runs) -> tuple[float, FloatArray]:
    s, rss = solve_coefficients(runs, *theta)
    r = runs.L - s.loss(runs.N, runs.D)
    return rss, 2 * np.array([r @ (s.A * runs.N ** -(s.alpha + 1)), r @ (s.B * runs.D ** -(s.beta + 1))])


def _gradient_cases(rng: np.random.Generator) -> list[Case]:
    return [(rng.uniform(0.15, 0.6, 2), study(rng, budgets=3)) for _ in range(4)]


def column_distance(n: FloatArray, alpha: float, t: float) -> float:
    """Distance of the unit column at alpha from the line of the one at alpha + t."""
    u, v = _unit(n, alpha), _unit(n, alpha + t)
    return float(np.linalg.norm(u - (u @ v) * v))


def _unit(n: FloatArray, alpha: float, centre: bool = True) -> FloatArray:
    column = np.exp(-alpha * n)
    column = column - column.mean() if centre else column
    return np.asarray(column / np.linalg.norm(column))


def _uncentred(n: FloatArray, alpha: float, t: float) -> float:
    u, v = _unit(n, alpha, False), _unit(n, alpha + t, False)
    return float(np.linalg.norm(u - (u @ v) * v))


def _unscaled(n: FloatArray, alpha: float, t: float) -> float:
    u, v = (np.exp(-x * n) for x in (alpha, alpha + t))
    u, v = u - u.mean(), v - v.mean()
    return float(np.linalg.norm(u - v))


def _column_cases(rng: np.random.Generator) -> list[Case]:
    return [(rng.uniform(-3, 3, 20), rng.uniform(0.2, 0.6), rng.uniform(0.05, 0.3)) for _ in range(6)]


def judge(errors: FloatArray) -> tuple[int, float, float]:
    """Failed studies, mean error and standard deviation of the others."""
    answered = errors[~np.isnan(errors)]
    return int(np.isnan(errors).sum()), float(answered.mean()), float(answered.std())


def _judge_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(5):
        errors = rng.normal(rng.uniform(0.02, 0.1), 0.05, rng.integers(8, 30))
        errors[rng.choice(len(errors), rng.integers(1, 4), replace=False)] = np.nan
        cases.append((errors,))
    return cases


QUESTIONS = (
    Question(
        label="ex-five-rule",
        chapter="five_parameters",
        asks=(
            "matching_ftol(n, ftol): the ftol at which the sum over n runs stops where the mean "
            "stops at the given one."
        ),
        reference=matching_ftol,
        cases=lambda rng: [(int(rng.integers(50, 500)), log_uniform(rng, 1e-12, 1e-6)) for _ in range(6)],
        mistakes=(
            (
                "the other way round: the sum is the larger objective, so its differences are larger",
                lambda n, f: f / n,
            ),
            ("mean and sum do differ: the rule compares differences of the objective", lambda n, f: f),
            ("n enters once: the differences of f are scaled, not their squares", lambda n, f: n**2 * f),
            ("n enters whole: the mean divides by n, not by its root", lambda n, f: np.sqrt(n) * f),
        ),
    ),
    Question(
        label="ex-own-search",
        chapter="variable_projection",
        asks="value_and_gradient(theta, runs): the reduced objective and its two derivatives.",
        reference=value_and_gradient,
        cases=_gradient_cases,
        rtol=1e-5,
        mistakes=(
            (
                "the gradient has the wrong sign: residuals are loss minus fit",
                lambda theta, runs: _gradient(theta, runs, slope=-1),
            ),
            ("the 2 of the gradient is missing", lambda theta, runs: _gradient(theta, runs, slope=0.5)),
            (
                "the derivatives are in the order beta, alpha",
                _swapped,
            ),
            (
                "log10 stands in the gradient where the natural log should",
                lambda theta, runs: _gradient(theta, runs, slope=1 / np.log(10)),
            ),
            (
                "the gradient is divided by the number of runs and the value is not",
                lambda theta, runs: _gradient(theta, runs, slope=1 / len(runs)),
            ),
            (
                "that is the mean of the squares, and its gradient; the sum is asked",
                lambda theta, runs: _gradient(theta, runs, 1 / len(runs), 1 / len(runs)),
            ),
            (
                "you derived with respect to N and D; the variables are the exponents, which bring "
                "down a logarithm",
                _without_logs,
            ),
            (
                "the coefficients A and B are missing from the gradient",
                lambda theta, runs: _gradient(
                    theta,
                    runs,
                    slope=1
                    / np.array(
                        [solve_coefficients(runs, *theta)[0].A, solve_coefficients(runs, *theta)[0].B]
                    ),
                ),
            ),
            (
                "that is the value alone; return the gradient too",
                lambda theta, runs: solve_coefficients(runs, *theta)[1],
            ),
        ),
    ),
    Question(
        label="ex-column-moves",
        chapter="certificate",
        asks=(
            "column_distance(n, alpha, t): the distance of the unit column at alpha from the line "
            "of that at alpha + t."
        ),
        reference=column_distance,
        cases=_column_cases,
        mistakes=(
            ("the columns are not centred: subtract the mean before you scale to length one", _uncentred),
            (
                "that is the distance of two points; the nearest point of the line is the projection",
                lambda n, a, t: np.linalg.norm(_unit(n, a) - _unit(n, a + t)),
            ),
            ("the columns are not scaled to length one", _unscaled),
            (
                "that is the angle between the columns; the distance is its sine",
                lambda n, a, t: np.arcsin(column_distance(n, a, t)),
            ),
            (
                "that is the cosine of the angle; the distance is its sine",
                lambda n, a, t: _unit(n, a) @ _unit(n, a + t),
            ),
            ("that is the squared distance", lambda n, a, t: column_distance(n, a, t) ** 2),
            (
                "n holds logs of sizes already: the entries are exp(-alpha n)",
                lambda n, a, t: column_distance(np.exp(n), a, t),
            ),
        ),
    ),
    Question(
        label="ex-comparison-split",
        chapter="comparison",
        asks=(
            "judge(errors): the number of failures (nan), the mean error and the standard "
            "deviation of the others."
        ),
        reference=judge,
        cases=_judge_cases,
        mistakes=(
            (
                "the failures have vanished: count the nan before you leave them out",
                lambda e: (0, np.nanmean(e), np.nanstd(e)),
            ),
            (
                "failures went in as errors of zero, which flatters the method",
                lambda e: (np.isnan(e).sum(), np.nan_to_num(e).mean(), np.nan_to_num(e).std()),
            ),
            (
                "the third number is the root mean square: it holds the bias a second time",
                lambda e: (np.isnan(e).sum(), np.nanmean(e), np.sqrt(np.nanmean(e**2))),
            ),
            (
                "the second number is the mean of absolute errors; a bias has a sign",
                lambda e: (np.isnan(e).sum(), np.nanmean(np.abs(e)), np.nanstd(e)),
            ),
            (
                "the third number is a variance: the root is missing",
                lambda e: (np.isnan(e).sum(), np.nanmean(e), np.nanvar(e)),
            ),
            (
                "the third number divides by one less than the number of studies; the chapter divides "
                "by the number",
                lambda e: (np.isnan(e).sum(), np.nanmean(e), np.nanstd(e, ddof=1)),
            ),
            (
                "the first number counts the studies that answered; the failures are asked",
                lambda e: ((~np.isnan(e)).sum(), np.nanmean(e), np.nanstd(e)),
            ),
            (
                "the nan are still in: a mean with a nan is nan",
                lambda e: (np.isnan(e).sum(), e.mean(), e.std()),
            ),
        ),
    ),
)
