r"""Levenberg-Marquardt steps in the two exponents, with the best E, A, B for each pair.

Many searches run at once, over a leading axis: starting points, bootstrap draws with their weights,
simulated studies with their losses, points of a profile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.projection import BLOCK, Linear, Moments, moments

#: What gives the moments of runs, weights and pairs of exponents; about the means of all runs, or of groups.
MomentsOf = Callable[[CentredLogs, FloatArray | None, FloatArray, FloatArray], Moments]


class Descent(NamedTuple):
    """Where each replicate's search ended; every field has shape (R,)."""

    alpha: FloatArray
    beta: FloatArray
    E: FloatArray
    A: FloatArray
    B: FloatArray
    rss: FloatArray


def levenberg_marquardt(
    logs: CentredLogs,
    alpha: FloatArray,
    beta: FloatArray,
    weights: FloatArray | None = None,
    along: FloatArray | None = None,
    iterations: int = 60,
    tolerance: float = 1e-9,
    moments_of: MomentsOf | None = None,
) -> Descent:
    r"""Minimise the reduced residual sum of squares from R starting pairs of exponents at once.

    Levenberg-Marquardt with Kaufman's Jacobian :cite:p:`kaufman1975`: the derivative of the fitted
    values with respect to an exponent, :math:`-A\,n\,p` or :math:`-B\,d\,q`, less its projection on the
    columns in use. The gradient is exact by the envelope theorem: at the optimal E, A, B only the
    explicit dependence on the exponents counts.

    Parameters
    ----------
    logs : CentredLogs
        The runs; ``L`` of shape (n,), or (R, n) for losses that differ between replicates.
    alpha, beta : ndarray, shape (R,)
        Starting exponents.
    weights : ndarray, shape (R, n) or (1, n), optional
        Weights of the runs in each replicate; ones when absent.
    along : ndarray, shape (R, 2), optional
        Search each replicate on the line through its start in this direction only: a profile.
    iterations : int
        Most steps taken.
    tolerance : float
        A replicate is done when a step changes both exponents by less.
    moments_of : callable, optional
        Where the moments come from: within groups that have levels of their own; of all runs when absent.

    Returns
    -------
    Descent
        In the centred units of ``logs``.
    """
    theta = np.stack([alpha, beta], axis=1).astype(float)
    R, moments_of = len(theta), moments_of or moments
    found = np.empty((R, 4))
    size = max(1, BLOCK // len(logs.n))
    for start in range(0, R, size):
        rows = slice(start, start + size)
        line = None if along is None else along[rows]
        part = _replicates(logs, weights, rows)
        end = _descend_block(*part, theta[rows], line, iterations, tolerance, moments_of)
        theta[rows], found[rows] = end
    return Descent(*theta.T, *found.T)


def _replicates(
    logs: CentredLogs, weights: FloatArray | None, rows: Any
) -> tuple[CentredLogs, FloatArray | None]:
    """Losses and weights of some replicates, where replicates differ in them."""
    if logs.L.ndim == 2:
        logs = logs._replace(L=logs.L[rows])
    return logs, weights if weights is None or len(weights) == 1 else weights[rows]


def _descend_block(
    logs: CentredLogs,
    weights: FloatArray | None,
    theta: FloatArray,
    along: FloatArray | None,
    iterations: int,
    tolerance: float,
    moments_of: MomentsOf,
) -> tuple[FloatArray, FloatArray]:
    """Run the search for a block of replicates; returns exponents (R, 2) and E, A, B, rss (R, 4)."""
    theta = theta.copy()
    best, gradient, hessian, _ = _expand(moments_of, logs, weights, theta)
    damping = np.full(len(theta), 1e-3)
    active = np.arange(len(theta))
    for _ in range(iterations):
        line = None if along is None else along[active]
        here = theta[active]
        trial = _step(here, gradient[active], hessian[active], damping[active], line)
        values, slope, bend, noise = _expand(moments_of, *_replicates(logs, weights, active), trial)
        better = values[:, 3] <= best[active, 3] + noise
        taken = active[better]
        theta[taken], best[taken] = trial[better], values[better]
        gradient[taken], hessian[taken] = slope[better], bend[better]
        damping[active] *= np.where(better, 0.1, 10.0)
        moved = np.abs(trial - here).max(axis=1)
        active = active[(moved > tolerance) & (damping[active] < 1e10)]
        if not len(active):
            break
    return theta, best


def _expand(
    moments_of: MomentsOf, logs: CentredLogs, weights: FloatArray | None, theta: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """E, A, B, rss (R, 4) at R pairs of exponents, the slopes there, and the rounding of rss."""
    state = moments_of(logs, weights, theta[:, 0], theta[:, 1])
    linear = state.linear()
    noise = 4 * np.finfo(float).eps * state.products[:, 4, 4]
    return np.stack(linear, axis=1), *slopes(state, linear), noise


def slopes(state: Moments, linear: Linear) -> tuple[FloatArray, FloatArray]:
    r"""Gradient (R, 2) of RSS/2 in the exponents and its Gauss-Newton matrix (R, 2, 2).

    Eliminating the columns in use from the products of [p, q, np, dq, L], one after the other as in a
    Cholesky factorisation, leaves those of np, dq and L less their projections; times A or B they are
    the slopes.
    """
    E, A, B, _ = linear
    # products about the mean where E is free, about zero where E is held at zero
    about_zero = np.where(E > 0, 0.0, state.W)
    T = state.products + (about_zero[:, None] * state.mean)[:, :, None] * state.mean[:, None, :]
    whole = T[:, (0, 1), (0, 1)]
    for k, amplitude in enumerate((A, B)):
        column, pivot = T[:, :, k], T[:, k, k]
        used = (amplitude > 0) & (pivot > 1e-15 * whole[:, k])  # columns that coincide span one direction
        scaled = column / np.where(used, pivot, np.inf)[:, None]
        T = T - scaled[:, :, None] * column[:, None, :]
    amplitudes = np.stack([A, B], axis=1)
    return amplitudes * T[:, 2:4, 4], amplitudes[:, :, None] * T[:, 2:4, 2:4] * amplitudes[:, None, :]


def _step(
    theta: FloatArray,
    gradient: FloatArray,
    hessian: FloatArray,
    damping: FloatArray,
    along: FloatArray | None,
) -> FloatArray:
    """Exponents after a damped Gauss-Newton step; one that presses against its bound stays there."""
    low, high = EXPONENT_RANGE
    tiny = np.finfo(float).tiny
    if along is not None:
        slope = np.einsum("ri,ri->r", along, gradient)
        bend = np.einsum("ri,rij,rj->r", along, hessian, along)
        step = np.clip(-slope / (bend * (1 + damping) + tiny), -0.5, 0.5)[:, None] * along
        ahead = np.where(step > 0, high, low) - theta
        room = np.divide(ahead, step, out=np.ones_like(step), where=step != 0)
        return np.asarray(theta + np.clip(room.min(axis=1), 0, 1)[:, None] * step)
    held = ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
    # in units in which the diagonal of the matrix is one; a held exponent has no slope and no coupling
    scale = np.sqrt(np.abs(hessian[:, (0, 1), (0, 1)]) + tiny)
    slope = np.where(held, 0.0, gradient) / scale
    coupling = np.where(held.any(axis=1), 0.0, hessian[:, 0, 1] / (scale[:, 0] * scale[:, 1]))[:, None]
    diagonal = 1 + damping[:, None]
    det = np.maximum(diagonal**2 - coupling**2, np.finfo(float).eps)
    with np.errstate(over="ignore"):  # of a term that is next to nothing
        step = (coupling * slope[:, ::-1] - diagonal * slope) / (det * scale)
    return np.asarray(np.clip(theta + np.clip(step, -0.5, 0.5), low, high))
