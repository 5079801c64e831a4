"""Laws compared: each criterion against its definition, and a case in which they disagree."""

import numpy as np
import pytest
from refusals import not_refused

from scalinglab import CHINCHILLA, IsoflopDesign, Law, compare
from scalinglab.studies import LawComparison

STRAIGHT = Law("E + A/N**alpha + B/D**beta", name="additive")
BENT = Law("E + (A/N**alpha + B/D**beta)**k", name="bent")
FREE = Law("E + A/N**alpha + B/D**beta + K/(N**mu*D**nu)", free=("K",), name="free product")


@pytest.fixture(scope="module")
def found(llama3) -> LawComparison:
    return compare([STRAIGHT, BENT, FREE], llama3, C=3.8e25)


def test_akaike_s_criterion_is_its_formula(found, llama3):
    n = len(llama3)
    for label, parameters in (("additive", 5), ("bent", 6), ("free product", 8)):
        k, rss = parameters + 1, found.fits[label].objective
        expected = n * np.log(rss / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
        assert found.aicc[label] == pytest.approx(expected, rel=1e-9)
    assert found.aicc["additive"] == pytest.approx(-1463.0, abs=0.1)
    assert found.aicc["bent"] == pytest.approx(-1546.4, abs=0.1)


def test_a_hindcast_is_a_refit_of_the_small_budgets(found, llama3):
    budgets, member = llama3.by_budget()
    held = member >= len(budgets) - 3  # 24 of 133 runs, the nearest to a fifth
    for law in (STRAIGHT, BENT):
        error = law.fit(llama3.take(~held)).predict(llama3.take(held)) - llama3.L[held]
        assert found.forecast[law.name] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-9)
        assert found.bias[law.name] == pytest.approx(error.mean(), rel=1e-9)


def test_criteria_disagree_on_llama3(found):
    """The product of free sign fits best and forecasts worst."""
    assert found.preferred["AICc"] == "free product"
    assert found.preferred["hindcast"] == "bent"
    assert found.forecast["free product"] > 2 * found.forecast["bent"]
    assert "criteria disagree" in str(found)


def test_waste_of_following_one_law_where_another_is_right(found):
    assert set(found.allocations) == {"additive", "bent"}
    assert found.allocations["bent"][1] == pytest.approx(9.15e12, rel=1e-3)
    truth = found.fits["bent"]
    N, D = found.allocations["additive"]
    spent = 6 * N * D
    needed = (1 - found.waste["additive", "bent"]) * spent
    assert truth.optimum(needed).loss == pytest.approx(truth.predict({"N": N, "D": D}), rel=1e-9)
    assert 0 < found.waste["additive", "bent"] < 0.02


def test_of_laws_that_hold_the_smaller_is_preferred():
    runs = IsoflopDesign([1e18, 1e19, 1e20, 1e21, 1e22], points=9).runs(
        CHINCHILLA, noise=0.004, rng=np.random.default_rng(2)
    )
    pair = compare({"two": STRAIGHT, "bent": BENT}, runs)
    assert pair.aicc["two"] < pair.aicc["bent"] + 2.5
    assert pair.C is None
    assert not pair.allocations


def test_what_is_no_list_of_laws_is_refused(llama3):
    cases = [
        (STRAIGHT, "give two laws or more"),
        ([STRAIGHT], "fewer than two"),
        ([STRAIGHT, "E + A/N**a"], "one of laws"),
        ("text", "give two laws or more"),
        (None, "give two laws or more"),
    ]
    assert not not_refused((lambda laws=laws: compare(laws, llama3), words) for laws, words in cases)


def test_laws_that_cannot_be_fitted_are_told(llama3):
    few = llama3.take([0, 20, 40, 60, 80, 100])
    pair = compare([STRAIGHT, BENT], few)
    assert set(pair.refused) == {"bent"}
    assert "refused: bent" in str(pair)
    with pytest.raises(ValueError, match="one budget"):
        compare([STRAIGHT, BENT], llama3.at(1e20))
