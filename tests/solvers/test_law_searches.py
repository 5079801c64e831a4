"""Searches of any law: weights, and terms without a coefficient."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from scalinglab import Law
from scalinglab.solvers.separable import descents


@pytest.mark.parametrize(
    "formula", ["E + A/N**alpha + B/D**beta", "400/N**alpha + B/D**beta", "400/N**alpha + 2000/D**beta"]
)
def test_weighted_descents_end_where_weighted_least_squares_ends(formula):
    """Weights multiply residuals once, also where terms have no coefficient, or none has one."""
    rng = np.random.default_rng(3)
    N, D = np.exp(rng.uniform(16, 23, 60)), np.exp(rng.uniform(20, 27, 60))
    law = Law(formula, variables=("N", "D"))
    model = law.model({"N": N, "D": D})
    true = {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37}
    y = law.loss(true, N=N, D=D) + 0.05 * rng.standard_normal(60)
    root = rng.uniform(0.1, 1, 60)
    free = np.zeros(len(model.law.columns), bool)
    end = descents(model, y * root, np.array([[0.3, 0.4]]), free, root, tolerance=1e-9)

    def residuals(x):
        at = model.evaluate(x[None, -2:], slopes=False)
        return root * (x[:-2] @ at.Phi[0] + (0 if at.offset is None else at.offset[0]) - y)

    best = least_squares(residuals, np.concatenate([np.ones(len(free)), [0.3, 0.4]]), xtol=1e-14, ftol=1e-14)
    assert end.rss[0] == pytest.approx(2 * best.cost, rel=1e-9)
    assert end.u[0] == pytest.approx(best.x[-2:], rel=1e-4)
