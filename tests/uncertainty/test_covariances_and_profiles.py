import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power
from scipy.optimize import least_squares, minimize_scalar

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
from scalinglab.solvers.centred_logs import CentredLogs

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


@pytest.mark.parametrize("errors", ["alike", "unequal"])
def test_covariance_is_the_inverse_of_the_whole_jacobian(errors):
    H = np.linalg.pinv(numeric_jacobian(FIT), rcond=1e-14)
    r2 = FIT.residuals**2
    expected = (H * r2) @ H.T if errors == "unequal" else H @ H.T * r2.sum() / (len(RUNS) - 5)
    V = covariance(FIT, errors)
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


def test_answers_at_a_budget_by_name():
    V, C = covariance(FIT), 3e24
    assert V.interval("N_opt", C) == V.N_opt(C)
    assert V.interval("D_opt", C, 0.5) == V.D_opt(C, 0.5)
    assert V.standard_error("N_opt", C) / FIT.N_opt(C) == pytest.approx(
        V.standard_error("D_opt", C) / FIT.D_opt(C)
    )
    s = FIT.surface
    x = np.array([s.E, s.A, s.B, s.alpha, s.beta])
    gradient = [
        (LossSurface(*(x + h)).L_opt(C) - LossSurface(*(x - h)).L_opt(C)) / (2 * h.max())
        for h in np.diag(1e-6 * x)
    ]
    assert V.standard_error("L_opt", C) == pytest.approx(np.sqrt(gradient @ V.matrix @ gradient), rel=1e-4)
    low, high = V.L_opt([C, 10 * C])
    assert (low < s.L_opt(np.array([C, 10 * C]))).all()
    assert high.shape == (2,)
    with pytest.raises(
        ValueError, match='N_opt is asked at a budget, C in FLOPs; give it, \\("N_opt", C=1e24'
    ):
        V.interval("N_opt")
    with pytest.raises(ValueError, match=r"a has no budget; leave C out, and write level=\.\.\."):
        V.interval("a", 0.95)
    with pytest.raises(ValueError, match="give one number"):
        profile(FIT, "N_opt", [C, C])


def dense(fit):
    """Jacobian's response H, hat matrix P and the places of the budgets, as whole matrices."""
    J = numeric_jacobian(fit)
    H = np.linalg.pinv(J, rcond=1e-14)
    return H, J @ H, fit.runs.by_budget()[1]


def test_clustered_covariance_is_that_of_bell_and_mccaffrey():
    H, P, member = dense(FIT)
    n, budgets = len(member), range(member.max() + 1)
    r, V, adjusted = FIT.residuals, 0, []
    for j in budgets:
        rows = member == j
        A = fractional_matrix_power(np.eye(rows.sum()) - P[np.ix_(rows, rows)], -0.5).real
        V = V + np.outer(H[:, rows] @ A @ r[rows], H[:, rows] @ A @ r[rows])
        adjusted.append((np.eye(n) - P)[:, rows] @ A @ H[:, rows].T)
    found = covariance(FIT, "shared")
    errors = [found.standard_error(name) for name in ("E", "ln A", "ln B", "alpha", "beta")]
    np.testing.assert_allclose(errors, np.sqrt(np.diag(V)), rtol=1e-4)
    c = np.eye(5)[3]
    G = np.array([w @ c for w in adjusted])
    K = G @ G.T
    assert found.freedom("alpha") == pytest.approx(np.trace(K) ** 2 / np.sum(K**2), rel=1e-4)
    # unbiased where errors are alike
    centred = found.by_budget.own - found.by_budget.turned @ np.swapaxes(found.by_budget.turned, 1, 2)
    alike = covariance(FIT).centred / (FIT.objective / FIT.freedom)
    np.testing.assert_allclose(centred.sum(axis=0), alike, rtol=1e-8, atol=1e-8 * np.abs(alike).max())


def test_clustered_covariance_of_single_runs_is_hc2():
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(2.1e9, 3e11, 6)))
    fit = fit_vpnls(Runs(N, D, CHINCHILLA.loss(N, D) + 0.01 * np.random.default_rng(0).standard_normal(36)))
    assert len(fit.runs.budgets) == 36
    H, P, _ = dense(fit)
    V = (H * fit.residuals**2 / (1 - np.diag(P))) @ H.T
    assert covariance(fit, "shared").standard_error("alpha") == pytest.approx(np.sqrt(V[3, 3]), rel=1e-4)


def test_few_budgets_leave_few_degrees_of_freedom():
    V = covariance(FIT, "shared")
    C = np.array([1e20, 3e24])
    assert V.freedom("N_opt", C).shape == (2,)
    assert (V.freedom("N_opt", C) < 4).all()
    low, high = V.interval("N_opt", C)
    for k in range(2):
        assert V.interval("N_opt", C[k]) == pytest.approx((low[k], high[k]))
    assert "CR2" in repr(V).splitlines()[0]
    assert "degrees of freedom" in repr(V).splitlines()[1]
    one = RUNS.at(1e20)
    with pytest.raises(FitError, match="all runs share one budget"):
        covariance(fit_vpnls(one), "shared")
    with pytest.raises(ValueError, match="errors is True; there are alike, unequal, shared"):
        covariance(FIT, True)


def test_covariance_of_levels_is_that_with_a_dummy_for_every_budget():
    fit = fit_vpnls(RUNS, levels="budget")
    s, logs = fit.terms, CentredLogs.of(RUNS)
    A, B = s.A * np.exp(-s.alpha * logs.log_N0), s.B * np.exp(-s.beta * logs.log_D0)
    p, q = A * np.exp(-s.alpha * logs.n), B * np.exp(-s.beta * logs.d)
    _, member = RUNS.by_budget()
    H = np.linalg.pinv(np.column_stack([np.eye(4)[member], p, q, -logs.n * p, -logs.d * q]))[4:]
    r2 = fit.residuals**2
    for errors, V in (("alike", H @ H.T * r2.sum() / (len(RUNS) - 8)), ("unequal", (H * r2) @ H.T)):
        found = covariance(fit, errors)
        np.testing.assert_allclose(found.centred, V, rtol=1e-4, atol=1e-6 * np.abs(V).max())
    found = covariance(fit)
    assert list(found.to_frame().index) == ["A", "B", "alpha", "beta", "a"]
    assert found.matrix.shape == (4, 4)
    low, high = found.interval("N_opt", 3e24)
    assert low < fit.N_opt(3e24) < high
    for refused in ("E", "L_opt"):
        with pytest.raises(ValueError, match=f"no statistic '{refused}'"):
            found.interval(refused, 3e24)
    with pytest.raises(ValueError, match="take covariance"):
        profile(fit)


def test_covariance_does_not_depend_on_units():
    small = fit_vpnls(Runs(RUNS.N / 1e6, RUNS.D / 1e9, RUNS.L))
    for name in ("E", "alpha", "beta", "a", "b"):
        assert covariance(small).standard_error(name) == pytest.approx(
            covariance(FIT).standard_error(name), rel=1e-6
        )


def test_values_recorded_for_the_chinchilla_runs(chinchilla):
    # computed independently, on another group's digitisation of the same figure: 3 %
    V, robust = covariance(chinchilla), covariance(chinchilla, "unequal")
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
    assert V.interval("a", level=0.95) == pytest.approx((0.5263, 0.5628), abs=1e-3)


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
    V, C = covariance(FIT), 1e21
    assert profile(FIT).interval == pytest.approx(V.interval("a"), abs=2e-4)
    for name in ("N_opt", "D_opt", "L_opt"):
        assert profile(FIT, name, C).interval == pytest.approx(V.interval(name, C), rel=1e-2)


@pytest.mark.parametrize("statistic", ["N_opt", "D_opt", "L_opt"])
def test_profile_at_a_budget_ends_where_the_sum_of_squares_says(statistic):
    C = 3e23
    runs = IsoflopDesign([1e20, 1e21], reach=3, points=8).runs(CHINCHILLA, 0.005, np.random.default_rng(3))
    fit = fit_vpnls(runs)
    found = profile(fit, statistic, C, level=0.8)
    low, high = found.interval
    assert found.estimate == pytest.approx(getattr(fit.surface, statistic)(C))
    assert low < found.estimate < high
    assert found.rss.min() >= fit.objective * (1 - 1e-9)

    def residuals(x, end):
        # seen from the target: E, the log of N* or of K, and the exponents; the fourth number is held
        E, other, alpha, beta = x
        N = {"N_opt": end, "D_opt": C / 6 / end, "L_opt": np.exp(other)}[statistic]
        K = (end - E) / (alpha + beta) if statistic == "L_opt" else np.exp(other)
        in_N = beta * (runs.N / N) ** -alpha
        return E + K * (in_N + alpha * (runs.D / (C / 6 / N)) ** -beta) - runs.L

    s, N = fit.surface, fit.N_opt(C)
    other = N if statistic == "L_opt" else s.A * N**-s.alpha / s.beta
    for end in found.interval:
        top = min(end, 5) if statistic == "L_opt" else 5
        ends = []
        for factor in (1, 0.7, 1.4):
            start = [min(s.E, 0.9 * top), np.log(other), factor * s.alpha, s.beta / factor]
            bounds = ([0, -50, 0.01, 0.01], [top * (1 - 1e-9), 60, 2, 2])
            search = least_squares(residuals, start, bounds=bounds, x_scale="jac", args=(end,), max_nfev=2000)
            ends.append(2 * search.cost)
        assert min(ends) == pytest.approx(found.limit, rel=1e-5)


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
        covariance(FIT).interval("a", level=90)


def test_print_and_table():
    V = covariance(fit_vpnls(load_llama3()))
    assert repr(V).splitlines()[0] == "covariance of VPNLS, 133 runs, one error variance"
    table = V.to_frame()
    assert list(table.index) == ["E", "A", "B", "alpha", "beta", "a"]
    assert (table["low"] < table["estimate"]).all()
    assert (table["estimate"] < table["high"]).all()
