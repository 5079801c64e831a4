"""Approach 3's objective, a log-sum-exp, and L-BFGS-B on it from one start."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, floats
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.objectives import Loss

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

#: What an optimiser is given: of five numbers, the objective and its gradient.
ValueAndGradient = Callable[[FloatArray], tuple[float, FloatArray]]


def lse_objective(logs: CentredLogs, loss: Loss) -> ValueAndGradient:
    """The objective of (a, b, e, alpha, beta) and its gradient, logs centred."""
    log_ND = np.array([logs.n, logs.d])
    observed = np.log(logs.L) if loss.log else logs.L
    z = np.empty((3, len(logs.n)))

    def value_and_gradient(x: FloatArray) -> tuple[float, FloatArray]:
        z[:2] = x[:2, None] - x[3:, None] * log_ND  # a - alpha n, b - beta d
        z[2] = x[2]
        top = np.maximum.reduce(z)
        share = np.exp(z - top)
        total = np.add.reduce(share)
        share /= total
        predicted = top + np.log(total)
        if not loss.log:
            predicted = np.exp(predicted)
            share *= predicted
        r = predicted - observed
        pull = share * loss.psi(r)
        gradient = np.concatenate([np.add.reduce(pull, axis=1), -np.vecdot(pull[:2], log_ND)])
        return float(np.add.reduce(loss.rho(r))), gradient

    return value_and_gradient


class _Scaled:
    """An objective over its scale, with the gradient that came with the last value at hand.

    SciPy asks for both at the same numbers, and its own memory of them costs as much as many an objective.
    """

    def __init__(self, objective: ValueAndGradient, scale: float) -> None:
        self.objective, self.scale = objective, scale
        self.at, self.last = b"", np.zeros(5)

    def value(self, x: FloatArray) -> float:
        """Value, keeping the gradient."""
        value, gradient = self.objective(x)
        self.at, self.last = x.tobytes(), gradient / self.scale
        return value / self.scale

    def gradient(self, x: FloatArray) -> FloatArray:
        """Gradient, computed anew where it is not that of the last value."""
        if x.tobytes() != self.at:
            self.value(x)
        return self.last


@functools.cache
def _libraries() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


#: The number of threads belongs to the whole process: of two searches at once one waits for the other.
_ONE_BY_ONE = threading.Lock()


@contextlib.contextmanager
def one_thread() -> Generator[None]:
    """Keep linear algebra in one thread.

    L-BFGS-B solves with matrices of at most twenty rows a few times a step, and OpenBLAS divides each such
    solve among all processors: where others use them, waiting for one another takes up to forty times as long
    as the search. No digit depends on it.
    """
    with _ONE_BY_ONE, _libraries().limit(limits=1, user_api="blas"):
        yield


def search(
    logs: CentredLogs, loss: Loss, start: FloatArray, most: int = 2000
) -> tuple[FloatArray, float, int, str]:
    """L-BFGS-B from one start: where it stopped, the objective there, its steps and its message.

    It takes ``most`` steps at most.
    """
    from scipy.optimize import fmin_l_bfgs_b

    steps = 0
    objective = lse_objective(logs, loss)
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        scale = max(objective(start)[0], np.finfo(float).tiny)
        if not np.isfinite(scale):
            return start, np.inf, 0, "the objective at the start is not finite"
        # the stopping rule is relative to the start's objective, which may be a million times the minimum
        for _ in range(2):
            scaled = _Scaled(objective, scale)
            start, value, end = fmin_l_bfgs_b(
                scaled.value,
                start,
                fprime=scaled.gradient,
                bounds=[(None, None)] * 3 + [EXPONENT_RANGE] * 2,
                factr=1e-13 / np.finfo(float).eps,
                pgtol=1e-9,
                maxiter=most // 2,
                maxfun=3 * most // 2,
            )
            scale = max(value * scale, np.finfo(float).tiny)
            steps += int(end["nit"])
    return start, scale if np.isfinite(scale) else np.inf, steps, str(end["task"])


def centred_starts(starts: ArrayLike, logs: CentredLogs) -> FloatArray:
    """Starts given for N and D as they are, moved to the centred logs."""
    points = np.array(floats("fit_approach3: starts", starts), ndmin=2)
    if points.ndim != 2 or points.shape[1] != 5 or not len(points) or not np.isfinite(points).all():
        raise ValueError(
            f"fit_approach3: starts has shape {points.shape}; give rows (ln A, ln B, ln E, alpha, beta)."
        )
    points[:, 0] -= points[:, 3] * logs.log_N0
    points[:, 1] -= points[:, 4] * logs.log_D0
    points[:, 3:] = np.clip(points[:, 3:], *EXPONENT_RANGE)
    return points
