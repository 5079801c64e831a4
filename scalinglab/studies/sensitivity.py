"""Sensitivity of a fit: the same fit on changed runs, the same study simulated again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

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
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.methods import METHODS
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.laws.surface import LossSurface


def refit(fit: SurfaceFit, variants: Mapping[Any, Runs]) -> dict[Any, SurfaceFit]:
    """Repeat a fit, by the same method and the same loss, on other versions of its runs.

    Parameters
    ----------
    fit : SurfaceFit
        Of ``fit_vpnls`` or ``fit_approach3``; the latter is repeated from the default starts.
    variants : mapping to Runs
        Runs by name.

    Returns
    -------
    dict
        A fit for each name.

    Raises
    ------
    ValueError
        If the fit is by another method.

    See Also
    --------
    bootstrap : Versions made by chance.
    repeat_study : Versions made on a known surface.

    Notes
    -----
    Used in the chapter *Fitting carefully*.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> runs = load_llama3()
    >>> fits = refit(fit_vpnls(runs), {"without 1e22": runs.take(runs.C < 9e21)})
    >>> f"{fits['without 1e22'].surface.a:.3f}"
    '0.501'
    """
    if not isinstance(fit, SurfaceFit) or fit.method not in METHODS:
        kind = getattr(fit, "method", type(fit).__name__)
        raise ValueError(f"refit: the fit is by {kind!r}; it must be by fit_vpnls or fit_approach3.")
    of_kind("refit: variants", variants, Mapping, 'give {"a name": runs}')
    for name, runs in variants.items():
        require_runs("refit", runs, f"variants[{shortened(name)}]")
    fitter = cast(Callable[..., SurfaceFit], METHODS[fit.method])
    return {name: fitter(runs, loss=fit.loss) for name, runs in variants.items()}


@dataclass(frozen=True, eq=False)
class Repeats:
    """Result of repeating a study: exponent and recommended tokens of each fit.

    Attributes
    ----------
    runs : int
        Runs in each study.
    a : ndarray, shape (draws,)
        Fitted exponent of the frontier; nan where a fit failed.
    D_factor : ndarray, shape (draws,)
        Recommended over truly best tokens at the target; nan where a fit failed.
    failures : int
        Studies no surface could be fitted to.

    See Also
    --------
    repeat_study : Makes it.
    """

    runs: int
    a: FloatArray
    D_factor: FloatArray
    failures: int

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Central interval of ``D_factor`` over the studies that could be fitted."""
        level = share("Repeats.interval: level", level)
        if np.isnan(self.D_factor).all():
            raise FitError(
                "Repeats.interval: every fit failed, so there is no interval; add runs or lower the noise."
            )
        low, high = np.nanquantile(self.D_factor, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def spread(self) -> float:
        """Standard deviation of ``a`` over the studies that could be fitted."""
        return float(np.nanstd(self.a, ddof=1))


def repeat_study(
    truth: LossSurface,
    design: IsoflopDesign,
    C: float,
    rng: np.random.Generator,
    *,
    noise: float = 0.0,
    decimals: int | None = None,
    sizes: tuple[float, float] = (0.0, np.inf),
    draws: int = 60,
) -> Repeats:
    r"""Simulate a study many times, fit it by VPNLS, and compare its advice at C FLOPs with the truth.

    Parameters
    ----------
    truth : LossSurface
        Where the losses come from.
    design : IsoflopDesign
        Which runs are made.
    C : float
        The target in FLOPs.
    rng : numpy.random.Generator
        Source of the noise.
    noise : float
        Standard deviation of the losses' errors, in their unit.
    decimals : int, optional
        Decimals to which the losses are rounded afterwards; not rounded when absent.
    sizes : tuple of float
        Only runs with ``sizes[0] <= N < sizes[1]`` are fitted.
    draws : int
        Studies to simulate.

    Returns
    -------
    Repeats

    Raises
    ------
    ValueError
        If no run lies within ``sizes``, or ``draws`` is below two.

    See Also
    --------
    compare_methods : Many designs and methods.
    refit : Changed runs of a real study.

    Notes
    -----
    After the simulator in :cite:t:`weng2026`; used in the chapter *Fitting carefully*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> design = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=9)
    >>> rng = np.random.default_rng(0)
    >>> study = repeat_study(CHINCHILLA, design, 1e24, rng, noise=0.001, draws=3)
    >>> study.runs, study.failures
    (27, 0)
    """
    of_kind("repeat_study: truth", truth, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    of_kind("repeat_study: design", design, IsoflopDesign, "give an IsoflopDesign")
    C, noise = positive_number("repeat_study: C", C), not_negative("repeat_study: noise", noise)
    if noise > 1e90:
        raise ValueError(f"repeat_study: noise is {noise:g}; give one below 1e90.")
    generator("repeat_study: rng", rng)
    draws = whole("repeat_study: draws", draws, 0)
    if decimals is not None:
        decimals = whole("repeat_study: decimals", decimals, 0, 300)
    ends = floats("repeat_study: sizes", sizes)
    if ends.shape != (2,):
        raise ValueError(
            f"repeat_study: sizes is {shortened(sizes)}; give the smallest and the largest size."
        )
    if draws < 2:
        raise ValueError(f"repeat_study: {draws} draws show no spread; give two or more.")
    clean = design.runs(truth)
    (smallest, largest), size = sizes, clean.N
    kept = (size >= smallest) & (size < largest)
    if not kept.any():
        raise ValueError(f"repeat_study: no run has {smallest:.3g} <= N < {largest:.3g}; widen sizes.")
    runs = clean.take(kept)
    found = np.full((draws, 2), np.nan)
    for k in range(draws):
        L = runs.L + noise * rng.standard_normal(len(runs))
        if decimals is not None:
            L = np.round(L, decimals)
        try:
            surface = fit_vpnls(Runs(runs.N, runs.D, L, runs.C)).surface
        except FitError:
            continue
        if min(surface.A, surface.B) > 0:
            found[k] = surface.a, surface.D_opt(C) / truth.D_opt(C)
    return Repeats(len(runs), found[:, 0], found[:, 1], int(np.isnan(found[:, 0]).sum()))
