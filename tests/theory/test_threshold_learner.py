import numpy as np
import pytest
from refusals import not_refused
from scipy.integrate import quad
from scipy.optimize import brentq

from scalinglab.theory import LearningCurve, noiseless_curve, noisy_curves, stochastic_error
from scalinglab.theory.noisy_threshold import likeliest_threshold


def rng():
    return np.random.default_rng(1992)


def noiseless_mean(t, margin):
    """The mean error for any t: l + r follows Beta(2, t - 1), and its split is uniform."""

    def error(gap):
        density = t * (t - 1) * gap * (1 - gap) ** (t - 2)
        return (1 - margin) * gap**2 / 3 / ((1 - margin) * gap + margin) * density

    return quad(error, 0, min(1, 60 / t), points=[2 / t, 10 / t], limit=200)[0]


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.3])
def test_noiseless_machine_errs_as_the_spacings_say(margin):
    counts = [20, 100, 1000]
    curve = noiseless_curve(counts, rng(), margin=margin, replicates=3000)
    expected = [noiseless_mean(t, margin) for t in counts]
    assert (np.abs(curve.error - expected) < 4 * curve.standard_error).all()


def test_unique_threshold_has_an_exact_mean():
    assert noiseless_mean(50, 0.0) == pytest.approx(2 / (3 * 51), rel=1e-6)


@pytest.mark.parametrize(("margin", "exponent"), [(0.0, 1), (0.3, 2)])
def test_noiseless_limit_is_reached(margin, exponent):
    curve = noiseless_curve([10, 20, 30], rng(), margin=margin, replicates=2)
    assert curve.exponent == exponent
    assert noiseless_mean(1e5, margin) == pytest.approx(curve.limit(1e5), rel=1e-3)


@pytest.mark.parametrize(("margin", "slope"), [(0.0, -1), (0.3, -2)])
def test_noiseless_slopes(margin, slope):
    curve = noiseless_curve(np.geomspace(100, 3000, 7), rng(), margin=margin)
    assert curve.slope() == pytest.approx(slope, abs=0.05)


@pytest.fixture(scope="module")
def noisy():
    """Learning curves of decided and of stochastic answers."""
    return noisy_curves(np.geomspace(100, 10_000, 7), rng(), replicates=200)


def test_noisy_slopes_and_the_floor_that_hides_one(noisy):
    decided, stochastic = noisy
    assert decided.slope() == pytest.approx(-0.5, abs=0.05)
    assert stochastic.slope() == pytest.approx(-1, abs=0.08)
    assert abs(stochastic.slope(floor=0)) < 0.01
    assert stochastic.floor == 0.1


def test_noisy_errors_tend_to_their_limits(noisy):
    for curve in noisy:
        away = np.abs(curve.error - curve.limit(curve.t)) / curve.standard_error
        assert (away[curve.t >= 1000] < 4).all()


def test_a_steeper_teacher_is_learnt_faster():
    sharp, _ = noisy_curves([1000], rng(), noise=0.01)
    blunt, _ = noisy_curves([1000], rng(), noise=0.09)
    np.testing.assert_allclose(blunt.error / sharp.error, 3, rtol=0.15)


@pytest.mark.parametrize("delta", [0.0, 1e-6, 0.003, 0.05, -0.05, 0.2])
def test_disagreement_is_the_integral(delta):
    s = 0.02
    p = lambda x, w: 1 / (1 + np.exp(-(x - w) / s))  # noqa: E731
    wrong = quad(
        lambda x: p(x, 0.4) * (1 - p(x, 0.4 + delta)) + p(x, 0.4 + delta) * (1 - p(x, 0.4)),
        *(-0.2, 1.2),
        points=[0.3, 0.4, 0.5, 0.6],
        limit=200,
    )[0]
    assert stochastic_error(delta, s) == pytest.approx(wrong, rel=1e-7)


def test_disagreement_is_smooth_where_the_series_ends():
    values = stochastic_error(np.linspace(0.9e-5, 1.1e-5, 41), 0.05)
    assert (np.diff(values) > 0).all()


def test_likeliest_threshold_is_where_the_derivative_vanishes():
    generator = rng()
    x = generator.random((40, 60))
    y = generator.random((40, 60)) < 1 / (1 + np.exp(-(x - 0.5) / 0.05))
    w = likeliest_threshold(x, y, 0.05)
    p = 1 / (1 + np.exp(-(x - w[:, None]) / 0.05))
    np.testing.assert_allclose((p - y).sum(axis=1), 0, atol=1e-7)


def test_likeliest_threshold_goes_to_the_edge_when_all_answers_agree():
    x = np.array([[0.2, 0.4], [0.2, 0.4]])
    low, high = likeliest_threshold(x, [[True, True], [False, False]], 0.05)
    assert low < 1e-8
    assert high > 1 - 1e-8


def test_same_generator_same_curve():
    first, second = (noiseless_curve([10, 100], rng(), replicates=5) for _ in range(2))
    np.testing.assert_array_equal(first.error, second.error)


def test_slope_needs_points_above_the_floor():
    curve = LearningCurve(np.array([1.0, 10, 100]), np.array([3.0, 1.2, 1.02]), np.zeros(3), 1.0, 2.0, 1.0)
    assert curve.slope() == pytest.approx(-1)
    with pytest.raises(ValueError, match="three points above"):
        curve.slope(start=5)
    with pytest.raises(ValueError, match="three points above"):
        curve.slope(floor=1.1)


def test_bad_input_says_what():
    cases = [
        *((lambda m=m: noiseless_curve([10], rng(), margin=m), "margin") for m in (-0.1, 1.0, np.nan)),
        *((lambda s=s: noisy_curves([10], rng(), noise=s), "noise") for s in (0.0, 0.2, np.nan)),
        (lambda: noiseless_curve([], rng(), replicates=5), "at least 2"),
        (lambda: noiseless_curve([1, 10], rng(), replicates=5), "at least 2"),
        (lambda: noiseless_curve([10], rng(), replicates=1), "at least 2"),
        (lambda: noiseless_curve(10, rng()), "list of numbers"),
        (lambda: noiseless_curve(["ten"], rng()), "numbers"),
        (lambda: noiseless_curve([10, np.nan], rng()), "finite"),
        (lambda: noiseless_curve([1e30], rng()), "memory"),
        (lambda: noiseless_curve([10], rng(), replicates=2.5), "whole number"),
        (lambda: noiseless_curve([10], rng(), replicates="2"), "replicates"),
        (lambda: noiseless_curve([10], 1992), "default_rng"),
        (lambda: noiseless_curve([10], rng(), margin="0.3"), "margin"),
        (lambda: noisy_curves([10], rng(), noise=[0.05]), "noise"),
        (lambda: stochastic_error(np.nan, 0.05), "delta"),
        (lambda: stochastic_error(2.0, 0.05), "at most 1 apart"),
        (lambda: stochastic_error(0.1, 0.2), "noise"),
        (lambda: likeliest_threshold([0.2, 0.4], [0, 1], 0.05), "shapes"),
        (lambda: likeliest_threshold([[0.2, 0.4]], [[0]], 0.05), "shapes"),
        (lambda: likeliest_threshold([[0.2, 1.4]], [[0, 1]], 0.05), "lie in"),
        (lambda: likeliest_threshold([[0.2, 0.4]], [[0, 0.5]], 0.05), "0 or 1"),
        (lambda: noiseless_curve([10, 20, 30], rng(), replicates=2).slope(start="late"), "start"),
        (lambda: noiseless_curve([10, 20, 30], rng(), replicates=2).slope(floor=[0, 0]), "floor"),
        (lambda: noiseless_curve([10, 20, 30], rng(), replicates=2).limit(0), "positive"),
    ]
    assert not not_refused(cases)


def test_likeliest_threshold_is_what_a_bracketing_search_finds():
    # an independent search of the same zero
    generator = rng()
    x = generator.random((20, 200))
    y = generator.random((20, 200)) < 1 / (1 + np.exp(-(x - 0.5) / 0.03))

    def score(w, i):
        return (1 / (1 + np.exp(-(x[i] - w) / 0.03)) - y[i]).sum()

    expected = [brentq(score, 0, 1, args=(i,), xtol=1e-13) for i in range(20)]
    np.testing.assert_allclose(likeliest_threshold(x, y, 0.03), expected, atol=1e-10)


def test_what_knowing_the_noise_would_leave():
    # of the floor 2s, the likelier answer still misses 2 s ln 2
    s = 0.05
    wrong = quad(lambda x: 1 / (1 + np.exp(abs(x - 0.5) / s)), 0, 1, points=[0.5])[0]
    assert wrong == pytest.approx(2 * s * np.log(2), rel=1e-3)
