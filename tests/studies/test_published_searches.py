import numpy as np
import pytest
from refusals import not_refused
from scipy.special import huber

from scalinglab import Huber, Squared, fit_approach3, load_chinchilla
from scalinglab.fitting import hoffmann_starts
from scalinglab.laws import CHINCHILLA_UNROUNDED
from scalinglab.studies import published_search, repaired_search, search_from_each

EVERYTHING = load_chinchilla()
RUNS = EVERYTHING.take(np.sort(np.argsort(EVERYTHING.L)[:240]))
MINIMUM = 0.0010185


def independent_objective(x):
    a, b, e, alpha, beta = x
    predicted = np.exp(a) * RUNS.N**-alpha + np.exp(b) * RUNS.D**-beta + np.exp(e)
    return huber(1e-3, np.log(predicted / RUNS.L)).sum()


def test_minimum_of_the_240_runs():
    fit = fit_approach3(RUNS)
    s = fit.surface
    assert f"{fit.objective:.7f} {s.A:.1f} {s.B:.0f} {s.E:.4f}" == "0.0010185 423.3 2467 1.8140"
    assert f"{s.alpha:.4f} {s.beta:.4f}" == "0.3403 0.3742"


@pytest.mark.parametrize(
    "options",
    [{}, {"reduction": "mean"}, {"method": "BFGS", "reduction": "mean"}],
    ids=str,
)
def test_default_tolerances_stop_above_the_minimum(options):
    # how far above, and after how many steps, depends on the last digits of the machine
    stop = published_search(RUNS, CHINCHILLA_UNROUNDED, **options)
    assert stop.converged
    assert stop.objective > 1.01 * MINIMUM
    patient = published_search(RUNS, stop.x, factor=1e6)
    assert patient.objective == pytest.approx(MINIMUM, rel=1e-3)


@pytest.mark.parametrize(
    "options",
    [{"method": "BFGS"}, {"factor": 1e6}, {"ftol": 1e-16, "gtol": 1e-12}],
    ids=str,
)
def test_scaled_or_patient_searches_reach_the_minimum(options):
    stop = published_search(RUNS, CHINCHILLA_UNROUNDED, **options)
    assert stop.objective == pytest.approx(MINIMUM, rel=1e-4)
    assert stop.surface.beta == pytest.approx(0.3742, abs=2e-3)


def test_objective_and_slope_are_those_of_the_sum_whatever_is_minimised():
    for options in ({}, {"reduction": "mean"}, {"factor": 100.0}):
        stop = published_search(RUNS, CHINCHILLA_UNROUNDED, **options)
        assert stop.objective == pytest.approx(independent_objective(stop.x), rel=1e-12)
        numeric = [
            (independent_objective(stop.x + h) - independent_objective(stop.x - h)) / 2e-6
            for h in 1e-6 * np.eye(5)
        ]
        assert stop.slope == pytest.approx(np.abs(numeric).max(), rel=0.02)


def test_history_runs_from_the_start_to_the_stop():
    stop = published_search(RUNS, CHINCHILLA_UNROUNDED, factor=1e6)
    assert len(stop.history) == stop.iterations + 1
    assert (np.diff(stop.history) <= 0).all()
    assert stop.history[-1] == stop.objective


def test_the_mean_is_the_sum_with_wider_tolerances():
    n, ftol = len(RUNS), 2.220446049250313e-09
    mean = published_search(RUNS, CHINCHILLA_UNROUNDED, reduction="mean", gtol=0)
    wide = published_search(RUNS, CHINCHILLA_UNROUNDED, ftol=n * ftol, gtol=0)
    for stop in (mean, wide):  # the points are the same but for rounding, which grows along the way
        np.testing.assert_allclose(stop.history[:6], wide.history[:6], rtol=1e-6)
        gains = -np.diff(stop.history)  # a step that gains less than the tolerance is the last
        assert gains[-1] <= n * ftol
        assert (gains[:-1] > n * ftol).all()


def test_repaired_search_reaches_the_minimum_in_the_units_of_the_runs():
    stop = repaired_search(RUNS, CHINCHILLA_UNROUNDED)
    assert stop.objective == pytest.approx(MINIMUM, rel=1e-4)
    assert independent_objective(stop.x) == pytest.approx(stop.objective, rel=1e-9)
    assert stop.history[0] == pytest.approx(published_search(RUNS, CHINCHILLA_UNROUNDED).history[0], rel=1e-9)


def test_scan_keeps_the_order_of_the_starts_and_passes_options_on():
    starts = hoffmann_starts()[[0, 2000, 4000]]
    loss = Squared(log=True)
    stops = search_from_each(published_search, RUNS, starts, loss=loss, reduction="mean")
    for stop, start in zip(stops, starts, strict=True):
        alone = published_search(RUNS, start, loss, reduction="mean")
        np.testing.assert_array_equal(stop.x, alone.x)


def test_arguments_are_checked():
    bad = [
        ({"method": "Newton"}, "method"),
        ({"reduction": "max"}, "reduction"),
        ({"factor": 0.0}, "factor"),
        ({"method": "BFGS", "ftol": 1e-9}, "ftol"),
    ]
    assert not not_refused(
        (lambda options=options: published_search(RUNS, CHINCHILLA_UNROUNDED, **options), word)
        for options, word in bad
    )


def test_starts_are_five_finite_numbers():
    assert not not_refused(
        (lambda search=search, start=start: search(RUNS, start), "five numbers")
        for search in (published_search, repaired_search)
        for start in ([1.0, 2.0], [np.nan] * 5)
    )


def test_every_single_raw_start_arrives_or_says_that_it_did_not(llama3):
    loss = Huber(1e-3, log=True)
    best = fit_approach3(llama3, loss).objective
    astray = 0
    for start in hoffmann_starts()[194::388]:
        fit = fit_approach3(llama3, loss, starts=[start])
        if fit.objective > 1.002 * best:
            astray += 1
            assert any("not the minimum" in concern for concern in fit.concerns)
    assert astray > 0


def test_llama3_squared_log_residuals_from_raw_starts(llama3):
    for start in hoffmann_starts()[::311]:
        fit = fit_approach3(llama3, Squared(log=True), starts=[start])
        assert np.sum(fit.residuals**2) == pytest.approx(0.0020270, abs=3e-7) or any(
            "not the minimum" in concern for concern in fit.concerns
        )
    assert np.sum(fit_approach3(llama3, Squared(log=True)).residuals ** 2) == pytest.approx(
        0.0020270, abs=3e-7
    )
