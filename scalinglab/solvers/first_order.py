"""First-order theory of a fit: how its parameters answer to each loss, and its answers to the parameters.

Parameters are the centred ones (E, ln A', ln B', alpha, beta), where A' and B' are the terms' sizes at the
geometric means of N and D: well-scaled whatever the units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs

#: Numbers of a surface that have a gradient by name.
STATISTICS = ("E", "ln A", "ln B", "A", "B", "alpha", "beta", "a", "b")


def first_order_response(
    logs: CentredLogs,
    A: FloatArray,
    B: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
) -> FloatArray:
    r"""Response of a least-squares fit to errors of the losses, to first order: a matrix H, in centred units.

    Losses that move by :math:`\varepsilon` move (E, A, B, alpha, beta) by :math:`H\varepsilon`.

    With linear columns :math:`X = [1, p, q]` and :math:`Z = [-A\,n p, -B\,d q]`, and
    :math:`\tilde Z = Z - XX^+Z`,

    .. math:: H_\theta = (\tilde Z^\top \tilde Z)^{-1} \tilde Z^\top, \qquad H_c = X^+ - X^+ Z H_\theta.

    Coefficients and exponents have any shape; the result has that shape and (5, n).
    """
    p = np.exp(np.multiply.outer(-alpha, logs.n))
    q = np.exp(np.multiply.outer(-beta, logs.d))
    X = np.stack([np.ones_like(p), p, q], axis=-1)
    size, data = -A[..., None] * logs.n * p, -B[..., None] * logs.d * q
    Z = np.stack([size, data], axis=-1)
    Q, R = np.linalg.qr(X)
    X_plus = np.linalg.solve(R, np.swapaxes(Q, -1, -2))
    Z_rest = Z - Q @ (np.swapaxes(Q, -1, -2) @ Z)
    Z_rest_T = np.swapaxes(Z_rest, -1, -2)
    H_theta = np.linalg.solve(Z_rest_T @ Z_rest, Z_rest_T)
    H_c = X_plus - (X_plus @ Z) @ H_theta
    return np.concatenate([H_c, H_theta], axis=-2)


def statistic_gradient(surface: LossSurface, logs: CentredLogs, name: str) -> FloatArray:
    r"""Derivative of one of ``STATISTICS`` in the centred parameters, shape (5,).

    From :math:`\ln A = \ln A' + \alpha \ln N_0`, the same for B, and
    :math:`a = \beta/(\alpha + \beta) = 1 - b`. Only the centre of ``logs`` is used. KeyError for other names.
    """
    s = surface
    square = (s.alpha + s.beta) ** 2
    log_A, log_B = [0, 1, 0, logs.log_N0, 0], [0, 0, 1, 0, logs.log_D0]
    gradients = {
        "E": [1, 0, 0, 0, 0],
        "ln A": log_A,
        "ln B": log_B,
        "A": [s.A * x for x in log_A],
        "B": [s.B * x for x in log_B],
        "alpha": [0, 0, 0, 1, 0],
        "beta": [0, 0, 0, 0, 1],
        "a": [0, 0, 0, -s.beta / square, s.alpha / square],
        "b": [0, 0, 0, s.beta / square, -s.alpha / square],
    }
    return np.array(gradients[name], float)


def log_size_gradient(surface: LossSurface, logs: CentredLogs, C: ArrayLike) -> FloatArray:
    r"""Derivative of :math:`\ln N^*(C)` in the centred parameters; that of :math:`\ln D^*` is its negative.

    From :math:`\ln N^* = [\ln(\alpha A) - \ln(\beta B) + \beta \ln(C/6)]/(\alpha + \beta)` with
    :math:`\ln A = \ln A' + \alpha \ln N_0`. Shape of C, then (5,).
    """
    s = surface
    size, tokens = np.log(s.N_opt(C)), np.log(s.D_opt(C))
    total = s.alpha + s.beta
    return np.stack(
        [
            np.zeros_like(size),
            np.full_like(size, 1 / total),
            np.full_like(size, -1 / total),
            (1 / s.alpha + logs.log_N0 - size) / total,
            (-1 / s.beta - logs.log_D0 + tokens) / total,
        ],
        axis=-1,
    )


def loss_gradient(surface: LossSurface, logs: CentredLogs, N: ArrayLike, D: ArrayLike) -> FloatArray:
    r"""Derivative of the loss at (N, D) in the centred parameters, shape of N and D, then (5,).

    With the terms :math:`P = A N^{-\alpha}`, :math:`R = B D^{-\beta}` and the logs :math:`n, d` of the runs'
    units, :math:`(1, P, R, -n P, -d R)`.
    """
    N, D = np.asarray(N, float), np.asarray(D, float)
    n, d = np.log(N) - logs.log_N0, np.log(D) - logs.log_D0
    size, data = surface.A * N**-surface.alpha, surface.B * D**-surface.beta
    columns: Any = np.broadcast_arrays(np.ones_like(n), size, data, -n * size, -d * data)
    return np.stack(columns, axis=-1)


def best_loss_gradient(surface: LossSurface, logs: CentredLogs, C: ArrayLike) -> FloatArray:
    r"""Derivative of :math:`L^*(C)`, the lowest loss at C FLOPs, in the centred parameters.

    Shape of C, then (5,). By the envelope theorem it is that of the loss at :math:`(N^*, D^*)` held fixed:
    in units centred at this target, :math:`(1, P, R, 0, 0)`.
    """
    return loss_gradient(surface, logs, surface.N_opt(C), surface.D_opt(C))
