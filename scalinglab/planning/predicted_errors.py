"""How wrong a study will be, before it is run: errors of VPNLS and of Approach 2 on a design."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, finite, not_negative, positive_number
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.error_results import Approach2Error, PredictedError
from scalinglab.planning.extremes import of_the_runs, within_floats
from scalinglab.planning.laws_at_target import LawAtTarget, Truth
from scalinglab.planning.planned_runs import PlannedRuns, surface_of
from scalinglab.planning.run_weights import curve_weights, extrapolation_weights, vpnls_weights

#: Curvature over its error from which on the variance of Approach 2 holds within 8 %.
LEAST_SIGNAL = 5.0

#: Error of ln N* up to which the first order was checked in every cell of 27,000 simulated studies.
LARGEST_ERROR = 0.5

#: Largest standard deviation whose square can be summed.
LARGEST_NOISE = 1e90

#: Standard deviation of each run's own error: one number, one for each run, or a function of N and D.
Noise = ArrayLike | Callable[[FloatArray, FloatArray], ArrayLike]


@within_floats
def predict_error(
    design: IsoflopDesign | Runs | PlannedRuns,
    surface: LossSurface | SurfaceFit | LawFit,
    noise: Noise,
    C: float,
    shared: float = 0.0,
) -> PredictedError:
    r"""Predict how wrong a study will be about the best allocation of C FLOPs, before it is run.

    Use it to compare designs. A least-squares fit answers to the errors :math:`\varepsilon` of the losses, to
    first order, by a sum of weights times errors,

    .. math::
        \ln \hat N - \ln N^* = \sum_i h_i \varepsilon_i, \qquad h = J (J^\top J)^{-1} c,

    with the rows :math:`g = (1, p, q, -np, -dq)` of J, :math:`p = A N^{-\alpha}, q = B D^{-\beta}`, in logs n
    and d from the target, and :math:`c = (0, 1, -1, 1/\alpha, -1/\beta)/(\alpha + \beta)`. So

    .. math::
        \operatorname{Var} = \sum_i h_i^2 \sigma_i^2 + \tau^2 \sum_j \Bigl(\sum_{i \in j} h_i\Bigr)^2,

    and losses that the law misses by at most :math:`\rho` move the estimate by at most
    :math:`\rho \lVert h \rVert_1`. For Approach 2 the same holds with the weights of vertices, on top of its
    bias; an error that a budget shares leaves its vertices in place.

    Parameters
    ----------
    design : IsoflopDesign, Runs, PlannedRuns or SweepPlan
        The runs, planned or made; of runs that were made the losses do not matter.
    surface : LossSurface, SurfaceFit or LawFit
        A rough idea of the truth: a fit to pilot runs, or a published law. Of any law of N and D that was
        fitted by ``Law.fit``, derivatives are taken numerically and the waste is that of second order; an
        IsoflopDesign needs a surface to be centred on, so give its runs.
    noise : float, array_like of shape (n,), or callable
        Standard deviation :math:`\sigma` of each run's own error, in the unit of the loss; a function is
        called with N and D.
    C : float
        The target in FLOPs.
    shared : float
        Standard deviation :math:`\tau` of an error that all runs of a budget share.

    Returns
    -------
    PredictedError

    Raises
    ------
    ValueError
        If an argument is out of range, or there is no error at all to predict from.
    FitError
        If the runs do not determine the law.

    See Also
    --------
    plan_sweep : The runs for which this is smallest.
    best_reach : The grid on which Approach 2 errs least.
    covariance : The same after the runs were made.

    Notes
    -----
    Derived in the chapter *Designing a sweep*. In 27,000 simulated studies the standard error of ln N* by
    VPNLS was met within 7 %, that of Approach 2 within 8 % where the signal-to-noise of each budget is 5.5
    or more. Fits that stop at an edge, as they do for designs of five or six runs, are not in it.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21], reach=8)
    >>> predict_error(design, CHINCHILLA, noise=0.005, C=1e24)
    design     75 runs, 1.67e+22 FLOPs, for 1e+24 FLOPs
    VPNLS      ln N*, ln D*: standard error 0.0168, misfit weight 23.9, waste 0.009%
    Approach 2 ln N*, ln D*: bias +0.0295, standard error 0.0211, misfit weight 22.4, waste 0.041%
    loss       L*: standard error 0.0026
    concerns   none
    """
    C = positive_number("predict_error: C", C)
    truth: Truth
    if isinstance(surface, LawFit):
        truth = LawAtTarget(surface, C)
        planned = PlannedRuns.of(design)
        runs = Runs(planned.N, planned.D, truth.loss(planned.N, planned.D), planned.C)
        h, h_loss = truth.weights(runs.N, runs.D)
    else:
        truth = surface_of("predict_error", surface)
        runs = PlannedRuns.of(design, truth).runs(truth)
        h, h_loss = vpnls_weights(truth, runs, C)
    sigma = _noise_of(noise, runs)
    shared = not_negative("predict_error: shared", shared)
    if shared > LARGEST_NOISE:
        raise ValueError(f"predict_error: shared is {shared:g}; give a standard deviation below 1e90.")
    if not (sigma.any() or shared):
        raise ValueError(
            "predict_error: noise is 0, and without errors only the bias of Approach 2 is left, which "
            "approach2_bias gives; give the standard deviation of losses between repeats, for instance 0.005."
        )
    _, member = runs.by_budget()

    def spread(weights: FloatArray) -> float:
        together = np.bincount(member, weights)
        return float(np.sqrt((weights * sigma) @ (weights * sigma) + shared**2 * (together @ together)))

    log_N = spread(h)
    approach2, doubts = _approach2(truth, runs, C, sigma, spread)
    concerns = (*_concerns(runs, C, log_N), *doubts)
    return PredictedError(
        truth, runs, C, sigma, shared, h, h_loss, log_N, spread(h_loss), approach2, concerns
    )


def _noise_of(noise: Noise, runs: Runs) -> FloatArray:
    """Standard deviation of each run's error."""
    given = of_the_runs("predict_error", noise, runs.N, runs.D) if callable(noise) else noise
    sigma = finite("predict_error: noise", given)
    if sigma.ndim > 1 or sigma.size not in (1, len(runs)):
        raise ValueError(
            f"predict_error: noise has shape {sigma.shape}; give one number, or one for each of {len(runs)} "
            "runs."
        )
    if (sigma < 0).any() or (sigma > LARGEST_NOISE).any():
        raise ValueError(
            "predict_error: noise is a standard deviation; it must not be negative, nor above 1e90."
        )
    return np.broadcast_to(sigma.reshape(-1) if sigma.ndim else sigma, (len(runs),))


def _approach2(
    surface: Truth,
    runs: Runs,
    C: float,
    sigma: FloatArray,
    spread: Callable[[FloatArray], float],
) -> tuple[Approach2Error | None, list[str]]:
    """Predicted error of Approach 2, if there is one, and what is doubtful about it."""
    curves = curve_weights(surface, runs)
    if len(curves) < 2:
        return None, [
            f"{len(curves)} budgets have three sizes or more, so Approach 2 has no error to predict; plan "
            "IsoFLOP curves at two budgets if it is to be a second opinion."
        ]
    budgets = np.array([curve.C for curve in curves])
    share = extrapolation_weights(budgets, C)
    weights = np.zeros(len(runs))
    for w, curve in zip(share, curves, strict=True):
        weights[curve.rows] = w * curve.weights
    shifts = np.array([curve.vertex for curve in curves]) - np.log(surface.N_opt(budgets))
    noise = np.array([np.linalg.norm(curve.bend_weights * sigma[curve.rows]) for curve in curves])
    with np.errstate(divide="ignore"):
        signal = np.array([curve.bend for curve in curves]) / noise
    found = Approach2Error(surface, float(share @ shifts), spread(weights), weights, budgets, signal)
    doubts = []
    if (weak := signal < LEAST_SIGNAL).any():
        doubts.append(
            f"{weak.sum()} of {len(budgets)} budgets have a curvature below {LEAST_SIGNAL:g} times its error "
            f"({signal.min():.1f} at {budgets[signal.argmin()]:.3g} FLOPs), where Approach 2 scatters more "
            "than predicted here; widen the grid or add sizes there."
        )
    if outside := sum(not curve.inside for curve in curves):
        doubts.append(
            f"the vertex of {outside} of {len(budgets)} budgets lies outside the sizes there, and "
            "fit_approach2 leaves such a budget out unless extrapolate=True; centre the grid better, or "
            "widen it."
        )
    return found, doubts


def _concerns(runs: Runs, C: float, log_N: float) -> list[str]:
    """Doubts about the prediction for VPNLS."""
    concerns = []
    if runs.C.max() >= C:
        concerns.append(
            f"the target, {C:.3g} FLOPs, lies inside the sweep, whose largest budget is {runs.C.max():.3g}; "
            "there the runs themselves show the best size, and a larger C shows what the law adds."
        )
    distinct = len(np.unique(runs.N + 1j * runs.D))
    if distinct <= 7:
        concerns.append(
            f"{distinct} distinct runs for five parameters leave next to nothing to see a misfit by, and "
            "fits stop at edges more often than predicted; plan 15 or more."
        )
    if log_N > LARGEST_ERROR:
        concerns.append(
            f"the predicted error of ln N*, {log_N:.2g}, is beyond {LARGEST_ERROR:g}, up to which it was "
            "checked by simulation; widen the range of D/N, or take a nearer target."
        )
    return concerns
