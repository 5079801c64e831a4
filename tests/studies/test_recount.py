import json
import os
from pathlib import Path

import numpy as np
import pytest

from scalinglab import Huber, Runs
from scalinglab.data import best_of_repeats, data_card, open_runs
from scalinglab.laws import CHINCHILLA_REFIT, total_parameters
from scalinglab.studies import recount_runs

ROOT = Path(__file__).parents[2]
COPIES = ROOT.parent / "shared" / "data" / "public"
STORED = json.loads((ROOT / "book/stored/retold.json").read_text(encoding="utf-8"))["counting"]


@pytest.fixture
def small():
    """Noise-free runs of small models, and their parameters without the embedding."""
    N = np.repeat(np.geomspace(1e6, 1e9, 6), 5)
    D = np.tile(np.geomspace(1e8, 1e10, 5), 6)
    return Runs(total_parameters(N), D, CHINCHILLA_REFIT.loss(total_parameters(N), D)), N


def test_total_count_returns_the_truth_and_the_other_does_not(small):
    runs, N = small
    both = recount_runs(runs, N)
    assert both.total.surface.alpha == pytest.approx(CHINCHILLA_REFIT.alpha, rel=1e-6)
    assert both.nonembedding.surface.alpha < 0.5 * CHINCHILLA_REFIT.alpha
    assert both.nonembedding.surface.a > both.total.surface.a + 0.1
    assert both.nonembedding.surface.beta == pytest.approx(CHINCHILLA_REFIT.beta, abs=0.01)


def test_one_size_is_needed_for_each_run(small):
    runs, N = small
    with pytest.raises(ValueError, match="one for each run"):
        recount_runs(runs, N[:-1])
    with pytest.raises(ValueError, match="N"):
        recount_runs(runs, -N)


# E, alpha, beta, a: what an independent optimiser found in each count
@pytest.mark.parametrize(
    ("fewest", "losses", "count", "expected"),
    [
        (0, "measured", "total", (1.40, 0.138, 0.670, 0.829)),
        (0, "measured", "nonembedding", (0.00, 0.050, 0.657, 0.929)),
        (1e9, "measured", "total", (2.01, 0.256, 0.585, 0.695)),
        (1e9, "measured", "nonembedding", (0.00, 0.056, 0.576, 0.912)),
        (0, "surface", "total", (1.817, 0.348, 0.366, 0.513)),
        (0, "surface", "nonembedding", (0.00, 0.062, 0.365, 0.855)),
    ],
)
def test_stored_counts_of_the_misfitting_table(fewest, losses, count, expected):
    (row,) = [
        row
        for row in STORED["rows"]
        if (row["fewest"], row["losses"], row["count"]) == (fewest, losses, count)
    ]
    assert [row[name] for name in ("E", "alpha", "beta", "a")] == pytest.approx(expected, abs=0.0051)
    assert row["runs"] == (81 if fewest == 0 else 51)


@pytest.mark.skipif(not COPIES.is_dir(), reason="copies of the public tables are not beside the repository")
def test_stored_counts_are_those_of_the_table():
    assert STORED["sha256"] == data_card("misfitting").sha256
    folder = os.fspath(COPIES)
    runs = best_of_repeats(open_runs("misfitting", folder=folder))
    some = runs.take(np.greater_equal(runs.D, 1e9))
    both = recount_runs(some, some.extra["N_no_emb"], Huber(1e-3, log=True))
    for count, fit in (("total", both.total), ("nonembedding", both.nonembedding)):
        (old,) = [
            row
            for row in STORED["rows"]
            if (row["fewest"], row["losses"], row["count"]) == (1e9, "measured", count)
        ]
        assert fit.method == "Approach 3"
        for name in ("E", "alpha", "beta", "a"):
            assert getattr(fit.surface, name) == pytest.approx(old[name], rel=2e-3, abs=1e-6)
