import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from refusals import not_refused

from scalinglab import CHINCHILLA, IsoflopDesign, LossSurface, approach2_bias, fit_approach2, vertex_shift
from scalinglab.laws import ASYMMETRIC, SYMMETRIC
from scalinglab.theory import leading_shift

DECADES = [1e17, 1e18, 1e19, 1e20, 1e21]
REACHES = (2, 4, 8, 16)
SAMPLINGS = {"centred": {}, "offset": {"offset": 3}, "drift": {"drift": 3}}

# Czech et al. 2026: D* at 1e24 against the truth, per cent, for reach 2, 4, 8, 16
TABLE = [
    (CHINCHILLA, "centred", ("-0.33", "-1.30", "-2.90", "-5.10")),
    (ASYMMETRIC, "centred", ("-1.67", "-6.50", "-13.91", "-23.12")),
    (SYMMETRIC, "offset", ("3.97", "3.47", "2.65", "1.51")),
    (CHINCHILLA, "offset", ("7.11", "5.69", "3.38", "0.24")),
    (ASYMMETRIC, "offset", ("19.22", "14.41", "6.96", "-2.42")),
    (SYMMETRIC, "drift", ("6.07", "5.17", "3.70", "1.69")),
    (CHINCHILLA, "drift", ("11.61", "9.83", "6.94", "3.05")),
    (ASYMMETRIC, "drift", ("34.57", "30.04", "22.97", "14.00")),
]


def fitted_vertex(u, alpha, beta, weights=None):
    """Vertices of weighted least-squares parabolas on rows u, by orthogonal polynomials in long double."""
    u = np.asarray(u, np.longdouble)
    w = np.ones_like(u) if weights is None else np.asarray(weights, np.longdouble)
    alpha, beta = np.asarray(alpha)[:, None], np.asarray(beta)[:, None]
    y = beta * np.expm1(-alpha * u) + alpha * np.expm1(beta * u)

    def mean(f):
        return ((w * f).sum(axis=-1) / w.sum(axis=-1))[..., None]

    centre = mean(u)
    x = u - centre
    # y = ... + slope x + bend (x^2 - tilt x)
    tilt = mean(x**3) / mean(x**2)
    second = x**2 - mean(x**2) - x * tilt
    slope, bend = mean(x * y) / mean(x**2), mean(second * y) / mean(second**2)
    return (centre - (slope - bend * tilt) / (2 * bend))[:, 0].astype(float)


def studies(*ranges, inside=200):
    """Values of each argument: every corner of the ranges, and as many places inside."""
    inner = np.random.default_rng(7).uniform(*np.transpose(ranges), (inside, len(ranges)))
    return np.concatenate([list(product(*ranges)), inner]).T


EXPONENT, REACH, OFFSET = (0.05, 1.5), (1.5, 64), (0.1, 10)


@pytest.mark.parametrize("points", [3, 4, 9, 15, 60])
def test_shift_on_points_is_that_of_a_fitted_parabola(points):
    alpha, beta, reach, offset = studies(EXPONENT, EXPONENT, REACH, OFFSET)
    half = np.log(reach.astype(np.longdouble))
    grid = np.linspace(-half, half, points, axis=1) - np.log(offset.astype(np.longdouble))[:, None]
    shift = vertex_shift(alpha, beta, reach, points, offset)
    np.testing.assert_allclose(shift, fitted_vertex(grid, alpha, beta), rtol=1e-12, atol=1e-12)


def test_dense_shift_is_that_of_a_fitted_parabola():
    alpha, beta, reach, offset = studies(EXPONENT, EXPONENT, REACH, OFFSET)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    grid = -np.log(offset)[:, None] + np.log(reach)[:, None] * nodes
    shift = vertex_shift(alpha, beta, reach, offset=offset)
    np.testing.assert_allclose(shift, fitted_vertex(grid, alpha, beta, weights), rtol=1e-12, atol=1e-12)


def test_shift_agrees_with_polyfit_on_losses():
    rng = np.random.default_rng(4)
    for _ in range(20):
        alpha, beta = rng.uniform(0.2, 0.8, 2)
        surface = LossSurface(2.0, *rng.uniform(50, 5000, 2), alpha, beta)
        C, offset, reach = 10 ** rng.uniform(18, 23), rng.uniform(0.5, 3), rng.uniform(2, 16)
        N = surface.N_opt(C) / offset * reach ** np.linspace(-1, 1, 15)
        x = np.log(N / surface.N_opt(C))
        c2, c1, _ = np.polyfit(x, surface.loss(N, C / (6 * N)), 2)
        shift = vertex_shift(alpha, beta, reach, 15, offset)
        assert shift == pytest.approx(-c1 / (2 * c2), abs=1e-9)


def test_many_points_approach_the_dense_grid():
    dense = vertex_shift(0.34, 0.28, 16)
    gaps = [vertex_shift(0.34, 0.28, 16, points) - dense for points in (1001, 10001)]
    assert gaps[0] == pytest.approx(2 * dense / 1001, rel=0.01)
    assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.01)


# Shift in decades, effect on N* and D* in per cent for 15 points; dense shift. The table is
# for the widths in decades that head it, .602 for reach 2 and so on, not for 2 log10(2) = .60206.
@pytest.mark.parametrize(
    ("width", "decades", "N", "D", "dense"),
    [
        (0.602, "0.001422", "+0.33", "-0.33", "0.001252"),
        (1.204, "0.005687", "+1.32", "-1.30", "0.005006"),
        (1.806, "0.012791", "+2.99", "-2.90", "0.011259"),
        (2.408, "0.022730", "+5.37", "-5.10", "0.020007"),
    ],
)
def test_table_of_shifts(width, decades, N, D, dense):
    reach = 10 ** (width / 2)
    shift = vertex_shift(0.34, 0.28, reach, points=15)
    assert f"{shift / np.log(10):.6f}" == decades
    assert f"{100 * np.expm1(shift):+.2f}" == N
    assert f"{100 * np.expm1(-shift):+.2f}" == D
    assert f"{vertex_shift(0.34, 0.28, reach) / np.log(10):.6f}" == dense


@pytest.mark.parametrize("points", [None, 3, 15])
def test_shift_knows_which_exponent_is_larger(points):
    """Resources swapped mirror it; with equal exponents a centred grid has none; a larger alpha raises N."""
    alpha, beta, reach, offset = studies(EXPONENT, EXPONENT, (1.2, 64), OFFSET)
    there, back = (
        vertex_shift(alpha, beta, reach, points, offset),
        vertex_shift(beta, alpha, reach, points, 1 / offset),
    )
    np.testing.assert_allclose(there, -back, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(vertex_shift(alpha, alpha, reach, points), 0, atol=1e-13)
    apart = alpha != beta
    shift = vertex_shift(alpha, beta, reach, points)[apart]
    assert (np.sign(shift) == np.sign(alpha - beta)[apart]).all()


def test_infinitesimal_grid_off_centre():
    # bias w0 - tanh(a w0)/a on the symmetric surface, +4.14 % in D* for a 3x offset
    shift = vertex_shift(0.31, 0.31, 1.0005, offset=3)
    u0 = -np.log(3)
    assert shift == pytest.approx(u0 - np.tanh(0.31 * u0) / 0.31, rel=1e-6)
    assert f"{100 * np.expm1(-shift):.2f}" == "4.14"
    assert f"{100 * np.expm1(-vertex_shift(0.31, 0.31, 2, points=15, offset=3)):.2f}" == "3.97"


def test_expansion_of_the_shift_by_algebra():
    """On a dense centred grid, to order U^4, from the moments of a Taylor polynomial.

    Each coefficient is a polynomial in the exponents, of degree below eight in either.
    """
    for alpha, beta in product(map(Fraction, range(1, 9)), repeat=2):
        c = [(beta * (-alpha) ** k + alpha * beta**k) / math.factorial(k) for k in range(7)]
        # coefficients of 1, U^2, U^4: a parabola's slope and bend at the centre, in Legendre's way
        slope = [3 * c[k] / (k + 2) for k in (1, 3, 5)]
        bend = [Fraction(45, 4) * c[k] * (Fraction(1, k + 3) - Fraction(1, 3 * (k + 1))) for k in (2, 4, 6)]
        leading = (alpha - beta) / 10
        shift = [Fraction(0), leading, -leading * (alpha - beta) ** 2 / 28]
        vertex = [sum(bend[j] * shift[k - j] for j in range(k + 1)) for k in range(3)]
        assert bend[0] > 0
        assert [one + 2 * two for one, two in zip(slope, vertex, strict=True)] == [0, 0, 0]
    assert leading_shift(0.34, 0.28, 16) == pytest.approx((0.34 - 0.28) * math.log(16) ** 2 / 10, rel=1e-13)


@pytest.mark.parametrize(("alpha", "beta"), [(0.34, 0.28), (0.465, 0.155), (0.2, 0.9)])
def test_expansion_of_the_shift_by_numbers(alpha, beta):
    for half in (0.3, 0.15):
        rest = vertex_shift(alpha, beta, np.exp(half)) / leading_shift(alpha, beta, np.exp(half)) - 1
        assert rest == pytest.approx(-((alpha - beta) ** 2) * half**2 / 28, rel=0.1, abs=1e-9)


@pytest.mark.parametrize("points", [3, 5, 15, 101])
def test_leading_order_on_points(points):
    half = 0.05
    W = 2 * half / np.log(10)
    decades = np.log(10) * (0.34 - 0.28) * W**2 * (3 * points**2 - 7) / (120 * (points - 1) ** 2)
    assert vertex_shift(0.34, 0.28, np.exp(half), points) == pytest.approx(decades * np.log(10), rel=1e-4)


def test_leading_shift_in_decades():
    W = np.log10(16) * 2
    expected = np.log(10) * (0.34 - 0.28) * W**2 / 40
    assert leading_shift(0.34, 0.28, 16) / np.log(10) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("surface", "sampling", "printed"), TABLE)
def test_table_of_extrapolated_errors(surface, sampling, printed):
    for reach, cell in zip(REACHES, printed, strict=True):
        design = IsoflopDesign(DECADES, reach=reach, points=15, **SAMPLINGS[sampling])
        error = 100 * (approach2_bias(surface, design).D_factor(1e24) - 1)
        assert f"{error:.2f}" == cell


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("surface", [SYMMETRIC, CHINCHILLA, ASYMMETRIC], ids=lambda s: s.name)
def test_closed_form_is_what_approach_2_does(surface, sampling):
    for reach in REACHES:
        design = IsoflopDesign(DECADES, reach=reach, points=15, **SAMPLINGS[sampling])
        bias = approach2_bias(surface, design)
        fit = fit_approach2(design.runs(surface), extrapolate=True)
        intercept = np.log(surface.G) - surface.a * np.log(6)
        assert fit.a - surface.a == pytest.approx(bias.exponent_error, abs=1e-10)
        # an intercept at 1 FLOP lies 44 e-folds from the data
        assert np.log(fit.size_law.coefficient) - intercept == pytest.approx(bias.intercept_error, abs=1e-10)
        assert fit.N_opt(1e24) / surface.N_opt(1e24) == pytest.approx(bias.N_factor(1e24), abs=1e-10)
        assert fit.D_opt(1e24) / surface.D_opt(1e24) == pytest.approx(bias.D_factor(1e24), abs=1e-10)
        vertices = [np.log(p.vertex / surface.N_opt(p.C)) for p in fit.parabolas]
        np.testing.assert_allclose(vertices, bias.shifts, atol=1e-10)


def test_closed_form_on_random_designs():
    rng = np.random.default_rng(11)
    for _ in range(40):
        surface = LossSurface(rng.uniform(0.5, 3), *10 ** rng.uniform(1.5, 4, 2), *rng.uniform(0.2, 0.7, 2))
        design = IsoflopDesign(
            10 ** (17 + rng.permutation(10)[: rng.integers(2, 8)] / 2),
            reach=rng.uniform(2, 20),
            points=int(rng.integers(3, 30)),
            offset=rng.uniform(0.4, 2.5),
            drift=rng.uniform(0.4, 2.5),
        )
        fit = fit_approach2(design.runs(surface), extrapolate=True)
        bias = approach2_bias(surface, design)
        assert fit.a - surface.a == pytest.approx(bias.exponent_error, abs=1e-8)


@pytest.mark.parametrize("sampling", ["centred", "offset"])
def test_constant_grids_leave_the_exponent_exact(sampling):
    design = IsoflopDesign(DECADES, reach=16, **SAMPLINGS[sampling])
    bias = approach2_bias(ASYMMETRIC, design)
    assert bias.exponent_error == pytest.approx(0, abs=1e-15)
    assert bias.N_factor(1e18) == pytest.approx(bias.N_factor(1e26), rel=1e-12)
    assert bias.intercept_error == pytest.approx(bias.shifts[0], rel=1e-12)


def test_drift_biases_the_exponent():
    bias = approach2_bias(SYMMETRIC, IsoflopDesign(DECADES, reach=2, drift=3))
    slope = np.polyfit(np.log(DECADES), bias.shifts, 1)[0]
    assert bias.exponent_error == pytest.approx(slope, rel=1e-10)
    assert bias.exponent_error < -1e-3


def test_bias_ignores_floor_and_coefficients():
    design = IsoflopDesign(DECADES, reach=8, drift=2)
    other = LossSurface(0.3, 1e5, 20, ASYMMETRIC.alpha, ASYMMETRIC.beta)
    assert approach2_bias(other, design).N_factor(1e24) == approach2_bias(ASYMMETRIC, design).N_factor(1e24)


def test_factors_take_arrays_and_are_reciprocal():
    bias = approach2_bias(CHINCHILLA, IsoflopDesign(DECADES, drift=3))
    C = [1e20, 1e24]
    np.testing.assert_allclose(bias.N_factor(C) * bias.D_factor(C), 1, rtol=1e-14)
    assert type(bias.N_factor(1e24)) is float


def test_shift_broadcasts():
    values = vertex_shift([0.3, 0.4], 0.28, np.array([[2.0], [4.0]]), 15, 1.5)
    assert values.shape == (2, 2)
    assert values[1, 0] == pytest.approx(vertex_shift(0.3, 0.28, 4, 15, 1.5), rel=1e-14)


def test_a_grid_no_study_could_have_is_refused():
    with pytest.raises(ValueError, match="exceeds 300"):
        vertex_shift(1000, 0.3, 1e3, points=15)
    with pytest.raises(ValueError, match="leading_shift: reach"):
        leading_shift(0.3, 0.2, -1)


def test_one_budget_has_no_power_law():
    with pytest.raises(ValueError, match="two budgets"):
        approach2_bias(CHINCHILLA, IsoflopDesign([1e19]))


def test_bad_argument_is_named():
    good = {"alpha": 0.34, "beta": 0.28, "reach": 4.0, "points": 15, "offset": 1.0}
    bad = [
        *((name, value) for name in ("alpha", "beta", "offset") for value in (0, -1, np.nan, np.inf)),
        *(("reach", value) for value in (1, 0.5, -2, np.nan)),
        *(("points", value) for value in (2, 0, -3, 3.5)),
    ]
    assert not not_refused(
        (lambda name=name, value=value: vertex_shift(**{**good, name: value}), f"^vertex_shift: {name} is")
        for name, value in bad
    )
