"""From a good start to the optimum of any law and any loss: damped Newton steps in all parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.objectives import Loss, residuals
from scalinglab.solvers.separable import LONGEST_STEP, Separable

#: Steps, at most, and how many in a row may lower nothing.
MOST_STEPS, MOST_IDLE = 600, 12


class Refined(NamedTuple):
    """Coefficients, search coordinates, and the objective there."""

    c: FloatArray
    u: FloatArray
    objective: float


def tangents(
    model: Separable, y: FloatArray, loss: Loss, c: FloatArray, u: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Residuals, predicted minus observed (n,), and their derivatives in c and u, shape (K + p, n)."""
    at = model.evaluate(u[None])
    fitted = c @ at.Phi[0] + (0.0 if at.offset is None else at.offset[0])
    J = np.concatenate([at.Phi[0], at.moved(c[None], len(u))[0]])
    r = residuals(loss, fitted, y)
    return r, J / fitted if loss.log else J


@np.errstate(all="ignore")  # a trial may lie where the law, or its logarithm, does not exist
def refine(
    model: Separable,
    y: FloatArray,
    loss: Loss,
    c: FloatArray,
    u: FloatArray,
    free: NDArray[np.bool_],
    held: NDArray[np.bool_] | None = None,
) -> Refined:
    """Minimise the sum of ``loss.rho`` over coefficients and search coordinates, from a good start.

    The factor of a QR decomposition stands for the curvature, in units in which each column has length one;
    the gradient is that of the residuals themselves, so the end is as good as their rounding allows.
    ``held`` marks coordinates that stay.
    """
    K = len(c)
    low = np.concatenate([np.where(free, -np.inf, 0.0), model.low])
    high = np.concatenate([np.full(K, np.inf), model.high])
    fixed = np.zeros(len(low), bool) if held is None else np.concatenate([np.zeros(K, bool), held])
    x = np.clip(np.concatenate([c, u]), low, high)
    r, J = tangents(model, y, loss, x[:K], x[K:])
    best = float(loss.rho(r).sum())
    damping, weighted, idle = 1e-6, False, 0
    floor = len(y) * float(loss.rho(np.array(4 * np.finfo(float).eps * np.abs(y).max())))
    for _ in range(MOST_STEPS):
        gradient = J @ loss.psi(r)
        bend = loss.weight(r) if weighted else loss.curvature(r)
        stays = fixed | ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        moving = np.flatnonzero(~stays)
        step = np.zeros_like(x)
        step[moving] = _newton(J[moving], bend, gradient[moving], damping)
        longest = np.abs(step[K:]).max(initial=LONGEST_STEP)
        trial = np.clip(x + step * (LONGEST_STEP / longest), low, high)
        r_new, J_new = tangents(model, y, loss, trial[:K], trial[K:])
        value = float(loss.rho(r_new).sum())
        promised = -float(gradient[moving] @ step[moving])
        rounding = 1e-15 * best + floor / 4
        idle = 0 if best - value > rounding else idle + 1
        if idle > MOST_IDLE:
            break
        if value <= best + 1e-13 * best + floor:
            gained = best - value
            x, r, J, best = trial, r_new, J_new, min(value, best)
            if max(gained, promised) <= rounding:
                break
            damping, weighted = max(damping / 10, 1e-14), False
        elif promised <= rounding or damping > 1e6:
            break
        else:
            damping, weighted = max(damping * 10, 1e-8), True
    return Refined(x[:K], x[K:], best)


def _newton(J: FloatArray, bend: FloatArray, gradient: FloatArray, damping: float) -> FloatArray:
    """Damped step from the QR factor of the weighted columns."""
    scaled = J * np.sqrt(np.maximum(bend, 0.0))
    size = np.sqrt(np.einsum("mn,mn->m", J, J) * max(float(bend.max(initial=0)), 1e-300))
    size = np.where((size > 0) & np.isfinite(size), size, 1.0)
    tall = np.concatenate([(scaled / size[:, None]).T, np.sqrt(damping) * np.eye(len(size))])
    if not np.isfinite(tall).all():
        return np.zeros_like(gradient)
    T: FloatArray = np.asarray(np.linalg.qr(tall, mode="r"))
    try:
        return np.asarray(np.linalg.solve(T, np.linalg.solve(T.T, -gradient / size)) / size)
    except np.linalg.LinAlgError:
        return np.asarray(-gradient / size**2)
