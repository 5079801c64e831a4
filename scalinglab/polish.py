r"""From a good start to the optimum, to the last digit: Newton's method on all five parameters.

Works for every loss and on either scale. Residuals are computed from the runs themselves, never from
squared sums, so the answer is as good as the losses' own rounding allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalinglab.fits import EXPONENT_RANGE
from scalinglab.losses import Loss, residuals
from scalinglab.projection import BLOCK, Logs
from scalinglab.surface import FloatArray

_LOW = np.array([0.0, 0.0, 0.0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]])
_HIGH = np.array([np.inf, np.inf, np.inf, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])


class Optimum(NamedTuple):
    """Parameters (E, A, B, alpha, beta) in centred units and the objective there."""

    theta: FloatArray
    objective: float


def polish(logs: Logs, loss: Loss, start: FloatArray, iterations: int = 100) -> Optimum:
    r"""Minimise :math:`\sum_i \rho(r_i)` over E, A, B >= 0 and exponents in their range, from ``start``.

    The Newton matrix is exact, second derivatives of the model included. When it points uphill, or a
    step fails, it is blended with the matrix of a reweighted least-squares step, which always points
    down.

    Parameters
    ----------
    logs : Logs
        The runs.
    loss : Squared or Huber
        What to minimise.
    start : ndarray, shape (5,)
        E, A, B, alpha, beta in centred units.
    iterations : int
        Most steps taken.

    Returns
    -------
    Optimum
    """
    theta = np.clip(start, _LOW, _HIGH)
    value, gradient, newton, majorant = _expand(logs, loss, theta)
    damping = 0.0
    last_steps = 2
    for _ in range(iterations):
        step = _step(theta, gradient, newton, majorant, damping)
        if step is not None:
            trial = np.clip(theta + step, _LOW, _HIGH)
            # near the optimum the gain drowns in the rounding of the objective, but the step is still good
            converged = damping == 0 and bool(-gradient @ step <= 1e-12 * value)
            if converged or _value(logs, loss, trial) < value:
                theta = trial
                value, gradient, newton, majorant = _expand(logs, loss, theta)
                damping = damping / 10 if damping > 1e-8 else 0.0
                last_steps -= converged
                if not last_steps:
                    break
                continue
            if np.all(np.abs(trial - theta) <= 1e-14 * np.abs(theta)):
                break
        damping = max(10 * damping, 1e-4)
        if damping > 1e8:
            break
    return Optimum(theta, value)


def _value(logs: Logs, loss: Loss, theta: FloatArray) -> float:
    """Objective alone."""
    E, A, B, alpha, beta = theta
    total = 0.0
    for rows in _blocks(len(logs.n)):
        f = E + A * np.exp(-alpha * logs.n[rows]) + B * np.exp(-beta * logs.d[rows])
        with np.errstate(divide="ignore"):
            total += float(loss.rho(residuals(loss, f, logs.L[rows])).sum())
    return total


def _expand(logs: Logs, loss: Loss, theta: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Objective, gradient (5,), Hessian (5, 5) and the reweighted least-squares matrix (5, 5)."""
    E, A, B, alpha, beta = theta
    value = 0.0
    gradient, hessian, majorant = np.zeros(5), np.zeros((5, 5)), np.zeros((5, 5))
    for rows in _blocks(len(logs.n)):
        n, d = logs.n[rows], logs.d[rows]
        p, q = np.exp(-alpha * n), np.exp(-beta * d)
        f = E + A * p + B * q
        r = residuals(loss, f, logs.L[rows])
        J = np.stack([np.ones_like(p), p, q, -A * n * p, -B * d * q])
        psi, bend = loss.psi(r), loss.curvature(r)
        if loss.log:  # r = log f - log L: dr = df/f, d²r = d²f/f - df df/f²
            J /= f
            bend = bend - psi
            slope = psi / f
        else:
            slope = psi
        value += float(loss.rho(r).sum())
        gradient += J @ psi
        hessian += (J * bend) @ J.T
        majorant += (J * loss.weight(r)) @ J.T
        # second derivatives of f: (A, alpha), (B, beta), (alpha, alpha), (beta, beta)
        second = -float(slope @ (n * p)), -float(slope @ (d * q))
        hessian[1, 3] += second[0]
        hessian[3, 1] += second[0]
        hessian[2, 4] += second[1]
        hessian[4, 2] += second[1]
        hessian[3, 3] += A * float(slope @ (n * n * p))
        hessian[4, 4] += B * float(slope @ (d * d * q))
    return value, gradient, hessian, majorant


def _step(
    theta: FloatArray,
    gradient: FloatArray,
    newton: FloatArray,
    majorant: FloatArray,
    damping: float,
) -> FloatArray | None:
    """Solve for a step of the free parameters; None if the matrix is not positive definite."""
    held = ((theta <= _LOW) & (gradient >= 0)) | ((theta >= _HIGH) & (gradient <= 0))
    # a term that is absent has no exponent to improve
    held |= np.array([False, False, False, theta[1] == 0, theta[2] == 0])
    free = np.flatnonzero(~held)
    matrix = (newton + damping * majorant)[np.ix_(free, free)]
    scale = 1 / np.sqrt(np.maximum(np.diag(majorant)[free], np.finfo(float).tiny))
    scaled = matrix * scale[:, None] * scale
    try:
        factor = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        return None
    half = np.linalg.solve(factor, -gradient[free] * scale)
    step = np.zeros(5)
    step[free] = np.linalg.solve(factor.T, half) * scale
    return step


def _blocks(runs: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, runs, BLOCK)]
