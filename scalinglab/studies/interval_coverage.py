"""Coverage of intervals: how often they hold the truth of simulated studies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import floats, generator, not_negative, of_kind, one_of, share, shortened, whole
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.bootstraps import bootstrap
from scalinglab.uncertainty.covariances import covariance, require_interior
from scalinglab.uncertainty.draws import Kind
from scalinglab.uncertainty.profiles import Statistic, distance_along
from scalinglab.uncertainty.refits import refit_surface

#: Losses drawn, at most: runs times studies.
MOST_LOSSES = 20_000_000

#: Ways to an interval, in the order in which tables list them.
INTERVALS = ("covariance", "robust covariance", "profile", "pairs", "residual", "wild")


@dataclass(frozen=True)
class Coverage:
    """Result of a coverage study: how often each kind of interval held the truth.

    Attributes
    ----------
    statistic : str
        Whose intervals they were.
    level : float
        What they promised.
    studies : int
        Simulated studies.
    covered : dict of str to int
        Studies whose interval held the truth, for each way to an interval.

    See Also
    --------
    coverage : Counts them.
    """

    statistic: str
    level: float
    studies: int
    covered: dict[str, int]

    @property
    def standard_error(self) -> float:
        """Binomial standard error of a share of studies if the promise is kept."""
        return float(np.sqrt(self.level * (1 - self.level) / self.studies))

    @property
    def shares(self) -> dict[str, float]:
        """Share of the studies whose interval held the truth."""
        return {name: count / self.studies for name, count in self.covered.items()}


def coverage(
    surface: LossSurface,
    design: IsoflopDesign,
    noise: ArrayLike,
    studies: int,
    rng: np.random.Generator,
    *,
    shared: float = 0.0,
    statistic: Statistic = "a",
    level: float = 0.9,
    intervals: Sequence[str] = INTERVALS[:3],
    draws: int = 200,
) -> Coverage:
    r"""Coverage of intervals on simulated studies whose truth is known.

    Use it to choose an interval: with your design and the errors you expect, which of them keeps its promise?

    Run i of budget j gets the loss :math:`L_i + \sigma_i z_i + \tau Z_j`, with independent standard
    Gaussian z and Z.

    Parameters
    ----------
    surface : LossSurface
        The truth.
    design : IsoflopDesign
        The runs of every study.
    noise : float or array_like, shape (n,)
        :math:`\sigma`, the standard deviation of each run's own error.
    studies : int
        Number of studies.
    rng : numpy.random.Generator
        Source of chance.
    shared : float
        :math:`\tau`, the standard deviation of an error that all runs of a budget share.
    statistic : {"a", "alpha", "beta"}
        Whose intervals.
    level : float
        Nominal coverage.
    intervals : sequence of str
        Which of ``INTERVALS`` to try; the three bootstraps cost ``studies * draws`` refits each.
    draws : int
        Bootstrap draws of each study.

    Returns
    -------
    Coverage
        A study whose fit lies on the edge of what is allowed counts as not covered.

    Raises
    ------
    ValueError
        If an interval is unknown, or the errors are negative or all zero.

    See Also
    --------
    covariance, profile, bootstrap

    Notes
    -----
    All studies are fitted at once, from the true exponents. The chapter *How sure are we?* uses it.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> design = IsoflopDesign([1e18, 1e19, 1e20, 1e21], points=9)
    >>> rng = np.random.default_rng(0)
    >>> result = coverage(CHINCHILLA, design, 0.01, studies=400, rng=rng)
    >>> sorted(result.shares), result.standard_error
    (['covariance', 'profile', 'robust covariance'], 0.015)
    """
    of_kind("coverage: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    of_kind("coverage: design", design, IsoflopDesign, "give an IsoflopDesign")
    generator("coverage: rng", rng)
    one_of("coverage: statistic", statistic, ("a", "alpha", "beta"))
    share("coverage: level", level)
    draws = whole("coverage: draws", draws, 2)
    if isinstance(intervals, str) or not isinstance(intervals, (list, tuple)):
        raise ValueError(
            f"coverage: intervals is {shortened(intervals)}; give a list of {', '.join(INTERVALS)}."
        )
    unknown = [name for name in intervals if name not in INTERVALS]
    if unknown:
        raise ValueError(
            f"coverage: no interval {shortened(unknown[0])} of intervals; there are {', '.join(INTERVALS)}."
        )
    runs = design.runs(surface)
    studies = whole("coverage: studies", studies, 1, max(1, MOST_LOSSES // len(runs)))
    sigma = floats("coverage: noise", noise)
    if sigma.ndim and sigma.shape != (len(runs),):
        raise ValueError(
            f"coverage: noise has shape {sigma.shape}; give one number, or one for each of {len(runs)} runs."
        )
    sigma = np.broadcast_to(sigma, len(runs))
    shared = not_negative("coverage: shared", shared)
    if shared > 1e90:
        raise ValueError(f"coverage: shared is {shared:g}; give a standard deviation below 1e90.")
    if not ((sigma >= 0) & (sigma < 1e90)).all() or not (sigma.any() or shared):
        raise ValueError("coverage: noise and shared are standard deviations: none negative, not all zero.")
    _, member = runs.by_budget()
    own = sigma * rng.standard_normal((studies, len(runs)))
    L = runs.L + own + shared * rng.standard_normal((studies, member.max() + 1))[:, member]
    logs = CentredLogs.of(runs)._replace(L=L)
    found = refit_surface(logs, surface, None, studies)
    alive = np.isfinite(found.a)
    found, logs = found.take(alive), logs._replace(L=L[alive])
    fits = [_fit_of(found.one(k), Runs(runs.N, runs.D, losses, runs.C)) for k, losses in enumerate(logs.L)]
    truth = getattr(surface, statistic)
    rss = np.array([fit.objective for fit in fits])
    away = distance_along(logs, found, rss, statistic, np.full(len(fits), truth))
    covered = dict.fromkeys(intervals, 0)
    for fit, distance in zip(fits, away, strict=True):
        for name in intervals:
            with suppress(FitError):  # the fit lies on the edge of what is allowed
                covered[name] += _holds(name, fit, statistic, truth, level, draws, rng, distance)
    return Coverage(statistic, level, studies, covered)


def _fit_of(surface: LossSurface, runs: Runs) -> SurfaceFit:
    """The least-squares fit of one study, whose surface is known."""
    objective = float(np.sum((runs.L - surface.loss(runs.N, runs.D)) ** 2))
    return SurfaceFit(surface, runs, Squared(), "VPNLS", objective)


def _holds(
    name: str,
    fit: SurfaceFit,
    statistic: Statistic,
    truth: float,
    level: float,
    draws: int,
    rng: np.random.Generator,
    distance: float,
) -> bool:
    """Whether one interval of one study holds the truth; ``distance`` is that of the profile to it."""
    if name == "profile":
        require_interior(fit, "profile")
        return bool(distance <= two_sided_quantile(level, fit.freedom))
    if name in ("covariance", "robust covariance"):
        low, high = covariance(fit, robust=name.startswith("robust")).interval(statistic, level)
    else:
        draw = bootstrap(fit.runs, fit, draws, rng, kind=cast(Kind, name), within_budgets=True)
        low, high = draw.interval(statistic, level)
    return bool(low <= truth <= high)
