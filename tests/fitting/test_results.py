import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    IsoflopDesign,
    LossSurface,
    Runs,
    Squared,
    SurfaceFit,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
)
from scalinglab._text import typeset
from scalinglab.fitting import Parabola
from scalinglab.fitting.linearised import Linearised
from scalinglab.laws import ASYMMETRIC

DESIGN = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=7)
CLEAN = DESIGN.runs(CHINCHILLA)
SURFACE_FITS = pytest.mark.parametrize("fit", [fit_vpnls, fit_approach3])


def concerns_of(fit, word):
    return [sentence for sentence in fit.concerns if word in sentence]


@SURFACE_FITS
def test_fewer_than_five_distinct_runs(fit):
    runs = CLEAN.take([0, 5, 10, 18])
    for some in (runs, runs.take([0, 0, 0, 1, 2, 3, 3])):
        with pytest.raises(FitError, match=r"4 distinct runs.*add runs"):
            fit(some)


@SURFACE_FITS
def test_one_or_two_values_of_d(fit):
    N = np.geomspace(1e8, 1e10, 8)
    with pytest.raises(FitError, match=r"1 value of D\b.*beta.*add runs.*token count"):
        fit(Runs(N, np.full(8, 1e10), CHINCHILLA.loss(N, 1e10)))
    D = np.resize([1e10, 1e11], 8)
    with pytest.raises(FitError, match=r"2 values of D\b.*add runs"):
        fit(Runs(N, D, CHINCHILLA.loss(N, D)))


@SURFACE_FITS
def test_one_or_two_values_of_n(fit):
    D = np.geomspace(1e9, 1e11, 8)
    with pytest.raises(FitError, match=r"1 value of N\b.*alpha.*add runs.*model size"):
        fit(Runs(np.full(8, 1e9), D, CHINCHILLA.loss(1e9, D)))
    N = np.resize([1e8, 1e9], 8)
    with pytest.raises(FitError, match=r"2 values of N\b.*add runs"):
        fit(Runs(N, D, CHINCHILLA.loss(N, D)))


@SURFACE_FITS
def test_losses_all_equal(fit):
    with pytest.raises(FitError, match=r"same loss, 2\.5.*add runs"):
        fit(Runs(CLEAN.N, CLEAN.D, np.full(len(CLEAN), 2.5)))


def test_fit_error_is_no_value_error():
    assert not issubclass(FitError, ValueError)


@SURFACE_FITS
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_ratio_for_all_runs_is_a_concern(fit, noise):
    N = np.geomspace(1e7, 1e10, 20)
    L = CHINCHILLA.loss(N, 20 * N) + noise * np.random.default_rng(0).standard_normal(20)
    # one start of Approach 3 will do: all of them lead to the same ridge
    starts = {"starts": [6, 6, 0.5, 0.34, 0.28]} if fit is fit_approach3 else {}
    found = fit(Runs(N, 20 * N, L), **starts)
    assert isinstance(found, SurfaceFit)
    (sentence,) = concerns_of(found, "share D/N")
    assert "near 20" in sentence
    assert "add runs at 5 and 80 tokens per parameter" in sentence


def test_tiny_ranges_are_a_concern():
    rng = np.random.default_rng(0)
    N, D = 1e9 * (1 + 1e-9 * rng.random(30)), 1e10 * (1 + 1e-9 * rng.random(30))
    assert fit_vpnls(Runs(N, D, 3 + 0.1 * rng.standard_normal(30))).concerns


@pytest.mark.parametrize(("alpha", "beta", "named"), [(3.0, 0.3, "alpha"), (0.3, 3.0, "beta")])
def test_exponent_at_the_edge_is_a_concern(alpha, beta, named):
    rng = np.random.default_rng(5)
    N, D = np.exp(rng.uniform(0, 1.5, 40)), np.exp(rng.uniform(0, 1.5, 40))
    fit = fit_vpnls(Runs(N, D, LossSurface(1.0, 1.0, 1.0, alpha, beta).loss(N, D)))
    assert getattr(fit.surface, named) == 2.0
    (sentence,) = concerns_of(fit, f"{named} stands at the edge")
    assert "0.01-2" in sentence
    assert "add runs" in sentence


def test_terms_that_vanish_are_a_concern():
    rng = np.random.default_rng(6)
    N, D = np.exp(rng.uniform(16, 23, 40)), np.exp(rng.uniform(18, 25, 40))
    fit = fit_vpnls(Runs(N, D, 300 * N**-0.3 + 500 * D**-0.3 - 0.2))
    assert fit.surface.E == 0
    assert len(concerns_of(fit, "E is zero")) == 1


@pytest.mark.parametrize("fit", [fit_vpnls, fit_approach2])
def test_compute_off_six_n_d_is_a_concern(fit):
    near = Runs(CLEAN.N, CLEAN.D, CLEAN.L, 1.019 * CLEAN.C)
    assert not concerns_of(fit(near), "6ND")
    far = Runs(CLEAN.N, CLEAN.D, CLEAN.L, 1.03 * CLEAN.C)
    (sentence,) = concerns_of(fit(far), "6ND")
    assert "1.03" in sentence


def test_worst_compute_is_the_row_named():
    C = CLEAN.C.copy()
    C[5] *= 1.004
    C[11] *= 0.9
    fit = fit_vpnls(Runs(CLEAN.N, CLEAN.D, CLEAN.L, C))
    assert "row 11" in concerns_of(fit, "6ND")[0]
    assert fit.surface == fit_vpnls(CLEAN).surface


def test_few_runs_are_a_concern():
    rows = [0, 3, 6, 8, 12, 15, 20]
    assert concerns_of(fit_vpnls(CLEAN.take(rows)), "leave 2")
    assert not concerns_of(fit_vpnls(CLEAN), "leave")


def test_narrow_ranges_are_a_concern():
    rng = np.random.default_rng(7)
    N, D = 1e9 * np.exp(0.02 * rng.random(30)), 1e10 * np.exp(0.02 * rng.random(30))
    fit = fit_vpnls(Runs(N, D, CHINCHILLA.loss(N, D)))
    assert fit.concerns


def test_good_runs_raise_no_concern():
    assert fit_vpnls(CLEAN).concerns == ()
    assert fit_approach2(CLEAN).concerns == ()


def test_condition_is_that_of_the_scaled_jacobian():
    runs = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]).runs(ASYMMETRIC)
    s, step = ASYMMETRIC, 1e-6
    columns = []
    for letter in ("E", "A", "B", "alpha", "beta"):
        values = {k: getattr(s, k) for k in ("E", "A", "B", "alpha", "beta")}
        up, down = ({**values, letter: values[letter] * (1 + sign * step)} for sign in (1, -1))
        columns.append(LossSurface(**up).loss(runs.N, runs.D) - LossSurface(**down).loss(runs.N, runs.D))
    J = np.column_stack(columns)
    # the package centres the logs, which mixes the columns of A with alpha and of B with beta
    n, d = np.log(runs.N).mean(), np.log(runs.D).mean()
    J[:, 3] += J[:, 1] * n * s.alpha
    J[:, 4] += J[:, 2] * d * s.beta
    expected = np.linalg.cond(J / np.linalg.norm(J, axis=0))
    assert Linearised.of(s, runs, Squared()).condition == pytest.approx(expected, rel=1e-3)


def test_prediction_and_residuals():
    fit = SurfaceFit(CHINCHILLA, CLEAN, Squared(), "by hand", 0.0)
    np.testing.assert_array_equal(fit.predicted, CHINCHILLA.loss(CLEAN.N, CLEAN.D))
    moved = SurfaceFit(CHINCHILLA, Runs(CLEAN.N, CLEAN.D, CLEAN.L + 0.5), Squared(), "by hand", 0.0)
    np.testing.assert_allclose(moved.residuals, 0.5, rtol=1e-12)


def test_surface_fit_answers_like_its_surface():
    fit = SurfaceFit(CHINCHILLA, CLEAN, Squared(), "by hand", 0.0)
    assert fit.N_opt(1e24) == CHINCHILLA.N_opt(1e24)
    assert fit.D_opt(1e24) == CHINCHILLA.D_opt(1e24)


def test_printed_fit_is_four_aligned_lines(llama3):
    for fit in (fit_vpnls(CLEAN), fit_approach2(CLEAN)):
        lines = str(fit).splitlines()
        assert [line.split()[0] for line in lines][0::3] == ["method", "concerns"]
        assert len(lines) == 4
        assert all(line[9] == " " and line[10] != " " for line in lines)
    several = str(fit_approach2(llama3.take(np.arange(len(llama3) - 8)))).splitlines()
    assert all(line[:9].strip() or line[10] != " " for line in several)


def test_html_table_holds_the_numbers_and_the_concerns():
    fit = fit_vpnls(CLEAN.take([0, 3, 6, 8, 12, 15, 20]))
    html = fit._repr_html_()
    assert html.count("<th ") == html.count("<td>")
    assert f"{fit.surface.alpha:.5g}" in html
    assert typeset(fit.concerns[0]) in html
    assert "none" in fit_approach2(CLEAN)._repr_html_()


def test_parabola_vertex_is_its_minimum():
    parabola = Parabola(1e20, (2.0, -0.3, 0.1), 1e9, (1e8, 1e10), 7)
    around = parabola.vertex * np.exp(np.linspace(-1, 1, 201))
    assert np.argmin(parabola.loss(around)) == 100
    assert parabola.vertex == pytest.approx(1e9 * np.exp(1.5), rel=1e-12)


@pytest.mark.parametrize("bend", [-0.1, 0.0, np.nan])
def test_parabola_that_does_not_open_upwards_has_no_vertex(bend):
    assert np.isnan(Parabola(1e20, (2.0, -0.3, bend), 1e9, (1e8, 1e10), 7).vertex)


def test_parabola_that_is_nearly_straight_has_its_vertex_out_of_sight():
    assert Parabola(1e20, (2.0, -0.3, 1e-9), 1e9, (1e8, 1e10), 7).vertex == np.inf


def test_budgets_of_few_runs_are_not_said_to_share_errors():
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(16, 24, 12)), np.exp(rng.uniform(18, 27, 12))
    runs = Runs(N, D, CHINCHILLA.loss(N, D) + 0.01 * rng.standard_normal(12))
    assert len(runs.budgets) == 12
    assert not concerns_of(fit_vpnls(runs), "together")
