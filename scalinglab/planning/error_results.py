"""What is predicted of a study: errors of VPNLS and of Approach 2, as numbers, table and print."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, not_negative
from scalinglab.data.runs import Runs
from scalinglab.fitting.printed_fits import html_table, sentences
from scalinglab.planning.laws_at_target import Truth, waste_of
from scalinglab.planning.planned_runs import PlannedRuns

#: Columns of the table.
_COLUMNS = ("bias", "standard error", "rmse", "misfit weight", "waste")


@dataclass(frozen=True, eq=False)
class Approach2Error:
    r"""Predicted error of Approach 2 on a design: its bias on exact losses, and its scatter.

    Attributes
    ----------
    surface : LossSurface or LawAtTarget
        What was taken as true.
    bias : float
        Mean error of :math:`\ln N^*`; that of :math:`\ln D^*` is its negative.
    log_N : float
        Standard error of :math:`\ln N^*`, and of :math:`\ln D^*`.
    weights : ndarray, shape (n,)
        Weight of each run in :math:`\ln N^*`.
    budgets, signal_to_noise : ndarray, shape (m,)
        Each budget that has a parabola, and the curvature there over its standard error.

    See Also
    --------
    predict_error : Computes it.
    approach2_bias : The bias alone, on an IsoFLOP design.
    """

    surface: Truth
    bias: float
    log_N: float
    weights: FloatArray
    budgets: FloatArray
    signal_to_noise: FloatArray

    @property
    def log_D(self) -> float:
        """Standard error of the log of the best token count."""
        return self.log_N

    @property
    def rmse(self) -> float:
        """Root of the mean squared error of ln N*: bias and scatter together."""
        return float(np.hypot(self.bias, self.log_N))

    @property
    def misfit_weight(self) -> float:
        r"""Sum of the weights' sizes, :math:`\lVert h \rVert_1`."""
        return float(np.abs(self.weights).sum())

    @property
    def waste(self) -> float:
        """Expected deadweight loss, for a Gaussian error of this mean and deviation."""
        return waste_of(self.surface, self.log_N, self.bias)


@dataclass(frozen=True, eq=False, repr=False)
class PredictedError:
    r"""Predicted error of a study at a target: of VPNLS, and of Approach 2 on the same runs.

    Attributes
    ----------
    surface : LossSurface or LawAtTarget
        What was taken as true.
    runs : Runs
        The runs, with the losses they would have without errors.
    C : float
        The target in FLOPs.
    noise : ndarray, shape (n,)
        Standard deviation of each run's own error.
    shared : float
        That of an error which all runs of a budget share.
    weights, loss_weights : ndarray, shape (n,)
        Weight h of each run in :math:`\ln N^*(C)` (in :math:`\ln D^*(C)` it is -h), and in :math:`L^*(C)`.
    log_N, log_D, loss : float
        Standard errors of :math:`\ln N^*`, of :math:`\ln D^*` and of :math:`L^*`.
    approach2 : Approach2Error or None
        The same for Approach 2, with its bias; None where fewer than two budgets have a parabola.
    concerns : tuple of str
        Reasons to distrust the prediction, each with cause and remedy.

    See Also
    --------
    predict_error : Computes it.
    """

    surface: Truth
    runs: Runs
    C: float
    noise: FloatArray
    shared: float
    weights: FloatArray
    loss_weights: FloatArray
    log_N: float
    loss: float
    approach2: Approach2Error | None
    concerns: tuple[str, ...]

    @property
    def log_D(self) -> float:
        """Standard error of the log of the best token count."""
        return self.log_N

    @property
    def misfit_weight(self) -> float:
        r"""Sum of the weights' sizes, :math:`\lVert h \rVert_1`: misfits of ρ move ln N* by ρ times it."""
        return float(np.abs(self.weights).sum())

    @property
    def cost(self) -> float:
        """FLOPs of the study."""
        return float(PlannedRuns.of(self.runs).cost.sum())

    @cached_property
    def waste(self) -> float:
        """Expected deadweight loss at the target, a share of C, for a Gaussian error."""
        return waste_of(self.surface, self.log_N)

    @property
    def waste_second_order(self) -> float:
        r"""The same to second order, :math:`\tfrac{\alpha+\beta}{2}\operatorname{Var}(\ln \hat N)`."""
        return waste_of(self.surface, self.log_N, exact=False)

    def misfit_waste(self, misfit: float) -> float:
        r"""Deadweight loss, a share of C, at the worst errors of ``misfit``, :math:`\rho\lVert h\rVert`."""
        misfit = not_negative("PredictedError.misfit_waste: misfit", misfit)
        worst = misfit * self.misfit_weight
        return max(waste_of(self.surface, 0.0, worst), waste_of(self.surface, 0.0, -worst))

    def to_frame(self) -> pd.DataFrame:
        """Table with a row a method: bias, standard error and rmse of ln N*, misfit weight, waste."""
        import pandas as pd

        return pd.DataFrame.from_dict(self._rows, orient="index", columns=list(_COLUMNS))

    @property
    def _rows(self) -> dict[str, list[float]]:
        rows = {"VPNLS": [0.0, self.log_N, self.log_N, self.misfit_weight, self.waste]}
        if (other := self.approach2) is not None:
            rows["Approach 2"] = [other.bias, other.log_N, other.rmse, other.misfit_weight, other.waste]
        return rows

    @property
    def _what(self) -> str:
        return f"{len(self.runs)} runs, {self.cost:.3g} FLOPs, for {self.C:.3g} FLOPs"

    def __repr__(self) -> str:
        lines = [f"design     {self._what}"]
        for name, (bias, error, _, weight, waste) in self._rows.items():
            shift = f"bias {bias:+.4f}, " if bias else ""
            lines.append(
                f"{name:<11}ln N*, ln D*: {shift}standard error {error:.4f}, misfit weight {weight:.3g}, "
                f"waste {waste:.3%}"
            )
        lines.append(f"loss       L*: standard error {self.loss:.2g}")
        lines.append(f"concerns   {sentences(self.concerns)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names, values = ["predicted"], [self._what]
        for name, (bias, error, _, weight, waste) in self._rows.items():
            shift = f"{bias:+.3f} ± " if bias else "± "
            names += [f"{name}, ln N*", "misfit weight", "waste"]
            values += [f"{shift}{error:.3f}", f"{weight:.3g}", f"{waste:.2%}"]
        return html_table(tuple(names), tuple(values), self.concerns)
