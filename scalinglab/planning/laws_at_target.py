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
        c = self.fit.gradient_of(lambda law: np.log(law.optimum(self.C)["N"]))
        directions = np.column_stack([c, self.fit.loss_gradient(self.best)])
        h = least_squares_weights(self.fit.loss_gradient({"N": N, "D": D}), directions)
        return h[:, 0], h[:, 1]

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
