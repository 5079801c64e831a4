"""Approach 3: all five parameters of a surface at once, from many starting points."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, flag
from scalinglab._extras import needs
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.concerns import require_identifiable, surface_concerns
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.lbfgs import centred_starts, search
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Huber, Loss, objective, require_loss
from scalinglab.solvers.variable_projection import local_minima

#: Exponents from which the search starts unless told otherwise, every pair of them.
DEFAULT_EXPONENTS = (0.1, 0.25, 0.5, 1.0)

#: Steps from every start, how many of the best ends go on, and for how many more.
SPRINT, FINALISTS, FINISH = 200, 4, 600


def hoffmann_starts() -> FloatArray:
    r"""The 4500 starting points of :cite:t:`hoffmann2022`, rows :math:`(\ln A, \ln B, \ln E, \alpha, \beta)`.

    :math:`\ln A, \ln B \in \{0, 5, \dots, 25\}`, :math:`\ln E \in \{-1, -\tfrac12, \dots, 1\}`,
    :math:`\alpha, \beta \in \{0, \tfrac12, \dots, 2\}`, for N in parameters and D in tokens.

    Returns
    -------
    ndarray, shape (4500, 5)

    See Also
    --------
    fit_approach3 : Takes them as ``starts``, and about two minutes for all of them on a hundred runs.

    Examples
    --------
    >>> hoffmann_starts().shape
    (4500, 5)
    """
    coefficients = np.arange(0, 26, 5)
    floors = np.linspace(-1, 1, 5)
    exponents = np.linspace(0, 2, 5)
    return np.array(list(product(coefficients, coefficients, floors, exponents, exponents)), dtype=float)


def fit_approach3(
    runs: Runs, loss: Loss | None = None, starts: ArrayLike | None = None, *, progress: bool = False
) -> SurfaceFit:
    r"""Approach 3: fit all five parameters of a loss surface at once, from many starts.

    Use it for residuals of log L, when the scatter is a percentage of the loss, and to redo published fits;
    for residuals of L :func:`fit_vpnls` needs no starts.

    With :math:`(\ln A, \ln B, \ln E) = (a, b, e)` the predicted log loss is a log-sum-exp, and

    .. math::
        \min_{a, b, e, \alpha, \beta}\ \sum_i \rho\bigl(\operatorname{LSE}(a - \alpha \ln N_i,\;
        b - \beta \ln D_i,\; e) - \ln L_i\bigr)

    is minimised by L-BFGS-B :cite:p:`byrd1995` from every starting point, further from the best few;
    their best end is polished by Newton steps.

    Parameters
    ----------
    runs : Runs
        Five distinct runs or more, with three or more values of N and of D, and positive losses.
    loss : Squared or Huber, optional
        What to minimise; ``Huber(1e-3, log=True)``, the published choice, when absent. Losses of L
        itself work too.
    starts : array_like, shape (s, 5), optional
        Starting points :math:`(\ln A, \ln B, \ln E, \alpha, \beta)`, for instance
        :func:`hoffmann_starts`; when absent, 16 pairs of exponents with terms of the size of the losses.
    progress : bool
        Show a progress bar. A start takes some 20 ms on a hundred runs: a third of a second for the usual
        ones, two minutes for the 4500 published ones.

    Returns
    -------
    SurfaceFit
        ``objective`` is the sum of ``loss.rho`` over the runs. ``concerns`` says if the starts disagree
        about the minimum, or if a fit by variable projection leads to a lower one.

    Raises
    ------
    FitError
        If these runs cannot determine five parameters, or a loss is not positive.
    ValueError
        If ``starts`` has another shape.

    See Also
    --------
    fit_vpnls : The same surface by variable projection, for residuals of L.
    hoffmann_starts : The published starts.
    published_search : One search as published, to see how it goes wrong.

    Notes
    -----
    The third approach of :cite:t:`hoffmann2022`, with two repairs: logs are centred, so that the answer
    does not depend on units, and the objective is scaled to one, so that the stopping rule of the
    optimiser means something (the published objective is about 1e-3). Starting exponents are moved into
    the range 0.01-2 within which we search. The chapter *Approach 3: five parameters at once* explains each.

    Examples
    --------
    >>> from scalinglab import Squared, load_llama3
    >>> s = fit_approach3(load_llama3(), loss=Squared(log=True)).surface
    >>> f"E {s.E:.4f}, alpha {s.alpha:.4f}, beta {s.beta:.4f}"
    'E 0.6021, alpha 0.3068, beta 0.3110'
    """
    require_runs("fit_approach3", runs)
    require_loss("fit_approach3", loss)
    loss = Huber(1e-3, log=True) if loss is None else loss
    require_identifiable(runs)
    logs = CentredLogs.of(runs)
    points: Any = _default_starts(logs) if starts is None else centred_starts(starts, logs)
    if flag("fit_approach3: progress", progress):
        with needs("parallel"):
            from tqdm import tqdm

        points = tqdm(points, unit="start")
    ends = sorted((search(logs, loss, point, SPRINT)[:2] for point in points), key=lambda end: end[1])
    finals = [search(logs, loss, end, FINISH)[:2] for end, value in ends[:FINALISTS] if np.isfinite(value)]
    ends[: len(finals)] = finals
    reached = min(value for _, value in ends)
    if not np.isfinite(reached):
        raise ValueError(
            "fit_approach3: the objective overflows at every start; give starts nearer the losses."
        )
    ends_as_theta = (np.concatenate([np.exp(end[[2, 0, 1]]), end[3:]]) for end, _ in ends[:FINALISTS])
    optimum = newton(logs, loss, next(ends_as_theta))
    for theta in ends_as_theta:
        end = newton(logs, loss, theta, rival=optimum.objective)
        optimum = min(optimum, end, key=lambda end: end.objective)
    surface = logs.surface(*optimum.theta)
    concerns = []
    # L-BFGS-B cannot tell objectives apart that are a billionth of what a constant would leave
    level = optimum.objective * (1 + 1e-3) + 1e-9 * objective(loss, np.median(runs.L), runs.L)
    agreeing = sum(value <= level for _, value in ends)
    if agreeing < min(len(ends), max(2, len(ends) // 50)):
        concerns.append(
            f"{agreeing} of {len(ends)} starts came within 0.1 % of the best objective, so a lower minimum "
            "may have been missed; compare with fit_vpnls, or pass starts=hoffmann_starts(), "
            "progress=True (4500 starts, about two minutes)."
        )
    if reached > level:
        concerns.append(
            f"L-BFGS-B stopped at {reached:.6g}, above the polished minimum of "
            f"{optimum.objective:.6g}; these runs make the problem hard. Compare with fit_vpnls."
        )
    # another road: squares of L by variable projection, weighted as squares of log L are, and the same steps
    weights = logs.L**-2 if loss.log else None
    rival = newton(logs, loss, local_minima(logs, weights)[0]).objective
    if rival < optimum.objective - (level - optimum.objective):
        concerns.append(
            f"variable projection reaches {rival:.6g} where the best of these starts ends at "
            f"{optimum.objective:.6g}: this is not the minimum. Leave out starts, or give more of them, "
            "for instance hoffmann_starts()."
        )
    how = (
        f"L-BFGS-B on (ln A, ln B, ln E, alpha, beta) from {len(points)} "
        f"{'default' if starts is None else 'given'} starts, logs centred, objective scaled to one at the "
        "start, ftol 1e-13, gtol 1e-9; the best end polished by Newton steps; E, A, B ≥ 0, exponents in "
        f"{EXPONENT_RANGE[0]:g}-{EXPONENT_RANGE[1]:g}"
    )
    told = partial(surface_concerns, surface, runs, (), loss, tuple(concerns))
    return SurfaceFit(surface, runs, loss, "Approach 3", optimum.objective, told, how)


def _default_starts(logs: CentredLogs) -> FloatArray:
    """Sixteen pairs of exponents; floor and terms of the size of the losses."""
    lowest = logs.L.min()
    term = np.log(0.1 * lowest + 0.5 * np.ptp(logs.L))
    pairs = product(DEFAULT_EXPONENTS, repeat=2)
    return np.array([[term, term, np.log(0.8 * lowest), alpha, beta] for alpha, beta in pairs])
