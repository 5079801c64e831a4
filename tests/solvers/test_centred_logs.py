import numpy as np
import pytest

from scalinglab import CHINCHILLA, Runs
from scalinglab.solvers.centred_logs import CELLS, CentredLogs, bin_runs


@pytest.fixture(scope="module")
def logs() -> CentredLogs:
    rng = np.random.default_rng(1)
    N, D = np.exp(rng.uniform(16, 25, 40_000)), np.exp(rng.uniform(20, 30, 40_000))
    return CentredLogs.of(Runs(N, D, CHINCHILLA.loss(N, D) + 0.01 * rng.standard_normal(40_000)))


def cells(logs):
    """Cell of every run."""
    across, up = (
        np.clip(np.digitize(x, np.linspace(x.min(), x.max(), CELLS + 1)) - 1, 0, CELLS - 1)
        for x in (logs.n, logs.d)
    )
    return across * CELLS + up


@pytest.mark.parametrize("weighted", [False, True])
def test_a_cell_is_the_weighted_mean_of_its_runs(logs, weighted):
    w = np.random.default_rng(2).uniform(0, 2, len(logs.n)) if weighted else np.ones(len(logs.n))
    few, total = bin_runs(logs, w if weighted else None)
    place = cells(logs)
    occupied = np.unique(place)
    assert len(total) == len(occupied)
    for k in range(0, len(occupied), 97):
        inside = place == occupied[k]
        assert total[k] == pytest.approx(w[inside].sum(), rel=1e-12)
        for gathered, column in zip(few[:3], logs[:3], strict=True):
            assert gathered[k] == pytest.approx(np.average(column[inside], weights=w[inside]), rel=1e-10)
    assert (few.log_N0, few.log_D0) == (logs.log_N0, logs.log_D0)


def test_cells_without_weight_are_left_out(logs):
    w = np.where(logs.n > 0, 1.0, 0.0)
    few, total = bin_runs(logs, w)
    assert (few.n > 0).all()
    assert total.sum() == pytest.approx(w.sum())


def test_runs_on_a_line_can_be_gathered():
    N = np.geomspace(1e8, 1e10, 20_000)
    few, total = bin_runs(CentredLogs.of(Runs(N, np.full(20_000, 1e10), 1 + N**-0.3)))
    assert len(total) == CELLS
    assert np.ptp(few.d) == pytest.approx(0, abs=1e-12)
