"""Refits in both parameter counts: what leaving out the embedding does to a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    FloatArray,
    finite,
    of_kind,
    positive_number,
    positive_range,
    positive_row,
    shortened,
)
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.approach3 import fit_approach3
from scalinglab.fitting.results import SurfaceFit
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.laws.parameter_counts import nonembedding_parameters
from scalinglab.laws.published import PEARCE_OMEGA
from scalinglab.laws.surface import LossSurface, exponents_of
from scalinglab.planning.extremes import within_floats
from scalinglab.solvers.objectives import Huber, Loss, Squared


@dataclass(frozen=True, eq=False)
class CountingDesign:
    """A design in both parameter counts: models, each trained on each of several token counts.

    Attributes
    ----------
    N, N_total : ndarray, shape (s,)
        Non-embedding and total parameters of the models.
    D : ndarray, shape (t,)
        Token counts.

    Raises
    ------
    ValueError
        If an entry is not positive, N and N_total differ in length, or some N is not below its N_total.

    See Also
    --------
    refit_in_other_counts : Fits its runs.
    IsoflopDesign : A design by compute, in one count.
    """

    N: FloatArray
    N_total: FloatArray
    D: FloatArray

    def __post_init__(self) -> None:
        for name in ("N", "N_total", "D"):
            object.__setattr__(self, name, positive_row(f"CountingDesign: {name}", getattr(self, name)))
        if self.N.shape != self.N_total.shape or not (self.N_total > self.N).all():
            raise ValueError(
                "CountingDesign: each size needs both counts, and "
                "N, which leaves the embedding out, must "
                f"be smaller than N_total; N is {shortened(self.N)} and N_total is {shortened(self.N_total)}."
            )

    @classmethod
    def between_shares(
        cls,
        N_total: tuple[float, float] = (5.7e7, 1.2e9),
        share: tuple[float, float] = (0.79, 0.15),
        sizes: int = 9,
        D: tuple[float, float] = (1e8, 1e10),
        tokens: int = 9,
    ) -> CountingDesign:
        """Design between two shares of the embedding, a power law of the total in between.

        Sizes are evenly spaced in log total parameters.

        Parameters
        ----------
        N_total, share : tuple of float
            Total parameters of the smallest and the largest model, and the share of the embedding in each.
        sizes : int
            How many models.
        D, tokens : tuple of float, int
            Range and number of token counts, evenly spaced in log.
        """
        ends, shares = (
            positive_range("CountingDesign: N_total", N_total),
            positive_row("CountingDesign: share", share),
        )
        if shares.shape != (2,) or not (shares < 1).all():
            raise ValueError(
                f"CountingDesign: share is {shortened(share)}; give the embedding's share of the "
                "smallest and of the "
                "largest model, both between 0 and 1."
            )
        total = _spaced("sizes", ends, sizes)
        embedding = _spaced("sizes", (shares[0] * ends[0], shares[1] * ends[1]), sizes)
        return cls(
            total - embedding, total, _spaced("tokens", positive_range("CountingDesign: D", D), tokens)
        )

    @classmethod
    def fixed_aspect(
        cls,
        N_total: tuple[float, float] = (5.7e7, 1.2e9),
        omega: float = PEARCE_OMEGA,
        sizes: int = 9,
        D: tuple[float, float] = (1e8, 1e10),
        tokens: int = 9,
    ) -> CountingDesign:
        """Design of models of one aspect, N_total = N + omega N^(1/3), evenly spaced in log N_total."""
        total = _spaced("sizes", positive_range("CountingDesign: N_total", N_total), sizes)
        N = nonembedding_parameters(total, omega)
        return cls(N, total, _spaced("tokens", positive_range("CountingDesign: D", D), tokens))

    def continued(self, high: float, sizes: int = 200) -> CountingDesign:
        """Design of larger models of the same family, the power law of the embedding continued.

        Parameters
        ----------
        high : float
            Total parameters of the largest model, more than the smallest of this design.
        sizes : int
            How many models, evenly spaced in log from the smallest of this design.
        """
        if not self.N_total[-1] > self.N_total[0]:
            raise ValueError(
                "CountingDesign: one size sets no trend; continue a design of two or more sizes."
            )
        high = positive_number("CountingDesign.continued: high", high)
        ends = positive_range("CountingDesign.continued: N_total[0], high", (self.N_total[0], high))
        embedding = self.N_total - self.N
        rise = np.log(embedding[-1] / embedding[0]) / np.log(self.N_total[-1] / self.N_total[0])
        total = _spaced("sizes", ends, sizes)
        if not (total > embedding[0] * (total / total[0]) ** rise).all():
            raise ValueError(
                f"CountingDesign.continued: up to high, {high:.3g}, the embedding would outgrow the "
                "model; stop earlier."
            )
        N = total - embedding[0] * (total / total[0]) ** rise
        return CountingDesign(N, total, self.D)


@dataclass(frozen=True, eq=False)
class Recount:
    """Result of a recount: fits of the same runs in both parameter counts.

    Attributes
    ----------
    total, nonembedding : SurfaceFit
        Fits in total and in non-embedding parameters.

    See Also
    --------
    recount_runs : Makes it, of runs.
    refit_in_other_counts : Makes it, of a surface.
    """

    total: SurfaceFit
    nonembedding: SurfaceFit


@within_floats
def recount_runs(runs: Runs, N: ArrayLike, loss: Loss | None = None) -> Recount:
    """Fit runs twice: as they are, and with the parameters counted in another way.

    Parameters
    ----------
    runs : Runs
        Runs in total parameters.
    N : array_like, shape (n,)
        Their parameters without the embedding.
    loss : Squared or Huber, optional
        What the fits minimise; squared residuals of L when absent. Residuals in log L go to
        :func:`fit_approach3`, those of L to :func:`fit_vpnls`.

    Returns
    -------
    Recount

    Raises
    ------
    ValueError
        If there is not one N for each run.
    FitError
        If the runs cannot fix five parameters.

    See Also
    --------
    refit_in_other_counts : The same without noise, on a surface.

    Notes
    -----
    Compute is 6ND in either count. Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> from scalinglab.laws import nonembedding_parameters
    >>> runs = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9).runs(CHINCHILLA)
    >>> both = recount_runs(runs, nonembedding_parameters(runs.N))
    >>> f"a {both.total.a:.3f}, without the embedding {both.nonembedding.a:.3f}"
    'a 0.452, without the embedding 0.584'
    """
    require_runs("recount_runs", runs)
    other = positive_row("recount_runs: N", N)
    if other.shape != runs.N.shape:
        raise ValueError(
            f"recount_runs: N holds {len(other)} numbers for {len(runs)} runs; give one for each run."
        )
    fits = []
    for sizes in (runs.N, other):
        counted = Runs(sizes, runs.D, runs.L)
        in_logs = isinstance(loss, (Squared, Huber)) and loss.log
        fits.append(fit_approach3(counted, loss) if in_logs else fit_vpnls(counted, loss))
    return Recount(*fits)


def counts_compared(
    runs: Runs, N: ArrayLike, surface: LossSurface, fewest: tuple[float, ...] = (0.0, 1e9)
) -> list[dict[str, Any]]:
    """Fit runs and, on the same N and D, a noise-free surface, in both counts, by the log-Huber objective.

    Parameters
    ----------
    runs : Runs
        Runs in total parameters.
    N : array_like, shape (n,)
        Their parameters without the embedding.
    surface : LossSurface
        What the losses would be if it were true, in total parameters.
    fewest : tuple of float
        Tokens that a run must have had, at least: one comparison each.

    Returns
    -------
    list of dict
        One row for each fit: ``fewest``, ``runs`` (how many), ``losses`` (``"measured"`` or ``"surface"``),
        ``count`` (``"total"`` or ``"nonembedding"``), ``E``, ``alpha``, ``beta``, ``a`` and ``objective``.

    See Also
    --------
    recount_runs : One such pair of fits.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> from scalinglab.laws import nonembedding_parameters
    >>> runs = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9).runs(CHINCHILLA)
    >>> rows = counts_compared(runs, nonembedding_parameters(runs.N), CHINCHILLA, fewest=(0.0,))
    >>> [f"{row['a']:.3f}" for row in rows]
    ['0.452', '0.553', '0.452', '0.553']
    """
    require_runs("counts_compared", runs)
    of_kind("counts_compared: surface", surface, LossSurface, "give a LossSurface")
    N = positive_row("counts_compared: N", N)
    if N.shape != runs.N.shape:
        raise ValueError(
            f"counts_compared: N holds {len(N)} numbers for {len(runs)} runs; give one for each."
        )
    rows = []
    for least in np.atleast_1d(finite("counts_compared: fewest", fewest)).ravel().tolist():
        kept = np.greater_equal(runs.D, least)
        if not kept.any():
            raise ValueError(f"counts_compared: fewest is {least:g}, and no run had as many tokens.")
        some = runs.take(kept)
        for losses, L in (("measured", some.L), ("surface", surface.loss(some.N, some.D))):
            both = recount_runs(Runs(some.N, some.D, L), N[kept], Huber(1e-3, log=True))
            for count in ("total", "nonembedding"):
                fit: SurfaceFit = getattr(both, count)
                numbers = {name: getattr(fit.surface, name) for name in ("E", "alpha", "beta", "a")}
                row = {"fewest": least, "runs": len(some), "losses": losses, "count": count}
                rows.append({**row, **numbers, "objective": fit.objective})
    return rows


def refit_in_other_counts(
    surface: LossSurface, design: CountingDesign | None = None, loss: Loss | None = None
) -> Recount:
    """Fit noise-free losses of a surface in both parameter counts, with the embedding and without.

    Parameters
    ----------
    surface : LossSurface
        The truth, in total parameters.
    design : CountingDesign, optional
        ``CountingDesign.between_shares()`` when absent: 81 small runs, the embedding from 79 % to 15 %.
    loss : Squared or Huber, optional
        What the fits minimise, in L; squared residuals when absent.

    Returns
    -------
    Recount
        Both fits by :func:`fit_vpnls`, with E, A, B >= 0.

    Raises
    ------
    ValueError
        If an argument is of another kind.
    FitError
        If the design has too few sizes or token counts to fix five parameters.

    See Also
    --------
    counted_frontier : The frontier in non-embedding counts, without a fit.

    Notes
    -----
    Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> both = refit_in_other_counts(CHINCHILLA_REFIT)
    >>> [f"{fit.surface.a:.3f}" for fit in (both.total, both.nonembedding)]
    ['0.513', '0.860']
    """
    exponents_of(surface)
    design = CountingDesign.between_shares() if design is None else design
    for name, value, kinds in (
        ("design", design, CountingDesign),
        ("loss", loss, (Squared, Huber, type(None))),
    ):
        if not isinstance(value, kinds):
            raise ValueError(
                f"refit_in_other_counts: {name} is {shortened(value)}; see its docstring for what it may be."
            )
    D = np.tile(design.D, len(design.N))
    total, N = np.repeat(design.N_total, len(design.D)), np.repeat(design.N, len(design.D))
    return recount_runs(Runs(total, D, surface.loss(total, D)), N, loss)


def _spaced(name: str, ends: tuple[float, float], number: int) -> FloatArray:
    """Evenly spaced in log, both ends included."""
    if (
        isinstance(number, (bool, np.timedelta64))
        or not isinstance(number, (int, np.integer))
        or not 2 <= number <= 1e6
    ):
        raise ValueError(
            f"CountingDesign: {name} is {shortened(number)}; give a whole number, two to a million."
        )
    return np.geomspace(*ends, int(number))
