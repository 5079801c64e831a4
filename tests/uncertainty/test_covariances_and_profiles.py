import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalinglab import (
    CHINCHILLA,
    FitError,
    Huber,
    IsoflopDesign,
    LossSurface,
    Runs,
    SurfaceFit,
    covariance,
    fit_vpnls,
    load_chinchilla,
    load_llama3,
    profile,
)
from scalinglab.fitting import solve_coefficients

DESIGN = IsoflopDesign([1e18, 1e19, 1e20, 1e21], reach=8, points=9)
RUNS = DESIGN.runs(CHINCHILLA, 0.004, np.random.default_rng(2))
FIT = fit_vpnls(RUNS)


@pytest.fixture(scope="module")
def chinchilla() -> SurfaceFit:
    runs = load_chinchilla()
    return fit_vpnls(runs.take(np.sort(np.argsort(runs.L)[:240])))


def numeric_jacobian(fit):
    """Derivative of the predicted losses in (E, ln A, ln B, alpha, beta), by central differences."""
    s = fit.surface
    x = np.array([s.E, np.log(s.A), np.log(s.B), s.alpha, s.beta])

    def predicted(x):
        return LossSurface(x[0], np.exp(x[1]), np.exp(x[2]), x[3], x[4]).loss(fit.runs.N, fit.runs.D)

    h = 1e-5
    return np.column_stack([(predicted(x + h * e) - predicted(x - h * e)) / (2 * h) for e in np.eye(5)])


@pytest.mark.parametrize("robust", [False, True])
def test_covariance_is_the_inverse_of_the_whole_jacobian(robust):
    H = np.linalg.pinv(numeric_jacobian(FIT), rcond=1e-14)
    r2 = FIT.residuals**2
    expected = (H * r2) @ H.T if robust else H @ H.T * r2.sum() / (len(RUNS) - 5)
    V = covariance(FIT, robust)
    errors = [V.standard_error(name) for name in ("E", "ln A", "ln B", "alpha", "beta")]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(expected)), rtol=1e-4)
    scale = np.array([1, FIT.surface.A, FIT.surface.B, 1, 1])
    np.testing.assert_allclose(V.matrix, expected * scale * scale[:, None], rtol=1e-4)


def test_recommendations_follow_by_the_delta_method():
    V, C = covariance(FIT), 3e24
    s = FIT.surface
    x = np.array([s.E, s.A, s.B, s.alpha, s.beta])
    steps = 1e-6 * x
    gradient = [
        (np.log(LossSurface(*(x + h)).N_opt(C)) - np.log(LossSurface(*(x - h)).N_opt(C))) / (2 * h.max())
        for h in np.diag(steps)
    ]
    error = np.sqrt(gradient @ V.matrix @ gradient)
    low, high = V.N_opt(C, level=0.9)
    wald = V.interval("a")
    t = (wald.high - wald.low) / 2 / V.standard_error("a")
    assert np.log(high / low) / 2 == pytest.approx(t * error, rel=1e-4)
    tokens = V.D_opt([C, 10 * C])
    assert tokens.high[0] / tokens.low[0] == pytest.approx(high / low, rel=1e-10)
    assert tokens.high[1] / tokens.low[1] > tokens.high[0] / tokens.low[0]


def test_covariance_does_not_depend_on_units():
    small = fit_vpnls(Runs(RUNS.N / 1e6, RUNS.D / 1e9, RUNS.L))
    for name in ("E", "alpha", "beta", "a", "b"):
        assert covariance(small).standard_error(name) == pytest.approx(
            covariance(FIT).standard_error(name), rel=1e-6
        )


def test_values_recorded_for_the_chinchilla_runs(chinchilla):
    # computed independently, on another group's digitisation of the same figure: 3 %
    V, robust = covariance(chinchilla), covariance(chinchilla, robust=True)
    for name, value in {
        "E": 0.0144,
        "A": 103.8,
        "B": 1397,
        "alpha": 0.0107,
        "beta": 0.0091,
        "a": 0.0093,
    }.items():
        assert V.standard_error(name) == pytest.approx(value, rel=0.03)
    for name, value in {"alpha": 0.0124, "beta": 0.0212, "a": 0.0149}.items():
        assert robust.standard_error(name) == pytest.approx(value, rel=0.03)
    assert V.correlations[1, 3] == pytest.approx(0.9991, abs=2e-4)
    assert V.correlations[2, 4] == pytest.approx(0.9993, abs=2e-4)
    assert np.sqrt(chinchilla.objective / 235) == pytest.approx(0.0188, rel=0.01)
    assert profile(chinchilla, level=0.95).interval == pytest.approx((0.5264, 0.5628), abs=1e-3)
    assert V.interval("a", 0.95) == pytest.approx((0.5263, 0.5628), abs=1e-3)


def test_intervals_of_coefficients_are_taken_in_logs():
    low, high = covariance(FIT).interval("B")
    assert low > 0
    assert np.sqrt(low * high) == pytest.approx(FIT.surface.B)


def test_one_more_run_lies_in_its_interval_as_often_as_promised():
    rng, hits = np.random.default_rng(5), 0
    for _ in range(60):
        V = covariance(fit_vpnls(DESIGN.runs(CHINCHILLA, 0.01, rng)))
        new = DESIGN.runs(CHINCHILLA, 0.01, rng)
        low, high = V.new_run(new.N, new.D, level=0.8)
        hits += np.mean((low <= new.L) & (high >= new.L))
    assert hits / 60 == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("statistic", ["a", "alpha", "beta"])
def test_profile_ends_where_the_sum_of_squares_says(statistic):
    found = profile(FIT, statistic)
    t2 = (found.limit / FIT.objective - 1) * (len(RUNS) - 5)
    assert t2 == pytest.approx(1.6955**2, rel=1e-3)  # Student, 31 degrees of freedom, two-sided 90 %

    def reduced(value):
        def rss(s):
            alpha, beta = {"a": (s * (1 - value), s * value), "alpha": (value, s), "beta": (s, value)}[
                statistic
            ]
            return solve_coefficients(RUNS, alpha, beta)[1]

        return minimize_scalar(rss, bounds=(0.05, 1.5), method="bounded", options={"xatol": 1e-9}).fun

    for end in found.interval:
        assert reduced(end) == pytest.approx(found.limit, rel=1e-6)
    assert found.interval.low < found.estimate < found.interval.high
    assert found.rss.min() >= FIT.objective * (1 - 1e-9)


def test_covariance_and_profile_agree_on_good_runs():
    assert profile(FIT).interval == pytest.approx(covariance(FIT).interval("a"), abs=2e-4)


def test_a_profile_without_end_stops_at_the_edge():
    runs = IsoflopDesign([1e20, 2e20], reach=1.5, points=8).runs(CHINCHILLA, 0.02, np.random.default_rng(2))
    low, high = profile(fit_vpnls(runs), "alpha").interval
    assert high == 2.0
    assert 0.01 < low < 0.1


def test_what_has_no_first_order_theory_is_refused():
    with pytest.raises(ValueError, match="refit with fit_vpnls"):
        covariance(fit_vpnls(RUNS, Huber(1e-3)))
    with pytest.raises(FitError, match="no scatter"):
        profile(fit_vpnls(DESIGN.runs(CHINCHILLA)))
    edge = SurfaceFit(LossSurface(0, 400, 400, 0.3, 0.3), RUNS, FIT.loss, "VPNLS", 1.0)
    with pytest.raises(FitError, match="E stands at the edge"):
        covariance(edge)
    few = SurfaceFit(CHINCHILLA, RUNS.take(range(5)), FIT.loss, "VPNLS", 1.0)
    with pytest.raises(FitError, match="5 runs for 5 parameters"):
        covariance(few)


def test_wrong_names_and_levels_are_named():
    with pytest.raises(ValueError, match="no statistic 'G'"):
        covariance(FIT).standard_error("G")
    with pytest.raises(ValueError, match="no statistic 'E'"):
        profile(FIT, "E")
    with pytest.raises(ValueError, match="level is 90"):
        covariance(FIT).interval("a", 90)


def test_print_and_table():
    V = covariance(fit_vpnls(load_llama3()))
    assert repr(V).splitlines()[0] == "covariance of VPNLS, 133 runs, one error variance"
    table = V.to_frame()
    assert list(table.index) == ["E", "A", "B", "alpha", "beta", "a"]
    assert (table["low"] < table["estimate"]).all()
    assert (table["estimate"] < table["high"]).all()
