"""The simulated studies of Czech et al. 2026, ready for a comparison of methods."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from scalinglab._arrays import finite, shortened, whole
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.laws.published import ASYMMETRIC, CHINCHILLA, SYMMETRIC
from scalinglab.studies.comparison_results import Study


def recovery_studies(reaches: Sequence[float] = (2, 4, 8, 16)) -> tuple[Study, ...]:
    """Noise-free studies on three surfaces: five budgets from 1e17 to 1e21, 15 points, centred grids.

    See Also
    --------
    compare_methods : Fits them.
    noise_studies, efficiency_studies
    """
    budgets = np.geomspace(1e17, 1e21, 5)
    reaches = _listed("recovery_studies: reaches", reaches)
    return tuple(
        Study(surface, IsoflopDesign(budgets, reach))
        for surface, reach in product((SYMMETRIC, CHINCHILLA, ASYMMETRIC), reaches)
    )


def noise_studies(
    repeats: int = 256,
    points: Sequence[int] = (4, 8, 16, 32),
    budgets: Sequence[int] = (2, 3, 4),
    noises: Sequence[float] = (0.05, 0.1, 0.2),
) -> tuple[Study, ...]:
    """Noisy studies on the asymmetric surface, reach 8, centres drifting to 3, from 1e17 to 1e21 FLOPs.

    With the defaults the published size, 9216 studies :cite:p:`czech2026`.

    See Also
    --------
    compare_methods : Fits them.
    recovery_studies, efficiency_studies
    """
    repeats = whole("noise_studies: repeats", repeats, 1, 10_000)
    points = _counts("noise_studies: points", points)
    budgets = _counts("noise_studies: budgets", budgets)
    noises = _listed("noise_studies: noises", noises)
    designs = [IsoflopDesign(np.geomspace(1e17, 1e21, m), 8, n, drift=3) for m, n in product(budgets, points)]
    return tuple(
        Study(ASYMMETRIC, design, noise, repeat)
        for noise, design, repeat in product(noises, designs, range(repeats))
    )


def efficiency_studies(
    repeats: int = 10,
    points: Sequence[int] = (21, 31, 41),
    budgets: Sequence[int] = (3, 5, 7),
    reaches: Sequence[float] = (2, 4, 8),
    noises: Sequence[float] = (0.01, 0.02, 0.05),
) -> tuple[Study, ...]:
    """Noisy studies on the symmetric surface, centred grids, from 1e17 to 1e21 FLOPs.

    With the defaults the published size, 810 studies :cite:p:`czech2026`.

    See Also
    --------
    compare_methods : Fits them.
    recovery_studies, noise_studies
    """
    repeats = whole("efficiency_studies: repeats", repeats, 1, 10_000)
    points = _counts("efficiency_studies: points", points)
    budgets = _counts("efficiency_studies: budgets", budgets)
    reaches = _listed("efficiency_studies: reaches", reaches)
    noises = _listed("efficiency_studies: noises", noises)
    designs = [
        IsoflopDesign(np.geomspace(1e17, 1e21, m), reach, n)
        for reach, n, m in product(reaches, points, budgets)
    ]
    return tuple(
        Study(SYMMETRIC, design, noise, repeat)
        for noise, design, repeat in product(noises, designs, range(repeats))
    )


def _listed(name: str, values: Sequence[float]) -> list[float]:
    """Return numbers as a list, none negative; whole ones stay whole."""
    row = finite(name, values)
    if row.ndim != 1 or not row.size or row.min() < 0:
        raise ValueError(f"{name} is {shortened(values)}; give a list of numbers, none negative.")
    return list(values)


def _counts(name: str, values: Sequence[int]) -> list[int]:
    """Return whole numbers of budgets or of points as a list."""
    return [whole(name, value, 2) for value in _listed(name, values)]
