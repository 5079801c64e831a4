"""Coverage of intervals: how often they hold the truth of simulated studies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    FloatArray,
    floats,
    generator,
    not_negative,
    of_kind,
    positive_number,
    share,
    shortened,
    whole,
)
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.fitting.free_levels import LevelsFit, with_levels
from scalinglab.fitting.level_search import require_contrasts
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.covariances import Errors, covariance, require_interior
from scalinglab.uncertainty.draws import Kind
from scalinglab.uncertainty.profiles import EXPONENTS, Statistic, distance_along, distance_at
from scalinglab.uncertainty.questions import AT_A_BUDGET, checked_question
from scalinglab.uncertainty.refits import refit_levels, refit_surface
from scalinglab.uncertainty.resampling import bootstrap

#: Losses drawn, at most: runs times studies.
MOST_LOSSES = 20_000_000

#: Ways to an interval, in the order in which tables list them: six that take the errors of the runs to be
#: independent, and three that let those of a budget be shared.
INTERVALS = (
    "covariance", "robust covariance", "profile", "pairs", "residual", "wild",
    "clustered covariance", "budgets", "levels",
)  # fmt: skip

#: Those that do not take the errors of a budget's runs to be independent.
SHARED_INTERVALS = INTERVALS[6:]

_COVARIANCES: dict[str, Errors] = {
    "covariance": "alike",
    "robust covariance": "unequal",
    "clustered covariance": "shared",
}


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
    C : float or None
        The budget in FLOPs, of a statistic that has one.

    See Also
    --------
    coverage : Counts them.
    """

    statistic: str
    level: float
    studies: int
    covered: dict[str, int]
    C: float | None = None

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
    C: float | None = None,
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
    statistic : {"a", "alpha", "beta", "N_opt", "D_opt", "L_opt"}
        Whose intervals; of the last three at a budget.
    C : float, optional
        That budget in FLOPs.
    level : float
        Nominal coverage.
    intervals : sequence of str
        Which of ``INTERVALS`` to try; the four bootstraps cost ``studies * draws`` refits each. "clustered
        covariance" is ``covariance(fit, "shared")``, "budgets" a bootstrap of whole budgets, "levels" the
        covariance of ``fit_vpnls(runs, levels="budget")``, which does not know L_opt.
    draws : int
        Bootstrap draws of each study.

    Returns
    -------
    Coverage
        A study without an interval counts as not covered: its fit lies on the edge of what is allowed, or
        too many draws failed.

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
    >>> result = coverage(CHINCHILLA, design, 0.01, studies=100, rng=rng)
    >>> sorted(result.shares), result.standard_error
    (['covariance', 'profile', 'robust covariance'], 0.03)
    """
    of_kind("coverage: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    of_kind("coverage: design", design, IsoflopDesign, "give an IsoflopDesign")
    generator("coverage: rng", rng)
    if checked_question("coverage", statistic, C, EXPONENTS, AT_A_BUDGET) is not None:
        C = positive_number("coverage: C, the budget,", C)
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
    if "levels" in intervals and statistic == "L_opt":
        raise ValueError(
            "coverage: intervals has levels, and a fit with free levels does not know L_opt; leave one "
            "of them out."
        )
    runs = design.runs(surface)
    if "levels" in intervals:
        require_contrasts(runs)
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
    drawn = [Runs(runs.N, runs.D, losses, runs.C) for losses in L]
    fits = [_fit_of(found.one(k), drawn[row]) for k, row in enumerate(np.flatnonzero(alive))]
    right = getattr(surface, statistic)
    asked = _Question(statistic, C, level, float(right if C is None else right(C)))
    rss = np.array([fit.objective for fit in fits])
    away = np.empty(0)  # an exponent's distances are found together
    if statistic in EXPONENTS:
        away = distance_along(logs, found, rss, statistic, np.full(len(fits), asked.truth))
    covered = dict.fromkeys(intervals, 0)
    for k, fit in enumerate(fits):
        for name in (name for name in intervals if name != "levels"):
            with suppress(FitError):  # the fit lies on the edge of what is allowed, or draws failed
                if name == "profile":
                    require_interior(fit, "profile")
                    distance = away[k] if C is None else distance_at(fit, statistic, C, asked.truth)
                    covered[name] += distance <= two_sided_quantile(level, fit.freedom)
                else:
                    covered[name] += asked.held_by(name, fit, draws, rng)
    if "levels" in intervals:
        for free in _levels_fits(surface, drawn, L):
            with suppress(FitError):
                covered["levels"] += asked.held_by("covariance", free, draws, rng)
    return Coverage(statistic, level, studies, {name: int(count) for name, count in covered.items()}, C)


class _Question(NamedTuple):
    """Whose interval, at which level, and the value that it should hold."""

    statistic: Statistic
    C: float | None
    level: float
    truth: float

    def held_by(self, name: str, fit: SurfaceFit | LevelsFit, draws: int, rng: np.random.Generator) -> bool:
        """Whether one interval of one study holds the truth."""
        if name in _COVARIANCES:
            low, high = covariance(fit, _COVARIANCES[name]).interval(self.statistic, self.C, self.level)
        else:
            draw = bootstrap(fit.runs, fit, draws, rng, kind=cast(Kind, name))
            low, high = draw.interval(self.statistic, self.C, self.level)
        return bool(low <= self.truth <= high)


def _levels_fits(surface: LossSurface, drawn: Sequence[Runs], L: FloatArray) -> list[LevelsFit]:
    """The fit with free levels of every study that has one, all found at once."""
    start = LevelsFit(surface, drawn[0].budgets, np.zeros(0), drawn[0], 0.0)
    found = refit_levels(start, None, L, len(L))
    fits = []
    for row in np.flatnonzero(np.isfinite(found.a)):
        A, B, alpha, beta = (float(getattr(found, name)[row]) for name in ("A", "B", "alpha", "beta"))
        fits.append(with_levels(LossSurface(0.0, A, B, alpha, beta), drawn[int(row)]))
    return fits


def _fit_of(surface: LossSurface, runs: Runs) -> SurfaceFit:
    """The least-squares fit of one study, whose surface is known."""
    objective = float(np.sum((runs.L - surface.loss(runs.N, runs.D)) ** 2))
    return SurfaceFit(surface, runs, Squared(), "VPNLS", objective)
