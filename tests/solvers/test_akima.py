"""Akima's spline is scipy's."""

import numpy as np
import pytest
from scipy.interpolate import Akima1DInterpolator

from scalinglab.solvers.akima import akima


@pytest.mark.parametrize("points", [2, 3, 4, 5, 12])
def test_the_spline_is_scipys_inside_and_beyond(points):
    rng = np.random.default_rng(points)
    for y in (rng.standard_normal(points), np.linspace(0, 1, points), np.round(rng.standard_normal(points))):
        x = np.sort(rng.uniform(0, 5, points))
        theirs = Akima1DInterpolator(x, y, extrapolate=True)
        for at in [*x, *rng.uniform(-1, 6, 20)]:
            assert akima(x, y, at) == pytest.approx(float(theirs(at)), rel=1e-9, abs=1e-9)
