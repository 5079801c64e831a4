import decimal

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize_scalar

from scalinglab import CHINCHILLA, LossSurface, PowerLaw, training_flops
from scalinglab.laws import CHINCHILLA_REFIT, CHINCHILLA_UNROUNDED

surfaces = st.builds(
    LossSurface,
    E=st.floats(0, 5),
    A=st.floats(1e-3, 1e6),
    B=st.floats(1e-3, 1e6),
    alpha=st.floats(0.05, 1.5),
    beta=st.floats(0.05, 1.5),
)
computes = st.floats(15, 28).map(lambda exponent: 10**exponent)


def test_training_flops_are_six_per_parameter_and_token():
    assert training_flops(7e9, 2e12) == 8.4e22
    np.testing.assert_array_equal(training_flops([1, 2], [3, 4]), [18.0, 48.0])
    assert isinstance(training_flops(1, 2), float)
    assert training_flops([1, 2], 10).shape == (2,)


def test_loss_is_the_sum_of_floor_and_two_power_laws():
    s = LossSurface(E=2, A=8, B=27, alpha=0.5, beta=1 / 3)
    assert s.loss(16, 27) == pytest.approx(2 + 8 / 4 + 27 / 3, rel=1e-15)


def test_loss_of_scalars_is_a_float_and_of_arrays_broadcasts():
    assert type(CHINCHILLA.loss(1e9, 2e10)) is float
    assert type(CHINCHILLA.N_opt(1e20)) is float
    assert type(CHINCHILLA.L_opt(1e20)) is float
    N, D = np.geomspace(1e7, 1e9, 3)[:, None], np.geomspace(1e9, 1e11, 4)
    grid = CHINCHILLA.loss(N, D)
    assert grid.shape == (3, 4)
    assert grid[2, 1] == pytest.approx(CHINCHILLA.loss(1e9, float(D[1])), rel=1e-15)


def test_integers_are_accepted_where_a_negative_power_of_an_integer_would_raise():
    assert CHINCHILLA.loss(10**9, 2 * 10**10) == CHINCHILLA.loss(1e9, 2e10)
    np.testing.assert_array_equal(CHINCHILLA.N_opt(np.array([10**18])), CHINCHILLA.N_opt(np.array([1e18])))


@pytest.mark.parametrize(
    ("published", "a", "gamma", "G", "N", "D", "ratio"),
    [
        (CHINCHILLA, ".45161", ".15355", "1.34471", "32.2", "2.98", "92.6"),
        (CHINCHILLA_UNROUNDED, ".45653", ".15484", "1.30005", "40.4", "2.38", "58.9"),
        (CHINCHILLA_REFIT, ".51261", ".17829", ".1196", "72.2", "1.33", "18.4"),
    ],
    ids=lambda value: value.name if isinstance(value, LossSurface) else None,
)
def test_closed_form_gives_the_published_frontiers(published, a, gamma, G, N, D, ratio):
    C = 5.76e23
    computed = {
        a: published.a,
        gamma: published.gamma,
        G: published.G,
        N: published.N_opt(C) / 1e9,
        D: published.D_opt(C) / 1e12,
        ratio: published.D_opt(C) / published.N_opt(C),
    }
    for printed, value in computed.items():
        digits = len(printed.partition(".")[2])
        assert round(value, digits) == float(printed), printed


@settings(deadline=None, max_examples=50)
@given(surfaces, computes)
def test_frontier_spends_the_budget_and_balances_the_slopes(s, C):
    N, D = s.N_opt(C), s.D_opt(C)
    assert training_flops(N, D) == pytest.approx(C, rel=1e-10)
    assert s.alpha * s.A * N**-s.alpha == pytest.approx(s.beta * s.B * D**-s.beta, rel=1e-9)
    assert s.L_opt(C) == pytest.approx(s.loss(N, D), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(surfaces, computes)
def test_frontier_agrees_with_a_numerical_search_for_the_lowest_loss(s, C):
    at = np.log(s.N_opt(C))

    def excess(u):  # terms relative to the data term at the optimum, so that no digit is lost to E
        P = s.A * np.exp(-s.alpha * (at + u))
        R = s.B * (C / 6) ** -s.beta * np.exp(s.beta * (at + u))
        return (P + R) / (s.K * (C / 6) ** -s.gamma)

    found = minimize_scalar(excess, bounds=(-1.3, 1.1), method="bounded", options={"xatol": 1e-9})
    assert abs(found.x) < 1e-4
    assert found.fun == pytest.approx(1, abs=1e-8)


@settings(deadline=None, max_examples=50)
@given(surfaces, computes)
def test_exponents_share_the_budget_and_gamma_follows(s, C):
    assert s.a + s.b == pytest.approx(1, rel=1e-14)
    assert s.a == pytest.approx(s.beta / (s.alpha + s.beta), rel=1e-14)
    assert s.N_opt(100 * C) / s.N_opt(C) == pytest.approx(100**s.a, rel=1e-10)
    assert s.D_opt(100 * C) / s.D_opt(C) == pytest.approx(100**s.b, rel=1e-10)
    reducible = LossSurface(0, s.A, s.B, s.alpha, s.beta)
    assert reducible.L_opt(100 * C) / reducible.L_opt(C) == pytest.approx(100**-s.gamma, rel=1e-10)


def test_frontier_solves_the_lagrange_conditions_to_thirty_digits():
    with decimal.localcontext(prec=80):
        A, B, alpha, beta = map(decimal.Decimal, ("406.4", "410.7", "0.34", "0.28"))
        C, h = decimal.Decimal(10) ** 21, decimal.Decimal("1e-18")
        G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
        best = G * (C / 6) ** (beta / (alpha + beta))
        below, there, above = (
            A * N**-alpha + B * (C / (6 * N)) ** -beta for N in (best * (1 - h), best, best * (1 + h))
        )
        slope, curvature = (above - below) / (2 * h), (above - 2 * there + below) / h**2
        assert curvature > 0
        assert abs(slope / curvature) < decimal.Decimal("1e-30")
    assert float(best) == pytest.approx(CHINCHILLA.N_opt(1e21), rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(surfaces, st.floats(15, 24))
def test_compute_for_a_loss_inverts_the_frontier(s, exponent):
    reducible = LossSurface(0, s.A, s.B, s.alpha, s.beta)  # with E the inverse loses digits to cancellation
    C = 10**exponent
    assert reducible.C_for(reducible.L_opt(C)) == pytest.approx(C, rel=1e-8)
    target = s.E + 0.25 * (s.L_opt(1e18) - s.E) + 1e-3
    assert s.L_opt(s.C_for(target)) == pytest.approx(target, rel=1e-10)


@pytest.mark.parametrize("L", [1.69, 1.0, np.nan, [3.0, 1.69]])
def test_no_compute_reaches_the_floor(L):
    with pytest.raises(ValueError, match=r"irreducible loss E is 1\.69"):
        CHINCHILLA.C_for(L)


@pytest.mark.parametrize("C", [0, -1e20, np.nan, [1e20, 0.0]])
@pytest.mark.parametrize("method", ["N_opt", "D_opt", "L_opt"])
def test_compute_must_be_positive(method, C):
    with pytest.raises(ValueError, match=r"compute is .* must be positive"):
        getattr(CHINCHILLA, method)(C)


@pytest.mark.parametrize("letter", ["E", "A", "B", "alpha", "beta"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.1])
def test_parameters_out_of_range_are_named(letter, value):
    numbers = {"E": 1.69, "A": 400.0, "B": 400.0, "alpha": 0.3, "beta": 0.3, letter: value}
    with pytest.raises(ValueError, match=f"LossSurface: {letter} is"):
        LossSurface(**numbers)


@pytest.mark.parametrize("letter", ["alpha", "beta"])
def test_an_exponent_of_zero_is_refused(letter):
    with pytest.raises(ValueError, match=f"{letter} is 0.*positive"):
        LossSurface(**{"E": 1.0, "A": 1.0, "B": 1.0, "alpha": 0.3, "beta": 0.3, letter: 0.0})


@pytest.mark.parametrize(("A", "B"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_a_vanished_term_has_a_loss_but_no_frontier(A, B):
    s = LossSurface(E=1.0, A=A, B=B, alpha=0.5, beta=0.5)
    assert s.loss(4.0, 16.0) == pytest.approx(1 + A / 2 + B / 4, rel=1e-15)
    for question in (s.N_opt, s.D_opt, s.L_opt):
        with pytest.raises(ValueError, match="frontier needs A > 0 and B > 0"):
            question(1e20)


def test_the_name_is_a_label_and_no_part_of_equality():
    one, other = LossSurface(1, 2, 3, 0.4, 0.5, name="one"), LossSurface(1, 2, 3, 0.4, 0.5, name="other")
    assert one == other
    assert hash(one) == hash(other)
    assert one != LossSurface(1, 2, 3, 0.4, 0.6, name="one")


def test_power_law_evaluates_where_its_coefficient_alone_would_overflow():
    assert PowerLaw(3.0, 2.0)(4.0) == pytest.approx(48.0, rel=1e-14)
    assert PowerLaw(1e-300, 20.0)(1e16) == pytest.approx(1e20, rel=1e-10)
    assert PowerLaw(1e300, -20.0)(1e16) == pytest.approx(1e-20, rel=1e-10)
    np.testing.assert_allclose(PowerLaw(2.0, -1.0)([1.0, 4.0]), [2.0, 0.5], rtol=1e-14)


@pytest.mark.parametrize("value", ["many", None, 1j, {}, [[1], [2, 3]], 10**400, float("nan"), 0])
def test_what_is_no_positive_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^N is .*; (give a number|it must be positive)"):
        CHINCHILLA.loss(value, 1e9)
