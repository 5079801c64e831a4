"""Runs before they are made: sizes and tokens to choose among, or to launch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import (
    FloatArray,
    finite,
    generator,
    held,
    matched,
    number,
    of_kind,
    picked,
    positive_range,
    positive_row,
    shortened,
    whole,
)
from scalinglab.data.budgets import Budgets
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import LossSurface, training_flops
from scalinglab.planning.extremes import within_floats

#: Tokens a parameter between which studies have trained.
USUAL_RATIOS = (1.0, 1000.0)


@dataclass(frozen=True, eq=False, repr=False)
class PlannedRuns:
    """Runs before they are made: parameters, tokens and budget of each.

    Use it for a design that is no IsoFLOP grid, or to say among which runs :func:`plan_sweep` may choose.

    Parameters
    ----------
    N, D : array_like, shape (n,)
        Parameters and training tokens.
    C : array_like, shape (n,), optional
        Nominal budgets in FLOPs; ``6 N D`` when absent.

    Raises
    ------
    ValueError
        If a number is missing or not positive, or lengths differ.

    See Also
    --------
    PlannedRuns.in_box : All sizes that a box allows, at several budgets.
    IsoflopDesign : The usual grid.

    Examples
    --------
    >>> PlannedRuns(N=[1e8, 2e8], D=[4e9, 2e9])
    2 planned runs at 1 budget, 4.8e+18 FLOPs in all
    """

    N: FloatArray
    D: FloatArray
    C: FloatArray

    def __init__(self, N: ArrayLike, D: ArrayLike, C: ArrayLike | None = None) -> None:
        N, D = (positive_row(f"PlannedRuns: {name}", one) for name, one in (("N", N), ("D", D)))
        if len(N) != len(D):
            raise ValueError(
                f"PlannedRuns: N has {len(N)} entries, D {len(D)}; give one of each for every run."
            )
        C = training_flops(N, D) if C is None else positive_row("PlannedRuns: C", C)
        if len(C) != len(N):
            raise ValueError(
                f"PlannedRuns: C has {len(C)} entries for {len(N)} runs; give one for every run."
            )
        for name, values in (("N", N), ("D", D), ("C", C)):
            values = np.array(values)
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.N)

    def __repr__(self) -> str:
        many = len(self.budgets)
        return (
            f"{len(self)} planned runs at {many} budget{'s' * (many > 1)}, {self.cost.sum():.3g} FLOPs in all"
        )

    @property
    def budgets(self) -> FloatArray:
        """Distinct budgets, rising."""
        return Budgets.of(self.C).medians

    @property
    def member(self) -> Any:
        """Place of each run's budget among ``budgets``."""
        return Budgets.of(self.C).places(self.C)

    @property
    def cost(self) -> FloatArray:
        """FLOPs of each run, 6ND."""
        return np.asarray(training_flops(self.N, self.D))

    @classmethod
    @within_floats
    def in_box(
        cls,
        budgets: ArrayLike,
        sizes: int = 15,
        *,
        ratio: tuple[float, float] = USUAL_RATIOS,
        N: tuple[float, float] = (1.0, 1e300),
        D: tuple[float, float] = (1.0, 1e300),
        apart: float = 1.1,
    ) -> PlannedRuns:
        """Sizes at each budget, equally spaced in ln N over all that a box allows.

        The box needs no surface: say what you can train.

        Parameters
        ----------
        budgets : array_like, shape (m,)
            Budgets in FLOPs.
        sizes : int
            Sizes at each budget, at most.
        ratio, N, D : pair of float
            Least and most tokens a parameter, parameters, and tokens.
        apart : float
            Least factor between neighbouring sizes: two runs a tenth apart in size are repeats in disguise.

        Returns
        -------
        PlannedRuns

        Raises
        ------
        ValueError
            If no run of any budget lies in the box.

        Examples
        --------
        >>> PlannedRuns.in_box([1e18, 1e19], sizes=5, N=(2e7, 4e9))
        10 planned runs at 2 budgets, 5.5e+19 FLOPs in all
        """
        budgets = np.sort(positive_row("PlannedRuns.in_box: budgets", budgets))
        held("PlannedRuns.in_box: a hundred times the budgets", 100 * budgets)
        sizes = whole("PlannedRuns.in_box: sizes", sizes, 2, 10_000)
        bounds = [
            positive_range(f"PlannedRuns.in_box: {name}", ends)
            for name, ends in (("ratio", ratio), ("N", N), ("D", D))
        ]
        (ratio_low, ratio_high), (N_low, N_high), (D_low, D_high) = bounds
        product = budgets / training_flops(1.0, 1.0)
        low = np.maximum.reduce(
            [np.sqrt(product / ratio_high), np.full_like(product, N_low), product / D_high]
        )
        high = np.minimum.reduce(
            [np.sqrt(product / ratio_low), np.full_like(product, N_high), product / D_low]
        )
        inside = low < high
        if not inside.any():
            raise ValueError(
                f"PlannedRuns.in_box: no run of {shortened(budgets.tolist())} FLOPs lies in the box; widen "
                "ratio, N or D, or give other budgets."
            )
        apart = number("PlannedRuns.in_box: apart", apart)
        if not apart > 1:
            raise ValueError(f"PlannedRuns.in_box: apart is {apart:g}; give a factor above 1.")
        width = np.log(high[inside] / low[inside])
        counts = np.clip((width / np.log(apart) + 1e-9).astype(int) + 1, 2, sizes)
        places = np.concatenate([np.linspace(0, 1, count) for count in counts])
        C, most = np.repeat(budgets[inside], counts), np.repeat(product[inside], counts)
        grid = np.repeat(low[inside], counts) * np.exp(places * np.repeat(width, counts))
        return cls(grid, most / grid, C)

    @classmethod
    def of(cls, design: Any, surface: LossSurface | None = None) -> PlannedRuns:
        """The planned runs of a design on a surface, of runs that were made, or of what has N, D and C."""
        if isinstance(design, PlannedRuns):
            return design
        if isinstance(design, IsoflopDesign):
            sizes = design.sizes(surface_of("PlannedRuns.of", surface))
            C = np.broadcast_to(design.budgets[:, None], sizes.shape)
            return cls(sizes.ravel(), (C / training_flops(sizes, 1.0)).ravel(), C.ravel())
        planned = getattr(design, "planned", None)
        if isinstance(planned, PlannedRuns):
            return planned
        of_kind("design", design, Runs, "give an IsoflopDesign, Runs or PlannedRuns")
        return cls(design.N, design.D, design.C)

    def take(self, which: ArrayLike) -> PlannedRuns:
        """Some of the runs: a mask or a list of places."""
        rows = picked("PlannedRuns.take: which", which, len(self))
        return PlannedRuns(self.N[rows], self.D[rows], self.C[rows])

    def and_also(self, others: PlannedRuns) -> PlannedRuns:
        """These runs and others."""
        of_kind("PlannedRuns.and_also: others", others, PlannedRuns, "give PlannedRuns")
        return PlannedRuns(*(np.append(getattr(self, x), getattr(others, x)) for x in ("N", "D", "C")))

    def runs(
        self, surface: LossSurface, noise: ArrayLike = 0.0, rng: np.random.Generator | None = None
    ) -> Runs:
        """Simulate the runs on a surface, with independent Gaussian errors of that standard deviation."""
        of_kind(
            "PlannedRuns.runs: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA"
        )
        L = surface.loss(self.N, self.D)
        if (spread := finite("PlannedRuns.runs: noise", noise)).any():
            if rng is None:
                raise ValueError(
                    "PlannedRuns: noisy runs need rng, for instance numpy.random.default_rng(0)."
                )
            errors = generator("PlannedRuns.runs: rng", rng).standard_normal(len(self))
            spread, errors = matched(noise=spread, runs=errors)
            L = L + spread * errors
        return Runs(self.N, self.D, L, self.C)

    def to_frame(self) -> pd.DataFrame:
        """Table of the runs: N, D, budget, FLOPs and tokens a parameter."""
        import pandas as pd

        return pd.DataFrame(
            {"N": self.N, "D": self.D, "budget": self.C, "FLOPs": self.cost, "D/N": self.D / self.N}
        )


def surface_of(who: str, surface: Any) -> LossSurface:
    """The surface that is believed: itself, or that of a fit."""
    believed = surface.surface if isinstance(surface, SurfaceFit) else surface
    if not isinstance(believed, LossSurface):
        raise ValueError(
            f"{who}: surface is {shortened(surface)}; give a LossSurface, for instance CHINCHILLA, or a fit "
            "of one."
        )
    return believed
