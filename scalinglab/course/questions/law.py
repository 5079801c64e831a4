"""Questions of the part *The law*."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.course.questions.draws import log_uniform, surface
from scalinglab.laws.published import CHINCHILLA
from scalinglab.laws.surface import LossSurface

#: The step of the exercise, nats per token.
STEP = 0.01


def price(N: float, D: float) -> float:
    """Factor by which D must grow, at fixed N, to lower Chinchilla's loss by 0.01 nats per token."""
    term = CHINCHILLA.B * D**-CHINCHILLA.beta
    return float((1 - STEP / term) ** (-1 / CHINCHILLA.beta)) if term > STEP else float("inf")


def _price_cases(rng: np.random.Generator) -> list[Case]:
    cheap = [(log_uniform(rng, 1e8, 1e12), log_uniform(rng, 1e9, 1e15)) for _ in range(5)]
    return [*cheap, (log_uniform(rng, 1e8, 1e12), log_uniform(rng, 1e17, 1e18))]


def _guarded(D: float, factor: float) -> float:
    return factor if CHINCHILLA.B * D**-CHINCHILLA.beta > STEP else float("inf")


def waste(surface: LossSurface, k: float) -> float:
    """Share of compute that a model too large by a factor k wastes."""
    return float(1 - _excess(surface, k) ** (-1 / surface.gamma))


def _excess(surface: LossSurface, k: float) -> float:
    """Reducible loss of a model too large by a factor k, over that of the best one of its budget."""
    alpha, beta = surface.alpha, surface.beta
    return float((beta * k**-alpha + alpha * k**beta) / (alpha + beta))


def my_floor(first: float, second: float, third: float) -> float:
    """Irreducible loss from three losses on E + K x^-gamma, each at the same factor in x from the last."""
    return float((first * third - second**2) / (first + third - 2 * second))


def _floor_cases(rng: np.random.Generator) -> list[Case]:
    cases = []
    for _ in range(6):
        E, K, shrink = rng.uniform(0.5, 3), rng.uniform(0.5, 5), rng.uniform(0.3, 0.8)
        cases.append((E + K, E + K * shrink, E + K * shrink**2))
    return cases


def miscounts(N: FloatArray, D: FloatArray, omega: float) -> tuple[float, float]:
    """Slopes of total sizes on compute without embeddings, and the other way round."""
    return _slopes(N, D, N + omega * N ** (1 / 3))


def _slopes(N: FloatArray, D: FloatArray, total: FloatArray) -> tuple[float, float]:
    return _log_slope(N * D, total), _log_slope(total * D, N)


def _log_slope(x: FloatArray, y: FloatArray) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _miscount_cases(rng: np.random.Generator) -> list[Case]:
    cases: list[Case] = []
    for _ in range(6):
        N = np.geomspace(log_uniform(rng, 1e3, 1e5), log_uniform(rng, 1e8, 1e10), 12)
        D = 100 * N ** rng.uniform(0.7, 1.0) * rng.uniform(0.8, 1.25, 12)
        cases.append((N, D, log_uniform(rng, 1e4, 1e5)))
    return cases


def _backwards(N: FloatArray, D: FloatArray, omega: float) -> tuple[float, float]:
    total = N + omega * N ** (1 / 3)
    return _log_slope(total, N * D), _log_slope(N, total * D)


QUESTIONS = (
    Question(
        label="ex-learning-floor",
        chapter="learning_curves",
        asks=("my_floor(first, second, third): E from three losses on E + K x^-gamma, at x, r x and r^2 x."),
        reference=my_floor,
        cases=_floor_cases,
        mistakes=(
            (
                "you went on in a straight line; the reducible losses form a geometric series",
                lambda first, second, third: 2 * third - second,
            ),
            (
                "that is the reducible loss of the last run; subtract it from the last loss",
                lambda first, second, third: third - my_floor(first, second, third),
            ),
            (
                "the losses themselves were taken for a geometric series; only what lies above E is one",
                lambda first, second, third: third**2 / second,
            ),
            (
                "the two in the denominator is missing: it is the second difference of the losses",
                lambda first, second, third: (first * third - second**2) / (first + third - second),
            ),
        ),
    ),
    Question(
        label="ex-surface-price",
        chapter="surface",
        asks=(
            "price(N, D): the factor by which D must grow, at fixed N, to lower the loss of "
            "CHINCHILLA by 0.01 nats."
        ),
        reference=price,
        cases=_price_cases,
        mistakes=(
            (
                "where the data term is worth less than 0.01 nats no factor is enough: return infinity there",
                lambda N, D: (1 - STEP / (CHINCHILLA.B * D**-CHINCHILLA.beta)) ** (-1 / CHINCHILLA.beta),
            ),
            (
                "a power with the wrong sign: your factor is below one, so the tokens would shrink",
                lambda N, D: 1 / price(N, D),
            ),
            (
                "alpha stands in the power where beta should: D is what grows",
                lambda N, D: price(N, D) ** (CHINCHILLA.beta / CHINCHILLA.alpha),
            ),
            (
                "you took the 0.01 off the parameter term; only the data term changes with D",
                lambda N, D: (1 - STEP / (CHINCHILLA.A * N**-CHINCHILLA.alpha)) ** (-1 / CHINCHILLA.beta),
            ),
            (
                "you took the 0.01 off the whole loss; E and the parameter term do not change with D",
                lambda N, D: _guarded(D, (1 - STEP / CHINCHILLA.loss(N, D)) ** (-1 / CHINCHILLA.beta)),
            ),
            ("that is the new number of tokens, not the factor", lambda N, D: D * price(N, D)),
            ("that is the growth, the factor less one", lambda N, D: price(N, D) - 1),
            (
                "that is the factor to first order in 0.01; the step is not small where the term is",
                lambda N, D: _guarded(D, 1 + STEP / (CHINCHILLA.beta * CHINCHILLA.B * D**-CHINCHILLA.beta)),
            ),
        ),
    ),
    Question(
        label="ex-frontier-flat",
        chapter="frontier",
        asks="waste(surface, k): the share of its compute that a model k times too large wastes, exactly.",
        reference=waste,
        cases=lambda rng: [(surface(rng), log_uniform(rng, 0.4, 3.0)) for _ in range(6)],
        mistakes=(
            (
                "that is the leading order, good only near k = 1; the share itself has a closed form",
                lambda s, k: (s.alpha + s.beta) / 2 * np.log(k) ** 2,
            ),
            (
                "that is the rise of the loss, as a share of L* - E; the power 1/gamma makes it compute",
                lambda s, k: _excess(s, k) - 1,
            ),
            (
                "gamma stands where 1/gamma should: C goes as the reducible loss to the power -1/gamma",
                lambda s, k: 1 - _excess(s, k) ** -s.gamma,
            ),
            (
                "that is the share that was needed, C'/C; one minus it is wasted",
                lambda s, k: 1 - waste(s, k),
            ),
            (
                "that is the waste over the compute that was needed; the share is of the compute spent",
                lambda s, k: waste(s, k) / (1 - waste(s, k)),
            ),
            (
                "that is a model k times too small; k multiplies the parameters",
                lambda s, k: waste(s, 1 / k),
            ),
        ),
    ),
    Question(
        label="ex-kc-miscount",
        chapter="kaplan_or_chinchilla",
        asks="miscounts(N, D, omega): the slopes of ln N_T on ln 6ND and of ln N on ln 6 N_T D.",
        reference=miscounts,
        cases=_miscount_cases,
        mistakes=(
            (
                "a total proportional to N has the slopes of N itself; the embedding grows with the cube "
                "root of N",
                lambda N, D, omega: _slopes(N, D, N + omega * N),
            ),
            (
                "the embedding is omega times a power of N; you added omega itself",
                lambda N, D, omega: _slopes(N, D, N + omega),
            ),
            ("the two slopes are exchanged", lambda N, D, omega: miscounts(N, D, omega)[::-1]),
            ("these are slopes of compute on size; size on compute is asked", _backwards),
            (
                "these pairs are counted alike; the exercise mixes the counts",
                lambda N, D, omega: (
                    _log_slope((N + omega * N ** (1 / 3)) * D, N + omega * N ** (1 / 3)),
                    _log_slope(N * D, N),
                ),
            ),
            (
                "the line is fitted to the numbers themselves; take logarithms first",
                lambda N, D, omega: (
                    np.polyfit(6 * N * D, N + omega * N ** (1 / 3), 1)[0],
                    np.polyfit(6 * (N + omega * N ** (1 / 3)) * D, N, 1)[0],
                ),
            ),
        ),
    ),
)
