"""How often intervals hold the truth, on simulated studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.uncertainty.covariances import influence
from scalinglab.uncertainty.draws import Kind, draw_losses, draw_weights
from scalinglab.uncertainty.intervals import quantile
from scalinglab.uncertainty.profiles import Statistic, reduced_along

#: Ways to an interval, in the order in which tables list them.
INTERVALS = ("covariance", "robust covariance", "profile", "pairs", "residual", "wild")


@dataclass(frozen=True)
class Coverage:
    """How often intervals held the truth.

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
    r"""Try intervals on studies whose truth is known.

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
    unknown = [name for name in intervals if name not in INTERVALS]
    if unknown:
        raise ValueError(f"coverage: no interval {unknown[0]!r}; there are {', '.join(INTERVALS)}.")
    runs = design.runs(surface)
    sigma = np.broadcast_to(np.asarray(noise, float), len(runs))
    if not (sigma >= 0).all() or not shared >= 0 or not (sigma.any() or shared):
        raise ValueError("coverage: noise and shared are standard deviations: none negative, not all zero.")
    _, member = runs.by_budget()
    own = sigma * rng.standard_normal((studies, len(runs)))
    L = runs.L + own + shared * rng.standard_normal((studies, member.max() + 1))[:, member]
    logs = CentredLogs.of(runs)._replace(L=L)
    alpha, beta, E, A, B, rss = levenberg_marquardt(
        logs, np.full(studies, surface.alpha), np.full(studies, surface.beta)
    )
    low, high = EXPONENT_RANGE
    inner = (A > 0) & (B > 0) & (E > 0) & (alpha > low) & (alpha < high) & (beta > low) & (beta < high)
    # edge fits count as misses; give them harmless numbers so that the rest can be done at once
    A, B = np.where(inner, A, 1.0), np.where(inner, B, 1.0)
    total = alpha + beta
    truth = getattr(surface, statistic)
    error = np.abs(_statistic(statistic, alpha, beta) - truth)
    t, freedom = quantile(level, len(runs) - 5), len(runs) - 5
    H = influence(logs, A, B, alpha, beta)
    zero, one = np.zeros(studies), np.ones(studies)
    slopes = {"a": (-beta / total**2, alpha / total**2), "alpha": (one, zero), "beta": (zero, one)}
    h = slopes[statistic][0][:, None] * H[:, 3] + slopes[statistic][1][:, None] * H[:, 4]
    terms = A[:, None] * np.exp(-np.outer(alpha, logs.n)) + B[:, None] * np.exp(-np.outer(beta, logs.d))
    predicted = E[:, None] + terms
    residuals = L - predicted
    held: dict[str, NDArray[np.bool_]] = {}
    for name in intervals:
        if name == "covariance":
            held[name] = error <= t * np.sqrt(rss / freedom * (h**2).sum(axis=1))
        elif name == "robust covariance":
            held[name] = error <= t * np.sqrt((h**2 * residuals**2).sum(axis=1))
        elif name == "profile":
            start = {"a": total, "alpha": beta, "beta": alpha}[statistic]
            at_truth = reduced_along(logs, statistic, np.full(studies, truth), start)
            held[name] = at_truth <= rss * (1 + t**2 / freedom)
        else:
            held[name] = np.empty(studies, bool)
            for k in range(studies):
                if name == "pairs":
                    again, weights = logs._replace(L=L[k]), draw_weights(runs, draws, rng)
                else:
                    losses = draw_losses(predicted[k], residuals[k], draws, rng, cast(Kind, name))
                    again, weights = logs._replace(L=losses), None
                again_a, again_b = np.full(draws, alpha[k]), np.full(draws, beta[k])
                refit = levenberg_marquardt(again, again_a, again_b, weights, tolerance=1e-5)
                values = _statistic(statistic, refit.alpha, refit.beta)
                low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
                held[name][k] = low <= truth <= high
    covered = {name: int((inner & found).sum()) for name, found in held.items()}
    return Coverage(statistic, level, studies, covered)


def _statistic(statistic: Statistic, alpha: FloatArray, beta: FloatArray) -> FloatArray:
    """The statistic of each pair of exponents."""
    return {"a": beta / (alpha + beta), "alpha": alpha, "beta": beta}[statistic]
