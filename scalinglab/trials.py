"""Are we as sure as we say? Intervals tried on simulated studies, forecasts on held-out budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab.approach2 import fit_approach2, fit_parabola
from scalinglab.approach3 import fit_approach3
from scalinglab.budgets import BUDGET_TOLERANCE
from scalinglab.descent import descend
from scalinglab.design import IsoflopDesign
from scalinglab.fits import EXPONENT_RANGE, FitError, SurfaceFit
from scalinglab.logs import Logs
from scalinglab.resampling import Fit, Kind, draw_losses, draw_weights
from scalinglab.runs import Runs
from scalinglab.surface import FloatArray, LossSurface
from scalinglab.uncertainty import Statistic, influence, quantile, reduced_along
from scalinglab.vpnls import fit_vpnls

if TYPE_CHECKING:
    import pandas as pd

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
    logs = Logs.of(runs)._replace(L=L)
    alpha, beta, E, A, B, rss = descend(logs, np.full(studies, surface.alpha), np.full(studies, surface.beta))
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
                refit = descend(again, again_a, again_b, weights, tolerance=1e-5)
                values = _statistic(statistic, refit.alpha, refit.beta)
                low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
                held[name][k] = low <= truth <= high
    covered = {name: int((inner & found).sum()) for name, found in held.items()}
    return Coverage(statistic, level, studies, covered)


def _statistic(statistic: Statistic, alpha: FloatArray, beta: FloatArray) -> FloatArray:
    """The statistic of each pair of exponents."""
    return {"a": beta / (alpha + beta), "alpha": alpha, "beta": beta}[statistic]


@dataclass(frozen=True, eq=False, repr=False)
class Hindcast:
    """Fits of the small budgets beside what the large ones turned out to be.

    Attributes
    ----------
    kept, held : Runs
        The runs that were fitted, and those of the larger budgets.
    fits : dict of str to SurfaceFit or FrontierFit
        One for each method that could answer from the kept runs.
    refused : dict of str to str
        Methods that could not, and why.
    """

    kept: Runs
    held: Runs
    fits: dict[str, Fit]
    refused: dict[str, str]

    def losses(self) -> pd.DataFrame:
        """Mean of observed minus predicted loss at each held budget, one column a surface fit."""
        import pandas as pd

        budgets, member = self.held.by_budget()
        errors = {
            name: self.held.L - fit.surface.loss(self.held.N, self.held.D)
            for name, fit in self.fits.items()
            if isinstance(fit, SurfaceFit)
        }
        sizes = np.bincount(member)
        means = {name: np.bincount(member, error) / sizes for name, error in errors.items()}
        return pd.DataFrame({"runs": sizes, **means}, index=pd.Index(budgets, name="C"))

    def sizes(self) -> pd.DataFrame:
        """Best size at each held budget: the vertex of its own parabola, and what each method foresaw.

        The vertex is itself an estimate; nan where the held runs give none that can be used.
        """
        import pandas as pd

        budgets = self.held.budgets
        parabolas = [fit_parabola(self.held.at(C)) for C in budgets]
        vertices = [np.nan if parabola.verdict else parabola.vertex for parabola in parabolas]
        foreseen = {name: fit.N_opt(budgets) for name, fit in self.fits.items()}
        return pd.DataFrame({"vertex": vertices, **foreseen}, index=pd.Index(budgets, name="C"))

    def __repr__(self) -> str:
        lines = [
            f"{label:<9} {len(part)} runs at {len(part.budgets)} budgets up to {part.budgets.max():.3g}"
            for label, part in (("fitted", self.kept), ("held out", self.held))
        ]
        lines.append(f"methods   {', '.join(self.fits) or 'none'}")
        lines += [f"refused   {name}: {why}" for name, why in self.refused.items()]
        return "\n".join(lines)


def hindcast(
    runs: Runs, highest: float, methods: Mapping[str, Callable[[Runs], Fit]] | None = None
) -> Hindcast:
    """Fit the small budgets and predict the large ones.

    Parameters
    ----------
    runs : Runs
        All runs.
    highest : float
        The highest budget that is fitted, in FLOPs.
    methods : mapping of str to callable, optional
        Label and what fits; Approach 2, Approach 3 and VPNLS when absent.

    Returns
    -------
    Hindcast

    Raises
    ------
    ValueError
        If no budget is kept or none is held out.

    Notes
    -----
    The chapter *How sure are we?* uses it on the Llama 3 runs.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> hindcast(load_llama3(), highest=1e21)
    fitted    121 runs at 8 budgets up to 1e+21
    held out  12 runs at 2 budgets up to 1e+22
    methods   Approach 2, Approach 3, VPNLS
    """
    kept = runs.C / highest <= 1 + BUDGET_TOLERANCE
    if kept.all() or not kept.any():
        raise ValueError(
            f"hindcast: {int(kept.sum())} of {len(runs)} runs lie at or below {highest:.3g} FLOPs; "
            f"choose a budget between {runs.C.min():.3g} and {runs.C.max():.3g}."
        )
    if methods is None:
        methods = {"Approach 2": fit_approach2, "Approach 3": fit_approach3, "VPNLS": fit_vpnls}
    fits: dict[str, Fit] = {}
    refused: dict[str, str] = {}
    small = runs.take(kept)
    for name, method in methods.items():
        try:
            fits[name] = method(small)
        except FitError as error:
            refused[name] = str(error)
    return Hindcast(small, runs.take(~kept), fits, refused)
