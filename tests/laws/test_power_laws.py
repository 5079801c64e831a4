import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.optimize import brentq

from scalinglab import CHINCHILLA, PowerLaw, plotting
from scalinglab.laws import (
    SaturatingPowerLaw,
    ThreeRegions,
    miss_per_residual,
    published,
    straight_line,
    where_laws_meet,
)
from scalinglab.theory import noiseless_curve

matplotlib.use("Agg")
LAW = SaturatingPowerLaw.of_frontier(CHINCHILLA)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def log_slope(f, x, h=1e-4):
    return (np.log(f(x * np.exp(h))) - np.log(f(x * np.exp(-h)))) / (2 * h)


def test_the_frontier_is_a_law_with_a_floor():
    C = np.geomspace(1e17, 1e26, 9)
    np.testing.assert_allclose(LAW(C), CHINCHILLA.L_opt(C), rtol=1e-13)


def test_local_exponent_and_bend_are_derivatives():
    for C in (1e18, 1e22):
        assert LAW.local_exponent(C) == pytest.approx(-log_slope(LAW, C), rel=1e-6)
        bend = (LAW.local_exponent(C * np.exp(-1e-3)) - LAW.local_exponent(C * np.exp(1e-3))) / 2e-3
        assert LAW.curvature(C) == pytest.approx(bend, rel=1e-5)


def test_without_a_floor_the_paper_is_straight():
    law = SaturatingPowerLaw(0.0, 5.0, 0.1)
    x = np.geomspace(1, 1e8, 9)
    line = straight_line(x, law(x))
    assert line.law.exponent == pytest.approx(-0.1)
    assert line.law.coefficient == pytest.approx(5)
    assert line.worst < 1e-13
    assert law.curvature(1e3) == 0


@pytest.mark.parametrize("bad", [{"E": -1}, {"K": 0}, {"gamma": np.nan}, {"E": np.inf}])
def test_bad_law(bad):
    with pytest.raises(ValueError, match="SaturatingPowerLaw"):
        SaturatingPowerLaw(**{"E": 1.0, "K": 1.0, "gamma": 0.1} | bad)


def test_three_regions_are_flat_steep_flat():
    curve = ThreeRegions(guess=10.0, floor=1e-6, start=1e3, exponent=0.35)
    exponents = curve.local_exponent(np.array([1.0, 1e9, 1e30]))
    np.testing.assert_allclose(exponents, [0, 0.35, 0], atol=2e-3)
    assert curve.local_exponent(1e5) == pytest.approx(-log_slope(curve, 1e5), rel=1e-6)
    assert (np.diff(curve(np.geomspace(1, 1e20, 50))) < 0).all()


def test_the_last_border_is_where_half_the_error_is_floor():
    curve = ThreeRegions(guess=2.0, floor=0.1, start=1e3, exponent=0.35)
    start, end = curve.borders
    assert start == 1e3
    assert curve(end) == pytest.approx(0.2)
    assert ThreeRegions(2.0, 0.0, 1e3, 0.35).borders[1] == np.inf


@pytest.mark.parametrize("bad", [{"floor": 3.0}, {"floor": -1.0}, {"start": 0}, {"exponent": -0.3}])
def test_bad_regions(bad):
    with pytest.raises(ValueError, match="ThreeRegions"):
        ThreeRegions(**{"guess": 2.0, "floor": 0.1, "start": 1e3, "exponent": 0.35} | bad)


@pytest.mark.parametrize("decades", [0.5, 1, 2])
def test_the_worst_residual_to_leading_order(decades):
    x = np.geomspace(1e21 / 10**decades, 1e21, 400)
    line = straight_line(x, LAW(x))
    leading = LAW.curvature(np.sqrt(x[0] * x[-1])) * (decades * np.log(10) / 2) ** 2 / 3
    assert line.worst == pytest.approx(leading, rel=0.02)


def test_the_miss_follows_from_the_residual_on_a_parabola():
    # a law with constant bend: ln L = 0.01 (ln x)^2
    x = np.geomspace(0.1, 10, 4001)
    line = straight_line(x, np.exp(0.01 * np.log(x) ** 2))
    ahead = 10.0 * 100
    miss = line.miss(ahead, np.exp(0.01 * np.log(ahead) ** 2))
    assert miss / line.worst == pytest.approx(miss_per_residual(2, 2), rel=1e-3)
    assert miss_per_residual(1, 2) == 37
    assert miss_per_residual([1, 3], 0).tolist() == [1, 1]


def test_the_line_does_not_depend_on_units():
    x = np.geomspace(1e18, 1e21, 19)
    one, two = straight_line(x, LAW(x)), straight_line(x / 1e20, LAW(x))
    assert one.law.exponent == pytest.approx(two.law.exponent, rel=1e-12)
    np.testing.assert_allclose(one.residuals, two.residuals, atol=1e-13)
    np.testing.assert_allclose(np.exp(one.residuals) * one.law(x), LAW(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "L"), [([1, 2], [1]), ([2, 2], [1, 1]), ([[1, 2]], [[1, 2]]), ([1, -2], [1, 1])]
)
def test_bad_columns(x, L):
    with pytest.raises(ValueError, match=r"straight_line|positive"):
        straight_line(x, L)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: SaturatingPowerLaw("one", 1, 0.1), "SaturatingPowerLaw: E"),
        (lambda: SaturatingPowerLaw(1, [1, 2], 0.1), "SaturatingPowerLaw: K"),
        (lambda: SaturatingPowerLaw.of_frontier("chinchilla"), "LossSurface"),
        (lambda: LAW(0), "positive"),
        (lambda: LAW(["1e20 FLOPs"]), "numbers"),
        (lambda: ThreeRegions(None, 0.1, 1e3, 0.3), "ThreeRegions: guess"),
        (lambda: ThreeRegions(2.0, 0.1, 1e3, 0.3)(-1), "positive"),
        (lambda: straight_line("x", [1, 2]), "numbers"),
        (lambda: straight_line([1, 2], [3, 2]).miss(1, np.nan), "loss"),
        (lambda: miss_per_residual(0, 2), "decades"),
        (lambda: miss_per_residual(1, "two"), "ahead"),
        (lambda: where_laws_meet(1, published.KAPLAN_L_D, published.KAPLAN_D_OPT), "scale of compute"),
        (lambda: where_laws_meet(published.KAPLAN_L_C_MIN, published.KAPLAN_L_D, 0.27), "PowerLaw"),
    ],
)
def test_bad_input_says_what(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_a_floor_that_no_number_of_examples_reaches():
    assert ThreeRegions(2.0, 0.1, 1e3, 1e-4).borders == (1e3, np.inf)


# by root finding instead of the closed form
@pytest.mark.parametrize(
    ("tokens", "printed"),
    [
        (published.KAPLAN_D_OPT, ("1.12e+04", "2.5e+11", "1.668")),
        (published.KAPLAN_D_ONE_EPOCH, ("1.06e+05", "8.1e+11", "1.490")),
    ],
)
def test_kaplan_contradicts_himself(tokens, printed):
    def gap(x):
        return np.log(published.KAPLAN_L_C_MIN(np.exp(x))) - np.log(published.KAPLAN_L_D(tokens(np.exp(x))))

    C = np.exp(brentq(gap, 0, 40))
    assert (f"{C:.2e}", f"{tokens(C):.1e}", f"{published.KAPLAN_L_C_MIN(C):.3f}") == printed
    meeting = where_laws_meet(published.KAPLAN_L_C_MIN, published.KAPLAN_L_D, tokens)
    expected = [C, tokens(C), published.KAPLAN_L_D(tokens(C))]
    np.testing.assert_allclose([meeting.C, meeting.D, meeting.L], expected, rtol=1e-9)


def test_the_paper_puts_a_trillion_parameters_at_the_meeting():
    laws = published.KAPLAN_L_C_MIN, published.KAPLAN_L_D
    assert f"{published.KAPLAN_N_OPT(where_laws_meet(*laws, published.KAPLAN_D_OPT).C):.2e}" == "1.17e+12"


def test_with_tokens_that_grow_fast_enough_laws_do_not_contradict():
    with pytest.raises(ValueError, match="never contradict"):
        where_laws_meet(published.KAPLAN_L_C_MIN, published.KAPLAN_L_D, PowerLaw(2e10, 0.6))


def test_pictures_show_what_they_are_given():
    x = np.geomspace(1e20, 1e21, 7)
    line = straight_line(x, LAW(x))
    ax = plotting.line_and_law(LAW, line, 1e23)
    shown = [text.get_text() for text in ax.texts]
    assert f"{LAW(1e23):.2f}" in shown
    assert f"{line.law(1e23):.2f}" in shown
    ax = plotting.line_residuals({"1 decade": line})
    drawn = next(part for part in ax.lines if len(part.get_xdata()) == len(x))
    np.testing.assert_allclose(drawn.get_ydata(), np.expm1(line.residuals))


def test_the_contradiction_is_marked_where_the_lines_meet():
    laws = published.KAPLAN_L_C_MIN, published.KAPLAN_L_D, published.KAPLAN_D_OPT
    ax = plotting.contradiction(*laws, np.geomspace(1, 1e7, 30))
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    meeting = where_laws_meet(*laws)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (meeting.C, meeting.L)
    assert {text.get_text() for text in ax.texts} == {"promised to C", "allowed by D(C)"}


def test_regions_are_named_where_there_is_room():
    curve = ThreeRegions(guess=2.0, floor=0.1, start=1e3, exponent=0.35)
    names = [text.get_text() for text in plotting.three_regions(curve, np.geomspace(1, 1e12, 50)).texts]
    assert names == ["best guess", "power law", "irreducible error"]
    narrow = ThreeRegions(guess=2.0, floor=1.5, start=1e3, exponent=0.35)
    names = [text.get_text() for text in plotting.three_regions(narrow, np.geomspace(1, 1e12, 50)).texts]
    assert names == ["best guess", "irreducible error"]


def test_learning_curves_are_labelled_and_drawn_as_simulated():
    curve = noiseless_curve([10, 100, 1000], np.random.default_rng(0), replicates=20)
    ax = plotting.learning_curves({"unique": curve})
    assert [text.get_text() for text in ax.texts] == ["unique"]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), curve.error)
