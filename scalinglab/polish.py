r"""From a good start to the optimum, to the last digit: Newton's method on all five parameters.

Works for every loss and on either scale. Residuals are computed from the runs themselves, never from
squared sums, so the answer is as good as the losses' own rounding allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalinglab.fits import EXPONENT_RANGE
from scalinglab.logs import Logs
from scalinglab.losses import Loss, residuals
from scalinglab.projection import PRODUCT
from scalinglab.runs import blocks
from scalinglab.surface import FloatArray

_LOW = np.array([0.0, 0.0, 0.0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]])
_HIGH = np.array([np.inf, np.inf, np.inf, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])


class Optimum(NamedTuple):
    """Parameters (E, A, B, alpha, beta) in centred units and the objective there."""

    theta: FloatArray
    objective: float


def polish(logs: Logs, loss: Loss, start: FloatArray, iterations: int = 100) -> Optimum:
    r"""Minimise :math:`\sum_i \rho(r_i)` over E, A, B >= 0 and exponents in their range, from ``start``.

    The Newton matrix is exact, second derivatives of the model included. Where it is not positive definite
    it is blended with the matrix of a reweighted least-squares step, which is. A step that would leave
    the bounds is shortened to the first it meets, and halved until the objective falls.

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
    floor = _floor(logs, loss)
    last_steps = 2
    for _ in range(iterations):
        step = _step(theta, gradient, newton, majorant)
        slope = float(gradient @ step)
        # near the optimum the gain drowns in the rounding of the objective, but the step is still good
        converged = bool(-slope <= 1e-12 * value + floor)
        trial = np.clip(theta + step, _LOW, _HIGH)
        size = 1.0
        while not converged and _value(logs, loss, trial) > value + 1e-4 * size * slope:
            size /= 2
            if size < 1e-12:
                return Optimum(theta, value)
            trial = np.clip(theta + size * step, _LOW, _HIGH)
        theta = trial
        last_steps -= converged
        if not last_steps:
            break
        value, gradient, newton, majorant = _expand(logs, loss, theta)
    return Optimum(theta, _value(logs, loss, theta))


def _floor(logs: Logs, loss: Loss) -> float:
    """What residuals of a few units in the last place add up to: nothing below can be told apart."""
    unit = 4 * np.finfo(float).eps
    if loss.log:
        return len(logs.n) * float(loss.rho(np.array(unit)))
    return sum(float(loss.rho(unit * np.abs(logs.L[rows])).sum()) for rows in blocks(len(logs.n)))


def _value(logs: Logs, loss: Loss, theta: FloatArray) -> float:
    """Objective alone."""
    E, A, B, alpha, beta = theta
    total = 0.0
    for rows in blocks(len(logs.n), PRODUCT):
        f = E + A * np.exp(-alpha * logs.n[rows]) + B * np.exp(-beta * logs.d[rows])
        with np.errstate(divide="ignore"):
            total += float(loss.rho(residuals(loss, f, logs.L[rows])).sum())
    return total


def _expand(logs: Logs, loss: Loss, theta: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Objective, gradient (5,), Hessian (5, 5) and the reweighted least-squares matrix (5, 5)."""
    E, A, B, alpha, beta = theta
    value = 0.0
    gram, bent, second = np.zeros((6, 6)), np.zeros((5, 5)), np.zeros((2, 2))
    for rows in blocks(len(logs.n), PRODUCT):
        n, d = logs.n[rows], logs.d[rows]
        p, q = np.exp(-alpha * n), np.exp(-beta * d)
        f = E + A * p + B * q
        r = residuals(loss, f, logs.L[rows])
        n_p, d_q = n * p, d * q
        # the Jacobian, and below it the residuals
        X = np.stack([np.ones_like(p), p, q, -A * n_p, -B * d_q, r])
        weight, psi, bend = loss.weight(r), loss.psi(r), loss.curvature(r)
        slope = psi
        if loss.log:  # r = log f - log L: dr = df/f, d²r = d²f/f - df df/f²
            X[:5] /= f
            bend = bend - psi
            slope = psi / f
        value += float(loss.rho(r).sum())
        gram += (X * weight) @ X.T
        bend -= weight
        if bend.any():
            bent += (X[:5] * bend) @ X[:5].T
        second += [[slope @ n_p, slope @ (n * n_p)], [slope @ d_q, slope @ (d * d_q)]]
    majorant, gradient = gram[:5, :5], gram[:5, 5]
    hessian = majorant + bent
    # second derivatives of f: (A, alpha), (B, beta), (alpha, alpha), (beta, beta)
    for k, amplitude in ((0, A), (1, B)):
        hessian[1 + k, 3 + k] -= second[k, 0]
        hessian[3 + k, 1 + k] -= second[k, 0]
        hessian[3 + k, 3 + k] += amplitude * second[k, 1]
    return value, gradient, hessian, majorant


def _step(theta: FloatArray, gradient: FloatArray, newton: FloatArray, majorant: FloatArray) -> FloatArray:
    """Solve for a downhill step of the free parameters that stops at the first bound it meets."""
    held = ((theta <= _LOW) & (gradient >= 0)) | ((theta >= _HIGH) & (gradient <= 0))
    # a term that is absent has no exponent to improve
    held |= np.array([False, False, False, theta[1] == 0, theta[2] == 0])
    while True:
        free = np.flatnonzero(~held)
        square = np.ix_(free, free)
        scale = 1 / np.sqrt(np.maximum(np.diag(majorant)[free], np.finfo(float).tiny))
        matrix: FloatArray = np.eye(len(free))  # steepest descent, should the majorant itself be singular
        for share in (0.0, 0.01, 0.1, 0.5, 1.0):
            blend = ((1 - share) * newton[square] + share * majorant[square]) * scale[:, None] * scale
            try:
                np.linalg.cholesky(blend)
            except np.linalg.LinAlgError:
                continue
            matrix = blend
            break
        step = np.zeros(5)
        step[free] = np.linalg.solve(matrix, -gradient[free] * scale) * scale
        # a parameter at its bound that the coupled step would push across it stays there
        outward = ((theta <= _LOW) & (step < 0)) | ((theta >= _HIGH) & (step > 0))
        if not outward.any():
            break
        held |= outward
    # clipping one parameter alone may turn a descent into an ascent: shorten the whole step instead
    bound = np.where(step < 0, _LOW, _HIGH)
    room = np.full(5, np.inf)
    moving = step != 0
    room[moving] = (bound - theta)[moving] / step[moving]
    first = int(np.argmin(room))
    if room[first] < 1:
        step *= room[first]
        step[first] = bound[first] - theta[first]
    return step
