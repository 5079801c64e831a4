"""A table examined by everything: each part is what its own function says, and a refusal is an answer."""

import json

import numpy as np
import pytest

from scalinglab import CHINCHILLA, IsoflopDesign, Law, Runs, fit_approach2, fit_vpnls, misallocation
from scalinglab.data import simulate_curves
from scalinglab.studies import LAWS, budget_subsets, examine, law_comparison, waste_without_budgets
from scalinglab.studies.hindcasts import highest_fitted

LATER = IsoflopDesign([1e23], points=3).runs(CHINCHILLA)


@pytest.fixture(scope="module")
def runs():
    """A study with one run off its curve, whose budget is lost with it when the runs are screened."""
    design = IsoflopDesign([1e18, 1e19, 1e20, 1e21], points=9)
    drawn = design.runs(CHINCHILLA, noise=0.005, rng=np.random.default_rng(7))
    L = drawn.L.copy()
    L[3] += 0.3
    return Runs(drawn.N, drawn.D, L, drawn.C)


@pytest.fixture(scope="module")
def found(runs):
    curves = simulate_curves(CHINCHILLA, [1e8, 3e8, 1e9], horizons=[2e9, 2e10], steps=40)
    return examine(runs, np.random.default_rng(1), curves=curves, later=LATER)


def test_parts_are_those_of_their_functions(found, runs):
    target = found["runs"]["target"]
    assert target == 100 * runs.C.max()
    fit, frontier = fit_vpnls(runs), fit_approach2(runs)
    assert found["methods"]["VPNLS"]["alpha"] == fit.surface.alpha
    assert found["methods"]["Approach 2"]["plan"]["D"] == frontier.D_opt(target)
    assert found["waste"]["Approach 2"] == misallocation(frontier, fit, target).fraction
    low, high = found["joint waste"]["interval"]
    assert low < found["waste"]["Approach 2"] < high
    assert found["screening"]["refitted"]["VPNLS"][0] == found["screening"]["fixed"]["VPNLS"][0]
    assert found["screening"]["other budgets"]["count"] == 1
    assert len(set(found["screening"]["runs"])) == 3
    assert set(found["laws"]["laws"]) == {law.name for law in LAWS}
    assert found["hindcast"]["held out"] == (highest_fitted(runs) < runs.C).sum()
    assert found["hindcast"]["methods"]["VPNLS"]["error"] == pytest.approx(
        found["laws"]["laws"]["additive"]["hindcast"], rel=1e-9
    )


def test_intervals_hold_the_estimate_and_can_be_stored(found):
    for method in found["methods"].values():
        for name, (low, high) in method.get("intervals", {}).items():
            assert low < method[name] < high
    assert json.loads(json.dumps(found)) == found


def test_later_runs_are_foretold_and_curves_are_fitted(found, runs):
    fit, law = fit_vpnls(runs), LAWS[2].fit(runs)
    assert 0 < found["methods"]["Approach 1"]["a"] < 1
    later = found["later"]
    assert (later["count"], later["sizes"]["tried"]) == (3, LATER.N.tolist())
    for name, foretold in (("VPNLS", fit.surface.loss(LATER.N, LATER.D)), (law.law.name, law.predict(LATER))):
        error = foretold - LATER.L
        assert later["methods"][name]["error"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)
        assert later["methods"][name]["bias"] == pytest.approx(error.mean(), rel=1e-9)
    assert later["sizes"]["VPNLS"] == fit.N_opt(LATER.C).tolist()
    assert set(later["sizes"]) == {"C", "tried", "Approach 2", "Approach 3", "VPNLS", "Huber"}


def test_runs_that_cannot_answer_say_why(llama3):
    curve = IsoflopDesign([1e21], points=9).runs(CHINCHILLA, 0.005, np.random.default_rng(1))
    one = examine(curve, np.random.default_rng(0))
    assert "a power law needs two" in one["methods"]["Approach 2"]["refused"]
    assert "one budget" in one["hindcast"]["refused"]
    assert "one budget" in one["laws"]["refused"]
    below = examine(Runs(llama3.N, llama3.D, llama3.L - 10, llama3.C), np.random.default_rng(0))
    for part in (below["methods"]["VPNLS"], below["waste"], below["joint waste"], below["certificate"]):
        assert "the law knows only positive losses" in part["refused"]
    assert "losses must be positive" in below["screening"]["refused"]


def test_other_budgets_left_out_are_refitted(llama3):
    """Every budget in turn, against the fit without it; too many left out are refused."""
    C, budgets = 1e24, llama3.budgets
    found = waste_without_budgets(llama3, 1, C, np.random.default_rng(0))
    expected = []
    for budget in budgets:
        left = llama3.take(budget != llama3.C)
        expected.append(misallocation(fit_approach2(left, extrapolate=True), fit_vpnls(left), C).fraction)
    np.testing.assert_allclose(found, np.sort(expected), rtol=1e-12)
    with pytest.raises(ValueError, match="leave two or more in"):
        waste_without_budgets(llama3, len(budgets) - 1, C, np.random.default_rng(0))


def test_of_many_sets_some_are_drawn(llama3, monkeypatch):
    monkeypatch.setattr(budget_subsets, "MOST_SETS", 3)
    assert len(waste_without_budgets(llama3, 2, 1e24, np.random.default_rng(0))) == 3


def test_a_plan_that_wastes_nearly_all_wastes_all():
    """Two laws so far apart that less than a hundred-thousandth of the compute would have done."""
    truth = Law("E + A/N**alpha + B/D**beta").fit(IsoflopDesign([1e18, 1e19, 1e20]).runs(CHINCHILLA))
    best = truth.optimum(1e24)
    assert law_comparison._waste(truth, (best["N"] * 1e-6, best["D"] * 1e6), 1e24) == 1.0
    assert law_comparison._waste(truth, (best["N"], best["D"]), 1e24) == pytest.approx(0, abs=1e-6)
