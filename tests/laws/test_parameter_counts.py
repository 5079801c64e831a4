import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.optimize import brentq, minimize_scalar

from scalinglab import FitError, Huber, LossSurface
from scalinglab.laws import (
    CHINCHILLA_REFIT,
    CHINCHILLA_UNROUNDED,
    counted_frontier,
    embedding_omega,
    embedding_share,
    local_exponent,
    loss_compute_slope,
    nonembedding_parameters,
    published,
    read_off_exponent,
    simulated_frontier,
    total_parameters,
)
from scalinglab.laws.published import PORIAN_STEPS
from scalinglab.studies import CountingDesign, refit_in_other_counts

# Pearce and Song's two sets: Besiroglu's refit, and Chinchilla's to four digits
EPOCH = CHINCHILLA_REFIT
CHIN = LossSurface(E=1.6934, A=406.4, B=410.7, alpha=0.3392, beta=0.2849)
SETS = pytest.mark.parametrize("k", [0, 1], ids=["Epoch", "Chinchilla"])
SURFACES = (EPOCH, CHIN)
OMEGA = published.PEARCE_OMEGA
KAPLAN_RANGE = published.KAPLAN_N_RANGE
MODELS = np.geomspace(*published.PEARCE_N_RANGE, 20)
RECORDED = np.geomspace(*published.PEARCE_D_RANGE, 1000)
BUDGETS = np.geomspace(*published.PEARCE_C_RANGE, 100)
# not printed in our source: the range of total compute that gives all five total-count entries below
BUDGETS_TOTAL = np.geomspace(1e14, published.PEARCE_C_RANGE[1], 100)


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def test_sets_are_those_of_the_paper():
    assert (EPOCH.A, EPOCH.B, EPOCH.alpha, EPOCH.beta, EPOCH.E) == (482.01, 2085.43, 0.3478, 0.3658, 1.8172)
    u = CHINCHILLA_UNROUNDED
    assert [f"{v:.4g}" for v in (u.E, u.A, u.B)] == ["1.693", "406.4", "410.7"]
    assert (round(u.alpha, 4), round(u.beta, 4)) == (CHIN.alpha, CHIN.beta)


# the simulation of Pearce and Song 2024 and its closed forms, row by row
@SETS
def test_simulation_as_released(k):
    surface = SURFACES[k]
    frontier = simulated_frontier(surface, MODELS, BUDGETS, tokens=RECORDED)
    assert f"{slope(BUDGETS, frontier.N):.3f}" == ("0.781", "0.739")[k]
    assert f"{slope(BUDGETS, frontier.L):.4f}" == ("-0.0690", "-0.0659")[k]
    assert f"{slope(BUDGETS, frontier.L - surface.E):.3f}" == ("-0.133", "-0.120")[k]


@SETS
def test_dense_simulation(k):
    N = np.geomspace(*published.PEARCE_N_RANGE, 3000)
    frontier = simulated_frontier(SURFACES[k], N, BUDGETS)
    assert f"{slope(BUDGETS, frontier.N):.3f}" == ("0.774", "0.740")[k]


@SETS
def test_closed_form_regression(k):
    assert f"{read_off_exponent(SURFACES[k], *KAPLAN_RANGE).exponent:.3f}" == ("0.788", "0.750")[k]


@SETS
def test_simulation_in_total_counts(k):
    surface = SURFACES[k]
    frontier = simulated_frontier(surface, MODELS, BUDGETS_TOTAL, total=True, tokens=RECORDED)
    assert f"{slope(BUDGETS_TOTAL, frontier.N_total):.3f}" == ("0.515", "0.458")[k]
    assert f"{slope(BUDGETS_TOTAL, frontier.L):.4f}" == ("-0.0966", "-0.0870")[k]
    assert f"{slope(BUDGETS_TOTAL, frontier.L - surface.E):.4f}" == ("-0.1781", "-0.1546")[k]
    assert f"{surface.gamma:.4f}" == ("0.1783", "0.1548")[k]


@SETS
def test_local_exponents(k):
    g = local_exponent(SURFACES[k], [768, 1e6, 1e7, 1e8, 1.5e9])
    expected = ["0.762/0.963/0.853/0.613/0.530", "0.719/0.965/0.833/0.560/0.474"][k]
    assert "/".join(f"{value:.3f}" for value in g) == expected


@SETS
def test_exponent_is_not_monotone(k):
    top = minimize_scalar(lambda x: -local_exponent(SURFACES[k], 10**x), bounds=(4, 8), method="bounded")
    assert (f"{-top.fun:.3f}", f"{10**top.x:.1e}") == (("0.981", "1.9e+06"), ("0.990", "2.0e+06"))[k]
    N = np.geomspace(1, 10**top.x, 400)
    assert np.all(np.diff(local_exponent(SURFACES[k], N)) > 0)
    N = np.geomspace(10**top.x, 1e15, 400)
    assert np.all(np.diff(local_exponent(SURFACES[k], N)) < 0)


def top_of_the_hump(surface, omega=OMEGA):
    alpha = surface.alpha
    return (omega * (2 * np.sqrt(3 * (1 + alpha)) - 3 * alpha) / (9 * alpha + 6)) ** 1.5


@settings(deadline=None, max_examples=100)
@given(st.floats(0.05, 1.95), st.floats(0.2, 1.5), st.floats(1e3, 1e6))
def test_the_hump_has_one_top_and_its_place_is_known(alpha, beta, omega):
    surface = LossSurface(1.7, 400.0, 400.0, alpha, beta)
    top = top_of_the_hump(surface, omega)
    rising = local_exponent(surface, np.geomspace(top * 1e-4, top, 200), omega)
    falling = local_exponent(surface, np.geomspace(top, top * 1e4, 200), omega)
    assert np.all(np.diff(rising) > 0)
    assert np.all(np.diff(falling) < 0)


def test_steep_size_terms_leave_no_hump():
    surface = LossSurface(1.7, 400.0, 400.0, 2.0, 0.4)
    assert np.all(np.diff(local_exponent(surface, np.geomspace(1e2, 1e14, 400))) < 0)


def test_a_bound_that_keeps_the_stationary_point_a_minimum():
    # eta' never exceeds two thirds of 2 - sqrt 3, and eta is never below one third
    u = np.geomspace(1e-6, 1e6, 4001)
    dot = 4 / 9 * u / ((u + 1) * (u + 1 / 3))
    assert dot.max() == pytest.approx(2 / 3 * (2 - np.sqrt(3)), rel=1e-4)
    surface = LossSurface(1.7, 400.0, 400.0, 0.03, 0.17)
    assert surface.alpha / 3 + surface.beta > 2 / 3 * (2 - np.sqrt(3))
    assert np.all(local_exponent(surface, np.geomspace(1e-3, 1e18, 400)) > 0)


def test_recounting_the_winners_is_not_choosing_anew():
    frontier = counted_frontier(EPOCH, np.geomspace(*KAPLAN_RANGE, 400))
    assert slope(frontier.C, frontier.N_total) < 0.5 < 1 < slope(frontier.C_total, frontier.N)
    recounted = slope(frontier.C_total, frontier.N_total)
    assert EPOCH.a + 0.1 < recounted < slope(frontier.C, frontier.N)


def test_where_the_exponent_is_kaplans():
    def gap(x, surface):
        return local_exponent(surface, 10**x) - published.KAPLAN_N_OPT.exponent

    grid = np.linspace(0, 12, 200)
    found = []
    for surface in SURFACES:
        sign = np.sign(gap(grid, surface))
        steps = np.flatnonzero(sign[1:] != sign[:-1])
        found.append([f"{10 ** brentq(gap, grid[i], grid[i + 1], args=(surface,)):.1e}" for i in steps])
    assert found == [["2.6e+07"], ["6.3e+03", "2.0e+07"]]


@SETS
def test_limits_of_the_exponent(k):
    s = SURFACES[k]
    ends = s.beta / (s.alpha / 3 + s.beta), s.a
    assert [f"{end:.4f}" for end in ends] == [["0.7593", "0.5126"], ["0.7159", "0.4565"]][k]
    np.testing.assert_allclose(local_exponent(s, [1e-12, 1e24]), ends, rtol=1e-6)


# the closed forms against independent computations
@settings(deadline=None, max_examples=150)
@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.floats(1e3, 1e6), st.floats(2, 12), st.floats(100, 5000))
def test_closed_form_is_the_minimum_along_a_budget(alpha, beta, omega, x, B):
    surface = LossSurface(1.7, 400.0, B, alpha, beta)
    try:
        frontier = counted_frontier(surface, 10**x, omega)
    except ValueError:
        assume(False)
    C = frontier.C[0]

    def loss(y):
        N = 10**y
        D = C / (6 * N)
        return surface.A * total_parameters(N, omega) ** -alpha + B * D**-beta

    h = 1e-4
    tilt = (loss(x + h) - loss(x - h)) / (2 * h)
    bend = (loss(x + h) - 2 * loss(x) + loss(x - h)) / h**2
    assert abs(tilt) < 1e-5 * loss(x)
    assert bend > -1e-6 * loss(x)


@pytest.mark.parametrize("N", [1e3, 1e6, 1e8, 1e11])
def test_solved_for_compute_inverts_a_minimiser(N):
    frontier = counted_frontier(EPOCH, N)

    def loss(x):
        return EPOCH.loss(total_parameters(np.exp(x)), frontier.C[0] / (6 * np.exp(x)))

    best = minimize_scalar(loss, bounds=(np.log(N) - 3, np.log(N) + 3), method="bounded")
    assert np.exp(best.x) == pytest.approx(N, rel=1e-3)
    assert frontier.L[0] <= best.fun + 1e-12


def test_printed_formula_for_compute():
    s, N = EPOCH, np.geomspace(1e3, 1e11, 9)
    cube = N ** (1 / 3)
    C = 6 * N * (N + OMEGA / 3 * cube) ** (-1 / s.beta) * (N + OMEGA * cube) ** ((1 + s.alpha) / s.beta)
    C *= (s.beta * s.B / (s.alpha * s.A)) ** (1 / s.beta)
    np.testing.assert_allclose(counted_frontier(s, N).C, C, rtol=1e-10)


@SETS
def test_exponent_is_the_slope_of_the_closed_form(k):
    N, h = np.geomspace(1e2, 1e13, 40), 1e-4
    ends = [np.log(counted_frontier(SURFACES[k], N * np.exp(sign * h)).C) for sign in (1, -1)]
    np.testing.assert_allclose(local_exponent(SURFACES[k], N), 2 * h / (ends[0] - ends[1]), rtol=1e-6)


@SETS
def test_exponent_in_the_printed_form(k):
    s, u = SURFACES[k], np.geomspace(1, 1e12, 50) ** (2 / 3)
    third = OMEGA / 3
    inverse = 1 - (u + OMEGA / 9) / (u + third) / s.beta + (1 + s.alpha) / s.beta * (u + third) / (u + OMEGA)
    np.testing.assert_allclose(local_exponent(s, u**1.5), 1 / inverse, rtol=1e-12)


@settings(deadline=None, max_examples=100)
@given(st.floats(0.2, 1.0), st.floats(0.2, 1.0), st.floats(1e3, 1e6))
def test_exponent_rises_first_and_falls_to_its_limit_from_above(alpha, beta, omega):
    surface = LossSurface(1.7, 400.0, 1000.0, alpha, beta)
    small, large = (
        local_exponent(surface, omega**1.5 * np.array(x), omega) for x in ([1e-9, 1e-6], [1e6, 1e9])
    )
    assert small[1] > small[0]
    assert large[0] > large[1] > surface.a


@SETS
def test_loss_slope_is_the_slope_of_the_frontier(k):
    N, h = np.geomspace(1e2, 1e13, 40), 1e-4
    up, down = (counted_frontier(SURFACES[k], N * np.exp(sign * h)) for sign in (1, -1))
    expected = (np.log(up.L) - np.log(down.L)) / (np.log(up.C) - np.log(down.C))
    np.testing.assert_allclose(loss_compute_slope(SURFACES[k], N), expected, rtol=1e-5)
    assert isinstance(loss_compute_slope(SURFACES[k], 1e8), float)


def test_frontier_far_out_is_the_plain_one():
    frontier = counted_frontier(EPOCH, 1e18)
    assert frontier.N[0] == pytest.approx(EPOCH.N_opt(frontier.C[0]), rel=1e-6)
    assert frontier.C_total[0] == pytest.approx(frontier.C[0], rel=1e-6)


def test_simulation_approaches_the_closed_form():
    frontier = counted_frontier(EPOCH, np.geomspace(1e4, 1e9, 12))
    simulated = simulated_frontier(EPOCH, np.geomspace(1e3, 1e10, 20001), frontier.C)
    np.testing.assert_allclose(simulated.N, frontier.N, rtol=1e-3)
    np.testing.assert_allclose(simulated.C, frontier.C, rtol=1e-12)
    total = simulated_frontier(EPOCH, np.geomspace(1e3, 1e10, 20001), frontier.C_total, total=True)
    np.testing.assert_allclose(total.N_total, EPOCH.N_opt(frontier.C_total), rtol=1e-3)


def test_kaplans_currency_buys_smaller_models_for_more_data():
    # doubling N halves the tokens but does not double all parameters, so the best N is the smaller one
    frontier = counted_frontier(EPOCH, [1e5, 1e7, 1e9])
    assert np.all(frontier.N_total < EPOCH.N_opt(frontier.C_total))


def test_a_run_outside_the_recorded_tokens_is_not_there():
    alone = simulated_frontier(EPOCH, [1e6, 1e9], 1e16, tokens=[1e8, 2e9, 1e11])
    assert alone.N.tolist() == [1e6]
    assert alone.D.tolist() == [2e9]
    with pytest.raises(ValueError, match="widen tokens"):
        simulated_frontier(EPOCH, [1e6, 1e9], 1e10, tokens=RECORDED)


def test_small_exponents_make_the_frontier_jump():
    surface = LossSurface(1.0, 100.0, 100.0, 0.05, 0.05)
    with pytest.raises(ValueError, match="no minimum"):
        local_exponent(surface, OMEGA**1.5 / 3**1.5)
    with pytest.raises(ValueError, match="no minimum"):
        counted_frontier(surface, OMEGA**1.5 / 3**1.5)


# counts
def test_counts_return():
    N = np.geomspace(1e-3, 1e16, 400)
    for omega in np.geomspace(10, 1e7, 25):
        total = total_parameters(N, omega)
        np.testing.assert_allclose(nonembedding_parameters(total, omega), N, rtol=1e-12)
        share = omega * N ** (1 / 3) / total
        np.testing.assert_allclose(embedding_share(N, omega), share, rtol=1e-9, atol=1e-13)


def test_omega_and_the_aspect_it_implies():
    # Pearce and Song 2024: V = 32000, width over depth 39.2
    assert f"{12 * (OMEGA / published.PEARCE_VOCABULARY) ** 3:.1f}" == "39.2"
    assert embedding_omega(published.PEARCE_VOCABULARY, 39.2) == pytest.approx(OMEGA, rel=1e-3)
    assert embedding_omega(64000, 39.2) == pytest.approx(2 * embedding_omega(32000, 39.2))


@pytest.mark.parametrize(("layers", "width"), [(2, 128), (12, 768), (48, 1600)])
def test_omega_counts_a_transformer(layers, width):
    N = 12 * layers * width**2
    omega = embedding_omega(50257, width / layers)
    assert total_parameters(N, omega) == pytest.approx(N + 50257 * width, rel=1e-12)


def test_another_omega_changes_little():
    # the released script: 52960 belongs to the exponent 1/3, 47491 to .339
    for surface, text in zip(SURFACES, ("0.792", "0.755"), strict=True):
        assert f"{read_off_exponent(surface, *KAPLAN_RANGE, omega=52960).exponent:.3f}" == text


def test_millions_are_another_law():
    millions = total_parameters(100.0) * 1e6
    assert millions / total_parameters(1e8) > 1e3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: total_parameters(-1.0), "parameters is -1.0; it must be positive"),
        (lambda: total_parameters("many"), "parameters is 'many'; give a number"),
        (lambda: total_parameters(1j), "give a number"),
        (lambda: total_parameters(1e6, omega=0), "omega is 0; it must be positive"),
        (lambda: total_parameters(1e6, omega=[1e4, 1e5]), "omega is .*; give one number"),
        (lambda: nonembedding_parameters([1e6, np.nan]), "positive and finite"),
        (lambda: nonembedding_parameters(1e6, omega=1e300), "beyond what a float can hold"),
        (lambda: embedding_share(0), "parameters is 0"),
        (lambda: embedding_omega(32000, 0), "aspect is 0"),
        (lambda: embedding_omega([32000, 64000], 39), "vocabulary is .*; give one number"),
        (lambda: local_exponent(EPOCH, 1e6, omega=-1), "omega is -1"),
        (lambda: local_exponent(None, 1e6), "surface is None; give a LossSurface"),
        (lambda: counted_frontier(EPOCH, 1e300), "use sizes nearer to real models"),
        (lambda: counted_frontier(LossSurface(1.7, 0, 400, 0.3, 0.3), 1e6), "A is 0 .* must be positive"),
        (lambda: loss_compute_slope(LossSurface(1.7, 400, 0, 0.3, 0.3), 1e6), "B is 0"),
        (lambda: read_off_exponent(EPOCH, 1e6, 1e6), "give low < high"),
        (lambda: read_off_exponent(EPOCH, 0, 1e6), "must be positive"),
        (lambda: read_off_exponent(EPOCH, 1e3, None), "None.*; give a number"),
        (lambda: simulated_frontier(EPOCH, [], 1e16), "parameters has shape"),
        (lambda: simulated_frontier(EPOCH, 1e6, [[1e16], [1e17]]), "compute has shape"),
        (lambda: simulated_frontier(EPOCH, 1e6, 1e16, tokens=[]), "tokens has shape"),
        (lambda: simulated_frontier("surface", 1e6, 1e16), "give a LossSurface"),
        (lambda: CountingDesign.between_shares(share=(1.2, 0.1)), "both between 0 and 1"),
        (lambda: CountingDesign.between_shares(share=0.5), "smallest and of the largest"),
        (lambda: CountingDesign.between_shares(N_total=(1e9, 1e7)), "give low < high"),
        (lambda: CountingDesign.between_shares(sizes=1), "sizes is 1; give a whole number"),
        (lambda: CountingDesign.between_shares(tokens=2.5), "tokens is 2.5; give a whole number"),
        (lambda: CountingDesign.fixed_aspect(D=1e9), "give low < high"),
        (lambda: CountingDesign([1e6, 1e7], [2e6], [1e9]), "each size needs both counts"),
        (lambda: CountingDesign([3e6, 1e7], [2e6, 3e7], [1e9]), "smaller than N_total"),
        (lambda: CountingDesign.between_shares().continued(1e6), "give low < high"),
        (lambda: CountingDesign([1e6], [2e6], [1e9]).continued(1e9), "two or more sizes"),
        (lambda: refit_in_other_counts(EPOCH, design="small"), "design is 'small'"),
        (lambda: refit_in_other_counts(EPOCH, loss="huber"), "loss is 'huber'"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_too_few_sizes_are_the_fits_complaint():
    with pytest.raises(FitError, match="add runs"):
        refit_in_other_counts(EPOCH, CountingDesign.between_shares(sizes=2))


# small runs like those of Li et al. 2025, whose table is not ours to carry, so the design is our own:
# nine sizes from 5.7e7 to 1.2e9 in all, embedding from 79 % to 15 %, nine token counts from 1e8 to 1e10
def test_noise_free_refit_in_other_counts():
    both = refit_in_other_counts(EPOCH)
    total, other = both.total.surface, both.nonembedding.surface
    assert [f"{v:.3f}" for v in (total.E, total.alpha, total.beta, total.a)] == [
        *("1.817", "0.348", "0.366", "0.513")
    ]
    assert len(both.total.runs) == 81
    assert other.E == 0
    assert other.alpha == pytest.approx(0.062, abs=0.003)
    assert other.beta == pytest.approx(0.365, abs=0.002)
    assert other.a == pytest.approx(0.855, abs=0.006)
    # the objective hardly notices: below one per cent of the loss
    assert np.abs(both.nonembedding.residuals / both.nonembedding.runs.L).max() < 0.01


def test_noise_free_refit_by_huber():
    other = refit_in_other_counts(EPOCH, loss=Huber(1e-3)).nonembedding.surface
    assert other.E < 1e-6
    assert other.alpha == pytest.approx(0.062, abs=0.003)
    assert other.a == pytest.approx(0.855, abs=0.006)


def test_noise_free_refit_depends_on_the_design_in_degree_only():
    shares = []
    for omega in (OMEGA, 4 * OMEGA):
        both = refit_in_other_counts(EPOCH, CountingDesign.fixed_aspect(omega=omega))
        total, other = both.total.surface, both.nonembedding.surface
        assert total.a == pytest.approx(EPOCH.a, abs=1e-6)
        assert other.a > total.a + 0.05
        assert other.alpha < total.alpha - 0.05
        assert other.E < total.E - 0.1
        shares.append(other.a)
    assert shares[1] > shares[0] + 0.1


def test_design_has_the_shares_it_was_given():
    design = CountingDesign.between_shares()
    share = 1 - design.N / design.N_total
    assert [f"{share[i]:.2f}" for i in (0, -1)] == ["0.79", "0.15"]
    assert np.all(np.diff(design.N) > 0)
    fixed = CountingDesign.fixed_aspect()
    np.testing.assert_allclose(total_parameters(fixed.N), fixed.N_total, rtol=1e-12)


def test_continued_design_keeps_its_family():
    design = CountingDesign.between_shares()
    wide = design.continued(1e12, sizes=50)
    assert wide.N_total[-1] == pytest.approx(1e12)
    inside = wide.N_total <= design.N_total[-1]
    expected = np.interp(np.log(wide.N_total), np.log(design.N_total), np.log(design.N_total - design.N))
    np.testing.assert_allclose((wide.N_total - wide.N)[inside], np.exp(expected)[inside], rtol=1e-9)


# Porian et al. 2024: published values, and what the summary in the chapter says of them
def test_porian_steps():
    assert [step.a for step in PORIAN_STEPS] == [0.835, 0.706, 0.602, 0.571, 0.497]
    assert [step.a_openwebtext2 for step in PORIAN_STEPS] == [0.864, 0.699, 0.603, 0.574, 0.518]
    assert [step.N_opt for step in PORIAN_STEPS] == [3.0e12, 787e9, 292e9, 183e9, 76.9e9]
    assert all(step.low <= step.a <= step.high for step in PORIAN_STEPS)
    falls = -np.diff([step.a for step in PORIAN_STEPS])
    assert [f"{fall:.2f}" for fall in falls] == ["0.13", "0.10", "0.03", "0.07"]
    assert published.PORIAN_TUNED_KAPLAN_COUNT.a == 0.711
