"""Bootstrap of one or more fits to the same runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, blocks, flag, floats, generator, of_kind, share, shortened, whole
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.results import Fit, FitError, FrontierFit, SurfaceFit
from scalinglab.laws.ensembles import Frontiers, Replicates, Surfaces
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.objectives import Squared
from scalinglab.uncertainty.draws import Kind, draw_losses, draw_weights
from scalinglab.uncertainty.intervals import Interval
from scalinglab.uncertainty.refits import refit_frontier, refit_surface

#: Draws, at most: their answers take half a gigabyte for every fit.
MOST_DRAWS = 10_000_000

#: Runs times draws that exist at once, at most.
DRAWN = 1 << 21


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """Result of a bootstrap: the refits of every draw, failed ones counted.

    Attributes
    ----------
    fits : tuple of SurfaceFit or FrontierFit
        What was refitted; every method saw the same draws.
    replicates : tuple of Surfaces or Frontiers
        Parameters of every draw, one entry a fit; nan where that fit failed.
    failed : ndarray of bool, shape (fits, draws)
        Where a fit failed: a term of the surface vanished, or a budget's parabola did not open upwards.
    kind : str
        How the draws were made.

    See Also
    --------
    bootstrap : Makes it.
    Covariance, Profile
    """

    fits: tuple[Fit, ...]
    replicates: tuple[Replicates, ...]
    failed: NDArray[np.bool_]
    kind: str

    @property
    def draws(self) -> int:
        """Number of draws, failed ones included."""
        return int(self.failed.shape[1])

    @property
    def failures(self) -> int:
        """Draws in which some fit failed."""
        return int(self.failed.any(axis=0).sum())

    def values(self, statistic: str | Callable[..., Any]) -> FloatArray:
        """Evaluate a statistic in every draw.

        Parameters
        ----------
        statistic : str or callable
            ``"a"`` and the like, an attribute of the first fit; or a function of as many arguments as
            there are fits. Each argument answers ``N_opt(C)``, ``a`` and so on with one entry a draw.

        Returns
        -------
        ndarray, shape (draws,)
            nan where a fit failed.
        """
        names = (
            (*self.fits[0].surface.PARAMETERS, "a", "b", "gamma", "G", "K")
            if isinstance(self.fits[0], SurfaceFit)
            else ("coefficient", "a", "b")
        )
        if not callable(statistic) and not (isinstance(statistic, str) and statistic in names):
            raise ValueError(
                f"Bootstrap: statistic is {shortened(statistic)}; give {', '.join(names)}, or a "
                "function of the fits."
            )
        kept = ~self.failed.any(axis=0)
        alive = [replicate.take(kept) for replicate in self.replicates]
        found = np.full(self.draws, np.nan)
        try:
            found[kept] = floats(
                "", statistic(*alive) if callable(statistic) else getattr(alive[0], statistic)
            )
        except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ValueError(
                f"Bootstrap: statistic is {shortened(statistic)}, which does not give one number a draw for "
                f"{len(alive)} fits ({shortened(error)})."
            ) from error
        return found

    def interval(
        self, statistic: str | Callable[..., Any], level: float = 0.9, worst: bool = False
    ) -> Interval:
        """Percentile interval of a statistic.

        Parameters
        ----------
        statistic : str or callable
            As in :meth:`values`.
        level : float
            Nominal coverage.
        worst : bool
            Let every failed draw lie beyond both ends: the widest interval that the failures allow. Use it
            when failures are not rare beside (1 - level)/2. Without it the interval speaks for the draws that
            could be fitted, and its level is not the one it says.

        Returns
        -------
        Interval
            Infinite ends if ``worst`` and more than (1 - level)/2 of the draws failed.

        Raises
        ------
        FitError
            If every draw failed.
        ValueError
            If the level is not between 0 and 1.
        """
        level, worst = share("Bootstrap.interval: level", level), flag("Bootstrap.interval: worst", worst)
        values = np.sort(self.values(statistic))
        alive = values[np.isfinite(values)]
        if not len(alive):
            raise FitError("bootstrap: every draw failed, so there is no interval; add runs to the budgets.")
        tail = (1 - level) / 2
        if not worst:
            low, high = np.quantile(alive, [tail, 1 - tail])
            return Interval(float(low), float(high))
        lost = np.full(self.draws - len(alive), np.inf)
        low = np.quantile(np.concatenate([-lost, alive]), tail, method="lower")
        high = np.quantile(np.concatenate([alive, lost]), 1 - tail, method="higher")
        return Interval(float(low), float(high))

    def standard_error(self, statistic: str | Callable[..., Any]) -> float:
        """Standard deviation of a statistic over the draws that did not fail."""
        return float(np.nanstd(self.values(statistic), ddof=1))

    def __repr__(self) -> str:
        methods = [
            f"{fit.method}: {int(failed.sum())} of {self.draws} draws failed"
            for fit, failed in zip(self.fits, self.failed, strict=True)
        ]
        return (
            f"bootstrap {self.draws} draws, {self.kind}\n"
            f"failures  {self.failures} of {self.draws} draws ({self.failures / self.draws:.1%})\n"
            + "\n".join(f"          {line}" for line in methods)
        )


def bootstrap(
    runs: Runs,
    fit: Fit | Sequence[Fit],
    draws: int,
    rng: np.random.Generator,
    kind: Kind = "pairs",
    within_budgets: bool = True,
) -> Bootstrap:
    r"""Bootstrap one or more fits to the same runs: refit them on resampled runs.

    ======== ==================================================== =================================
    kind     a draw                                               stays honest when
    ======== ==================================================== =================================
    pairs    as many runs, drawn with replacement                 errors differ in size, or the
                                                                  model is slightly wrong
    residual fitted losses plus residuals drawn with replacement  errors share one distribution
    wild     fitted losses plus each run's residual, its sign     errors differ in size
             tossed
    ======== ==================================================== =================================

    Draw pairs unless you know more: they assume least. Residual draws give the sharper answer if errors are
    alike. Wild draws let them differ and, unlike pairs, keep every run in each draw, so that no budget loses
    its shape. None is honest when errors are shared between runs.

    Parameters
    ----------
    runs : Runs
        The runs that were fitted.
    fit : SurfaceFit, FrontierFit, or a sequence of them
        Fits of these runs: a surface by least squares, or Approach 2. Given several, every draw is
        refitted by all of them, so that statistics of them together have an interval.
    draws : int
        Number of draws; a thousand or more for an interval.
    rng : numpy.random.Generator
        Source of chance.
    kind : {"pairs", "residual", "wild"}
        How a draw is made. The last two need a surface among the fits, whose predictions they start
        from; residuals are enlarged by :math:`\sqrt{n/(n-p)}`, p the number of parameters.
    within_budgets : bool
        Draw pairs within each budget, so that none is lost: right for IsoFLOP designs, whose budgets were
        chosen. Pass False when every run has a compute of its own.

    Returns
    -------
    Bootstrap

    Raises
    ------
    ValueError
        If the runs are not those of the fit, the fit cannot be repeated, or a budget has a single run.

    See Also
    --------
    covariance : Standard errors of one surface fit at no cost.
    profile : An interval of one surface fit that need not be symmetric.
    coverage : How often each interval holds the truth.

    Notes
    -----
    Memory holds the answers and a block of two million runs and draws, however many draws there are.
    Efron :cite:p:`efron1979`; residuals after :cite:t:`freedman1981`, wild after :cite:t:`wu1986`.
    Surfaces are refitted from the optimum of all runs, without searching for other minima. In Approach 2
    a draw fails if any budget the fit used has fewer than three distinct sizes or a parabola that does
    not open upwards, or so little that its vertex lies ten half-widths of the grid away; other vertices
    outside the sampled sizes are kept. The chapter *How sure are we?*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> runs = load_llama3()
    >>> boot = bootstrap(runs, fit_vpnls(runs), 500, np.random.default_rng(0))
    >>> boot.draws, boot.failures
    (500, 0)
    """
    require_runs("bootstrap", runs)
    generator("bootstrap: rng", rng)
    flag("bootstrap: within_budgets", within_budgets)
    fits = (fit,) if isinstance(fit, SurfaceFit | FrontierFit) else fit
    of_kind("bootstrap: fit", fits, (list, tuple), "give a fit, or several in a list")
    fits = tuple(fits)
    for one in fits:
        of_kind(
            "bootstrap: fit", one, (SurfaceFit, FrontierFit), "give what fit_vpnls or fit_approach2 returned"
        )
    draws = whole("bootstrap: draws", draws, 2, MOST_DRAWS)
    _check(runs, fits, draws, kind)
    logs = CentredLogs.of(runs)
    weights, losses = None, runs.L
    parts: list[list[Replicates]] = []
    for rows in blocks(draws, max(1, DRAWN // len(runs))):
        count = rows.stop - rows.start
        if kind == "pairs":
            weights = draw_weights(runs, count, rng, within_budgets)
        else:
            centre = next(one for one in fits if isinstance(one, SurfaceFit))
            losses = draw_losses(centre, count, rng, kind)
        parts.append(
            [
                refit_surface(logs._replace(L=losses), one.surface, weights, count)
                if isinstance(one, SurfaceFit)
                else refit_frontier(one, weights, losses)
                for one in fits
            ]
        )
    replicates = tuple(_joined(blocks_of_one) for blocks_of_one in zip(*parts, strict=True))
    failed = np.array([np.isnan(replicate.a) for replicate in replicates])
    where = " within budgets" if kind == "pairs" and within_budgets else ""
    return Bootstrap(fits, replicates, failed, kind + where)


def _joined(parts: Sequence[Replicates]) -> Replicates:
    """The replicates of several blocks of draws as one."""

    def column(letter: str) -> FloatArray:
        return np.concatenate([getattr(part, letter) for part in parts])

    if isinstance(parts[0], Frontiers):
        return Frontiers(column("coefficient"), column("a"))
    return Surfaces(*map(column, Surfaces.PARAMETERS))


def _check(runs: Runs, fits: tuple[Fit, ...], draws: int, kind: str) -> None:
    """Raise ValueError unless these fits can be repeated on resampled runs."""
    if not isinstance(kind, str) or kind not in ("pairs", "residual", "wild"):
        raise ValueError(f"bootstrap: no kind {shortened(kind)}; there are pairs, residual and wild.")
    if not fits:
        raise ValueError("bootstrap: there is no fit in this list; give one or more.")
    for fit in fits:
        same = len(fit.runs) == len(runs) and all(
            np.array_equal(getattr(fit.runs, letter), getattr(runs, letter)) for letter in "NDLC"
        )
        if not same:
            raise ValueError(f"bootstrap: {fit.method} was fitted to other runs; refit it on these.")
        if isinstance(fit, SurfaceFit) and fit.loss != Squared():
            raise ValueError(
                f"bootstrap: {fit.method} minimised {fit.loss}, and only squared residuals of L are refitted "
                "fast; refit with fit_vpnls(runs)."
            )
        if isinstance(fit, FrontierFit) and not fit.parabolas:
            raise ValueError(
                f"bootstrap: {fit.method} has no parabolas to refit; pass a fit by fit_approach2."
            )
    if kind != "pairs":
        surfaces = [fit for fit in fits if isinstance(fit, SurfaceFit)]
        if not surfaces:
            raise ValueError(
                f"bootstrap: {kind} draws start from a fitted surface; add one to the fits, or draw pairs."
            )
        if surfaces[0].freedom <= 0:
            raise ValueError(
                f"bootstrap: {len(runs)} runs for {len(surfaces[0].surface.parameters)} parameters leave no "
                "residuals; draw pairs, or add runs."
            )
