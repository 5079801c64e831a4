"""First-order theory of a least-squares fit: how its parameters answer to each loss."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import CentredLogs


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
