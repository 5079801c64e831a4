"""The formulas of a parabola's vertex: as they stand, and as series where an exponent is next to zero."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

#: Where both exponents times the extent of the grid are below this, series: the formulas lose digits.
SMALL = 0.1

#: Where one of them is below this, underflow would take the rest.
SMALLEST = 1e-6


def direct_shift(alpha: Any, beta: Any, U: Any, u0: Any, points: int | None) -> Any:
    """Shift by the formulas of ``vertex_shift``."""
    p, q = beta * np.exp(-alpha * u0), alpha * np.exp(beta * u0)
    with np.errstate(divide="ignore", invalid="ignore"):  # where an exponent is next to zero, others answer
        if points is None:
            first = p * _i(1, alpha * U) - q * _i(1, beta * U)
            second = p * _i(2, alpha * U) + q * _i(2, beta * U)
            return u0 + U / 5 * first / second
        h = 2 * U / (points - 1)
        T_alpha, S_alpha, Q_alpha = _grid_sums(alpha * h / 2, points)
        T_beta, S_beta, Q_beta = _grid_sums(beta * h / 2, points)
        first = p * T_alpha * S_alpha - q * T_beta * S_beta
        second = p * T_alpha * Q_alpha + q * T_beta * Q_beta
        return u0 + h * (points**2 - 4) / 30 * first / second


def small_shift(alpha: Any, beta: Any, U: Any, u0: Any, points: int | None) -> Any:
    r"""The same shift where an exponent is next to zero and the formulas would cancel or underflow.

    First and second moment of :math:`e^{\lambda u}` are :math:`\lambda f` and :math:`\lambda^2 g` times
    their limits, so :math:`\delta = u_0 + (e^{-\alpha u_0} f_\alpha - e^{\beta u_0} f_\beta) /
    (\alpha e^{-\alpha u_0} g_\alpha + \beta e^{\beta u_0} g_\beta)`. With f = 1 + y^2 F, g = 1 + y^2 G and
    e^t(1 - t) = 1 + t^2 m the ones cancel by hand; what is left is a difference of the exponents alone.
    """
    scale = np.maximum(alpha, beta)
    a, b, x, z = alpha / scale, beta / scale, alpha * u0, beta * u0
    E_alpha, E_beta = np.exp(-x), np.exp(z)
    F_alpha, G_alpha = _bends(alpha * U, points)
    F_beta, G_beta = _bends(beta * U, points)
    top = a**2 * (u0**2 * _m(-x) + U**2 * E_alpha * (F_alpha + x * G_alpha))
    top -= b**2 * (u0**2 * _m(z) + U**2 * E_beta * (F_beta - z * G_beta))
    bottom = a * E_alpha * (1 + (alpha * U) ** 2 * G_alpha) + b * E_beta * (1 + (beta * U) ** 2 * G_beta)
    return scale * top / bottom


def _bends(y: Any, points: int | None) -> tuple[Any, Any]:
    r"""F and G of ``small_shift``: series below SMALL, the formulas above."""
    k = np.arange(1, 8)
    M = 1 / (2 * k + 1) if points is None else np.mean(np.linspace(-1, 1, points) ** (2 * k[:, None]), axis=1)
    low, high = np.minimum(y, SMALL), np.maximum(y, SMALL)
    F = sum(M[j] * low ** (2 * j - 2) / factorial(2 * j + 1) for j in range(1, 6)) / M[0]
    spread = (M[1] - M[0] ** 2) / 2
    rises = [(M[j + 1] - M[0] * M[j]) / factorial(2 * j + 2) for j in range(1, 6)]
    G = sum(rise * low ** (2 * j) for j, rise in enumerate(rises)) / spread
    if points is None:
        f, g = 3 * _i(1, high) / high, 15 * _i(2, high) / high**2
    else:
        n, x = points, high / (points - 1)
        T, S, Q = _grid_sums(x, n)
        f, g = T * S / (n * (n**2 - 1) * x / 3), T * Q / (n * x**2 * (n**2 - 1) * (n**2 - 4) / 45)
    return np.where(y < SMALL, F, (f - 1) / high**2), np.where(y < SMALL, G, (g - 1) / high**2)


def _m(t: Any) -> Any:
    r""":math:`(e^t (1 - t) - 1)/t^2`."""
    low, high = np.clip(t, -SMALL, SMALL), np.where(np.abs(t) < SMALL, 1.0, t)
    series = -sum((k - 1) * low ** (k - 2) / factorial(k) for k in range(2, 12))
    return np.where(np.abs(t) < SMALL, series, (np.exp(high) * (1 - high) - 1) / high**2)


def _i(order: int, y: Any) -> Any:
    """Modified spherical Bessel function of the first kind."""
    from scipy.special import spherical_in

    return spherical_in(order, y)


def _grid_sums(x: Any, n: int) -> tuple[Any, Any, Any]:
    """T, S and Q of ``vertex_shift`` for half spacings x = lambda h / 2."""
    both = np.stack([n * x, x])
    zeroth = _i(0, both)
    (langevin_n, langevin), (second_n, second) = _i(1, both) / zeroth, _i(2, both) / (3 * zeroth)
    T = np.sinh(n * x) / np.sinh(x)
    S = n * langevin_n - langevin
    Q = n**2 * second_n - second - langevin * S
    return T, S, Q
