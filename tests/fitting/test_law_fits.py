"""Fits of any law: every parameter back, the lowest minimum, and what the fit says of itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

from scalinglab import (
    CHINCHILLA,
    FitError,
    Huber,
    IsoflopDesign,
    Law,
    Runs,
    Squared,
    covariance,
    fit_approach3,
    fit_vpnls,
)
from scalinglab.fitting.law_results import values_at
from scalinglab.solvers.full_steps import refine
from scalinglab.solvers.law_search import fill, search_law
from scalinglab.solvers.objectives import objective
from scalinglab.solvers.separable import solve_inner

TERMS = {
    2: "A/N**alpha + B/D**beta",
    3: "A/N**alpha + B/D**beta + G/X**g",
    4: "A/N**alpha + B/D**beta + K/(N**mu*D**nu)",
    5: "A/N**alpha + B/D**beta + G/X**g + K/(N**mu*D**nu)",
    6: "A/N**alpha + B/D**beta + G/X**g + K/(N**mu*D**nu*X**xi)",
}


def drawn(law, rng, n=150):
    """Columns, and parameters whose terms are .1 to 1 at their centre."""
    data = {
        "N": np.exp(rng.uniform(np.log(1e7), np.log(1e10), n)),
        "D": np.exp(rng.uniform(np.log(1e9), np.log(1e12), n)),
        "X": np.exp(rng.uniform(0, np.log(1e3), n)),
    }
    model = law.model(data)
    u = rng.uniform(0.15, 0.7, len(model.low))
    c = np.concatenate([rng.uniform(0.5, 3, 1), rng.uniform(0.1, 1, len(model.law.columns) - 1)])
    own, _ = model.recovered(c[None], u[None])
    return data, model, {name: float(values[0]) for name, values in own.items()}


@pytest.mark.parametrize("exponents", TERMS)
def test_random_power_products_come_back_without_starting_values(exponents):
    law = Law("E + " + TERMS[exponents], variables=("N", "D", "X"))
    for seed in range(4):
        data, model, true = drawn(law, np.random.default_rng([14, exponents, seed]))
        found = search_law(model, law.loss(true, **data), Squared(), np.zeros(len(model.law.columns), bool))
        own, _ = model.recovered(found.minima[0].c[None], found.minima[0].u[None])
        assert {name: float(values[0]) for name, values in own.items()} == pytest.approx(true, rel=1e-9)


@pytest.mark.parametrize("exponents", TERMS)
def test_never_above_least_squares_from_the_same_starts(exponents):
    law = Law("E + " + TERMS[exponents], variables=("N", "D", "X"))
    data, model, true = drawn(law, np.random.default_rng([15, exponents]))
    y = law.loss(true, **data) + 0.003 * np.random.default_rng(exponents).standard_normal(150)
    found = search_law(model, y, Squared(), np.zeros(len(model.law.columns), bool)).minima[0]
    K = len(model.law.columns)
    Z = np.zeros((K, len(model.low), model.runs))
    for k, closed in enumerate(model.closed):
        Z[k, closed.moving] = closed.slopes

    def columns(x):
        return np.array([np.exp(x[K:] @ Z[k]) for k in range(K)])

    def slopes(x):
        Phi = columns(x)
        return np.vstack([Phi, sum(x[k] * Phi[k] * Z[k] for k in range(K))]).T

    box = np.concatenate([np.zeros(K), model.low]), np.concatenate([np.full(K, np.inf), model.high])
    for start in fill(model.low, model.high, 4):
        x0 = np.concatenate([np.full(K, y.mean() / K), start])
        other = least_squares(lambda x: x[:K] @ columns(x) - y, x0, slopes, bounds=box, max_nfev=500)
        assert found.objective <= 2 * other.cost * (1 + 1e-9)


def test_the_law_of_two_terms_returns_the_bits_of_its_own_fit(llama3, noisy):
    for runs, loss in ((llama3, None), (noisy, None), (llama3, Huber(1e-3))):
        fit, own = Law("E + A/N**alpha + B/D**beta").fit(runs, loss), fit_vpnls(runs, loss)
        assert fit.objective == own.objective
        assert {name: fit[name] for name in fit.names} == own.surface.parameters
        assert fit.residuals == pytest.approx(own.residuals, abs=1e-12)


@pytest.mark.parametrize("loss", [Squared(), Huber(0.005), Squared(log=True), Huber(1e-3, log=True)], ids=str)
def test_the_engine_meets_the_fits_of_the_surface(noisy, loss):
    """Bounds of its own keep the law from being handed on: the general search finds the same."""
    fit = Law("E + A/N**alpha + B/D**beta", bounds={"alpha": (0.01, 2.0)}).fit(noisy, loss)
    own = fit_approach3(noisy, loss) if loss.log else fit_vpnls(noisy, loss)
    assert fit.method == "variable projection"
    assert fit.objective == pytest.approx(own.objective, rel=1e-9)
    assert {name: fit[name] for name in fit.names} == pytest.approx(own.surface.parameters, rel=1e-4)


def test_the_bent_surface_of_llama3(llama3):
    """One more parameter halves the sum of squares; parity with a hand-written least-squares fit."""
    fit = Law("E + (A/N**alpha + B/D**beta)**k").fit(llama3)
    n, d = np.log(llama3.N / 1e9), np.log(llama3.D / 1e11)

    def residuals(x):
        E, a, b, alpha, beta, k = x
        return E + (np.exp(a - alpha * n) + np.exp(b - beta * d)) ** k - llama3.L

    best = min(
        2 * least_squares(residuals, [0.5, -1, -1, s, s, k], x_scale="jac", xtol=1e-14, ftol=1e-14).cost
        for s in (0.3, 0.5)
        for k in (0.5, 1.0)
    )
    assert fit.objective == pytest.approx(best, rel=1e-8)
    assert fit.objective == pytest.approx(1.06088e-3, rel=1e-5)
    assert fit.k == pytest.approx(0.5894, abs=1e-4)
    assert fit.standard_errors["k"] == pytest.approx(0.028, abs=0.001)
    assert "k" in str(fit)
    assert "±" in str(fit)


def test_standard_errors_are_those_of_the_spread_of_refits():
    """First-order errors against 100 refits of simulated losses, for a law with an outer power."""
    law = Law("E + (A/N**alpha + B/D**beta)**k", bounds={"k": (0.1, 3)})
    runs = IsoflopDesign([1e18, 1e19, 1e20, 1e21, 1e22], points=9, reach=16).runs(CHINCHILLA)
    true = {"E": 1.7, "A": 5e3, "alpha": 0.5, "B": 2e4, "beta": 0.45, "k": 0.7}
    L = law.loss(true, N=runs.N, D=runs.D)
    rng = np.random.default_rng(3)
    fits = [law.fit(Runs(runs.N, runs.D, L + 1e-4 * rng.standard_normal(len(L)))) for _ in range(3)]
    model, start = fits[0].model, (fits[0].coefficients, fits[0].coordinates)
    errors = 1e-4 * rng.standard_normal((100, len(L)))
    found = [values_at(law, model, refine(model, L + e, Squared(), *start, model.free)) for e in errors]
    for name in ("E", "alpha", "beta", "k"):
        spread = np.std([values[name] for values in found], ddof=1)
        claimed = np.median([fit.standard_errors[name] for fit in fits])
        assert 0.75 < claimed / spread < 1.33


def test_extra_columns_are_variables(rng):
    law = Law("c + (g/G**gamma + a)/N**alpha + b/D**beta")
    true = {"a": 18.1, "alpha": 0.115, "b": 30.8, "beta": 0.147, "g": 2.1, "gamma": 0.58, "c": 0.47}
    N, D = np.exp(rng.uniform(17, 22, 160)), np.exp(rng.uniform(20, 26, 160))
    G = np.exp(rng.uniform(0, 2.8, 160))
    runs = Runs(N, D, law.loss(true, N=N, D=D, G=G), extra={"G": G, "name": [f"run {k}" for k in range(160)]})
    fit = law.fit(runs)
    assert {name: fit[name] for name in true} == pytest.approx(true, rel=1e-8)
    assert fit.predict({"N": 1e9, "D": 1e11, "G": 4}) == pytest.approx(law.loss(true, N=1e9, D=1e11, G=4))
    with pytest.raises(ValueError, match="has no G"):
        fit.predict({"N": 1e9, "D": 1e11})


def test_what_a_fit_cannot_do_is_said(llama3):
    two = llama3.take(range(5))
    with pytest.raises(FitError, match=r"6 parameters .* 5 runs"):
        Law("E + (A/N**alpha + B/D**beta)**k").fit(two)
    with pytest.raises(ValueError, match="needs the column P"):
        Law("E + A/N**alpha + K/P**pi", variables=("N", "P")).fit(llama3)
    with pytest.raises(ValueError, match="uses no column"):
        Law("E + 1/(1 + alpha)").fit(llama3)
    with pytest.raises(FitError, match="does not exist"):
        Law("E + A*exp(exp(N))").fit(llama3)
    named = Runs(llama3.N, llama3.D, llama3.L, extra={"P": ["x"] * len(llama3)})
    with pytest.raises(ValueError, match="holds texts"):
        Law("E + A/N**alpha + K/P**pi").fit(named)
    gaps = Runs(llama3.N, llama3.D, llama3.L, extra={"P": [np.nan] + [1.0] * (len(llama3) - 1)})
    with pytest.raises(ValueError, match="row 0"):
        Law("E + A/N**alpha + K/P**pi").fit(gaps)
    zero = Runs(llama3.N, llama3.D, llama3.L, extra={"P": [0.0] + [1.0] * (len(llama3) - 1)})
    with pytest.raises(ValueError, match="needs it positive"):
        Law("E + A/N**alpha + K/P**pi").fit(zero)


def test_exponents_of_a_vanished_term_are_not_determined(noisy):
    fit = Law("E + A/N**alpha + B/D**beta + K/(N**mu*D**nu)").fit(
        Runs(noisy.N, noisy.D, CHINCHILLA.loss(noisy.N, noisy.D) - 3e3 / (noisy.N**0.3 * noisy.D**0.25))
    )
    if fit["K"] == 0:
        assert set(fit.undetermined) == {"mu", "nu"}
        assert "not determined" in str(fit)
    assert np.isfinite(fit.predicted).all()


def test_logs_of_an_exponential_are_linear(rng):
    """Clark's form: bilinear in logs, with coefficients of either sign, fitted in log L."""
    law = Law("exp(a*log(N) + b*log(X) + c*log(N)*log(X) + d)", free=("a", "b", "c", "d"))
    true = {"a": -0.082, "b": -0.108, "c": 0.009, "d": 1.104}
    N, X = np.exp(rng.uniform(16, 22, 90)), np.exp(rng.uniform(0, 5, 90))
    runs = Runs(N, np.full(90, 1e11), law.loss(true, N=N, X=X), extra={"X": X})
    fit = law.fit(runs, log=True)
    assert {name: fit[name] for name in true} == pytest.approx(true, rel=1e-9)


def test_the_reported_objective_is_that_of_the_reported_parameters(llama3):
    for loss in (Squared(), Huber(1e-3), Squared(log=True)):
        fit = Law("E + (A/N**alpha + B/D**beta)**k").fit(llama3, loss)

        def at(loss=loss, fit=fit, **changed):
            predicted = fit.law.loss({**fit.values, **changed}, N=llama3.N, D=llama3.D)
            return objective(loss, predicted, llama3.L)

        assert at() == pytest.approx(fit.objective, rel=1e-9)
        for name in ("alpha", "k"):
            for factor in (0.97, 1.03):
                assert at(**{name: fit[name] * factor}) > fit.objective


def test_inner_solutions_are_those_of_nnls(rng):
    from scipy.optimize import nnls

    for _ in range(60):
        K, n = int(rng.integers(1, 7)), 30
        Phi = rng.standard_normal((5, K, n)) + rng.uniform(0, 3)
        if K > 2:
            Phi[0, 1] = Phi[0, 0]  # columns that coincide
        y = rng.standard_normal(n)
        got = solve_inner(Phi, y, np.zeros(K, bool))
        for r in range(5):
            _, norm = nnls(Phi[r].T, y)
            assert got.rss[r] == pytest.approx(norm**2, rel=1e-8, abs=1e-12)
            assert (got.c[r] >= 0).all()


def test_points_fill_the_box():
    for p in (1, 3, 6):
        points = fill(np.zeros(p), np.ones(p), 512)
        assert points.shape == (512, p)
        assert points.mean(axis=0) == pytest.approx(np.full(p, 0.5), abs=0.03)
        for j in range(p):
            assert np.diff(np.sort(points[:, j])).max() < 0.02


def test_an_exponent_shared_by_terms_that_are_all_zero_is_not_determined(rng):
    N, D = np.exp(rng.uniform(17, 23, 40)), np.exp(rng.uniform(20, 25, 40))
    runs = Runs(N, D, CHINCHILLA.loss(N, D) - 10)
    fit = Law("E + A/N**alpha + B/D**alpha").fit(runs)
    assert [fit.parameters[name] for name in "EAB"] == [0, 0, 0]
    assert "alpha" in fit.undetermined
    assert fit.condition == 1
    assert len(fit.concerns) >= 3
    with pytest.raises(FitError, match=r"edge|not determined"):
        covariance(fit)


@pytest.mark.parametrize("felt", [0.0, 1e-170])
def test_what_changes_no_loss_has_no_error_and_does_not_stand_in_the_way(noisy, felt):
    fit = replace(Law("E + A/N**alpha + B/D**beta").fit(noisy))  # a copy, in which nothing is known yet
    r, J = fit.tangents
    J = J.copy()
    J[-1] = felt  # as where a term is zero to the last digit, or its square is
    fit.__dict__["tangents"] = (r, J)
    assert fit.edges == ("beta",)
    assert 1 <= fit.condition < np.inf
    errors = fit.standard_errors
    assert np.isnan(errors.pop("beta"))
    assert all(error > 0 for error in errors.values())


def test_a_power_that_differs_from_run_to_run_is_refused_in_words(rng):
    N, D = np.exp(rng.uniform(17, 23, 40)), np.exp(rng.uniform(20, 25, 40))
    runs = Runs(N, D, CHINCHILLA.loss(N, D), extra={"k": np.arange(40.0)})
    for formula in ("E + (A/N**alpha + B/D**beta)**k", "E + A**k/N**alpha + B/D**beta"):
        with pytest.raises(ValueError, match=r'power of k, a variable.*variables=\("N", "D"\)'):
            Law(formula).fit(runs)
    cured = Law("E + (A/N**alpha + B/D**beta)**k", variables=("N", "D")).fit(runs)
    assert cured.parameters["k"] == pytest.approx(1, abs=1e-6)
