"""Bootstrap of one or more fits to the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, blocks, flag, generator, of_kind, shortened, whole
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FrontierFit, SurfaceFit
from scalinglab.laws.ensembles import Frontiers, Replicates, Surfaces
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.objectives import Squared
from scalinglab.uncertainty.bootstraps import Bootstrap
from scalinglab.uncertainty.draws import (
    KINDS,
    Kind,
    draw_budgets,
    draw_losses,
    draw_weights,
    every_budget_has_company,
)
from scalinglab.uncertainty.law_replicates import LawReplicates
from scalinglab.uncertainty.refits import Refitted, refit

#: Draws, at most: their answers take half a gigabyte for every fit.
MOST_DRAWS = 10_000_000

#: Runs times draws that exist at once, at most.
DRAWN = 1 << 21


def bootstrap(
    runs: Runs,
    fit: Refitted | Sequence[Refitted],
    draws: int,
    rng: np.random.Generator,
    kind: Kind = "pairs",
    within_budgets: bool | None = None,
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
    budgets  as many whole budgets, drawn with replacement        errors are shared within budgets,
                                                                  and budgets are many
    ======== ==================================================== =================================

    Draw pairs unless you know more: they assume least. Residual draws give the sharper answer if errors are
    alike. Wild draws let them differ and, unlike pairs, keep every run in each draw, so that no budget loses
    its shape. None of the three is honest when errors are shared between runs. Draws of whole budgets let the
    runs of one err together in any way, but five or ten budgets are few to draw from: their intervals hold
    the truth less often than they say (the chapter counts), and ``covariance(fit, "shared")`` or
    ``fit_vpnls(runs, levels="budget")`` serve better there.

    Parameters
    ----------
    runs : Runs
        The runs that were fitted.
    fit : SurfaceFit, LevelsFit, LawFit, FrontierFit, or a sequence of them
        Fits of these runs: a surface, a law or free levels by least squares, or Approach 2. Given several,
        every draw is refitted by all of them, so that statistics of them together have an interval.
    draws : int
        Number of draws; a thousand or more for an interval.
    rng : numpy.random.Generator
        Source of chance.
    kind : {"pairs", "residual", "wild", "budgets"}
        How a draw is made. Residual and wild draws need a surface or levels among the fits, whose predictions
        they start from; residuals are enlarged by :math:`\sqrt{n/(n-p)}`, p the number of parameters.
    within_budgets : bool, optional
        Draw pairs within each budget, so that none is lost: right for IsoFLOP designs, whose budgets were
        chosen. When absent, so it is done where every budget has two runs or more, and else pairs are drawn
        over all runs, as on a ladder of N and D; the result's ``kind`` says which.

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
    Surfaces are refitted from the optimum of all runs, without searching for other minima. A draw of whole
    budgets fails if it holds fewer than two different ones. In Approach 2
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
    if within_budgets is not None:
        flag("bootstrap: within_budgets", within_budgets)
    fits: tuple[Any, ...] = tuple(fit) if isinstance(fit, (list, tuple)) else (fit,)
    for one in fits:
        name = getattr(one, "__name__", "fit_vpnls")
        of_kind(
            "bootstrap: fit",
            one,
            (SurfaceFit, LevelsFit, FrontierFit, LawFit),
            f"give the fit that {name}(runs) returns, or several in a list"
            if callable(one) and not isinstance(one, type)
            else "give what fit_vpnls or fit_approach2 returned, or several of them in a list",
        )
    draws = whole("bootstrap: draws", draws, 2, MOST_DRAWS)
    _check(runs, fits, draws, kind)
    logs = CentredLogs.of(runs)
    if within_budgets is None:
        within_budgets = every_budget_has_company(runs)
    weights, losses = None, runs.L
    parts: list[list[Replicates | LawReplicates]] = []
    for rows in blocks(draws, max(1, DRAWN // len(runs))):
        count = rows.stop - rows.start
        if kind == "pairs":
            weights = draw_weights(runs, count, rng, within_budgets)
        elif kind == "budgets":
            weights = draw_budgets(runs, count, rng)
        else:
            centre = next(one for one in fits if not isinstance(one, FrontierFit))
            losses = draw_losses(centre, count, rng, kind)
        parts.append([refit(one, logs, weights, losses, count, kind == "budgets") for one in fits])
    replicates = tuple(_joined(blocks_of_one) for blocks_of_one in zip(*parts, strict=True))
    failed = np.array([one.lost if isinstance(one, LawReplicates) else np.isnan(one.a) for one in replicates])
    where = (" within budgets" if within_budgets else " over all runs") if kind == "pairs" else ""
    return Bootstrap(fits, replicates, failed, kind + where)


def _joined(parts: Sequence[Replicates | LawReplicates]) -> Replicates | LawReplicates:
    """The replicates of several blocks of draws as one."""

    def column(letter: str) -> FloatArray:
        return np.concatenate([getattr(part, letter) for part in parts])

    if isinstance(parts[0], LawReplicates):
        return LawReplicates(parts[0].fit, {name: column(name) for name in parts[0].parameters})
    if isinstance(parts[0], Frontiers):
        return Frontiers(column("coefficient"), column("a"))
    return Surfaces(*map(column, Surfaces.PARAMETERS))


def _check(runs: Runs, fits: tuple[Refitted, ...], draws: int, kind: str) -> None:
    """Raise ValueError unless these fits can be repeated on resampled runs."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"bootstrap: no kind {shortened(kind)}; there are {', '.join(KINDS)}.")
    if not fits:
        raise ValueError("bootstrap: there is no fit in this list; give one or more.")
    for fit in fits:
        same = len(fit.runs) == len(runs) and all(
            np.array_equal(getattr(fit.runs, letter), getattr(runs, letter)) for letter in "NDLC"
        )
        if not same:
            raise ValueError(f"bootstrap: {fit.method} was fitted to other runs; refit it on these.")
        if isinstance(fit, SurfaceFit | LawFit) and fit.loss != Squared():
            raise ValueError(
                f"bootstrap: {fit.method} minimised {fit.loss}, and only squared residuals of L are refitted "
                "fast; refit with fit_vpnls(runs)."
            )
        if isinstance(fit, FrontierFit) and not fit.parabolas:
            raise ValueError(
                f"bootstrap: {fit.method} has no parabolas to refit; pass a fit by fit_approach2."
            )
    if kind in ("residual", "wild"):
        surfaces = [fit for fit in fits if not isinstance(fit, FrontierFit)]
        if not surfaces:
            raise ValueError(
                f"bootstrap: {kind} draws start from a fitted surface; add one to the fits, or draw pairs."
            )
        if surfaces[0].freedom <= 0:
            raise ValueError(
                f"bootstrap: {len(runs)} runs for {len(runs) - surfaces[0].freedom} parameters leave no "
                "residuals; draw pairs, or add runs."
            )
