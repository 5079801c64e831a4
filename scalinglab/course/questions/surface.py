"""Questions of the part *The whole surface*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import study
from scalinglab.data.runs import Runs
from scalinglab.fitting.reduced_objective import solve_coefficients


def steps_until(history: FloatArray, factor: float, ftol: float) -> int:
    """Steps after which a recorded search stops by the gain of a step, its objective times a factor."""
    return _stop(history, factor, lambda f: ftol * np.maximum(f, 1))


def _stop(history: FloatArray, factor: float, allowed: Callable[[FloatArray], Any], at_once: int = 1) -> int:
    f = factor * np.asarray(history)
    here = f[:-1] - f[1:] <= allowed(np.maximum(np.abs(f[:-1]), np.abs(f[1:])))
    return int(np.argmax(here)) + at_once if here.any() else len(here)


def _histories(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for factor, ftol in ((1, 1e-6), (100, 1e-7), (3e4, 1e-5), (1e7, 1e-7), (1e5, 1e-14), (0.1, 1e-8)):
        gains = np.exp(-rng.uniform(0.3, 0.4) * np.arange(50)) * rng.uniform(0.5, 1, 50)
        history = rng.uniform(1, 2) + 0.5 * np.cumsum(gains[::-1])[::-1]
        cases.append((1e-3 * history, factor * float(rng.uniform(0.5, 1)), ftol))
    return cases


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


def dual_bound(L: FloatArray, y: FloatArray, v: FloatArray, C: FloatArray) -> float:
    """Lower bound of half the sum of squares in a cell, from any vector y."""
    return float(_conjugate(L, y) - np.maximum([y.sum(), *v], 0) @ C)


def _conjugate(L: FloatArray, y: FloatArray) -> float:
    return float(y @ L - y @ y / 2)


def _bound_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for k in range(6):
        y = rng.normal((-1) ** k * 0.2, 0.3, 12)
        v = rng.uniform(0.05, 0.3, 2) * [1, -1] if k % 3 else rng.uniform(0.05, 0.3, 2)
        cases.append((rng.uniform(2, 4, 12), y, v, rng.uniform(0.5, 3, 3)))
    return cases


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
            "steps_until(history, factor, ftol): the number of steps after which a recorded search stops by "
            "the first rule, if its objective is multiplied by the factor."
        ),
        reference=steps_until,
        cases=_histories,
        mistakes=(
            (
                "right below 1; above, the denominator is the objective itself and the rule is relative",
                lambda h, c, ftol: _stop(h, c, lambda f: ftol),
            ),
            (
                "right above 1; below, the denominator is 1 and the rule is absolute",
                lambda h, c, ftol: _stop(h, c, lambda f: ftol * f),
            ),
            (
                "the factor is missing: both the gain and the denominator are those of the multiple",
                lambda h, c, ftol: _stop(h, 1, lambda f: ftol * np.maximum(f, 1)),
            ),
            (
                "one too few: the rule looks at two values, and the step between them has been made",
                lambda h, c, ftol: _stop(h, c, lambda f: ftol * np.maximum(f, 1), 0),
            ),
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
        label="ex-dual-bound",
        chapter="certificate",
        asks=(
            "dual_bound(L, y, v, C): the lower bound of half the sum of squares in a cell, from any "
            "vector y, the largest prices v and the ceilings C."
        ),
        reference=dual_bound,
        cases=_bound_cases,
        mistakes=(
            (
                "a negative price costs nothing, but it earns nothing either: the coefficient may be zero; "
                "take the positive part",
                lambda L, y, v, C: _conjugate(L, y) - np.array([y.sum(), *v]) @ C,
            ),
            (
                "E has a price too, the positive part of the sum of y, and C_0 is its ceiling",
                lambda L, y, v, C: _conjugate(L, y) - np.maximum(v, 0) @ C[1:],
            ),
            (
                "the price of E is the sum of y, of which a negative one costs nothing; that takes its size",
                lambda L, y, v, C: _conjugate(L, y) - np.abs([y.sum(), *np.maximum(v, 0)]) @ C,
            ),
            (
                "the conjugate of half a square is half a square: y @ y / 2",
                lambda L, y, v, C: dual_bound(L, y, v, C) - y @ y / 2,
            ),
            (
                "the conjugate is missing: subtract y @ y / 2",
                lambda L, y, v, C: dual_bound(L, y, v, C) + y @ y / 2,
            ),
            (
                "that is a bound of the sum of squares; half of it is asked",
                lambda L, y, v, C: 2 * dual_bound(L, y, v, C),
            ),
            (
                "the prices are paid, not earned: they are subtracted",
                lambda L, y, v, C: _conjugate(L, y) + np.maximum([y.sum(), *v], 0) @ C,
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
