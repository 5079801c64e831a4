"""Profile of a statistic: the lowest sum of squares at each of its values, and the interval it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scalinglab._arrays import FloatArray, positive_number, share
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.laws.surface import SurfaceAlgebra
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.covariances import covariance, require_interior
from scalinglab.uncertainty.intervals import Interval
from scalinglab.uncertainty.law_profiles import held_parameter
from scalinglab.uncertainty.questions import AT_A_BUDGET, checked_question, names_of
from scalinglab.uncertainty.target_profiles import HeldAnswer

Statistic = Literal["a", "alpha", "beta", "N_opt", "D_opt", "L_opt"]

#: Exponents, which are held along a line of the plane of exponents.
EXPONENTS = ("a", "alpha", "beta")

#: Values at which a profile is drawn: of an exponent, and of an answer at a budget, where each is a search.
VALUES, FEWER_VALUES = 81, 31

#: Logs of N* and D* are followed so far from their estimate.
WIDEST = 30.0


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
    C : float or None
        The budget in FLOPs, of a statistic that has one.

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
    C: float | None = None

    def __repr__(self) -> str:
        show = "{:.4g}" if self.statistic in ("N_opt", "D_opt") else "{:.5f}"
        estimate, low, high = (show.format(x) for x in (self.estimate, *self.interval))
        name = self.statistic if self.C is None else f"{self.statistic}({self.C:.3g})"
        return f"{name} = {estimate}, {self.level:.0%} profile interval {low} to {high}"


def profile(
    fit: SurfaceFit | LawFit, statistic: Any = "a", C: float | None = None, level: float = 0.9
) -> Profile:
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
    fit : SurfaceFit or LawFit
        A least-squares fit of L; of a law also of log L.
    statistic : {"a", "alpha", "beta", "N_opt", "D_opt", "L_opt"}
        What to profile. For a the exponents are :math:`\alpha = \beta(1-a)/a`; the last three are the best
        N, the best D and the lowest loss at a budget. Of a law the name of any parameter.
    C : float, optional
        That budget in FLOPs.
    level : float
        Nominal coverage.

    Returns
    -------
    Profile
        An end that the runs leave open is the end of the range in which exponents are sought, or, of an
        answer at a budget and of a law's scale without bounds of its own, zero or infinity.

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
    >>> fit = fit_vpnls(load_llama3())
    >>> profile(fit, "a")
    a = 0.50292, 90% profile interval 0.47801 to 0.52804
    >>> profile(fit, "D_opt", 3.8e25)
    D_opt(3.8e+25) = 1.019e+13, 90% profile interval 7.101e+12 to 1.458e+13
    """
    level = share("profile: level", level)
    if isinstance(fit, LawFit):
        return _profile_of_law(fit, statistic, level)
    budget = checked_question("profile", statistic, C, EXPONENTS, AT_A_BUDGET)
    logs = require_interior(fit, "profile")
    s = fit.surface
    scatter = float(np.sum((logs.L - logs.L.mean()) ** 2))
    if fit.objective < 1e-12 * scatter:
        raise FitError(
            "profile: the runs follow the surface to the last digit, so there is no scatter to judge by; "
            "add noise to simulated runs."
        )
    t = two_sided_quantile(level, fit.freedom)
    limit = fit.objective * (1 + t**2 / fit.freedom)
    if budget is not None:
        C = positive_number("profile: C, the budget,", C)
        return _profile_at(fit, logs, statistic, C, level, t, limit)
    estimate, rss_min = float(getattr(s, statistic)), np.array([fit.objective])

    def root_excess(value: float) -> float:
        return float(distance_along(logs, s, rss_min, statistic, np.array([value]))[0]) - t

    step = t * covariance(fit).standard_error(statistic)
    edges = (0.005, 0.995) if statistic == "a" else EXPONENT_RANGE
    interval, values = _crossings(root_excess, estimate, step, edges, VALUES)
    rss = reduced_along(logs, statistic, values, _free_start(s, statistic, VALUES))
    return Profile(statistic, estimate, level, interval, limit, fit.freedom, values, rss)


def _profile_of_law(fit: LawFit, name: str, level: float) -> Profile:
    """Profile of a parameter of a law; each search starts where the nearest ended."""
    checked_question("profile", name, None, names_of(fit), ())
    held = held_parameter(fit, name)
    V = covariance(fit)
    best = held.lowest(fit[name])
    t = two_sided_quantile(level, fit.freedom)
    seen: dict[float, float] = {}

    def root_excess(value: float) -> float:
        seen[value] = max(held.lowest(value), best)
        return float(np.sqrt((seen[value] / best - 1) * fit.freedom)) - t

    edges, beyond = held.edges, held.beyond
    interval, values = _crossings(root_excess, fit[name], t * V.standard_error(name), edges, FEWER_VALUES)
    interval = Interval(
        *(far if end == edge else end for end, edge, far in zip(interval, edges, beyond, strict=True))
    )
    rss = np.array([max(held.lowest(float(value)), best) for value in values])
    limit = best * (1 + t**2 / fit.freedom)
    return Profile(name, fit[name], level, interval, limit, fit.freedom, values, rss)


def _profile_at(
    fit: SurfaceFit, logs: CentredLogs, statistic: Any, C: float, level: float, t: float, limit: float
) -> Profile:
    """Profile of an answer at a budget, of N and D in their logs; each search starts where the last ended."""
    target = HeldAnswer(logs, C, statistic)
    best, freedom = target.start(fit.surface), fit.freedom
    estimate, in_logs = float(getattr(fit.surface, statistic)(C)), statistic != "L_opt"
    held = float(np.log(estimate)) if in_logs else estimate
    near = {held: best}

    def lowest(value: float) -> float:
        start = near[min(near, key=lambda known: abs(known - value))]
        found, near[value] = target.lowest(value, start)
        return max(found, fit.objective)

    def root_excess(value: float) -> float:
        return float(np.sqrt((lowest(value) / fit.objective - 1) * freedom)) - t

    error = covariance(fit).standard_error(statistic, C) / (estimate if in_logs else 1)
    edges = (held - WIDEST, held + WIDEST) if in_logs else (1e-3 * estimate, 10 * estimate)
    interval, values = _crossings(root_excess, held, t * error, edges, FEWER_VALUES)
    rss = np.array([lowest(value) for value in values])
    ends = [edge if edge not in edges else (-np.inf, np.inf)[edge > held] for edge in interval]
    if in_logs:
        ends, values = [float(np.exp(end)) for end in ends], np.exp(values)
    return Profile(statistic, estimate, level, Interval(*map(float, ends)), limit, freedom, values, rss, C)


def distance_at(fit: SurfaceFit, statistic: Any, C: float, value: float) -> float:
    """Distance of a value of an answer at a budget from the best one by the profile, in standard errors."""
    target = HeldAnswer(CentredLogs.of(fit.runs), C, statistic)
    held = value if statistic == "L_opt" else float(np.log(value))
    found, _ = target.lowest(held, target.start(fit.surface))
    return float(np.sqrt(max(found / fit.objective - 1, 0) * fit.freedom))


def _crossings(
    root_excess: Any, estimate: float, step: float, edges: tuple[float, float], count: int
) -> tuple[Interval, FloatArray]:
    """Where the excess becomes positive on either side, and values a little beyond for drawing."""
    low = _crossing(root_excess, estimate, -step, edges[0])
    high = _crossing(root_excess, estimate, step, edges[1])
    margin = 0.3 * (high - low)
    return Interval(low, high), np.linspace(max(low - margin, edges[0]), min(high + margin, edges[1]), count)


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
