"""Minima beside each other, as Huber's loss has them far beyond its knot."""

import numpy as np
import pytest
from hard_problems import hard_problem

from scalinglab import CHINCHILLA, Huber, IsoflopDesign, fit_vpnls
from scalinglab.solvers import variable_projection
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.neighbouring_minima import along_valleys, valley_starts
from scalinglab.solvers.newton import Optimum, newton

#: Seeds of random problems and the minimum that ``certify`` proved.
NEIGHBOURED = {
    51: 0.006931402795,
    1482: 0.000347819195,
    2133: 0.001032294199,
    2787: 0.031905770386,
    3551: 0.000528441986,
    3962: 0.000106996571,
}


@pytest.mark.parametrize("seed", NEIGHBOURED)
def test_the_lowest_of_neighbouring_minima_is_found(seed, monkeypatch):
    monkeypatch.setattr(variable_projection, "FEW", 0)  # without the search of the box that few runs get
    runs, loss = hard_problem(np.random.default_rng((50262, seed)), huber=True)
    assert fit_vpnls(runs, loss).objective == pytest.approx(NEIGHBOURED[seed], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("seed", "beside"),
    [
        ((50262, 51), [2.05670218, 0.02038842, 0.77915434, 0.87605283, 0.10023836]),
        ((50262, 1482), [0.05916378, 0.0, 0.0302312, 0.01, 1.23009117]),  # on the face A = 0
    ],
    ids=str,
)
def test_a_minimum_beside_the_lowest_is_left(seed, beside):
    runs, loss = hard_problem(np.random.default_rng(seed), huber=True)
    logs = CentredLogs.of(runs)
    end = newton(logs, loss, np.array(beside))
    assert end.arrived
    assert along_valleys(logs, loss, end).objective < end.objective * (1 - 1e-4)


def test_where_few_residuals_are_far_there_is_nothing_to_look_for():
    runs = IsoflopDesign([1e18, 1e19, 1e20]).runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(1))
    logs, loss = CentredLogs.of(runs), Huber(1.0)
    end = newton(logs, loss, np.array([1.7, 0.5, 0.5, 0.3, 0.3]))
    assert isinstance(end, Optimum)
    assert valley_starts(logs, loss, end) == []
    assert along_valleys(logs, loss, end) is end


def test_starts_come_lowest_first_and_within_reach():
    runs = IsoflopDesign([1e18, 1e19, 1e20]).runs(CHINCHILLA, noise=0.1, rng=np.random.default_rng(1))
    logs, loss = CentredLogs.of(runs), Huber(1e-3)
    end = newton(logs, loss, np.array([1.7, 0.5, 0.5, 0.3, 0.3]))
    starts = valley_starts(logs, loss, end)
    values = [newton(logs, loss, start, 0).objective for start in starts]
    assert values == sorted(values)
    assert starts
    assert max(values) <= 1.1 * end.objective
