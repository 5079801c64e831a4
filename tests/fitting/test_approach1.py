import numpy as np
import pytest
from scipy.optimize import brentq

from scalinglab import CHINCHILLA, FitError, TrainingCurves, fit_approach1
from scalinglab.data import simulate_curves, smooth
from scalinglab.fitting import lower_envelope
from scalinglab.laws import ASYMMETRIC, SYMMETRIC
from scalinglab.theory import size_crossover, staircase_exponent, step_shift

RATIO = 16 ** (1 / 6)
SIZES = 70e6 * RATIO ** np.arange(13)
HORIZONS = np.outer(SIZES, 12 * 16 ** np.linspace(0, 1, 4))
CURVES = simulate_curves(CHINCHILLA, SIZES, HORIZONS, steps=1000)
CROSSINGS = size_crossover(CHINCHILLA, SIZES[:-1], SIZES[1:])
FIT = fit_approach1(CURVES)


def long_curves(surface, sizes):
    """Curves that reach far beyond every crossover."""
    D = surface.D_opt(6 * (sizes / surface.G) ** (1 / surface.a))
    return simulate_curves(surface, sizes, np.outer(D, [0.5, 8.0, 100.0]), steps=2000)


def test_crossing_is_where_losses_are_equal(surface):
    for smaller, larger in ((1e8, 1.1e8), (1e8, 3e8), (2e9, 9e10)):
        found = size_crossover(surface, smaller, larger)

        def gap(x, pair=(smaller, larger)):
            first, second = (surface.loss(N, np.exp(x) / (6 * N)) for N in pair)
            return first - second

        x = np.log(found)
        assert found == pytest.approx(np.exp(brentq(gap, x - 3, x + 3, xtol=1e-13)), rel=1e-9)


def test_crossing_of_nearly_equal_sizes_is_the_budget_of_that_size(surface):
    C = size_crossover(surface, 1e9, 1e9 * (1 + 1e-7))
    assert surface.N_opt(C) == pytest.approx(1e9, rel=1e-6)


def test_crossing_wants_the_smaller_size_first():
    with pytest.raises(ValueError, match="smaller size must be below"):
        size_crossover(CHINCHILLA, 2e9, 1e9)


def test_shift_has_its_leading_order_and_vanishes_on_symmetric_surfaces():
    h = np.array([0.1, 0.4])
    leading = (0.465 - 0.155) * h**2 / 24
    np.testing.assert_allclose(step_shift(0.465, 0.155, h), leading, rtol=1e-3)
    np.testing.assert_allclose(step_shift(0.31, 0.31, h), 0, atol=1e-15)
    assert np.isfinite(step_shift(0.465, 0.155, 5000.0))


def test_every_size_is_on_the_envelope_once_and_in_order(surface):
    sizes = 1e8 * np.cumprod([1, 1.3, 2, 1.05, 4, 1.7])
    edges = size_crossover(surface, sizes[:-1], sizes[1:])
    assert (np.diff(edges) > 0).all()
    C = np.geomspace(edges[0] / 10, edges[-1] * 10, 4000)
    losses = surface.loss(sizes[:, None], C / (6 * sizes[:, None]))
    np.testing.assert_array_equal(losses.argmin(axis=0), np.searchsorted(edges, C))


def test_staircase_exponent_is_the_least_squares_slope():
    sizes, switches = np.array([1.0, 3.0, 4.0, 20.0]), np.array([7.0, 9.0, 600.0])
    C = np.geomspace(2, 5000, 77)
    steps = sizes[np.searchsorted(switches, C)]
    slope = np.polyfit(np.log(C), np.log(steps), 1)[0]
    assert staircase_exponent(sizes, switches, 2, 5000, points=77) == pytest.approx(slope, rel=1e-12)
    dense = staircase_exponent(sizes, switches, 2, 5000)
    assert staircase_exponent(sizes, switches, 2, 5000, points=10**6) == pytest.approx(dense, rel=1e-5)


def test_jumps_outside_the_budgets_do_not_count():
    assert staircase_exponent([1, 2, 4, 8], [1, 40, 1e6], 5, 80) == staircase_exponent([2, 4], [40], 5, 80)


@pytest.mark.parametrize("surface", [SYMMETRIC, CHINCHILLA, ASYMMETRIC], ids=lambda s: s.name)
@pytest.mark.parametrize("number", [4, 9, 14])
def test_fit_agrees_with_the_closed_form(surface, number):
    sizes = np.geomspace(1e8, 1e10, number)
    switches = size_crossover(surface, sizes[:-1], sizes[1:])
    low, high = switches[0] / 20, switches[-1] * 10
    fit = fit_approach1(long_curves(surface, sizes), np.geomspace(low, high, 1500))
    predicted = staircase_exponent(sizes, switches, low, high, points=1500)
    # one budget of 1500 on the other side of a crossover, for interpolation, would be 1e-4
    assert fit.a == pytest.approx(predicted, abs=1e-10)


def test_the_study_of_the_chapter():
    predicted = staircase_exponent(SIZES, CROSSINGS, CURVES.ends.C.min(), CURVES.ends.C.max(), points=1500)
    assert pytest.approx(predicted, abs=1e-12) == FIT.a
    assert f"{FIT.a:.4f} {CHINCHILLA.a:.4f}" == "0.4441 0.4516"
    assert FIT.a + FIT.b == 1


@pytest.mark.parametrize("number", [7, 13, 25])
def test_trimmed_exponent_falls_short_by_one_over_the_square_of_the_steps(number):
    sizes = np.geomspace(1e8, 1e10, number)
    switches = size_crossover(CHINCHILLA, sizes[:-1], sizes[1:])
    budgets = np.geomspace(switches[0] / 50, switches[-1] * 50, 20000)
    fit = fit_approach1(long_curves(CHINCHILLA, sizes), budgets, trim=True)
    assert fit.a / CHINCHILLA.a == pytest.approx(1 - 1 / (number - 2) ** 2, abs=2e-4)


def test_ends_of_the_range_flatten_and_steps_steepen():
    """The boxed formula of the chapter, on 40 steps of equal height."""
    h, a, M = 0.2, 0.45, 40
    switches = np.exp(h / a * np.arange(M))
    sizes = np.exp(h * np.arange(M + 1))
    low, high = np.exp(-7.0), switches[-1] * np.exp(3.0)
    W = np.log(high / low)
    w = h / a / W
    p, q = 7 / W - w / 2, 3 / W - w / 2
    expected = 1 - (3 * p**2 - 2 * p**3) - (3 * q**2 - 2 * q**3) + w**2 / 2 * (1 - p - q)
    assert staircase_exponent(sizes, switches, low, high) / a == pytest.approx(expected, rel=1e-12)


def test_runs_that_end_too_early_give_one_half_whatever_the_surface(surface):
    curves = simulate_curves(surface, SIZES, np.outer(SIZES, [0.2, 1.0]), steps=1000)
    assert (6 * SIZES[:-1] ** 2 < size_crossover(surface, SIZES[:-1], SIZES[1:])).all()
    fit = fit_approach1(curves, 20000, trim=True)
    assert fit.a == pytest.approx(0.5 * (1 - 1 / 11**2), abs=2e-4)
    assert any("at 12 of 12 changes of size the smaller model had no run left" in s for s in fit.concerns)


def test_a_penalty_for_undecayed_runs_cancels_where_ends_line_up_and_not_elsewhere():
    aligned = simulate_curves(CHINCHILLA, SIZES, HORIZONS, steps=1000, undecayed=0.1)
    assert fit_approach1(aligned).a == pytest.approx(FIT.a, abs=1e-12)
    single = HORIZONS[:, -1:]
    before = fit_approach1(simulate_curves(CHINCHILLA, SIZES, single, steps=1000), trim=True)
    after = fit_approach1(simulate_curves(CHINCHILLA, SIZES, single, steps=1000, undecayed=0.1), trim=True)
    assert after.a - before.a > 0.03


def test_end_sizes_are_a_concern_until_they_are_trimmed():
    (sentence,) = FIT.concerns
    assert "smallest size holds 9% of the budgets and the largest 10%" in sentence
    assert fit_approach1(CURVES, trim=True).concerns == ()
    inside = np.geomspace(CROSSINGS[0] / 1.5, CROSSINGS[-1] * 1.5, 500)
    assert fit_approach1(CURVES, inside).concerns == ()


def test_the_flattening_named_is_the_flattening_there_is():
    curves = simulate_curves(CHINCHILLA, SIZES, np.outer(SIZES, [1, 20, 2000]), steps=1000)
    fit = fit_approach1(curves, np.geomspace(CROSSINGS[0] / 100, CROSSINGS[-1] * 100, 1500))
    lost = 1 - fit.a / CHINCHILLA.a
    named = next(s for s in fit.concerns if "flattens" in s).split("about ")[1].split("%")[0]
    assert float(named) / 100 == pytest.approx(lost, abs=0.005)


def test_few_sizes_are_a_concern():
    fit = fit_approach1(long_curves(CHINCHILLA, np.geomspace(1e8, 1e10, 4)))
    assert any("4 sizes on the envelope make a coarse staircase" in s for s in fit.concerns)


def test_noise_makes_the_envelope_too_low_and_unsteady(rng):
    noisy = simulate_curves(CHINCHILLA, SIZES, HORIZONS, steps=1000, noise=0.01, rng=rng)
    raw, smoothed = fit_approach1(noisy), fit_approach1(smooth(noisy))
    gaps = [np.mean(fit.envelope.L - FIT.envelope.L) for fit in (raw, smoothed)]
    assert gaps[0] < gaps[1] < 0
    assert any("steps back to a smaller size" in s for s in raw.concerns)
    assert abs(smoothed.a - FIT.a) < 0.01


def test_budgets_without_a_run_are_left_out_and_named():
    fit = fit_approach1(CURVES, np.geomspace(1e18, 1e26, 100))
    assert len(fit.envelope.C) < 100
    assert any(f"{100 - len(fit.envelope.C)} of 100 budgets" in s for s in fit.concerns)


def test_envelope_says_who_is_lowest():
    envelope = lower_envelope(CURVES, np.geomspace(1e18, 1e23, 300))
    expected = SIZES[np.searchsorted(CROSSINGS, envelope.C)]
    np.testing.assert_array_equal(envelope.N, expected)
    np.testing.assert_allclose(6 * envelope.N * envelope.D, envelope.C, rtol=1e-14)
    assert envelope.shares.sum() == pytest.approx(1)
    assert len(envelope.switches) == len(envelope.sizes) - 1


def test_units_do_not_matter():
    scaled = TrainingCurves(CURVES.N / 1e6, CURVES.horizon / 1e9, CURVES.D / 1e9, CURVES.L)
    assert fit_approach1(scaled).a == pytest.approx(FIT.a, rel=1e-10)


def test_what_cannot_be_fitted():
    one = simulate_curves(CHINCHILLA, [1e9], [1e10, 1e11])
    with pytest.raises(FitError, match="add curves of smaller and larger"):
        fit_approach1(one)
    three = long_curves(CHINCHILLA, np.geomspace(1e8, 1e10, 3))
    with pytest.raises(FitError, match="has 1, and a power law needs two"):
        fit_approach1(three, trim=True)
    for wrong in (1, 2.5):
        with pytest.raises(ValueError, match="two or more"):
            fit_approach1(CURVES, wrong)
    with pytest.raises(ValueError, match="positive number of FLOPs"):
        fit_approach1(CURVES, [-1e18, 1e19])


def test_printed_fit_names_its_budgets():
    text = str(fit_approach1(CURVES, trim=True))
    assert "Approach 1, 1217 of 1500 budgets, 52 runs" in text
    assert "1217 of 1500" in fit_approach1(CURVES, trim=True)._repr_html_()
