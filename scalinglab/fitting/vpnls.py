"""Variable projection with non-negative least squares: linear inside, two exponents outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.concerns import require_identifiable, surface_concerns
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.objectives import Loss, Squared
from scalinglab.solvers.projection import map_products, map_rss, nonnegative_least_squares
from scalinglab.solvers.variable_projection import START_EXPONENTS, STARTS, search_exponents


def solve_coefficients(
    runs: Runs, alpha: float, beta: float, weights: ArrayLike | None = None
) -> tuple[LossSurface, float]:
    r"""Solve the linear half of the problem: E, A, B >= 0 for given exponents.

    .. math:: \min_{E, A, B \ge 0}\ \sum_i w_i\,(L_i - E - A N_i^{-\alpha} - B D_i^{-\beta})^2

    Parameters
    ----------
    runs : Runs
        The runs.
    alpha, beta : float
        Exponents; positive.
    weights : array_like, shape (n,), optional
        Weights of the runs, not negative; ones when absent.

    Returns
    -------
    surface : LossSurface
        The best surface with these exponents.
    rss : float
        Its (weighted) residual sum of squares: the reduced objective at (alpha, beta).

    Notes
    -----
    Exact: the best of the eight possible sets of positive coefficients. Derived in the chapter
    *Variable projection*.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> surface, rss = solve_coefficients(load_llama3(), alpha=0.31, beta=0.314)
    >>> f"E = {surface.E:.4f}, RSS = {rss:.7f}"
    'E = 0.6048, RSS = 0.0020199'
    """
    logs = CentredLogs.of(runs)
    w = None if weights is None else _checked_weights(runs, weights)
    products = map_products(logs, _checked(alpha, "alpha"), _checked(beta, "beta"), w)
    E, A, B, rss = nonnegative_least_squares(*products)
    return logs.surface(E.item(), A.item(), B.item(), alpha, beta), rss.item()


def objective_map(
    runs: Runs, alpha: ArrayLike, beta: ArrayLike, weights: ArrayLike | None = None
) -> FloatArray:
    r"""Reduced objective over a grid of exponents.

    With columns :math:`p_j = N^{-\alpha_j}` and :math:`q_k = D^{-\beta_k}` centred about their means,
    E drops out and the rest is a 2x2 system whose only entry that depends on both exponents is
    :math:`p_j^\top q_k`. So the whole map costs one matrix product over the runs.

    Parameters
    ----------
    runs : Runs
        The runs.
    alpha, beta : array_like, shapes (j,) and (k,)
        Exponents; positive.
    weights : array_like, shape (n,), optional
        Weights of the runs, not negative; ones when absent.

    Returns
    -------
    ndarray, shape (j, k)
        Residual sum of squares with the best E, A, B >= 0 at each pair.

    Notes
    -----
    Derived in the chapter *Variable projection*. Sums of squares are good to about 1e-14 of the
    variance of L; :func:`fit_vpnls` polishes its answer on the residuals themselves.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> objective_map(load_llama3(), [0.2, 0.3], [0.2, 0.3, 0.4]).shape
    (2, 3)
    """
    w = None if weights is None else _checked_weights(runs, weights)
    return map_rss(CentredLogs.of(runs), _checked(alpha, "alpha"), _checked(beta, "beta"), w)


def fit_vpnls(runs: Runs, loss: Loss | None = None) -> SurfaceFit:
    r"""Fit all five parameters of a loss surface by variable projection.

    For given exponents the best E, A, B follow exactly (:func:`solve_coefficients`), which leaves a
    function of two variables. It is mapped over the range of exponents, Newton's method on all five
    parameters starts at its lowest local minima, and the best end is kept. Where twelve steps do not
    suffice or meet a bound, and for Huber losses, Levenberg-Marquardt steps in two dimensions go first;
    for Huber losses a search on reweighted squares adds a start. More than 16384 runs are gathered into
    cells for the map and the steps in two dimensions; time grows linearly with the runs, and memory by
    two columns.

    Parameters
    ----------
    runs : Runs
        Five distinct runs or more, with three or more values of N and of D.
    loss : Squared or Huber, optional
        What to minimise, in L; squared residuals when absent.

    Returns
    -------
    SurfaceFit
        ``objective`` is the sum of ``loss.rho`` over the runs: the residual sum of squares for
        ``Squared()``.

    Raises
    ------
    FitError
        If these runs cannot determine five parameters; the message says what to add.
    ValueError
        If the loss is one of log L: that problem is not linear in E, A, B, use ``fit_approach3``.

    Notes
    -----
    The method is that of :cite:t:`czech2026`, on the variable projection of :cite:t:`golub1973`; the
    map, the exact active sets and the polish are ours. Derived in the chapter *Variable projection*.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> print(fit_vpnls(load_llama3()))
    method    VPNLS, squared, 133 runs
    surface   E 0.60467  A 59.138  B 155.14  alpha 0.31000  beta 0.31365
    frontier  N* ~ C^0.5029  D* ~ C^0.4971  objective 0.0020199
    concerns  the 18 runs of budget 1e+20 lie above the surface together (mean +0.0036, 3.8 standard
              errors): errors are shared within budgets, so the fit is less certain than its
              residuals suggest. Refit without that budget and compare.
    """
    loss = Squared() if loss is None else loss
    if loss.log:
        raise ValueError(
            "fit_vpnls: residuals in log L are not linear in E, A, B, so there is nothing to project; "
            "use fit_approach3(runs, loss=...) for them, or a loss of L here."
        )
    require_identifiable(runs)
    logs = CentredLogs.of(runs)
    optimum = search_exponents(logs, loss)
    surface = logs.surface(*optimum.theta)
    del logs  # two columns as long as the runs
    how = (
        f"reduced objective mapped at {len(START_EXPONENTS)} x {len(START_EXPONENTS)} exponents, at most "
        f"{STARTS} minima refined by Newton steps, by Levenberg-Marquardt first where these do not settle; "
        "no starting values to choose; "
        f"E, A, B ≥ 0, exponents in {EXPONENT_RANGE[0]:g}-{EXPONENT_RANGE[1]:g}"
    )
    concerns = tuple(surface_concerns(surface, runs))
    return SurfaceFit(surface, runs, loss, "VPNLS", optimum.objective, concerns, how)


def _checked(values: ArrayLike, name: str) -> FloatArray:
    exponents = np.atleast_1d(np.asarray(values, float))
    if exponents.ndim != 1 or not ((exponents > 0) & (exponents <= 20)).all():
        raise ValueError(f"{name} must be a number above 0 and up to 20, or a list of them, got {values!r}.")
    return exponents


def _checked_weights(runs: Runs, weights: ArrayLike) -> FloatArray:
    w = np.asarray(weights, float)
    if w.shape != (len(runs),) or not (np.isfinite(w) & (w >= 0)).all() or not w.any():
        raise ValueError(
            f"weights must be {len(runs)} numbers, one for each run, none negative and not all zero."
        )
    return w
