import numpy as np
import pytest

from scalinglab import CHINCHILLA, TrainingCurves
from scalinglab.data import simulate_curves, smooth

SIZES = np.array([1e8, 3e8, 1e9])


def test_a_run_on_its_way_is_as_good_as_one_that_ends_there():
    curves = simulate_curves(CHINCHILLA, SIZES, horizons=[2e9, 8e9], steps=40)
    np.testing.assert_array_equal(curves.N, np.repeat(SIZES, 2))
    np.testing.assert_array_equal(curves.horizon, np.tile([2e9, 8e9], 3))
    np.testing.assert_allclose(curves.D[:, -1], curves.horizon, rtol=1e-15)
    np.testing.assert_allclose(curves.L, CHINCHILLA.loss(curves.N[:, None], curves.D), rtol=1e-15)
    np.testing.assert_allclose(curves.C, 6 * curves.N[:, None] * curves.D, rtol=1e-15)


def test_horizons_may_differ_between_sizes():
    curves = simulate_curves(CHINCHILLA, SIZES, horizons=np.outer(SIZES, [10, 20]), steps=3)
    np.testing.assert_allclose(curves.horizon / curves.N, np.tile([10, 20], 3))


def test_the_penalty_is_full_at_the_start_half_in_the_middle_and_nothing_at_the_end():
    plain = simulate_curves(CHINCHILLA, SIZES, [4e9], steps=1000)
    worse = simulate_curves(CHINCHILLA, SIZES, [4e9], steps=1000, undecayed=0.2)
    extra = worse.L - plain.L
    np.testing.assert_allclose(extra[:, 0], 0.2, atol=1e-5)
    np.testing.assert_allclose(extra[:, 499], 0.1, atol=1e-12)
    np.testing.assert_allclose(worse.ends.L, plain.ends.L, rtol=1e-15)


def test_ends_are_the_finished_runs():
    curves = simulate_curves(CHINCHILLA, SIZES, [2e9, 8e9])
    np.testing.assert_allclose(curves.ends.D, curves.horizon)
    np.testing.assert_allclose(curves.ends.L, CHINCHILLA.loss(curves.N, curves.horizon))


def test_losses_between_steps_and_beyond_a_run():
    curves = simulate_curves(CHINCHILLA, [1e9], [1e10], steps=2000)
    C = np.array([1e15, 1e19, 5.123e19, 6e19, 6.1e19])
    found = curves.at(C)[0]
    assert np.isinf(found[[0, 4]]).all()
    np.testing.assert_allclose(found[1:4], CHINCHILLA.loss(1e9, C[1:4] / 6e9), rtol=1e-6)


def test_smoothing_keeps_a_straight_line_and_averages_noise(rng):
    D = np.tile(np.arange(1.0, 401), (2, 1))
    line = TrainingCurves([1e8, 2e8], [400, 400], D, 5 - 0.01 * D)
    np.testing.assert_allclose(smooth(line).L[:, 10:-10], line.L[:, 10:-10], rtol=1e-13)
    noise = TrainingCurves([1e8, 2e8], [400, 400], D, 3 + 0.1 * rng.standard_normal(D.shape))
    # Gaussian weights of standard deviation s average noise by 1/sqrt(2 sqrt(pi) s)
    expected = 0.1 / np.sqrt(2 * np.sqrt(np.pi) * 20 / 4)
    assert smooth(noise, window=20).L.std() == pytest.approx(expected, rel=0.15)


def test_noise_has_its_standard_deviation_and_needs_rng(rng):
    noisy = simulate_curves(CHINCHILLA, SIZES, [2e9], steps=2000, noise=0.02, rng=rng)
    errors = noisy.L - CHINCHILLA.loss(noisy.N[:, None], noisy.D)
    assert errors.std() == pytest.approx(0.02, rel=0.05)
    with pytest.raises(ValueError, match="rng"):
        simulate_curves(CHINCHILLA, SIZES, [2e9], noise=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"N": [1e8, -1.0]}, "N of run 1 holds -1; give positive"),
        ({"L": [[3.0, 2.9], [3.0, np.nan]]}, "L of run 1 holds nan; give finite"),
        ({"D": [[1.0, 2.0], [2.0, 2.0]]}, "tokens of run 1 do not increase"),
        ({"N": [1e8]}, "N has 1 runs"),
        ({"L": [3.0, 2.0]}, "a table of runs by steps"),
        ({"horizon": [[1.0]]}, "one number a run"),
    ],
)
def test_bad_curves(change, message):
    good = {"N": [1e8, 2e8], "horizon": [2.0, 2.0], "D": [[1.0, 2.0]] * 2, "L": [[3.0, 2.9]] * 2}
    with pytest.raises(ValueError, match=message):
        TrainingCurves(**{**good, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 1}, "steps is 1"),
        ({"noise": -0.1}, "must not be negative"),
        ({"undecayed": -0.1}, "must not be negative"),
        ({"horizons": [[1e9, 2e9], [1e9, 2e9]]}, "one row of them for each size"),
    ],
)
def test_bad_simulations(change, message):
    with pytest.raises(ValueError, match=message):
        simulate_curves(**{"surface": CHINCHILLA, "sizes": SIZES, "horizons": [1e9], **change})


def test_bad_window():
    with pytest.raises(ValueError, match="window is 0"):
        smooth(simulate_curves(CHINCHILLA, SIZES, [1e9]), window=0)


def test_curves_cannot_be_changed():
    curves = simulate_curves(CHINCHILLA, SIZES, [1e9])
    with pytest.raises(ValueError, match="read-only"):
        curves.L[0, 0] = 1.0
