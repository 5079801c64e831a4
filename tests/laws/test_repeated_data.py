import itertools
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import approx_fprime

from scalinglab import CHINCHILLA, LossSurface, plotting
from scalinglab.laws import (
    CHINCHILLA_REFIT,
    MUENNIGHOFF,
    OverfittingSurface,
    RepeatedSurface,
    effective_tokens,
    geometric_tokens,
    published,
)
from scalinglab.laws.published import MUENNIGHOFF_R_D, MUENNIGHOFF_R_N

LAW = RepeatedSurface(MUENNIGHOFF, MUENNIGHOFF_R_D, MUENNIGHOFF_R_N)
UNEQUAL = RepeatedSurface(CHINCHILLA, 12.0, 3.0)
U = 100e9


# Muennighoff et al. 2023, eq. 17 and the unrounded values behind it
def test_constants_round_to_the_printed_ones():
    s = MUENNIGHOFF
    assert f"{s.A:.1f} {s.B:.1f} {s.E:.3f}" == "520.8 1487.7 1.869"
    assert f"{s.A:.0f} {s.B:.0f} {s.E:.2f} {s.alpha:.2f} {s.beta:.2f}" == "521 1488 1.87 0.35 0.35"
    np.testing.assert_allclose(np.log([s.A, s.B, s.E]), [6.255414, 7.3049974, 0.6254804], rtol=1e-12)
    assert (s.alpha, s.beta) == (0.3526596, 0.3526596)
    assert (published.MUENNIGHOFF_R_D, published.MUENNIGHOFF_R_N) == (15.387756, 5.309743)


def test_tokens_per_parameter():
    assert f"{U / LAW.base_parameters(U):.1f}" == "19.6"
    assert f"{LAW.base_parameters(U) / U:.3f}" == "0.051"


# Muennighoff et al. 2023: what a pass is worth, every column
@pytest.mark.parametrize(
    ("epochs", "worth", "efficiency", "following"),
    [
        (2, "1.968", "0.984", "0.937"),
        (4, "3.726", "0.931", "0.823"),
        (8, "6.62", "0.828", "0.635"),
        (16, "10.58", "0.661", "0.377"),
        (40, "15.17", "0.379", "0.079"),
    ],
)
def test_epochs_table(epochs, worth, efficiency, following):
    digits = len(worth.split(".")[1])
    assert f"{effective_tokens(1.0, epochs):.{digits}f}" == worth
    assert f"{effective_tokens(U, epochs) / (epochs * U):.3f}" == efficiency
    # the value of the next token is the slope in epochs
    slope = approx_fprime([float(epochs)], lambda e: effective_tokens(1.0, e[0]), 1e-6)[0]
    assert f"{slope:.3f}" == following
    assert f"{np.exp(-(epochs - 1) / MUENNIGHOFF_R_D):.3f}" == following


def test_infinitely_many_epochs():
    assert f"{effective_tokens(1.0, 1e6):.2f}" == "16.39"
    assert effective_tokens(1.0, 1e6) == pytest.approx(1 + MUENNIGHOFF_R_D, rel=1e-14)
    assert effective_tokens(1.0, 1e6) / 1e6 < 2e-5


def test_exact_and_approximate_share_lost():
    assert f"{1 / (1 + MUENNIGHOFF_R_D):.3f}" == "0.061"
    assert f"{1 / MUENNIGHOFF_R_D:.3f}" == "0.065"


def test_worked_example():
    assert f"{geometric_tokens(1.0, 5, kept=0.75):.3f}" == "3.051"
    assert f"{effective_tokens(1.0, 5, R_star=3.0):.3f}" == "3.209"


def test_geometric_form_is_the_sum():
    for kept in (0.1, 0.5, 0.939):
        for repetitions in (0, 1, 7, 40):
            powers = sum(kept**k for k in range(repetitions + 1))
            assert geometric_tokens(2e9, 1 + repetitions, kept) == pytest.approx(2e9 * powers, rel=1e-13)


def test_the_two_forms_share_their_ends():
    kept = MUENNIGHOFF_R_D / (1 + MUENNIGHOFF_R_D)
    epochs = np.geomspace(1, 1000, 50)
    exact, smooth = geometric_tokens(1.0, epochs, kept), effective_tokens(1.0, epochs)
    assert exact[0] == smooth[0] == 1.0
    assert exact[-1] == pytest.approx(smooth[-1], rel=1e-12)
    assert np.all(smooth >= exact)  # because 1/R* exceeds ln(1 + 1/R*)


@pytest.mark.parametrize("kept", [0.0, 1.0, -0.1, 1.5, np.nan])
def test_a_share_outside_zero_and_one_is_refused(kept):
    with pytest.raises(ValueError, match="kept"):
        geometric_tokens(1e9, 2, kept)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: effective_tokens(0, 2), "unique"),
        (lambda: effective_tokens(1e9, 0.5), "one pass"),
        (lambda: effective_tokens(1e9, [2, np.nan]), "epochs"),
        (lambda: effective_tokens(1e9, 2, R_star=0), "R_star"),
        (lambda: geometric_tokens(1e9, 0.9, 0.5), "one pass"),
        (lambda: RepeatedSurface(MUENNIGHOFF, 0, 5), "R_star_D"),
        (lambda: RepeatedSurface(MUENNIGHOFF, 5, np.inf), "R_star_N"),
        (lambda: RepeatedSurface(LossSurface(1, 0, 400, 0.3, 0.3), 5, 5), "A > 0"),
        (lambda: LAW.loss(1e9, -1, U), "D"),
        (lambda: LAW.loss(1e9, 1e10, 0.25), r"unique is 0\.25; give the number of different tokens"),
        (lambda: LAW.allocate(1e20, [U, 0.999]), "number of different tokens"),
        (lambda: LAW.limit(0.1), "number of different tokens"),
        (lambda: LAW.base_compute(0.5), "number of different tokens"),
        (lambda: effective_tokens(0.5, 4), "number of different tokens"),
        (lambda: geometric_tokens(0.5, 4, 0.5), "number of different tokens"),
        (lambda: LAW.loss(1e9, 1e9, 0), "unique"),
        (lambda: LAW.allocate(np.nan, U), "compute"),
        (lambda: LAW.allocate(1e20, [U, 0]), "unique"),
        (lambda: LAW.allocate([1e20, 1e21], [U, U, U]), "shapes do not match"),
        (lambda: LAW.loss([1e9, 1e10], [1e9, 1e10, 1e11], U), "shapes do not match"),
        (lambda: LAW.loss("big", 1e9, U), "N is 'big'"),
        (lambda: LAW.loss(1e9, 1e9, 1e308), "count between"),
        (lambda: effective_tokens([1e9, 2e9], [2, 3, 4]), "shapes do not match"),
        (lambda: effective_tokens(1e9, 2, R_star=[5, 6]), "one finite number"),
        (lambda: geometric_tokens(1e9, 2, "half"), "kept"),
        (lambda: RepeatedSurface("C4", 5, 5), "LossSurface"),
        (lambda: RepeatedSurface(MUENNIGHOFF, [5, 6], 5), "R_star_D"),
    ],
)
def test_bad_input_says_what(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def by_hand(law, N, D, unique):
    """The law written out for one run, from the definitions."""
    s = law.surface
    U_D = min(D, unique)
    U_N = min(N, s.N_opt(6 * U_D * base_by_bisection(s, U_D)))
    R_D, R_N = D / U_D - 1, max(N / U_N - 1, 0)
    D_eff = U_D + U_D * law.R_star_D * (1 - np.exp(-R_D / law.R_star_D))
    N_eff = U_N + U_N * law.R_star_N * (1 - np.exp(-R_N / law.R_star_N))
    return s.E + s.A / N_eff**s.alpha + s.B / D_eff**s.beta


def base_by_bisection(s, tokens):
    """Size N with D_opt(6 N tokens) = tokens, by bisection."""
    low, high = 1e-3, 1e25
    for _ in range(300):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if s.D_opt(6 * middle * tokens) < tokens else (low, middle)
    return middle


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
@pytest.mark.parametrize(
    ("N", "D"), [(1e8, 1e9), (1e11, 1e9), (1e9, U), (1e12, U), (1e9, 7 * U), (1e12, 30 * U)]
)
def test_loss_is_the_definition(law, N, D):
    assert law.loss(N, D, U) == pytest.approx(by_hand(law, N, D, U), rel=1e-12)


def test_fresh_data_and_a_model_they_can_feed_give_the_plain_law():
    D = np.array([1e9, 1e10, U])
    assert LAW.loss(1e7, D, U) == pytest.approx(MUENNIGHOFF.loss(1e7, D), rel=1e-15)
    assert LAW.effective(1e7, U, U) == (1e7, U)


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
def test_loss_never_rises_with_tokens_nor_with_parameters(law):
    D = np.geomspace(1e9, 1e14, 400)
    N = np.geomspace(1e7, 1e13, 300)
    loss = law.loss(N[:, None], D[None, :], U)
    assert np.all(np.diff(loss, axis=0) <= 1e-15)
    assert np.all(np.diff(loss, axis=1) <= 1e-15)
    assert np.all(loss >= law.surface.loss(N[:, None], D[None, :]) - 1e-12)


def test_the_limit_is_approached_and_never_passed():
    plan = LAW.allocate(np.geomspace(1e22, 1e28, 20), U)
    assert np.all(plan.loss >= LAW.limit(U))
    assert plan.loss[-1] == pytest.approx(LAW.limit(U), abs=1e-9)
    assert np.all(np.diff(plan.loss) <= 0)


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
def test_with_plenty_of_data_the_plain_optimum(law):
    C = np.geomspace(1e18, 1e24, 7)
    for more in (1.0, 3.0, 1e3):
        plan = law.allocate(C, more * law.surface.D_opt(C))
        np.testing.assert_allclose(plan.N, law.surface.N_opt(C), rtol=1e-9)
        np.testing.assert_allclose(plan.D, law.surface.D_opt(C), rtol=1e-9)
        np.testing.assert_allclose(plan.loss, law.surface.L_opt(C), rtol=1e-12)
        np.testing.assert_allclose(plan.epochs * more, 1, rtol=1e-9)
    assert np.all(np.isnan(law.allocate(C, 2 * law.surface.D_opt(C)).epoch_share))


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 1.5, 4.0, 30.0, 1e3])
def test_allocation_beats_a_dense_grid(law, ratio):
    C = ratio * law.base_compute(U)
    plan = law.allocate(C, U)
    np.testing.assert_allclose(6 * plan.N * plan.D, C, rtol=1e-12)
    D = U * np.geomspace(1e-4, 1e6, 40_001)
    loss = law.loss(C / (6 * D), D, U)
    assert plan.loss <= loss.min() + 1e-14
    assert plan.loss == pytest.approx(law.loss(plan.N, plan.D, U), rel=1e-15)
    if ratio < 500:  # beyond, the valley is flatter than rounding
        np.testing.assert_allclose(plan.D, D[loss.argmin()], rtol=1e-3)


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
@pytest.mark.parametrize("ratio", [1.2, 3.0, 30.0, 200.0])
def test_slope_vanishes_at_the_allocation(law, ratio):
    C = ratio * law.base_compute(U)
    plan = law.allocate(C, U)
    h = 1e-4

    def along(x):
        return law.loss(plan.N * np.exp(-x), plan.D * np.exp(x), U)

    slope = (along(h) - along(-h)) / (2 * h)
    curvature = (along(h) - 2 * along(0) + along(-h)) / h**2
    assert curvature > 0
    assert abs(slope / curvature) < 1e-6


def test_the_split_depends_only_on_the_excess_of_compute():
    scaled = RepeatedSurface(LossSurface(0.5, 9.0, 70.0, 0.34, 0.28), 12.0, 3.0)
    few, many = UNEQUAL.base_compute(1e7), scaled.base_compute(1e13)
    here, there = UNEQUAL.allocate(20 * few, 1e7), scaled.allocate(20 * many, 1e13)
    assert here.epochs == pytest.approx(there.epochs, rel=1e-10)
    assert here.growth == pytest.approx(there.growth, rel=1e-10)
    assert here.compute_ratio == pytest.approx(20, rel=1e-10)


@pytest.mark.parametrize("law", [LAW, UNEQUAL])
def test_first_and_last_extra_compute(law):
    s = law.surface
    data, size = s.beta + 1 / law.R_star_D, s.alpha + 1 / law.R_star_N
    first = law.allocate(1.0001 * law.base_compute(U), U)
    assert first.epoch_share == pytest.approx(size / (size + data), abs=1e-4)
    last = law.allocate(1e16 * law.base_compute(U), U)
    assert last.epochs / last.growth == pytest.approx(law.R_star_D / law.R_star_N, rel=1e-3)


def test_first_share_is_quoted_right():
    first = LAW.allocate(1.0001 * LAW.base_compute(U), U)
    assert f"{first.epoch_share:.3f}" == "0.564"


def test_epochs_and_parameters_grow_with_compute_and_never_shrink():
    plan = LAW.allocate(LAW.base_compute(U) * np.geomspace(1e-2, 1e8, 120), U)
    assert np.all(np.diff(plan.epochs) > 0)
    assert np.all(np.diff(plan.N) > 0)
    beyond = plan.compute_ratio > 1.001
    assert np.all(plan.epochs[beyond] > 1)
    assert np.all(plan.growth[beyond] > 1)


def test_slow_decay_returns_to_the_plain_law():
    law = RepeatedSurface(CHINCHILLA_REFIT, 1e9, 1e9)
    plan = law.allocate(1e24, 1e10)
    np.testing.assert_allclose(plan.N, CHINCHILLA_REFIT.N_opt(1e24), rtol=1e-4)
    assert plan.loss == pytest.approx(CHINCHILLA_REFIT.L_opt(1e24), rel=1e-6)


def test_arrays_broadcast_and_scalars_stay_scalars():
    plan = LAW.allocate([[1e22], [1e24]], [1e10, 1e11, 1e12])
    assert plan.N.shape == plan.D.shape == plan.loss.shape == plan.epochs.shape == (2, 3)
    single = LAW.allocate(1e24, 1e11)
    assert isinstance(single.N, float)
    assert isinstance(single.epoch_share, float)
    assert plan.N[1, 1] == single.N
    assert plan.epoch_share.shape == (2, 3)


def test_lists_integers_and_series_do_as_well():
    wanted = LAW.loss(np.array([1e9, 2e9]), 3e11, U)
    for sizes in ([1_000_000_000, 2_000_000_000], pd.Series([1e9, 2e9])):
        np.testing.assert_array_equal(LAW.loss(sizes, 300_000_000_000, int(U)), wanted)


# the lemma behind the allocation
def test_algebra_of_the_convexity_lemma():
    # times R both sides are polynomials of degree 3 in R, 2 in t and 1 in q, which stands for exp(-t)
    for R, t, q in itertools.product(map(Fraction, (1, 2, 3, 5)), (0, 1, 2), (0, 1)):
        m, f = 1 + R * t, 1 + R - R * q
        assert (1 - m / R) * f - m * q == R * (1 - t - q) - t - 1 / R


def test_parameters_count_for_more_on_a_larger_base():
    # f(m)/m falls beyond m = 1: what the theorem needs for less than one epoch
    for R in (0.1, 5.0, 1e3):
        m = np.geomspace(1, 1e4, 500)
        assert np.all(np.diff(effective_tokens(1.0, m, R) / m) < 0)


@settings(max_examples=60, deadline=None)
@given(
    R=st.floats(0.02, 1e4),
    exponent=st.floats(0.01, 2.0),
    x=st.floats(1e-3, 6.0),
)
def test_worth_to_a_negative_power_is_convex_in_the_log(R, exponent, x):
    h = 1e-3

    def log_slope(x):
        m = np.exp(x)
        return x - (m - 1) / R - (1 + exponent) * np.log(effective_tokens(1.0, m, R))

    assert log_slope(x + h) < log_slope(x)


@pytest.fixture
def closed():
    yield
    plt.close("all")


@pytest.mark.usefixtures("closed")
def test_pictures_show_the_results():
    epochs = np.geomspace(1, 100, 20)
    ax = plotting.effective_data(epochs, {"exponential": effective_tokens(1.0, epochs)}, 1 + MUENNIGHOFF_R_D)
    shown = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(shown["exponential"].get_ydata(), effective_tokens(1.0, epochs))

    plan = UNEQUAL.allocate(UNEQUAL.base_compute(U) * np.geomspace(0.1, 1e3, 9), U)
    split, loss = plotting.repeated_allocations(UNEQUAL, plan)
    np.testing.assert_array_equal(split.lines[0].get_ydata(), plan.epochs)
    np.testing.assert_array_equal(split.lines[1].get_ydata(), plan.growth)
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), plan.loss)
    assert {"epochs", "parameters", "if all fresh"} <= {text.get_text() for text in split.texts}

    ax = plotting.repeated_isoflop(LAW, 1e23, U, ylim=(2, 2.5))
    best = LAW.allocate(1e23, U)
    marks = [line.get_xydata()[0] for line in ax.lines if line.get_marker() in "xo"]
    np.testing.assert_allclose(marks[0], [MUENNIGHOFF.D_opt(1e23) / U, MUENNIGHOFF.L_opt(1e23)])
    np.testing.assert_allclose(marks[1], [best.epochs, best.loss])

    form = OverfittingSurface(MUENNIGHOFF, P=0.02, delta=1.5, kappa=1.0)
    ax = plotting.epoch_losses(form, LAW, [1e6, 5e7], 1e9, most=100)
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert form.best_epochs(1e6, 1e9) > 100  # outside the picture
    np.testing.assert_allclose(dots, [form.best_epochs(5e7, 1e9)])
    for ax in map(plt.figure, plt.get_fignums()):
        assert all(part.get_ylabel() and not part.get_title() for part in ax.axes)
