"""Profile of a statistic: the lowest sum of squares at each of its values, and the interval it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalinglab._arrays import FloatArray, share, shortened
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.laws.surface import SurfaceAlgebra
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.covariances import covariance, require_interior
from scalinglab.uncertainty.intervals import Interval

Statistic = Literal["a", "alpha", "beta"]


@dataclass(frozen=True, eq=False, repr=False)
class Profile:
    """Profile of one statistic: the lowest sum of squares at each of its values.

    Attributes
    ----------
    statistic : str
        What is held at each value.
    estimate : float
        Its best value.
    level : float
        Nominal coverage of the interval.
    interval : Interval
        Values whose sum of squares stays below ``limit``.
    limit : float
        The sum of squares at the ends of the interval.
    freedom : int
        Runs less parameters, so that near the estimate RSS grows by the share ``z**2 / freedom`` at z
        standard errors.
    values, rss : ndarray, shape (k,)
        The curve, for drawing: values and the sum of squares the other parameters leave.

    See Also
    --------
    profile : Computes it.
    Covariance, Bootstrap
    """

    statistic: str
    estimate: float
    level: float
    interval: Interval
    limit: float
    freedom: int
    values: FloatArray
    rss: FloatArray

    def __repr__(self) -> str:
        low, high = self.interval
        interval = f"{self.level:.0%} profile interval {low:.5f} to {high:.5f}"
        return f"{self.statistic} = {self.estimate:.5f}, {interval}"


def profile(fit: SurfaceFit, statistic: Statistic = "a", level: float = 0.9) -> Profile:
    r"""Profile of a statistic of a surface fit, and its likelihood-ratio interval.

    Use it when runs are few or errors large, so that the interval is not symmetric; otherwise
    :func:`covariance` agrees. It takes all errors to be alike, so where they differ use the robust covariance
    or a bootstrap.

    For each value the other parameters are fitted anew. The interval holds the values with

    .. math:: \text{RSS}(\text{value}) \le \text{RSS}_{\min}\,\Bigl(1 + \frac{t^2}{n - p}\Bigr),

    t the quantile of Student's distribution with n - p degrees of freedom, p the number of parameters.
    It is the likelihood-ratio interval of Gaussian errors with the exact quantile of the linear model;
    for large n, :math:`n\ln(\text{RSS}/\text{RSS}_{\min}) \le \chi^2_1`.

    Parameters
    ----------
    fit : SurfaceFit
        A least-squares fit of L.
    statistic : {"a", "alpha", "beta"}
        What to profile. For a the exponents are :math:`\alpha = \beta(1-a)/a`.
    level : float
        Nominal coverage.

    Returns
    -------
    Profile
        An end that the runs leave open is the end of the range in which exponents are sought.

    Raises
    ------
    FitError
        As :func:`covariance`, or if the runs have no scatter.
    ValueError
        If the statistic is unknown or the fit is no least-squares fit of L.

    See Also
    --------
    covariance : The same to first order, for every parameter at once.
    bootstrap : Refits on resampled runs.

    Notes
    -----
    Venzon and Moolgavkar :cite:p:`venzon1988`. No symmetry is assumed and the answer is the same for any
    monotone function of the statistic. Derived in the chapter *How sure are we?*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> profile(fit_vpnls(load_llama3()), "a")
    a = 0.50292, 90% profile interval 0.47801 to 0.52804
    """
    level = share("profile: level", level)
    if not isinstance(statistic, str) or statistic not in ("a", "alpha", "beta"):
        raise ValueError(f"profile: no statistic {shortened(statistic)}; there are a, alpha and beta.")
    logs = require_interior(fit, "profile")
    s = fit.surface
    scatter = float(np.sum((logs.L - logs.L.mean()) ** 2))
    if fit.objective < 1e-12 * scatter:
        raise FitError(
            "profile: the runs follow the surface to the last digit, so there is no scatter to judge by; "
            "add noise to simulated runs."
        )
    estimate = float(getattr(s, statistic))
    freedom = fit.freedom
    t, rss_min = two_sided_quantile(level, freedom), np.array([fit.objective])

    def root_excess(value: float) -> float:
        return float(distance_along(logs, s, rss_min, statistic, np.array([value]))[0]) - t

    step = t * covariance(fit).standard_error(statistic)
    low_edge, high_edge = (0.005, 0.995) if statistic == "a" else EXPONENT_RANGE
    low = _crossing(root_excess, estimate, -step, low_edge)
    high = _crossing(root_excess, estimate, step, high_edge)
    margin = 0.3 * (high - low)
    values = np.linspace(max(low - margin, low_edge), min(high + margin, high_edge), 81)
    rss = reduced_along(logs, statistic, values, _free_start(s, statistic, 81))
    limit = fit.objective * (1 + t**2 / freedom)
    return Profile(statistic, estimate, level, Interval(low, high), limit, freedom, values, rss)


def distance_along(
    logs: CentredLogs, law: SurfaceAlgebra, rss: FloatArray, statistic: Statistic, values: FloatArray
) -> FloatArray:
    r"""Distance of values of a statistic from the best ones by the profile, in standard errors; shape (R,).

    .. math:: \sqrt{(n - p)\,\bigl(\text{RSS}(\text{value})/\text{RSS}_{\min} - 1\bigr)}

    ``law`` is the best surface, or R of them with their own losses in ``logs`` and sums of squares ``rss``.
    """
    worse = reduced_along(logs, statistic, values, _free_start(law, statistic, len(values))) / rss - 1
    return np.asarray(np.sqrt(np.maximum(worse, 0) * (len(logs.n) - len(law.parameters))))


def _free_start(law: SurfaceAlgebra, statistic: Statistic, count: int) -> FloatArray:
    """Where the search of the rest starts when a statistic is held: their values at the best surface."""
    rest = {"a": law.alpha + law.beta, "alpha": law.beta, "beta": law.alpha}[statistic]
    return np.broadcast_to(rest, count)


def reduced_along(
    logs: CentredLogs, statistic: Statistic, values: FloatArray, start: FloatArray
) -> FloatArray:
    r"""Lowest sum of squares with one statistic held at each of R values, the rest free; shape (R,).

    With a held, :math:`(\alpha, \beta) = \sigma\,(1 - a, a)` and the search is over
    :math:`\sigma = \alpha + \beta`; with one exponent held it is over the other. It starts from
    ``start``, shape (R,), moved into the range.
    """
    low, high = EXPONENT_RANGE
    zero, one = np.zeros_like(values), np.ones_like(values)
    origin, direction = {
        "a": ((zero, zero), (1 - values, values)),
        "alpha": ((values, zero), (zero, one)),
        "beta": ((zero, values), (one, zero)),
    }[statistic]
    along = np.stack(direction, axis=1)
    smallest = low / np.where(along > 0, along, 1).min(axis=1)
    s = np.clip(start, smallest, high / along.max(axis=1))
    theta = np.stack(origin, axis=1) + s[:, None] * along
    return levenberg_marquardt(logs, theta[:, 0], theta[:, 1], along=along).rss


def _crossing(excess: Any, estimate: float, step: float, edge: float) -> float:
    """Where ``excess`` becomes positive on one side of the estimate; the edge if it never does."""
    from scipy.optimize import brentq

    inner = estimate
    for _ in range(40):
        outer = inner + step
        if (edge - outer) * step <= 0:
            outer = edge
        if excess(outer) > 0:
            return float(brentq(excess, inner, outer, xtol=1e-10))
        if outer == edge:
            return edge
        inner, step = outer, 1.5 * step
    return edge
