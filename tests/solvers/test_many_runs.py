"""Many runs: the same answers, in linear time, in memory that does not grow with the work."""

import sys
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from scalinglab import (
    CHINCHILLA,
    Huber,
    Runs,
    Squared,
    bootstrap,
    fit_vpnls,
    load_llama3,
)
from scalinglab.fitting import objective_map, run_concerns
from scalinglab.fitting.concerns import surface_concerns
from scalinglab.fitting.linearised import Linearised
from scalinglab.fitting.odd_runs import odd_runs
from scalinglab.fitting.run_concerns import shared_errors
from scalinglab.solvers import variable_projection
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.newton import newton
from scalinglab.solvers.projection import map_rss
from scalinglab.uncertainty import resampling

LETTERS = ("E", "A", "B", "alpha", "beta")


def many(n, seed=0, noise=0.01):
    rng = np.random.default_rng(seed)
    N, D = np.exp(rng.uniform(16, 25, n)), np.exp(rng.uniform(20, 30, n))
    return Runs(N, D, CHINCHILLA.loss(N, D) + noise * rng.standard_normal(n))


def checkpoints(curves=40, points=400):
    """Training curves: few sizes, many token counts, losses falling along each."""
    N = np.repeat(np.geomspace(1e7, 1e10, curves), points)
    D = np.tile(np.geomspace(1e8, 1e12, points), curves)
    return Runs(
        N, D, CHINCHILLA.loss(N, D) * np.exp(0.002 * np.random.default_rng(1).standard_normal(len(N)))
    )


def two_families():
    """Runs of two surfaces together, so that the map has more than one valley."""
    first = many(12_000, noise=0.0)
    L = np.where(np.arange(12_000) % 3, first.L, 1.2 + 900 * first.N**-0.6 + 50 * first.D**-0.15)
    return Runs(first.N, first.D, L)


@pytest.mark.parametrize("loss", [Squared(), Huber(1e-3)], ids=str)
@pytest.mark.parametrize(
    "runs", [many(15_000), checkpoints(), two_families()], ids=["random", "curves", "two"]
)
def test_starting_from_cells_ends_where_starting_from_all_runs_ends(monkeypatch, runs, loss):
    assert len(runs) > variable_projection.MANY
    gathered = fit_vpnls(runs, loss)
    monkeypatch.setattr(variable_projection, "MANY", len(runs))
    plain = fit_vpnls(runs, loss)
    assert gathered.objective == pytest.approx(plain.objective, rel=1e-12)
    for letter in LETTERS:
        # an objective good to 1e-12 fixes parameters to its root
        assert getattr(gathered.surface, letter) == pytest.approx(getattr(plain.surface, letter), rel=1e-7)
    assert gathered.concerns == plain.concerns


def test_the_optimum_of_many_runs_cannot_be_polished_further():
    runs = many(50_000)
    fit, logs = fit_vpnls(runs), CentredLogs.of(runs)
    s = fit.surface
    A, B = s.A * np.exp(-s.alpha * logs.log_N0), s.B * np.exp(-s.beta * logs.log_D0)
    again = newton(logs, Squared(), np.array([s.E, A, B, s.alpha, s.beta]) * 1.001)
    assert fit.objective == pytest.approx(again.objective, rel=1e-12)
    assert (
        map_rss(logs, s.alpha * np.array([0.9, 1, 1.1]), s.beta * np.array([0.9, 1, 1.1]), None).argmin() == 4
    )


def test_clean_runs_come_back_exactly():
    s = fit_vpnls(many(40_000, noise=0.0)).surface
    for letter in LETTERS:
        assert getattr(s, letter) == pytest.approx(getattr(CHINCHILLA, letter), rel=1e-10)


def test_a_map_in_blocks_is_the_map_at_once():
    logs, exponents = CentredLogs.of(many(9_000)), np.geomspace(0.05, 1.5, 150)
    together = map_rss(logs, exponents, exponents, None)  # three blocks of runs, two tiles each way
    for j, k in ((0, 0), (149, 149), (60, 50), (127, 128), (3, 140)):
        alone = map_rss(logs, exponents[[j]], exponents[[k]], None)
        assert together[j, k] == pytest.approx(alone.item(), rel=1e-11)


def test_budgets_are_found_as_by_walking_through_the_sorted_runs():
    rng = np.random.default_rng(4)
    for C in (
        np.exp(rng.uniform(30, 60, 6000)),
        rng.choice(np.geomspace(1e17, 1e21, 9), 500) * np.exp(rng.uniform(-0.004, 0.004, 500)),
        np.exp(0.0025 * np.arange(3000)),
        np.array([5e18]),
        np.array([1e-300, 1e300, 1.0]),
    ):
        runs = Runs(np.ones_like(C), np.ones_like(C), np.ones_like(C), C)
        order = np.argsort(C, kind="stable")
        member, medians, start = np.empty(len(C), int), [], 0
        while start < len(C):
            group = order[start:][C[order[start:]] <= C[order[start]] * np.exp(0.01)]
            member[group] = len(medians)
            medians.append(np.median(C[group]))
            start += len(group)
        values, found = runs.by_budget()
        np.testing.assert_array_equal(values, medians)
        np.testing.assert_array_equal(found, member)


def test_sums_by_budget_are_those_of_each_budget():
    runs = checkpoints(3, 5000)
    sums = runs.sums_by_budget(lambda rows: (np.ones_like(runs.L[rows]), runs.L[rows]))
    for k in (0, 100, -1):
        there = runs.at(runs.budgets[k])
        assert sums[0, k] == len(there)
        assert sums[1, k] == pytest.approx(there.L.sum())


def calls(work):
    """How many functions are called at work, those of numpy among them."""
    counted = 0

    def count(frame, event, argument):
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def test_work_grows_no_faster_than_the_runs():
    """Sixteen times the runs, in arrays or blocks of no more than all of them: at most a few more steps."""
    few, lots = many(20_000), many(320_000)
    for work in (fit_vpnls, lambda runs: Runs(runs.N, runs.D, runs.L).budgets):
        assert calls(lambda work=work: work(lots)) < 1.5 * 16 * calls(lambda work=work: work(few))


def peak(work):
    """Most bytes held at once while at work, over what was held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_fit_needs_little_more_than_two_columns():
    runs = many(400_000)
    assert peak(lambda: fit_vpnls(runs)) < 10e6  # 6.4 MB are the logs; at ten million 200 MB
    assert peak(lambda: surface_concerns(CHINCHILLA, Runs(runs.N, runs.D, runs.L))) < 20e6


def test_memory_does_not_grow_with_the_draws(monkeypatch):
    runs = load_llama3()
    fit = fit_vpnls(runs)
    monkeypatch.setattr(resampling, "DRAWN", 100 * len(runs))
    small, large = (
        peak(lambda draws=draws: bootstrap(runs, fit, draws, np.random.default_rng(0)))
        for draws in (100, 700)
    )
    returned = 8 * 5 * 600  # five doubles for each further draw; twice while blocks are joined
    assert large - small < 4 * returned
    assert 8 * len(runs) * 600 > 20 * returned


@pytest.mark.parametrize("kind", ["pairs", "residual", "wild"])
def test_blocks_of_draws_are_counted_and_joined(monkeypatch, kind):
    runs = load_llama3()
    fit = fit_vpnls(runs)
    monkeypatch.setattr(resampling, "DRAWN", 40 * len(runs))
    boot = bootstrap(runs, fit, 100, np.random.default_rng(3), kind)
    assert boot.draws == len(boot.values("a")) == 100
    assert len(np.unique(boot.values("a"))) == 100
    first = bootstrap(runs, fit, 40, np.random.default_rng(3), kind)
    np.testing.assert_array_equal(boot.values("a")[:40], first.values("a"))


def test_threads_change_nothing_above_rounding():
    """Fits, maps and draws: what products of matrices do."""

    def answers(threads):
        found, exponents = [], np.geomspace(0.05, 1, 120)
        with threadpool_limits(threads, user_api="blas"):
            for runs in (load_llama3(), many(9000)):
                for fit in (fit_vpnls(runs), fit_vpnls(runs, Huber(0.01))):
                    found += [getattr(fit.surface, letter) for letter in LETTERS] + [fit.objective]
                first = runs.take(np.arange(133))
                found += objective_map(first, exponents, exponents)[::13, ::13].ravel().tolist()
            llama3 = load_llama3()
            boot = bootstrap(llama3, fit_vpnls(llama3), 200, np.random.default_rng(0))
        return found + boot.values("a").tolist()

    np.testing.assert_allclose(answers(2), answers(1), rtol=1e-12)


def test_a_budget_shift_is_judged_by_how_many_budgets_are_compared():
    """Errors of independent runs raise no alarm among a thousand budgets; a shared error still does."""
    many_budgets = [many(20_000, seed) for seed in range(5)]
    for runs in many_budgets:
        assert len(runs.budgets) > 1000
        assert fit_vpnls(runs).concerns == ()
    runs = many_budgets[0]
    _, places = runs.by_budget()
    sizes = np.bincount(places)
    struck = int(np.argmax(sizes))
    L = runs.L + np.where(places == struck, 6 * 0.01 / np.sqrt(sizes[struck]), 0.0)
    (sentence,) = fit_vpnls(Runs(runs.N, runs.D, L)).concerns
    assert f"the {sizes[struck]} runs of budget {runs.budgets[struck]:.3g} lie above" in sentence


def test_ten_budgets_of_independent_errors_raise_an_alarm_as_often_as_promised(monkeypatch):
    C = np.repeat(np.geomspace(1e18, 1e21, 10), 12)
    N = np.sqrt(C / 120) * np.tile(np.geomspace(0.25, 4, 12), 10)
    D = C / (6 * N)
    rng = np.random.default_rng(0)
    monkeypatch.setattr(run_concerns, "FALSE_ALARMS", 0.2)
    alarms = 0
    for _ in range(600):
        L = CHINCHILLA.loss(N, D) + 0.01 * rng.standard_normal(120)
        runs = Runs(N, D, L)
        found = Linearised(CHINCHILLA, runs, Squared())
        alarms += bool(shared_errors(runs, found, odd_runs(found), runs.sums_by_budget(found.add)))
    # the chance is 1 - 0.98^10 = 18 %, so 110 are expected, with a standard deviation of 9
    assert 82 < alarms < 138
