"""What people would use instead, written plainly: the same objective, none of the package's code.

Each takes N, D, L and returns E, A, B, alpha, beta. ``weights`` (counts of a bootstrap draw) and ``start``
(exponents, or all five) turn a search into a refit from a known optimum.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import least_squares, minimize, nnls

GRID = np.linspace(0.05, 0.95, 32)


def _linear(N, D, L, weights, alpha, beta):
    """E, A, B >= 0 for given exponents, by Lawson and Hanson's algorithm."""
    columns = np.column_stack([np.ones(len(N)), N**-alpha, D**-beta])
    root = np.sqrt(weights)
    coefficients, norm = nnls(columns * root[:, None], L * root)
    return coefficients, norm**2


def textbook(N, D, L, weights=None, start=None):
    """Variable projection: a 32 x 32 grid of non-negative least squares, then Nelder and Mead's simplex."""
    weights = np.ones(len(N)) if weights is None else weights

    def reduced(exponents):
        if min(exponents) <= 0:
            return np.inf
        return _linear(N, D, L, weights, *exponents)[1]

    best = min(itertools.product(GRID, GRID), key=reduced) if start is None else start[3:]
    end = minimize(reduced, best, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-16})
    return np.array([*_linear(N, D, L, weights, *end.x)[0], *end.x])


def textbook_with_gradient(N, D, L, weights=None, start=None):
    """The same grid, then L-BFGS-B with the gradient of the envelope theorem."""
    weights = np.ones(len(N)) if weights is None else weights
    logs_N, logs_D = np.log(N), np.log(D)

    def reduced(exponents):
        (E, A, B), rss = _linear(N, D, L, weights, *exponents)
        in_N, in_D = A * N ** -exponents[0], B * D ** -exponents[1]
        pull = 2 * weights * (L - E - in_N - in_D)
        return rss, np.array([pull @ (logs_N * in_N), pull @ (logs_D * in_D)])

    grid = itertools.product(GRID, GRID)
    best = min(grid, key=lambda x: _linear(N, D, L, weights, *x)[1]) if start is None else start[3:]
    scale = reduced(best)[0]
    end = minimize(
        lambda x: tuple(part / scale for part in reduced(x)),
        best,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.01, 2)] * 2,
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    return np.array([*_linear(N, D, L, weights, *end.x)[0], *end.x])


def hoffmann_starts():
    """The 4,500 starting points of Hoffmann et al. 2022: a, b, e, alpha, beta."""
    exponents = (0, 0.5, 1, 1.5, 2)
    amplitudes = (0, 5, 10, 15, 20, 25)
    return np.array(
        list(itertools.product(amplitudes, amplitudes, (-1, -0.5, 0, 0.5, 1), exponents, exponents)), float
    )


def five_logarithms(N, D, L, weights=None, start=None, starts=4500, delta=None, log=False):
    """Approach 3's search: L-BFGS-B over ln A, ln B, ln E, alpha, beta from the published starts.

    Of squares; of Huber's loss where ``delta`` is given, and of ln L with ``log``.
    """
    weights = np.ones(len(N)) if weights is None else weights
    logs_N, logs_D = np.log(N), np.log(D)

    def objective(x):
        a, b, e, alpha, beta = x
        in_N, in_D, floor = np.exp(a - alpha * logs_N), np.exp(b - beta * logs_D), np.exp(e)
        fitted = floor + in_N + in_D
        residual = np.log(fitted / L) if log else fitted - L
        if delta is None:
            value, pull = residual**2, 2 * residual
        else:
            size = np.abs(residual)
            value = np.where(size <= delta, residual**2 / 2, delta * (size - delta / 2))
            pull = np.clip(residual, -delta, delta)
        pull = weights * (pull / fitted if log else pull)
        gradient = [
            pull @ in_N,
            pull @ in_D,
            pull.sum() * floor,
            -pull @ (logs_N * in_N),
            -pull @ (logs_D * in_D),
        ]
        return weights @ value, np.array(gradient)

    if start is None:
        every = hoffmann_starts()
        points = every[np.linspace(0, len(every) - 1, starts).astype(int)]
    else:
        points = [np.array([*np.log(start[[1, 2, 0]]), *start[3:]])]
    with np.errstate(over="ignore", invalid="ignore"):
        ends = [minimize(objective, point, jac=True, method="L-BFGS-B") for point in points]
    a, b, e, alpha, beta = min(ends, key=lambda end: end.fun if np.isfinite(end.fun) else np.inf).x
    return np.array([np.exp(e), np.exp(a), np.exp(b), alpha, beta])


def five_by_least_squares(N, D, L, weights=None, start=None, starts=20):
    """``scipy.optimize.least_squares`` over ln A, ln B, E, alpha, beta from 20 random starts."""
    root = 1 if weights is None else np.sqrt(weights)
    logs_N, logs_D = np.log(N), np.log(D)

    def residuals(x):
        a, b, E, alpha, beta = x
        return root * (E + np.exp(a - alpha * logs_N) + np.exp(b - beta * logs_D) - L)

    def jacobian(x):
        a, b, _, alpha, beta = x
        in_N, in_D = root * np.exp(a - alpha * logs_N), root * np.exp(b - beta * logs_D)
        return np.column_stack([in_N, in_D, root * np.ones(len(L)), -logs_N * in_N, -logs_D * in_D])

    if start is None:
        rng = np.random.default_rng(0)
        exponents = rng.uniform(0.1, 0.9, (starts, 2))
        points = [
            (alpha * logs_N.mean(), beta * logs_D.mean(), L.min() / 2, alpha, beta)
            for alpha, beta in exponents
        ]
    else:
        points = [(np.log(start[1]), np.log(start[2]), start[0], *start[3:])]
    low, high = [-np.inf, -np.inf, 0, 0.01, 0.01], [np.inf, np.inf, np.inf, 2, 2]
    ends = [
        least_squares(
            residuals, np.clip(point, low, high), jacobian, (low, high), x_scale="jac", xtol=1e-12, ftol=1e-14
        )
        for point in points
    ]
    a, b, E, alpha, beta = min(ends, key=lambda end: end.cost).x
    return np.array([E, np.exp(a), np.exp(b), alpha, beta])
