import numpy as np
import pytest

from scalinglab import IsoflopDesign, LossSurface, approach2_bias, deadweight_loss, fit_approach2
from scalinglab.laws import PUBLISHED_EXPONENTS, SODA, SPARSE_NMM
from scalinglab.planning import published_law_bounds
from scalinglab.studies import KNOWN_TOTALS, lopsidedness

BUDGETS = np.geomspace(1e18, 1e22, 5)


@pytest.mark.parametrize(("ratio", "total"), [(0.296, 0.7), (1.56, 1.123), (2.63, 0.4), (1.0, 0.62)])
def test_closed_form_is_what_a_perfect_study_gets_wrong(ratio, total):
    beta = total / (1 + ratio)
    truth = LossSurface(1.7, 400.0, 410.0, total - beta, beta)
    close = (total * (1 - 1e-9), total * (1 + 1e-9))
    C = 3.8e25
    for reach in (2, 8, 16):
        fit = fit_approach2(IsoflopDesign(BUDGETS, reach=reach, points=15).runs(truth))
        found = lopsidedness([ratio], reach=reach, total=close)
        N = fit.N_opt(C)
        assert np.log(N / truth.N_opt(C)) == pytest.approx(found.shift_low[0], abs=1e-7)
        assert deadweight_loss(truth, N, C / (6 * N)) == pytest.approx(found.waste_high[0], abs=1e-7)


@pytest.mark.parametrize("surface", [SODA, SPARSE_NMM])
def test_known_sum_is_a_point_and_agrees_with_the_bias_of_the_surface(surface):
    (row,) = [k for k, one in enumerate(PUBLISHED_EXPONENTS) if one.alpha == surface.alpha]
    found = lopsidedness(reach=4, points=9)
    design = IsoflopDesign(BUDGETS, reach=4, points=9)
    assert found.shift_low[row] == found.shift_high[row]
    assert np.exp(found.shift_low[row]) == pytest.approx(approach2_bias(surface, design).N_factor(1e24))


def test_unknown_sum_agrees_with_the_bounds_of_a_printed_law():
    found = lopsidedness([0.53 / 0.47], reach=4, points=7)
    low, high = published_law_bounds(0.47, BUDGETS, 4, 1e24, points=7, total=KNOWN_TOTALS)
    assert (found.shift_low[0], found.shift_high[0]) == pytest.approx((low, high), rel=1e-6)


def test_symmetric_is_exact_and_swapped_exponents_change_the_sign():
    found = lopsidedness([0.5, 1.0, 2.0])
    assert found.shift_low[1] == found.shift_high[1] == 0
    assert found.waste_high[1] == 0
    assert found.shift_low[0] == pytest.approx(-found.shift_high[2])
    assert found.shift_high[0] == pytest.approx(-found.shift_low[2])


def test_known_totals_are_those_of_the_catalogue():
    totals = [one.alpha + one.beta for one in PUBLISHED_EXPONENTS if one.alpha is not None]
    assert (min(totals), max(totals)) == KNOWN_TOTALS


def test_table_has_a_row_a_field():
    table = lopsidedness().by_field()
    assert table["pairs"].sum() == len(PUBLISHED_EXPONENTS)
    assert (table["ratio from"] <= table["ratio to"]).all()
    assert (table["N from"] <= table["N to"]).all()


def test_what_is_wrong_is_told():
    with pytest.raises(ValueError, match="mixes entries"):
        lopsidedness([PUBLISHED_EXPONENTS[0], 0.5])
    with pytest.raises(ValueError, match="lopsidedness: studies"):
        lopsidedness([-1.0])
    with pytest.raises(ValueError, match="lopsidedness: total"):
        lopsidedness([1.0], total=(1.0, 0.5))
    with pytest.raises(ValueError, match="reach"):
        lopsidedness([1.0], reach=1.0)
