"""The reduced objective: the best E, A, B for given exponents and what they leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, floats, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.objectives import Loss, Squared, require_loss
from scalinglab.solvers.projection import map_products, map_rss, nonnegative_least_squares
from scalinglab.solvers.robust_projection import robust_fits


def solve_coefficients(
    runs: Runs,
    alpha: float,
    beta: float,
    weights: ArrayLike | None = None,
    loss: Loss | None = None,
) -> tuple[LossSurface, float]:
    r"""Solve the linear half of the problem: E, A, B >= 0 for given exponents.

    .. math:: \min_{E, A, B \ge 0}\ \sum_i w_i\,\rho(L_i - E - A N_i^{-\alpha} - B D_i^{-\beta})

    Parameters
    ----------
    runs : Runs
        The runs.
    alpha, beta : float
        Exponents; positive.
    weights : array_like, shape (n,), optional
        Weights of the runs, not negative; ones when absent.
    loss : Squared or Huber, optional
        The loss rho, in L; squared residuals when absent.

    Returns
    -------
    surface : LossSurface
        The best surface with these exponents.
    objective : float
        Its (weighted) residual sum of squares, or sum of ``loss.rho``: the reduced objective at
        (alpha, beta).

    Notes
    -----
    For squares exact: the best of the eight possible sets of positive coefficients, derived in the chapter
    *Variable projection*. For Huber losses an interior point, to twelve digits of the objective.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> surface, rss = solve_coefficients(load_llama3(), alpha=0.31, beta=0.314)
    >>> f"E = {surface.E:.4f}, RSS = {rss:.7f}"
    'E = 0.6048, RSS = 0.0020199'
    """
    require_runs("solve_coefficients", runs)
    require_loss("solve_coefficients", loss)
    logs = CentredLogs.of(runs)
    w = None if weights is None else _checked_weights(runs, weights)
    a, b = _checked(alpha, "alpha"), _checked(beta, "beta")
    if len(a) != 1 or len(b) != 1:
        raise ValueError(
            "solve_coefficients: give one alpha and one beta; objective_map takes lists of them."
        )
    if _is_squared(loss, "solve_coefficients"):
        E, A, B, _ = (part.item() for part in nonnegative_least_squares(*map_products(logs, a, b, w)))
        # from the residuals themselves: a difference of sums of squares is good to 1e-14 of the largest only
        squares = (logs.L - (E + A * np.exp(-a * logs.n) + B * np.exp(-b * logs.d))) ** 2
        value = float(squares.sum() if w is None else squares @ w)
    else:
        c, values = robust_fits(logs, loss or Squared(), np.column_stack([a, b]), w)
        (E, A, B), value = c[0], float(values[0])
    return logs.surface(E, A, B, a[0], b[0]), value


def objective_map(
    runs: Runs,
    alpha: ArrayLike,
    beta: ArrayLike,
    weights: ArrayLike | None = None,
    loss: Loss | None = None,
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
    loss : Squared or Huber, optional
        What is minimised, in L; squared residuals when absent. Huber losses have no such shortcut: each
        pair is a convex problem of its own, some hundred times dearer.

    Returns
    -------
    ndarray, shape (j, k)
        Residual sum of squares, or sum of ``loss.rho``, with the best E, A, B >= 0 at each pair.

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
    require_runs("objective_map", runs)
    require_loss("objective_map", loss)
    w = None if weights is None else _checked_weights(runs, weights)
    a, b = _checked(alpha, "alpha"), _checked(beta, "beta")
    if _is_squared(loss, "objective_map"):
        return map_rss(CentredLogs.of(runs), a, b, w)
    pairs = np.stack(np.meshgrid(a, b, indexing="ij"), axis=-1).reshape(-1, 2)
    return robust_fits(CentredLogs.of(runs), loss or Squared(), pairs, w)[1].reshape(len(a), len(b))


def _is_squared(loss: Loss | None, name: str) -> bool:
    if loss is not None and loss.log:
        raise ValueError(
            f"{name}: loss takes residuals in log L, which are not linear in E, A, B; give a loss of L."
        )
    return loss is None or np.isinf(loss.knot)


def _checked(values: ArrayLike, name: str) -> FloatArray:
    exponents = np.atleast_1d(floats(name, values))
    if not exponents.size or exponents.ndim != 1 or not ((exponents > 0) & (exponents <= 20)).all():
        raise ValueError(
            f"{name} must be a number above 0 and up to 20, or a list of them, got {shortened(values)}."
        )
    return exponents


def _checked_weights(runs: Runs, weights: ArrayLike) -> FloatArray:
    w = floats("weights", weights)
    if w.shape != (len(runs),) or not (np.isfinite(w) & (w >= 0)).all() or not w.any():
        raise ValueError(
            f"weights must be {len(runs)} numbers, one for each run, none negative and not all zero."
        )
    return w
