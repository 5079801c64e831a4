"""Any law of N and D at a target: what planning asks of a surface, answered by numerical derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab.fitting.law_results import LawFit
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.run_weights import least_squares_weights
from scalinglab.planning.waste_of_errors import expected_waste

#: Step of differences in ln N and ln D.
STEP = 0.01

#: Relative step of differences in the parameters.
STEP_INSIDE = 1e-5


@dataclass(frozen=True, eq=False)
class LawAtTarget:
    r"""A fitted law of N and D, and the allocation it implies for C FLOPs.

    Attributes
    ----------
    fit : LawFit
        The fit that is taken as true.
    C : float
        The target in FLOPs.
    """

    fit: LawFit
    C: float

    #: What is subtracted from losses before a parabola is fitted.
    E = 0.0

    def loss(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss the law predicts."""
        return self.fit.predict({"N": np.asarray(N, float), "D": np.asarray(D, float)})

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters that minimise the loss at C FLOPs."""
        return self.fit.N_opt(C)

    @cached_property
    def best(self) -> dict[str, float]:
        """Parameters and tokens at the target."""
        found = self.fit.optimum(self.C)
        return {"N": float(found["N"]), "D": float(found["D"])}

    def weights(self, N: FloatArray, D: FloatArray) -> tuple[FloatArray, FloatArray]:
        r"""Weights of runs in :math:`\ln N^*` and :math:`L^*` of a least-squares fit of this law.

        Rows are derivatives of the loss in what the fit moves; the direction of :math:`\ln N^*` is taken by
        differences, that of :math:`L^*` is the row of the best model, by the envelope theorem.
        """
        steps = STEP_INSIDE * np.maximum(np.abs(self.fit.inner), STEP_INSIDE)
        c = [np.log(self._best(k, step) / self._best(k, -step)) / (2 * step) for k, step in enumerate(steps)]
        best = self.best
        c_loss = self._rows(np.array([best["N"]]), np.array([best["D"]]), steps)[0]
        h = least_squares_weights(self._rows(N, D, steps), np.column_stack([c, c_loss]))
        return h[:, 0], h[:, 1]

    def _rows(self, N: FloatArray, D: FloatArray, steps: FloatArray) -> FloatArray:
        """Derivatives of the losses in what the fit moves, (n, moving)."""
        at = {"N": N, "D": D}
        ends = [
            [self.fit.moved(k, sign * step).predict(at) for k, step in enumerate(steps)] for sign in (1, -1)
        ]
        return np.asarray((np.array(ends[0]) - np.array(ends[1])).T / (2 * steps))

    def _best(self, place: int, step: float) -> float:
        """Best size at the target when one inner parameter moves."""
        return float(self.fit.moved(place, step).optimum(self.C)["N"])

    @cached_property
    def waste_per_square(self) -> float:
        r"""Half the curvature of the loss along the budget over its slope along the frontier, in logs.

        For two terms it is :math:`(\alpha + \beta)/2`.
        """
        N, D = self.best["N"], self.best["D"]
        up, down = np.exp(STEP), np.exp(-STEP)
        bend = self.loss(N * up, D * down) + self.loss(N * down, D * up) - 2 * self.loss(N, D)
        slope = (self.loss(N, D * down) - self.loss(N, D * up)) / (2 * STEP)
        return float(bend / STEP**2 / (2 * slope))


#: What may be taken as true.
Truth = LossSurface | LawAtTarget


def waste_of(truth: Truth, error: float, bias: float = 0.0, exact: bool = True) -> float:
    """Expected deadweight loss of a Gaussian error in ln N; of a law other than two terms to second order."""
    if isinstance(truth, LawAtTarget):
        return truth.waste_per_square * (error**2 + bias**2)
    return float(expected_waste(truth, error, bias, exact))
