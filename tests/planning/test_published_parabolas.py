import numpy as np
import pytest

from scalinglab import CHINCHILLA, FitError, IsoflopDesign, approach2_bias, fit_approach2, fit_vpnls
from scalinglab.planning import fit_published_parabolas, predict_error, published_law_bounds
from scalinglab.theory import vertex_shift

BUDGETS = np.array([1e17, 1e18, 1e19, 1e20, 1e21])
TEN_BUDGETS = np.geomspace(6e18, 1e22, 10)
TARGET = 1e24


def printed(design, surface, runs=None):
    """What a study would print of its parabolas, and the centres of its grids."""
    curves = fit_approach2(design.runs(surface) if runs is None else runs, extrapolate=True).parabolas
    v, c, m = np.array([(one.vertex, one.coefficients[2], one.loss(one.vertex)) for one in curves]).T
    centres = surface.N_opt(design.budgets) / design.offsets
    return design.budgets, v, c, m, design.reach, design.points, v / centres


@pytest.mark.parametrize(
    "grid",
    [{"reach": 2}, {"reach": 16}, {"reach": 2, "drift": 3}, {"reach": 16, "offset": 3, "points": 7}],
)
def test_without_noise_the_surface_comes_back(surface, grid):
    design = IsoflopDesign(BUDGETS, **grid)
    fit = fit_published_parabolas(*printed(design, surface))
    assert np.log(fit.N_opt(TARGET) / surface.N_opt(TARGET)) == pytest.approx(0, abs=1e-7)
    assert pytest.approx(surface.E, abs=1e-6) == fit.surface.E
    assert np.abs(fit.residuals).max() < 1e-9
    bias = np.log(approach2_bias(surface, design).N_factor(TARGET))
    assert abs(np.log(fit.N_opt(TARGET) / surface.N_opt(TARGET))) < 1e-4 * abs(bias) + 1e-7


def test_noisy_parabolas_say_nearly_all_that_the_runs_say(rng):
    design, sigma = IsoflopDesign(BUDGETS, reach=8, points=9), 0.005
    ends = []
    for _ in range(25):
        runs = design.runs(CHINCHILLA, sigma, rng)
        fit = fit_published_parabolas(*printed(design, CHINCHILLA, runs))
        ends.append([fit.N_opt(TARGET), fit_vpnls(runs).N_opt(TARGET), fit.log_N_error(TARGET), fit.noise])
    ours, theirs = (np.log(x / CHINCHILLA.N_opt(TARGET)) for x in np.array(ends).T[:2])
    rmse = [np.sqrt(np.mean(x**2)) for x in (ours, theirs)]
    assert rmse[0] / rmse[1] == pytest.approx(1, abs=0.07)
    assert np.std(ours - theirs) < 0.3 * rmse[1]
    assert np.sqrt(np.mean(np.array(ends)[:, 3] ** 2)) == pytest.approx(sigma, rel=0.1)
    expected = predict_error(design, CHINCHILLA, sigma, TARGET).log_N
    assert np.mean(np.array(ends)[:, 2]) == pytest.approx(expected, rel=0.1)


def test_what_is_no_parabola_or_no_surface_gets_words():
    C, v, c, m, reach, points, offset = printed(IsoflopDesign(BUDGETS), CHINCHILLA)
    with pytest.raises(ValueError, match=r"curvature of the budget 1e\+18 is -0.01.*leave that budget out"):
        fit_published_parabolas(C, v, np.where(C == 1e18, -0.01, c), m, reach, points)
    with pytest.raises(FitError, match="give two budgets"):
        fit_published_parabolas(C[:1], v[:1], c[:1], m[:1], reach, points)
    with pytest.raises(ValueError, match="a grid needs a factor above 1"):
        fit_published_parabolas(C, v, c, m, 0.5, points)
    with pytest.raises(ValueError, match="shapes do not match"):
        fit_published_parabolas(C, v[:2], c, m, reach, points)
    with pytest.raises(FitError, match="no loss surface has parabolas near these"):
        fit_published_parabolas(C, v, c, m[::-1], reach, points)
    alone = fit_published_parabolas(C, v, c, m, reach, points)
    assert "give offset" in alone.concerns[0]
    assert not fit_published_parabolas(C, v, c, m, reach, points, offset).concerns
    two = fit_published_parabolas(C[:2], v[:2], c[:2], m[:2], reach, points, offset[:2])
    assert "add a budget" in two.concerns[0]
    assert "concerns" in repr(two)


@pytest.mark.parametrize(
    ("off_centre", "low", "high"), [(1, 0.007, 0.016), (2, -0.10, 0.10), (3, -0.52, 0.48)]
)
def test_a_law_printed_like_llama3_s(off_centre, low, high):
    found = published_law_bounds(0.47, TEN_BUDGETS, 4, 3.8e25, points=15, off_centre=off_centre)
    assert found.low == pytest.approx(low, abs=5e-3 if off_centre > 1 else 5e-4)
    assert found.high == pytest.approx(high, abs=5e-3 if off_centre > 1 else 5e-4)
    least, most = found.true_size(1e11)
    assert least == pytest.approx(1e11 * np.exp(-found.high))
    assert most > least


def test_bounds_hold_the_error_of_every_grid_they_allow(rng):
    a, budgets = 0.45, BUDGETS
    found = published_law_bounds(a, budgets, 8, TARGET, points=9, off_centre=2.5)
    x = np.log(budgets)
    w = 1 / 5 + (np.log(TARGET) - x.mean()) * (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    errors = []
    for _ in range(120):
        t = rng.uniform(0.5, 1.2)
        offsets = np.exp(rng.choice([-1, 1], 5) * np.log(2.5) * rng.uniform(0, 1, 5) ** 0.2)
        errors.append(w @ vertex_shift(t * (1 - a), t * a, 8, 9, offsets))
    assert found.low - 1e-4 <= min(errors)
    assert max(errors) <= found.high + 1e-4
    assert max(errors) > 0.4 * found.high  # and are no idle bounds
    centred = published_law_bounds(0.25, budgets, 16, TARGET, points=15)
    assert (centred.low, centred.high) == pytest.approx((0.21, 0.47), abs=6e-3)


def test_nonsense_about_a_law_gets_words():
    with pytest.raises(ValueError, match="a power law needs two"):
        published_law_bounds(0.5, [1e18], 4, TARGET)
    with pytest.raises(ValueError, match="give the factor, 1 or more"):
        published_law_bounds(0.5, BUDGETS, 4, TARGET, off_centre=0.5)
    with pytest.raises(ValueError, match="probability between 0 and 1"):
        published_law_bounds(1.5, BUDGETS, 4, TARGET)
