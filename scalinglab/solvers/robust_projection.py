"""The best E, A, B >= 0 for given exponents under Huber's loss."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.mixtures import best_mixture
from scalinglab.solvers.objectives import Loss

#: Gap at which a problem counts as solved, relative to its objective.
DIGITS = 1e-12

#: A coefficient whose column adds less than this share of the losses is zero.
NOTHING = 1e-9

#: Numbers in the columns of the problems solved at once, at most.
NUMBERS = 1 << 19


def robust_fits(
    logs: CentredLogs, loss: Loss, exponents: FloatArray, weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    r"""Minimise :math:`\sum_i w_i\,\rho(L_i - E - A e^{-\alpha n_i} - B e^{-\beta d_i})` over E, A, B >= 0.

    Parameters
    ----------
    logs : CentredLogs
        The runs.
    loss : Huber
        The loss, in L.
    exponents : ndarray, shape (k, 2)
        Pairs alpha, beta.
    weights : ndarray, shape (n,), optional
        Weights of the runs; ones when absent.

    Returns
    -------
    c : ndarray, shape (k, 3)
        E, A, B at each pair.
    objective : ndarray, shape (k,)
        What they leave.
    """
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, loss, weights)
    size = max(1, NUMBERS // (3 * len(problem.L)))
    parts = [_fits(problem, exponents[k : k + size]) for k in range(0, len(exponents), size)]
    c, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return c, problem.unit * values


def _fits(problem: Problem, exponents: FloatArray) -> tuple[FloatArray, FloatArray]:
    X = np.ones((len(exponents), 3, len(problem.L)))
    np.exp(-exponents[:, :, None] * problem.logs, out=X[:, 1:])
    c, _ = best_mixture(problem, X, digits=DIGITS)
    length = np.sqrt((X * X) @ problem.w)
    c[c * length < NOTHING * np.sqrt(problem.L**2 @ problem.w)] = 0.0
    return c, problem.values(problem.L - (c[:, None] @ X)[:, 0])
