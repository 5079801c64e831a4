r"""Weights of runs in an answer: an estimate moves by the sum of weights times the errors of the losses."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.results import FitError
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.first_order import best_loss_gradient, log_size_gradient, loss_gradient
from scalinglab.solvers.parabola import Parabolas, fit_parabolas

#: Condition of the Jacobian, columns of unit length, from which on runs do not tell five parameters apart.
WORST_CONDITION = 1e9


def undetermined(candidates: int) -> str:
    """What is said of candidates among which no design determines the law."""
    return f"{candidates} candidates do not determine the law; widen the box in D/N, or give more budgets."


def at_target(surface: LossSurface, C: float) -> CentredLogs:
    """Units in which the best model of C FLOPs stands at the origin."""
    none = np.empty(0)
    return CentredLogs(none, none, none, float(np.log(surface.N_opt(C))), float(np.log(surface.D_opt(C))))


def gradients(surface: LossSurface, N: FloatArray, D: FloatArray, C: float) -> FloatArray:
    r"""Rows :math:`g = (1, p, q, -np, -dq)` of the runs, centred at the target, shape (n, 5)."""
    return loss_gradient(surface, at_target(surface, C), N, D)


def size_direction(surface: LossSurface, C: float) -> FloatArray:
    r""":math:`c = (0, 1, -1, 1/\alpha, -1/\beta)/(\alpha + \beta)`: of :math:`\ln N^*` in those units."""
    return log_size_gradient(surface, at_target(surface, C), C)


def least_squares_weights(J: FloatArray, c: FloatArray) -> FloatArray:
    r"""Weights :math:`h = J (J^\top J)^{-1} c` of the runs in c'θ, of a least-squares fit; c (5,) or (5, k).

    FitError where the runs do not determine the parameters.
    """
    size = np.sqrt(np.einsum("np,np->p", J, J))
    parameters = J.shape[1]
    if len(J) < parameters:
        raise FitError(
            f"{len(J)} runs for {parameters} parameters determine no law; plan {parameters + 1} or more."
        )
    U, S, Vt = np.linalg.svd(J / size, full_matrices=False)
    if not S[-1] * WORST_CONDITION > S[0]:
        raise FitError(
            f"the runs do not determine the {parameters} parameters of the law: they repeat each other, or "
            "share one ratio D/N; plan other sizes and other token counts, over a factor of 10 in D/N."
        )
    return np.asarray(U @ ((Vt @ (c.T / size).T).T / S).T)


def vpnls_weights(surface: LossSurface, runs: Runs, C: float) -> tuple[FloatArray, FloatArray]:
    r"""Weights of each run in :math:`\ln N^*(C)` and in :math:`L^*(C)` of a least-squares surface."""
    J = gradients(surface, runs.N, runs.D, C)
    c_loss = best_loss_gradient(surface, at_target(surface, C), C)
    h = least_squares_weights(J, np.stack([size_direction(surface, C), c_loss], axis=1))
    return h[:, 0], h[:, 1]


class Surfacelike(Protocol):
    """What parabolas on exact losses are made of."""

    @property
    def E(self) -> float:
        """What is subtracted from the losses, to spare digits."""

    def loss(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss of runs."""


class CurveWeights(NamedTuple):
    """One budget's parabola on exact losses: where its vertex is, and how it answers to errors.

    ``rows`` are the runs; ``vertex`` is in ln N, ``weights`` those of the runs in it; ``bend`` the
    coefficient of (ln N)², ``bend_weights`` those of the runs in it; ``inside`` whether the vertex lies
    among the sizes.
    """

    rows: NDArray[np.intp]
    C: float
    vertex: float
    weights: FloatArray
    bend: float
    bend_weights: FloatArray
    inside: bool


def curve_weights(surface: Surfacelike, runs: Runs) -> list[CurveWeights]:
    r"""The parabola of every budget that has one, on exact losses.

    From :math:`v = -c_1/2c_2` the vertex answers to errors of the coefficients by
    :math:`dv = -(dc_1 + 2v\,dc_2)/2c_2`, and the coefficients to those of the losses by the pseudoinverse.
    """
    budgets, member = runs.by_budget()
    found = []
    for place, C in enumerate(budgets):
        rows = np.flatnonzero(member == place)
        x = np.log(runs.N[rows])
        if len(np.unique(x)) < 3:
            continue
        fitted = fit_parabolas(x, surface.loss(runs.N[rows], runs.D[rows]) - surface.E)
        found.append(_curve(fitted, x, rows, float(C)))
    return found


def _curve(fitted: Parabolas, x: FloatArray, rows: NDArray[np.intp], C: float) -> CurveWeights:
    t = (x - fitted.middle) / fitted.half_width
    response = np.linalg.solve(fitted.gram[0], np.vander(t, 3, increasing=True).T)
    _, c1, c2 = fitted.coefficients[0]
    v = -c1 / (2 * c2)
    weights = -(response[1] + 2 * v * response[2]) / (2 * c2) * fitted.half_width
    bend = fitted.half_width**-2
    vertex = fitted.middle + fitted.half_width * v
    return CurveWeights(rows, C, vertex, weights, c2 * bend, response[2] * bend, x.min() <= vertex <= x.max())


def extrapolation_weights(C: FloatArray, target: float) -> FloatArray:
    r"""Weights :math:`1/m + (x_* - \bar x)(x_j - \bar x)/S_{xx}` of points in a line's value at a target."""
    x = np.log(C)
    centred = x - x.mean()
    return np.asarray(1 / len(x) + (np.log(target) - x.mean()) * centred / (centred @ centred))
