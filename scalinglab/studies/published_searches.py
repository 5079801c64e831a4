"""Searches of Approach 3 from one start, as published and as repaired, with the reason they stopped."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from scalinglab._arrays import FloatArray, floats, function, not_negative, of_kind, positive_number, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.lbfgs import centred_starts, lse_objective, search
from scalinglab.solvers.objectives import Huber, Loss, require_loss


@dataclass(frozen=True, eq=False)
class SearchResult:
    r"""Result of one search: where it stopped and why.

    Attributes
    ----------
    x : ndarray, shape (5,)
        :math:`(\ln A, \ln B, \ln E, \alpha, \beta)` in the units of the runs.
    objective : float
        The sum of ``loss.rho`` there, whatever multiple of it was minimised.
    converged : bool
        The optimiser's own verdict.
    message : str
        Its reason.
    iterations : int
        Steps taken.
    slope : float
        Largest component of the gradient of the sum.
    history : ndarray
        The sum after each step, the start first.

    See Also
    --------
    published_search, repaired_search
    """

    x: FloatArray
    objective: float
    converged: bool
    message: str
    iterations: int
    slope: float
    history: FloatArray

    @property
    def surface(self) -> LossSurface:
        """The surface it stopped at."""
        A, B, E = np.exp(self.x[:3])
        return LossSurface(E=float(E), A=float(A), B=float(B), alpha=float(self.x[3]), beta=float(self.x[4]))


def published_search(
    runs: Runs,
    start: LossSurface | ArrayLike,
    loss: Loss | None = None,
    *,
    method: Literal["L-BFGS-B", "BFGS"] = "L-BFGS-B",
    reduction: Literal["sum", "mean"] = "sum",
    factor: float = 1.0,
    ftol: float | None = None,
    gtol: float | None = None,
) -> SearchResult:
    r"""Minimise Approach 3's objective from one start as published: raw logs, SciPy's stopping rules.

    Use it to see how such a search goes wrong; to fit, use :func:`fit_approach3`.

    L-BFGS-B stops at step k when one of

    .. math::
        \frac{f_k - f_{k+1}}{\max(|f_k|, |f_{k+1}|, 1)} \le \texttt{ftol}, \qquad
        \max_j |\partial_j f| \le \texttt{gtol}

    holds, BFGS when the second does; :math:`f` is the objective times ``factor``, divided by the number
    of runs if ``reduction`` is ``"mean"``.

    Parameters
    ----------
    runs : Runs
        Losses must be positive.
    start : LossSurface or array_like, shape (5,)
        A surface, or :math:`(\ln A, \ln B, \ln E, \alpha, \beta)`.
    loss : Squared or Huber, optional
        ``Huber(1e-3, log=True)``, the published choice, when absent.
    method : {"L-BFGS-B", "BFGS"}
        Optimiser; neither has bounds here.
    reduction : {"sum", "mean"}
        Whether terms are added or averaged.
    factor : float
        What the objective is multiplied by.
    ftol, gtol : float, optional
        Tolerances; SciPy's own (2.2e-9 and 1e-5) when absent. BFGS has no ``ftol``.

    Returns
    -------
    SearchResult

    Raises
    ------
    ValueError
        If an argument is out of range or a loss is not positive.

    See Also
    --------
    repaired_search : The same start, repaired.
    search_from_each : Many starts.

    Notes
    -----
    The procedure is that of :cite:t:`hoffmann2022`, their tolerances are not known. Used in the chapter
    *Approach 3: five parameters at once*.

    Examples
    --------
    >>> from scalinglab import load_chinchilla
    >>> from scalinglab.laws import CHINCHILLA_UNROUNDED
    >>> runs = load_chinchilla()
    >>> stop = published_search(runs, CHINCHILLA_UNROUNDED, reduction="mean")
    >>> stop.converged, stop.iterations < 20
    (True, True)
    """
    require_runs("published_search", runs)
    require_loss("published_search", loss)
    if not isinstance(method, str) or method not in ("L-BFGS-B", "BFGS"):
        raise ValueError(f"published_search: method is {shortened(method)}; choose 'L-BFGS-B' or 'BFGS'.")
    if not isinstance(reduction, str) or reduction not in ("sum", "mean"):
        raise ValueError(f"published_search: reduction is {shortened(reduction)}; choose 'sum' or 'mean'.")
    factor = positive_number("published_search: factor", factor)
    ftol = None if ftol is None else not_negative("published_search: ftol", ftol)
    gtol = None if gtol is None else not_negative("published_search: gtol", gtol)
    if method == "BFGS" and ftol is not None:
        raise ValueError("published_search: BFGS has no ftol; leave it out, or choose 'L-BFGS-B'.")
    if not (runs.L > 0).all():
        raise ValueError("published_search: losses of runs must be positive, their logarithms are needed.")
    objective = lse_objective(
        CentredLogs(np.log(runs.N), np.log(runs.D), runs.L, 0.0, 0.0), loss or Huber(1e-3, log=True)
    )
    scale = factor / (len(runs) if reduction == "mean" else 1)

    def scaled(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = objective(x)
        return value * scale, gradient * scale

    x0 = _point(start)
    history = [objective(x0)[0]]
    tolerances = {name: value for name, value in (("ftol", ftol), ("gtol", gtol)) if value is not None}
    limits = {"maxiter": 5000} | ({"maxfun": 20000} if method == "L-BFGS-B" else {})
    with np.errstate(over="ignore", invalid="ignore"):
        result = minimize(
            scaled,
            x0,
            jac=True,
            method=method,
            callback=lambda x: history.append(objective(x)[0]),
            options=limits | tolerances,
        )
        value, gradient = objective(result.x)
    return SearchResult(
        result.x,
        value,
        bool(result.success),
        str(result.message),
        int(result.nit),
        float(np.abs(gradient).max()),
        np.array(history),
    )


def repaired_search(runs: Runs, start: LossSurface | ArrayLike, loss: Loss | None = None) -> SearchResult:
    """Minimise Approach 3's objective from one start as repaired: centred logs, scaled objective, bounds.

    Parameters
    ----------
    runs : Runs
        Losses must be positive.
    start : LossSurface or array_like, shape (5,)
        As for :func:`published_search`, in the units of the runs.
    loss : Squared or Huber, optional
        ``Huber(1e-3, log=True)`` when absent.

    Returns
    -------
    SearchResult
        ``history`` holds the start and the end alone.

    See Also
    --------
    published_search : The same start without the repairs.
    fit_approach3 : Many starts, the best end polished.
    """
    require_runs("repaired_search", runs)
    require_loss("repaired_search", loss)
    if not (runs.L > 0).all():
        raise ValueError("repaired_search: losses of runs must be positive, their logarithms are needed.")
    loss = loss or Huber(1e-3, log=True)
    logs = CentredLogs.of(runs)
    point = centred_starts(_point(start), logs)[0]
    objective = lse_objective(logs, loss)
    with np.errstate(over="ignore", invalid="ignore"):
        first = objective(point)[0]
        x, value, iterations, message = search(logs, loss, point)
        gradient = objective(x)[1]
    ends = x + np.array([x[3] * logs.log_N0, x[4] * logs.log_D0, 0, 0, 0])
    slope = float(np.abs(gradient).max())
    return SearchResult(
        ends, value, bool(np.isfinite(value)), message, iterations, slope, np.array([first, value])
    )


def search_from_each(
    searcher: Callable[..., SearchResult], runs: Runs, starts: Iterable[ArrayLike], **options: Any
) -> tuple[SearchResult, ...]:
    """Results of one search from each of many starts.

    Parameters
    ----------
    searcher : callable
        :func:`published_search` or :func:`repaired_search`.
    runs : Runs
        The runs.
    starts : iterable of array_like, shape (5,)
        For instance rows of :func:`hoffmann_starts`.
    **options
        Passed on.

    Returns
    -------
    tuple of SearchResult
        In the order of the starts.

    See Also
    --------
    published_search, repaired_search, hoffmann_starts
    """
    function(
        "search_from_each: searcher", None if isinstance(searcher, type) else searcher, "runs and a start"
    )
    require_runs("search_from_each", runs)
    listed = None if isinstance(starts, np.ndarray) and not starts.ndim else starts
    of_kind("search_from_each: starts", listed, Iterable, "give a list of starts")
    try:
        inspect.signature(searcher).bind(runs, None, **options)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"search_from_each: searcher or options: {shortened(searcher)} cannot be called with "
            "runs, a start and "
            f"{', '.join(map(str, options)) or 'no options'} ({error})."
        ) from None
    return tuple(searcher(runs, start, **options) for start in starts)


def _point(start: LossSurface | ArrayLike) -> FloatArray:
    """A start as (ln A, ln B, ln E, alpha, beta)."""
    if isinstance(start, LossSurface):
        if not min(start.A, start.B, start.E) > 0:
            raise ValueError(
                f"published_search: start has E {start.E:g}, A {start.A:g}, B {start.B:g}; their "
                "logarithms are "
                "needed, so give positive ones."
            )
        return np.array([*np.log([start.A, start.B, start.E]), start.alpha, start.beta])
    point = np.array(floats("published_search: starts, start", start))
    if point.shape != (5,) or not np.isfinite(point).all():
        raise ValueError(
            "starts: a start is a surface or five numbers (ln A, ln B, ln E, alpha, beta); got "
            f"shape {point.shape}."
        )
    return point
