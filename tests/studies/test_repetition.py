import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from scalinglab import FitError, Runs, Squared
from scalinglab.laws import MUENNIGHOFF, RepeatedSurface, published
from scalinglab.studies import repetition_objective, repetition_profile

ROOT = Path(__file__).parents[2]
COPY = ROOT.parent / "shared" / "data" / "derived" / "datablations_182.csv"
STORED = json.loads((ROOT / "book/stored/retold.json").read_text(encoding="utf-8"))["repetition"]
PRINTED = (published.MUENNIGHOFF_R_D, published.MUENNIGHOFF_R_N)


@pytest.fixture(scope="module")
def measured():
    if not COPY.is_file():
        pytest.skip("the 182 runs are not beside the repository (../shared/data/derived)")
    rows = list(csv.DictReader(COPY.read_text(encoding="utf-8").splitlines()))
    N, D, L, U = (
        np.array([float(row[name]) for row in rows])
        for name in ("params", "tokens", "val_loss", "unique_tokens")
    )
    return Runs(N, D, L, extra={"U": U})


@pytest.fixture
def simulated():
    N, D, U = (grid.ravel() for grid in np.meshgrid([1e8, 1e9, 4e9], [1e9, 1e10, 1e11], [5e8, 2e9]))
    return Runs(N, D, RepeatedSurface(MUENNIGHOFF, 12.0, 4.0).loss(N, D, U), extra={"U": U})


def test_profile_has_its_lowest_point_at_the_truth(simulated):
    found = repetition_profile(simulated, [3, 6, 12, 24, 48])
    assert found.best == 2
    assert found.objective[2] == pytest.approx(0, abs=1e-12)
    assert found.R_N[2] == pytest.approx(4.0, rel=1e-4)
    assert (np.delete(found.objective, 2) > 1e-6).all()


def test_within_is_read_off_the_profile(simulated):
    found = repetition_profile(simulated, [6, 12, 24], loss=Squared())
    worst = found.objective.max() / found.objective.min()
    assert found.within(2 * worst) == (6, 24)
    assert found.within(1e-9) == (12, 12)


def test_unique_tokens_are_asked_for(simulated):
    with pytest.raises(FitError, match="unique tokens"):
        repetition_profile(Runs(simulated.N, simulated.D, simulated.L), [15])
    with pytest.raises(ValueError, match="R_D"):
        repetition_profile(simulated, [-1])


def test_stored_profile_says_what_the_chapter_says():
    profile = {name: np.array(values) for name, values in STORED["profile"].items()}
    best, printed = STORED["best"]["objective"], STORED["printed"]["objective"]
    assert f"{printed:.6f} {best:.6f}" == "0.015826 0.015805"
    assert (STORED["printed"]["R_D"], STORED["printed"]["R_N"]) == pytest.approx(PRINTED, rel=1e-4)
    far = profile["R_D"] >= 8
    assert profile["objective"][far].max() < 1.01 * best
    # a valley with a rise between the printed point and the lowest one
    between = (profile["R_D"] > 18) & (profile["R_D"] < 22)
    assert profile["objective"][between].max() > printed > best


def test_objective_of_the_runs_is_the_published_one(measured):
    assert hashlib.sha256(COPY.read_bytes()).hexdigest() == STORED["sha256"]
    assert len(measured) == 182
    assert repetition_objective(measured, *PRINTED) == pytest.approx(0.0158259, abs=5e-8)
    lowest = repetition_objective(measured, STORED["best"]["R_D"], STORED["best"]["R_N"])
    assert lowest == pytest.approx(0.0158047, abs=5e-8)


def test_stored_profile_is_that_of_the_runs(measured):
    stored = STORED["profile"]
    some = [0, 20, -1]
    found = repetition_profile(measured, [stored["R_D"][k] for k in some])
    assert found.objective == pytest.approx([stored["objective"][k] for k in some], rel=1e-4)
