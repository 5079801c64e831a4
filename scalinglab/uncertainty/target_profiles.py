r"""Profiles of what a surface recommends at a budget: the best N, the best D, the lowest loss.

Seen from the target :math:`(N^*, D^*)` of the budget, :math:`6 N^* D^* = C`, where the slopes of both terms
cancel, the surface is

.. math:: L(N, D) = E + K w, \qquad w = \beta\,(N/N^*)^{-\alpha} + \alpha\,(D/D^*)^{-\beta}, \qquad
          L^* = E + K(\alpha + \beta).

So an answer at a budget is a parameter of the law, and to profile it is to hold it. E and K follow in closed
form, not negative; the search is over both exponents, and over :math:`\ln N^*` too where the loss is held.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from scalinglab._arrays import FloatArray, overflow_is_refused
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs

AtTarget = Literal["N_opt", "D_opt", "L_opt"]

#: Steps of a search, at most; it has arrived when a step changes every parameter by less than this.
STEPS, ARRIVED = 100, 1e-8


class HeldAnswer:
    """Least squares over the surfaces that give one answer at a budget.

    Parameters
    ----------
    logs : CentredLogs
        The runs.
    C : float
        The budget in FLOPs.
    statistic : {"N_opt", "D_opt", "L_opt"}
        What is held, of N and D its log.
    """

    def __init__(self, logs: CentredLogs, C: float, statistic: AtTarget) -> None:
        self.n, self.d, self.L = logs.n + logs.log_N0, logs.d + logs.log_D0, logs.L
        self.log_product = float(np.log(C / FLOPS_PER_PARAMETER_TOKEN))
        self.statistic = statistic

    def start(self, surface: LossSurface) -> FloatArray:
        """Exponents and ln N* of a surface at the budget, shape (3,)."""
        C = FLOPS_PER_PARAMETER_TOKEN * np.exp(self.log_product)
        return np.array([surface.alpha, surface.beta, np.log(surface.N_opt(C))])

    def lowest(self, value: float, start: FloatArray) -> tuple[float, FloatArray]:
        r"""Lowest sum of squares with the answer at this value, and :math:`(\alpha, \beta, \ln N^*)` there.

        Levenberg-Marquardt steps with Kaufman's Jacobian, from parameters near the answer.
        """
        loss = value if self.statistic == "L_opt" else None
        x, moving = np.array(start, float), np.array([True, True, loss is not None])
        if loss is None:
            x[2] = value if self.statistic == "N_opt" else self.log_product - value
        low, high = EXPONENT_RANGE
        least, most = np.array([low, low, -np.inf]), np.array([high, high, np.inf])
        rss, slope, matrix = self._expand(x, loss)
        damping = 1e-3
        for _ in range(STEPS):
            held = ~moving | ((x <= least) & (slope > 0)) | ((x >= most) & (slope < 0))
            scale = np.where(held, 0.0, 1 / np.sqrt(matrix.diagonal() + np.finfo(float).tiny))
            system = matrix * scale[:, None] * scale + np.diag(held + damping)
            step = -np.linalg.solve(system, slope * scale) * scale
            step *= min(1.0, 1.0 / np.abs(step).max(initial=1e-300))
            trial = np.clip(x + step, least, most)
            value_there, *there = self._expand(trial, loss)
            moved = float(np.abs(trial - x).max())
            if value_there <= rss:
                x, rss, (slope, matrix) = trial, value_there, there
                damping = max(damping / 10, 1e-12)
            else:
                damping = max(10 * damping, 1e-6)
            if moved < ARRIVED or damping > 1e10:
                break
        return rss, x

    @overflow_is_refused
    def _expand(self, x: FloatArray, loss: float | None) -> tuple[float, FloatArray, FloatArray]:
        """Sum of squares at the best E and K, half its gradient (3,) and the matrix of a step (3, 3)."""
        alpha, beta, size = x
        u, v = self.n - size, self.d - (self.log_product - size)
        p, q = np.exp(-alpha * u), np.exp(-beta * v)
        in_N, in_D = beta * p, alpha * q
        J = np.stack([q - u * in_N, p - v * in_D, alpha * in_N - beta * in_D])
        if loss is None:
            w, y = in_N + in_D, self.L
            centred = w - w.mean()
            K = max(float(centred @ y) / float(centred @ centred), 0.0)
            if K * w.mean() > y.mean():  # E at zero
                K, used = float(w @ y) / float(w @ w), [w]
                r = K * w - y
            else:
                used = [centred, np.ones_like(w)]
                r = y.mean() - y + K * centred
        else:  # L - L* = K (w - alpha - beta), and E = L* - K (alpha + beta) is not negative
            w, y = in_N + in_D - (alpha + beta), self.L - loss
            J[:2] -= 1
            free = max(float(w @ y) / float(w @ w), 0.0)
            K = min(free, loss / (alpha + beta))
            used = [w]
            if free > K:  # E at zero: K follows the exponents
                J[:2] -= w / (alpha + beta)
                used = []
            r = K * w - y
        for column in used:
            J = J - np.outer(J @ column / (column @ column), column)
        J *= K
        rss = float(r @ r)
        slope, matrix = J @ r, J @ J.T
        return rss if np.isfinite(rss) and np.isfinite(matrix).all() else np.inf, slope, matrix
