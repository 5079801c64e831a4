"""Whether a sweep is worth its cost: expected waste of its noise, floor of its misfit, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab._arrays import not_negative
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.error_results import PredictedError
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.laws_at_target import waste_of
from scalinglab.planning.planned_runs import PlannedRuns
from scalinglab.planning.predicted_errors import LARGEST_NOISE, predict_error


@dataclass(frozen=True, eq=False, repr=False)
class StoppingPoint:
    r"""A sweep's cost beside the compute that its errors are expected to waste at the target.

    Attributes
    ----------
    error : PredictedError
        Predicted error of the sweep.
    misfit : float
        By how much the law may miss a loss, :math:`\rho`.
    noise_waste : float
        FLOPs that noise is expected to waste at the target.
    misfit_waste : float
        FLOPs that the worst misfit would waste, whatever the sweep costs.
    best_cost : float
        Cost :math:`T^* = \sqrt{T W}` of a sweep of the same shape, its runs repeated, at which cost and waste
        together are least: there the one equals the other. T and W are those of this sweep.
    verdict : str
        What to do, in words.

    See Also
    --------
    when_to_stop : Computes it.
    """

    error: PredictedError
    misfit: float
    noise_waste: float
    misfit_waste: float
    best_cost: float
    verdict: str

    @property
    def cost(self) -> float:
        """FLOPs of the sweep."""
        return self.error.cost

    def __repr__(self) -> str:
        return (
            f"sweep     {self.cost:.3g} FLOPs; cheapest of its shape, waste included, {self.best_cost:.3g}\n"
            f"noise     expected to waste {self.noise_waste:.3g} FLOPs, "
            f"{self.noise_waste / self.error.C:.3%}\n"
            f"misfit    at worst {self.misfit_waste:.3g} FLOPs, {self.misfit_waste / self.error.C:.3%}\n"
            f"verdict   {self.verdict}"
        )


@within_floats
def when_to_stop(
    design: IsoflopDesign | Runs | PlannedRuns,
    surface: LossSurface,
    noise: Any,
    C: float,
    misfit: float = 0.0,
) -> StoppingPoint:
    r"""Weigh a sweep's cost against the compute that its errors waste at C FLOPs.

    A sweep of cost T whose runs are repeated r times costs rT and has a variance smaller by r, so that cost
    and expected waste together, :math:`rT + W/r` with :math:`W =
    C\,\tfrac{\alpha+\beta}{2}\operatorname{Var}`, are least at :math:`rT = \sqrt{TW}`. Noise is worth
    fighting as long as it exceeds the misfit, :math:`\sqrt{\operatorname{Var}} > \rho\lVert h\rVert_1`: no
    number of runs in these places lowers that floor.

    Parameters
    ----------
    design : IsoflopDesign, Runs, PlannedRuns or SweepPlan
        The sweep, planned or made.
    surface : LossSurface or SurfaceFit
        What is believed.
    noise : float, array_like of shape (n,), or callable
        As for :func:`predict_error`.
    C : float
        The target in FLOPs.
    misfit : float
        By how much the law may miss a loss, :math:`\rho`.

    Returns
    -------
    StoppingPoint

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    predict_error : The errors themselves.
    next_run : One more run instead of more of all.

    Notes
    -----
    To second order. Derived in the chapter *Designing a sweep*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21])
    >>> print(when_to_stop(design, CHINCHILLA, noise=0.005, C=1e24, misfit=0.003).verdict)
    stop: the misfit may move ln N* by 0.053, noise by 0.012; more runs in these places do not help, a wider
    range of D/N or a better law does.
    """
    rho = not_negative("when_to_stop: misfit", misfit)
    if rho > LARGEST_NOISE:
        raise ValueError(f"when_to_stop: misfit is {rho:g}; give one below 1e90.")
    error = predict_error(design, surface, noise, C)
    T, W = error.cost, error.waste_second_order * error.C
    best = float(np.sqrt(T * W))
    floor = rho * error.misfit_weight
    misfit_waste = waste_of(error.surface, 0.0, floor, exact=False) * error.C
    if floor > error.log_N:
        verdict = (
            f"stop: the misfit may move ln N* by {floor:.2g}, noise by {error.log_N:.2g}; more runs in these "
            "places do not help, a wider range of D/N or a better law does."
        )
    elif best > T:
        verdict = (
            f"go on: noise is expected to waste {W / T:.2g} times what the sweep costs; runs of its shape "
            f"pay up to {best:.2g} FLOPs, distinct ones (next_run, plan_sweep) pay more."
        )
    else:
        verdict = (
            f"stop: noise is expected to waste {W / T:.2g} times what the sweep costs; a sweep of this shape "
            f"would have paid up to {best:.2g} FLOPs."
        )
    return StoppingPoint(error, rho, W, misfit_waste, best, verdict)
