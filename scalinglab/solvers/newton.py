r"""From a good start to the optimum, to the last digit: Newton's method on all five parameters.

Works for every loss and on either scale. Residuals are computed from the runs themselves, never from
squared sums, so the answer is as good as the losses' own rounding allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, blocks
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.objectives import Loss, residuals
from scalinglab.solvers.projection import PRODUCT

#: Steps after which the pace of a polish is judged; a share of the objective that is next to nothing.
PACE, STANDSTILL = 10, 1e-7

#: Share of what a constant would leave below which steps that creep are not worth while.
NOTHING = 1e-13

_LOW = np.array([0.0, 0.0, 0.0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]])

_HIGH = np.array([np.inf, np.inf, np.inf, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])

_TINY = np.finfo(float).tiny

_IDENTITY = np.eye(5)


class Optimum(NamedTuple):
    """Parameters (E, A, B, alpha, beta) in centred units and the objective there.

    ``arrived`` says that the steps converged, or that none goes lower; ``settled`` that they converged and
    no parameter stands at a bound.
    """

    theta: FloatArray
    objective: float
    settled: bool
    arrived: bool


@np.errstate(divide="ignore", invalid="ignore")  # a trial may lie where the model, and its log, vanish
def newton(
    logs: CentredLogs, loss: Loss, start: FloatArray, iterations: int = 400, rival: float = np.inf
) -> Optimum:
    r"""Minimise :math:`\sum_i \rho(r_i)` over E, A, B >= 0 and exponents in their range, from ``start``.

    The Newton matrix is exact, second derivatives of the model included. Where it is not positive definite
    it is blended with the matrix of a reweighted least-squares step, which is. A step that would leave
    the bounds is shortened to the first it meets, and halved until the objective falls.

    Parameters
    ----------
    logs : CentredLogs
        The runs.
    loss : Squared or Huber
        What to minimise.
    start : ndarray, shape (5,)
        E, A, B, alpha, beta in centred units.
    iterations : int
        Most steps taken.
    rival : float
        An objective already reached elsewhere. Above it, steps that creep end early: where, at their pace,
        all that are left would not reach it, or where they gain next to nothing.

    Returns
    -------
    scalinglab.solvers.newton.Optimum
    """
    theta = _inside(start)
    here = _expand(logs, loss, theta)
    floor = _floor(logs, loss)
    before = np.inf
    for k in range(iterations):
        value, gradient, newton, majorant = here
        if k % PACE == 0:
            gained, before = before - value, value
            if gained <= 1e-13 * value + floor or (k >= 2 * PACE and value <= NOTHING * _scatter(logs, loss)):
                return Optimum(theta, value, settled=False, arrived=True)
            if value > rival and gained < max((value - rival) * PACE / (iterations - k), STANDSTILL * value):
                break
        step, convex = _step(theta, gradient, newton, majorant)
        slope = float(gradient @ step)
        # where the Hessian is not positive a small step may lie on a ridge or in a flat valley
        if -slope <= (1e-9 * value if convex else 1e-15 * value) + floor:
            # convergence is quadratic: what this step leaves is beyond the rounding of the objective
            end = _inside(theta + step)
            last = _value(logs, loss, end)
            if last <= value + 1e-12 * value + floor:
                return Optimum(end, last, bool(((end > _LOW) & (end < _HIGH)).all()), arrived=True)
        trial = _inside(theta + step)
        there = _expand(logs, loss, trial)
        if not there[0] <= value + 1e-4 * slope:
            size = _shortened(logs, loss, theta, step, value, slope, there[0])
            if not size:
                return Optimum(theta, value, settled=False, arrived=True)
            trial = _inside(theta + size * step)
            there = _expand(logs, loss, trial)
        theta, here = trial, there
    return Optimum(theta, here[0], settled=False, arrived=False)


def _shortened(
    logs: CentredLogs,
    loss: Loss,
    theta: FloatArray,
    step: FloatArray,
    value: float,
    slope: float,
    ahead: float,
) -> float:
    """Share of a step after which the objective is low enough; zero if none is.

    ``ahead`` is the objective after the whole step. A share that does not do gives way to the minimum of the
    parabola through what is known, a tenth of it at least and half of it at most.
    """
    size = 1.0
    while size >= 1e-12:
        excess = ahead - value - slope * size
        size *= min(max(-slope * size / (2 * excess), 0.1), 0.5) if 0 < excess < np.inf else 0.1
        ahead = _value(logs, loss, _inside(theta + size * step))
        if ahead <= value + 1e-4 * size * slope:
            return size
    return 0.0


def _inside(theta: FloatArray) -> FloatArray:
    """The nearest parameters that keep the bounds."""
    return np.asarray(np.minimum(np.maximum(theta, _LOW), _HIGH))


def _floor(logs: CentredLogs, loss: Loss) -> float:
    """What residuals of a few units in the last place add up to: nothing below can be told apart."""
    unit = 4 * np.finfo(float).eps
    if loss.log:
        return len(logs.n) * float(loss.rho(np.array(unit)))
    return sum(float(loss.rho(unit * np.abs(logs.L[rows])).sum()) for rows in blocks(len(logs.n)))


def _scatter(logs: CentredLogs, loss: Loss) -> float:
    """What the mean of the losses leaves."""
    mean = float(logs.L.mean())
    parts = (logs.L[rows] for rows in blocks(len(logs.n)))
    return sum(float(loss.rho(residuals(loss, mean, part)).sum()) for part in parts)


def _value(logs: CentredLogs, loss: Loss, theta: FloatArray) -> float:
    """Objective alone."""
    parts = ((logs.fitted(theta, rows), logs.L[rows]) for rows in blocks(len(logs.n), PRODUCT))
    return sum(float(loss.rho(residuals(loss, fitted, L)).sum()) for fitted, L in parts)


def _expand(
    logs: CentredLogs, loss: Loss, theta: FloatArray
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Objective, gradient (5,), Hessian (5, 5) and the reweighted least-squares matrix (5, 5)."""
    E, A, B, alpha, beta = theta
    value, slopes = 0.0, np.zeros(7)
    majorant, bent = np.zeros((5, 5)), np.zeros((5, 5))
    for rows in blocks(len(logs.n), PRODUCT):
        n, d = logs.n[rows], logs.d[rows]
        # f by (E, A, B); by the exponents, once and twice, without the amplitudes
        X = np.empty((7, len(n)))
        X[0] = 1
        p, q = np.exp(-alpha * n, out=X[1]), np.exp(-beta * d, out=X[2])
        f = E + A * p + B * q
        np.multiply(n, np.multiply(n, p, out=X[3]), out=X[5])
        np.multiply(d, np.multiply(d, q, out=X[4]), out=X[6])
        r = residuals(loss, f, logs.L[rows])
        if loss.log:
            X /= f
        weight = loss.weight(r)
        psi = weight * r
        value += float(loss.rho(r).sum())
        slopes += X @ psi
        majorant += (X[:5] * weight) @ X[:5].T
        if loss.log or loss.knot < np.inf:
            bend = loss.curvature(r) - weight
            if loss.log:  # r = log f - log L: dr = df/f, d²r = d²f/f - df df/f²
                bend -= psi
            bent += (X[:5] * bend) @ X[:5].T
    amplitudes = np.array([1, 1, 1, -A, -B])
    outer = amplitudes[:, None] * amplitudes
    majorant *= outer
    hessian = majorant + bent * outer
    # second derivatives of f: (A, alpha), (B, beta), (alpha, alpha), (beta, beta)
    for k, amplitude in ((1, A), (2, B)):
        hessian[k, 2 + k] -= slopes[2 + k]
        hessian[2 + k, k] -= slopes[2 + k]
        hessian[2 + k, 2 + k] += amplitude * slopes[4 + k]
    return value, slopes[:5] * amplitudes, hessian, majorant


def _step(
    theta: FloatArray, gradient: FloatArray, newton: FloatArray, majorant: FloatArray
) -> tuple[FloatArray, bool]:
    """Solve for a downhill step of the free parameters that stops at the first bound it meets.

    Says also whether the Hessian of the free parameters is positive definite.
    """
    at_low, at_high = theta <= _LOW, theta >= _HIGH
    held = (at_low & (gradient >= 0)) | (at_high & (gradient <= 0))
    # a term that is absent has no exponent to improve
    held[3:] |= theta[1:3] == 0
    while True:
        step, convex = _free_step(~held, gradient, newton, majorant)
        end = theta + step
        if ((end > _LOW) & (end < _HIGH)).all():
            return step, convex
        # a parameter at its bound that the coupled step would push across it stays there
        outward = (at_low & (step < 0)) | (at_high & (step > 0))
        if not outward.any():
            break
        held |= outward
    # clipping one parameter alone may turn a descent into an ascent: shorten the whole step instead
    beyond = (end < _LOW) | (end > _HIGH)
    if beyond.any():
        bound = np.where(step < 0, _LOW, _HIGH)
        room = np.divide(bound - theta, step, out=np.ones(5), where=beyond)
        first = int(np.argmin(room))
        step *= room[first]
        step[first] = bound[first] - theta[first]
    return step, convex


def _free_step(
    free: NDArray[np.bool_], gradient: FloatArray, newton: FloatArray, majorant: FloatArray
) -> tuple[FloatArray, bool]:
    """Newton step of the free parameters, the Hessian blended with the majorant until it is positive."""
    # in units in which the diagonal of the majorant is one; held parameters have no slope, no coupling
    scale = free / np.sqrt(np.maximum(majorant.diagonal(), _TINY))
    units, rest = scale[:, None] * scale, _IDENTITY * ~free
    for share in (0.0, 0.01, 0.1, 0.5, 1.0):
        blend = (newton + share * (majorant - newton)) * units + rest
        try:
            np.linalg.cholesky(blend)
            return np.linalg.solve(blend, -gradient * scale) * scale, share == 0
        except np.linalg.LinAlgError:
            continue
    return -gradient * scale**2, False  # steepest descent, should the majorant itself be singular
