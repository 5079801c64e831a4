"""Covariance, profile, bootstrap and hindcast of any law: the surface's own where the law is that."""

import numpy as np
import pytest

from scalinglab import (
    FitError,
    Huber,
    Law,
    Runs,
    bootstrap,
    covariance,
    fit_vpnls,
    hindcast,
    misallocation,
    profile,
)
from scalinglab.fitting.law_results import LawFit

TWO = Law("E + A/N**alpha + B/D**beta")
BENT = Law("E + (A/N**alpha + B/D**beta)**k")


@pytest.fixture(scope="module")
def bent(llama3) -> LawFit:
    return BENT.fit(llama3)


@pytest.fixture(scope="module")
def two(llama3) -> LawFit:
    return TWO.fit(llama3)


@pytest.mark.parametrize("errors", ["alike", "unequal", "shared"])
def test_the_law_of_the_surface_has_its_covariance(two, llama3_vpnls, errors):
    law, surface = covariance(two, errors), covariance(llama3_vpnls, errors)
    for name in ("E", "A", "B", "alpha", "beta"):
        assert law.standard_error(name) == pytest.approx(surface.standard_error(name), rel=1e-6)
        assert law.freedom(name) == pytest.approx(surface.freedom(name), rel=1e-6)
        assert law.interval(name) == pytest.approx(surface.interval(name), rel=1e-6)
    for name in ("N_opt", "D_opt", "L_opt"):
        assert law.interval(name, 3.8e25) == pytest.approx(surface.interval(name, 3.8e25), rel=1e-6)
    assert law.new_run(1e10, 1e12) == pytest.approx(surface.new_run(1e10, 1e12), rel=1e-6)
    assert "alpha" in str(law)


def test_the_law_of_the_surface_has_its_profile(two, llama3_vpnls):
    for name in ("alpha", "beta"):
        law, surface = profile(two, name), profile(llama3_vpnls, name)
        assert law.interval == pytest.approx(surface.interval, rel=1e-6)
        assert law.limit == pytest.approx(surface.limit, rel=1e-9)


def test_a_profile_of_every_parameter(bent, two):
    """Near the estimate first-order theory holds: ends agree with the covariance to a few tenths of it."""
    V = covariance(bent)
    for name in ("E", "alpha", "beta", "k"):
        found = profile(bent, name)
        low, high = V.interval(name)
        assert found.interval == pytest.approx((low, high), abs=0.35 * (high - low))
        assert found.rss.min() >= bent.objective * (1 - 1e-9)
    assert profile(two, "A").interval[0] > 0
    with pytest.raises(FitError, match="through its ratio"):
        profile(bent, "B")
    with pytest.raises(ValueError, match="no statistic 'gamma'"):
        profile(bent, "gamma")


def test_a_held_coefficient_leaves_the_best_of_the_others(bent):
    from scipy.optimize import minimize_scalar

    from scalinglab.uncertainty.law_profiles import held_parameter

    value = 0.55
    found = held_parameter(bent, "E").lowest(value)
    other = Law(BENT.formula, fixed={"E": value}).fit(bent.runs)
    assert found == pytest.approx(other.objective, rel=1e-8)
    held = held_parameter(bent, "k")
    line = minimize_scalar(held.lowest, bounds=(0.5, 0.7), method="bounded", options={"xatol": 1e-5})
    assert line.x == pytest.approx(bent["k"], abs=1e-3)


@pytest.mark.parametrize("kind", ["pairs", "residual", "wild", "budgets"])
def test_bootstraps_spread_as_the_covariance_says(bent, kind, rng):
    drawn = bootstrap(bent.runs, bent, 80, rng, kind)
    errors = {"residual": "alike", "pairs": "unequal", "wild": "unequal", "budgets": "shared"}[kind]
    expected = covariance(bent, errors).standard_error("k")
    assert 0.5 < drawn.standard_error("k") / expected < 1.6
    low, high = drawn.interval("D_opt", 3.8e25, worst=True)
    assert low < bent.D_opt(3.8e25) < high


def test_residual_draws_of_the_surface_s_law_are_the_surface_s(llama3, llama3_vpnls):
    law, surface = (
        bootstrap(llama3, fit, 60, np.random.default_rng(5), "residual").values("alpha")
        for fit in (TWO.fit(llama3), llama3_vpnls)
    )
    assert law == pytest.approx(surface, rel=1e-4)


def test_a_scale_that_the_runs_leave_open_ends_at_infinity():
    rng = np.random.default_rng(0)
    N, U = np.exp(rng.uniform(16, 23, 120)), np.exp(rng.uniform(20, 26, 120))
    D, noise = U * (1 + 0.4 * rng.random(120)), 0.003 * rng.standard_normal(120)
    where = {"De": "U*(1 + R*(1 - exp(-(D/U - 1)/R)))"}
    for bounds, end in ((None, np.inf), ({"R": (1, 50)}, pytest.approx(50))):
        law = Law("E + A/N**alpha + B/De**beta", where=where, variables=("N", "D", "U"), bounds=bounds)
        true = {"E": 1.8, "A": 400, "B": 2000, "alpha": 0.34, "beta": 0.37, "R": 15}
        L = law.loss(true, N=N, D=D, U=U) + noise
        found = profile(law.fit(Runs(N, D, L, extra={"U": U})), "R")
        assert found.interval.high == end
        assert 1 < found.interval.low < 15


def test_laws_beside_methods_in_a_hindcast(llama3):
    found = hindcast(llama3, 1e21, {"bent": BENT.fit, "VPNLS": fit_vpnls})
    losses = found.losses()
    assert abs(losses["bent"]).max() < abs(losses["VPNLS"]).max()
    assert set(found.sizes()) == {"vertex", "bent", "VPNLS"}


def test_a_law_is_a_plan(bent, llama3_vpnls):
    verdict = misallocation(bent, llama3_vpnls, 3.8e25)
    assert pytest.approx(9.15e12, rel=1e-3) == verdict.D
    assert 0 < verdict.fraction < 0.01


def test_what_has_no_theory_is_refused(llama3, noisy):
    with pytest.raises(ValueError, match="theory is that of squares"):
        covariance(TWO.fit(llama3, Huber(1e-3)))
    edge = Law("E + A/N**alpha + B/D**beta", bounds={"alpha": (0.01, 0.2)}).fit(llama3)
    with pytest.raises(FitError, match="at the edge of its range"):
        covariance(edge)
    law = Law("E + A/N**alpha + B/D**beta + F/X**chi", bounds={"chi": (0.01, 2)})
    few = noisy.take(range(8))
    fit = law.fit(Runs(few.N, few.D, few.L, extra={"X": np.arange(1.0, 9)}))
    with pytest.raises(FitError, match=r"nothing to measure|edge"):
        covariance(fit)
    X = Runs(noisy.N, noisy.D, noisy.L, extra={"X": np.linspace(1, 2, len(noisy))})
    other = law.fit(X)
    if not other.edges:
        with pytest.raises(ValueError, match="no statistic 'N_opt'"):
            covariance(other).interval("N_opt", 1e22)
