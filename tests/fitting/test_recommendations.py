"""What a fit recommends at a budget, and where it refuses."""

import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    Huber,
    IsoflopDesign,
    LossSurface,
    Runs,
    SurfaceFit,
    covariance,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
)
from scalinglab._text import with_error

RUNS = IsoflopDesign([1e18, 1e19, 1e20, 1e21], reach=8, points=8).runs(
    CHINCHILLA, noise=0.004, rng=np.random.default_rng(3)
)


def test_it_is_the_surface_and_the_covariance_in_one_answer():
    fit = fit_vpnls(RUNS)
    found, V = fit.recommend(1e23, level=0.95), covariance(fit)
    assert fit.N_opt(1e23) == found.N
    assert fit.D_opt(1e23) == found.D
    assert found.ratio == found.D / found.N
    assert found.loss == fit.surface.loss(found.N, found.D)
    for ends, expected in ((found.N_interval, V.N_opt(1e23, 0.95)), (found.D_interval, V.D_opt(1e23, 0.95))):
        np.testing.assert_allclose(ends, expected, rtol=1e-6)
    assert found.reach == pytest.approx(100)
    low, high = found.ratio_interval
    assert np.log(high / low) == pytest.approx(2 * np.log(found.N_interval[1] / found.N_interval[0]))


def test_the_interval_of_the_loss_is_that_of_the_parameters():
    """Draws of the parameters from their covariance, the best loss of each."""
    fit = fit_vpnls(RUNS)
    V, rng = covariance(fit), np.random.default_rng(0)
    s, logs = fit.surface, V.fit._linearised.logs
    steps = rng.multivariate_normal(np.zeros(5), V.centred, 1000)
    n0, d0 = np.log(RUNS.N).mean(), np.log(RUNS.D).mean()
    assert (logs.log_N0, logs.log_D0) == pytest.approx((n0, d0))
    losses = []
    for E, A, B, alpha, beta in steps:
        moved = LossSurface(
            s.E + E, s.A * np.exp(A + alpha * n0), s.B * np.exp(B + beta * d0), s.alpha + alpha, s.beta + beta
        )
        losses.append(moved.loss(moved.N_opt(1e22), moved.D_opt(1e22)))
    found = fit.recommend(1e22)
    low, high = found.loss_interval
    assert (high - low) / 2 == pytest.approx(
        1.70 * np.std(losses), rel=0.05
    )  # Student's quantile, 27 degrees


@pytest.mark.parametrize("fitter", [lambda runs: fit_vpnls(runs, Huber(0.004)), fit_approach3])
def test_robust_fits_have_intervals_too(fitter):
    low, high = fitter(RUNS).recommend(1e22).N_interval
    assert 1.01 < high / low < 2


def test_the_frontier_of_parabolas_has_the_interval_of_its_line():
    fit = fit_approach2(RUNS)
    found = fit.recommend(1e23)
    x = np.log([one.C for one in fit.used])
    y = np.log([one.vertex for one in fit.used])
    (slope, _), V = np.polyfit(x, y, 1, cov=True)
    at = np.log(1e23)
    error = np.sqrt(np.array([at, 1]) @ V @ [at, 1])
    assert np.log(found.N_interval[1] / found.N) == pytest.approx(
        2.92 * error, rel=1e-3
    )  # 2 degrees of freedom
    assert fit.standard_error == pytest.approx(np.sqrt(V[0, 0]), rel=1e-6)
    assert with_error(slope, np.sqrt(V[0, 0])) in str(fit)
    assert np.isnan(found.loss)
    assert "loss" not in str(found)


def test_two_budgets_have_a_line_and_no_interval():
    fit = fit_approach2(RUNS.take(RUNS.C < 5e19))
    found = fit.recommend(1e20)
    assert np.isnan(found.spread)
    assert "no interval: a line through 2 budgets" in str(found)


def test_it_refuses_where_nothing_is_known_of_the_frontier():
    N = np.geomspace(1e7, 1e10, 20)
    noise = 0.01 * np.random.default_rng(3).standard_normal(20)
    one_ratio = fit_vpnls(Runs(N, 20 * N, CHINCHILLA.loss(N, 20 * N) + noise))
    with pytest.raises(FitError, match="all runs share D/N near 20"):
        one_ratio.recommend(1e22)
    assert "frontier  none: all runs share D/N near 20" in str(one_ratio)
    assert "<td>none</td>" in one_ratio._repr_html_()
    absent = LossSurface(1.8, 400.0, 0.0, 0.34, 0.28)
    no_data = SurfaceFit(absent, RUNS, one_ratio.loss, "by hand", 1.0)
    with pytest.raises(FitError, match="beta is not determined"):
        no_data.recommend(1e22)


def test_an_edge_leaves_the_answer_and_takes_the_interval():
    runs = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=8).runs(
        LossSurface(0.0, 400.0, 400.0, 0.34, 0.28)
    )
    fit = fit_vpnls(Runs(runs.N, runs.D, runs.L - 0.02))
    assert fit.surface.E == 0
    found = fit.recommend(1e22)
    assert fit.N_opt(1e22) == found.N
    assert np.isnan(found.spread)
    assert "no interval: E at the edge" in str(found)


def test_budgets_and_levels_are_checked():
    fit = SurfaceFit(CHINCHILLA, RUNS, fit_vpnls(RUNS).loss, "by hand", 1.0)
    for C in (0, -1e20, "1e20", [1e20, 1e21]):
        with pytest.raises(ValueError, match="recommend: C"):
            fit.recommend(C)
    with pytest.raises(ValueError, match="level"):
        fit.recommend(1e22, level=90)


def test_the_table_has_what_the_print_has():
    found = fit_vpnls(RUNS).recommend(1e23)
    table = found.to_frame()
    assert table.index.tolist() == ["N", "D", "D/N", "loss"]
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    assert str(found).splitlines()[0].endswith("100 times the largest budget of the runs; intervals of 90%")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.5, 0.0996, "0.50 ± 0.10"),
        (0.5, 0.0994, "0.500 ± 0.099"),
        (12345.0, 230.0, "12340 ± 230"),
        (-0.5, 0.01, "-0.500 ± 0.010"),
        (3.0, 41.0, "3 ± 41"),
        (9.996e7, 1.2e6, "(1.000 ± 0.012)e+08"),
        (1.7, np.nan, "1.7"),
        (0.0, 0.0, "0"),
    ],
)
def test_digits_follow_the_error(value, error, text):
    assert with_error(value, error) == text
