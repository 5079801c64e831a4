"""Random inputs that the cases of several questions share."""

from __future__ import annotations

import numpy as np

from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import LossSurface


def surface(rng: np.random.Generator) -> LossSurface:
    """A plausible surface whose exponents differ visibly."""
    alpha, beta = rng.uniform(0.36, 0.6), rng.uniform(0.2, 0.33)
    return LossSurface(
        E=float(rng.uniform(1.5, 2.0)),
        A=float(10 ** rng.uniform(2.3, 3.0)),
        B=float(10 ** rng.uniform(2.3, 3.0)),
        alpha=float(alpha),
        beta=float(beta),
    )


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def study(rng: np.random.Generator, budgets: int = 4, points: int = 7, noise: float = 0.002) -> Runs:
    """Runs of a small IsoFLOP study, slightly off centre."""
    lowest = log_uniform(rng, 1e17, 1e18)
    design = IsoflopDesign(
        lowest * np.geomspace(1, 10.0 ** (budgets - 1), budgets),
        reach=6,
        points=points,
        offset=log_uniform(rng, 0.8, 1.25),
    )
    return design.runs(surface(rng), noise, rng)
