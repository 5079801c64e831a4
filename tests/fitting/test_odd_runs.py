"""Fits name the runs that do not belong, by row, and blame nobody else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hard_problems import hard_problem

from scalinglab import Huber, Runs, covariance, fit_approach3, fit_vpnls, profile
from scalinglab.fitting.concerns import MOST
from scalinglab.fitting.linearised import Linearised
from scalinglab.fitting.odd_runs import odd_runs
from scalinglab.laws import CHINCHILLA_REFIT as TRUTH

EPOCH = Path(__file__).parents[2].parent / "shared" / "data" / "public" / "epoch-chinchilla.csv"


def isoflops(budgets, reach, points):
    C = np.repeat(budgets, points)
    N = np.concatenate([np.geomspace(1 / reach, reach, points) * TRUTH.N_opt(c) for c in budgets])
    return N, C / 6 / N, C


def ladder(sizes, tokens):
    N, D = (column.ravel() for column in np.meshgrid(sizes, tokens, indexing="ij"))
    return N, D, 6 * N * D


THREE_BY_SIX = isoflops([1e19, 3e19, 1e20], 4, 6)
FIVE_BY_TWELVE = isoflops(np.geomspace(1e18, 1e21, 5), 8, 12)
LADDER = ladder(np.geomspace(5e7, 3e9, 6), np.geomspace(1e9, 1e11, 6))


def study(design, noise, seed, raised=(), by=0.0):
    N, D, C = design
    L = TRUTH.loss(N, D) + noise * np.random.default_rng(seed).standard_normal(len(N))
    L[list(raised)] += by
    return Runs(N, D, L, C)


def odd(fit):
    return set(odd_runs(Linearised.of(fit.surface, fit.runs, fit.loss)).rows.tolist())


def said(fit, word):
    return [sentence for sentence in fit.concerns if word in sentence]


@pytest.mark.parametrize("by", [0.05, 0.1, 0.4, 1.2])
@pytest.mark.parametrize("row", [5, 0, 17, 8])
def test_one_raised_run_of_eighteen_is_named_whatever_its_place(row, by):
    fit = fit_vpnls(study(THREE_BY_SIX, 0.004, row, [row], by))
    (sentence,) = said(fit, "of the other runs")
    assert sentence.startswith(f"row {row} lies")
    assert not said(fit, "together")
    without = fit_vpnls(fit.runs.take(np.arange(18) != row))
    assert f"a is {without.a:.3f} instead of {fit.a:.3f}" in sentence
    assert without.a == pytest.approx(TRUTH.a, abs=0.05)
    assert without.concerns == ()


@pytest.mark.parametrize("loss", [Huber(0.004), Huber(1e-3, log=True)])
def test_a_robust_fit_names_it_too(loss):
    runs = study(THREE_BY_SIX, 0.004, 3, [5], 0.2)
    fit = (fit_approach3 if loss.log else fit_vpnls)(runs, loss)
    assert said(fit, "of the other runs")[0].startswith("row 5 lies")


@pytest.mark.parametrize("seed", range(3))
def test_an_unfinished_run_on_the_recommended_path_is_named(seed):
    row = int(np.random.default_rng(seed).integers(60))
    fit = fit_vpnls(study(FIVE_BY_TWELVE, 0.006, seed, [row], 0.35))
    assert said(fit, "of the other runs")[0].startswith(f"row {row} lies 0.3")


@pytest.mark.parametrize("rows", [[0, 1], [0, 1, 12], [0, 12, 24], [0, 1, 2, 12, 13, 14, 24, 25]])
@pytest.mark.parametrize("loss", [None, Huber(0.006)])
def test_raised_neighbours_cannot_hide_each_other(rows, loss):
    fit = fit_vpnls(study(FIVE_BY_TWELVE, 0.006, len(rows), rows, 0.35), loss)
    assert odd(fit) == set(rows)
    (sentence,) = said(fit, "of the others")
    assert sentence.startswith(f"{len(rows)} runs lie above the surface of the others: row")
    keep = ~np.isin(np.arange(60), rows)
    assert f"a is {fit_vpnls(fit.runs.take(keep), loss).a:.3f} instead of {fit.a:.3f}" in sentence


def test_two_at_the_corner_of_a_ladder_are_both_named_most_of_the_time():
    """Raised by six times the noise; 120 studies outside the tests: 73 %."""
    fits = [fit_vpnls(study(LADDER, 0.01, seed, [30, 31], 0.06)) for seed in range(30)]
    assert np.mean([{30, 31} <= odd(fit) for fit in fits]) >= 0.5


def any_design(rng, size):
    """IsoFLOP curves or a ladder with about so many runs."""
    several = int(rng.integers(3, 13))
    each = max(4, round(size / several))
    top = 10 ** rng.uniform(19.5, 21.5)
    if rng.random() < 0.5:
        return isoflops(np.geomspace(1e18, top, several), rng.uniform(2, 10), each)
    return ladder(np.geomspace(5e7, 1e-11 * top, several), np.geomspace(1e9, 1e11, each))


def test_studies_of_18_to_130_runs_name_what_was_raised():
    """By six times the noise, one and two at an end of a budget; 2000 studies outside the tests: 93, 74 %."""
    one, two = [], []
    for seed in range(40):
        rng = np.random.default_rng([13, seed])
        design = any_design(rng, rng.integers(18, 131))
        noise, row = np.exp(rng.uniform(np.log(0.002), np.log(0.05))), int(rng.integers(len(design[0])))
        one.append(row in odd(fit_vpnls(study(design, noise, seed, [row], 6 * noise))))
        two.append({0, 1} <= odd(fit_vpnls(study(design, noise, seed, [0, 1], 6 * noise))))
    assert np.mean(one) >= 0.85
    assert np.mean(two) >= 0.6


def test_clean_runs_are_not_accused():
    designs = (THREE_BY_SIX, 0.004), (FIVE_BY_TWELVE, 0.05), (LADDER, 0.01)
    fits = [fit_vpnls(study(*design, seed)) for design in designs for seed in range(20)]
    assert sum(fit.concerns != () for fit in fits) <= 2


def test_a_budget_is_blamed_for_what_its_runs_do_together_not_for_one_of_them():
    noise, row = 0.004, 27
    one = fit_vpnls(study(FIVE_BY_TWELVE, noise, 1, [row], 0.06))
    assert not said(one, "together")
    both = study(FIVE_BY_TWELVE, noise, 1, [row], 0.1)
    L = both.L + np.where(np.isclose(both.C, both.budgets[3]), 0.01, 0.0)
    fit = fit_vpnls(Runs(both.N, both.D, L, both.C))
    assert odd(fit) == {row}
    assert f"budget {both.budgets[3]:.3g}" in said(fit, "together")[0]


@pytest.mark.skipif(not EPOCH.exists(), reason="the public tables are not beside the repository")
def test_the_eight_undertrained_runs_of_a_public_table_are_named():
    table = pd.read_csv(EPOCH)
    N, C = table["Model Size"].to_numpy(), table["Training FLOP"].to_numpy()
    runs = Runs(N, C / 6 / N, table["loss"].to_numpy(), C)
    undertrained = set(np.argsort(runs.D)[[0, 1, 2, 3, 4, 5, 6, 7]].tolist())
    for fit in (fit_vpnls(runs), fit_vpnls(runs, Huber(0.01)), fit_approach3(runs)):
        assert undertrained <= odd(fit)
        assert len(odd(fit)) <= 9
        assert "instead of" in said(fit, "of the others")[0]


def test_of_very_many_runs_those_far_off_are_named():
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(17, 23, 20_000)), np.exp(rng.uniform(20, 26, 20_000))
    L = TRUTH.loss(N, D) + 0.01 * rng.standard_normal(20_000)
    rows = [17, 8_500, 8_501, 19_999]
    L[rows] += [0.2, 0.1, -0.1, 0.5]
    fit = fit_vpnls(Runs(N, D, L))
    assert odd(fit) == set(rows)
    assert said(fit, "4 runs lie far off")


def test_a_run_that_carries_the_fit_is_named_though_it_lies_on_it():
    """A single far-away size fixes alpha almost alone: whatever its error is, the fit follows it."""
    N, D, _ = ladder(np.geomspace(8e8, 2.2e9, 4), np.geomspace(1e9, 1e11, 5))
    N, D = np.append(N, 1e8), np.append(D, 1e10)
    found = []
    for seed in range(15):
        L = TRUTH.loss(N, D) + 0.002 * np.random.default_rng(seed).standard_normal(21)
        found += said(fit_vpnls(Runs(N, D, L)), "hangs on")
    assert len(found) >= 8
    assert all("hangs on row 20" in sentence for sentence in found)


def test_an_answer_hardly_determined_says_so_and_the_remedies_work():
    D = np.array([0.26, 0.52, 1.05, 1.57, 4.2, 16.8]) * 1e9
    losses = {
        5.7e7: [5.20, 4.44, 4.03, None, 3.66, None],
        7.7e7: [5.26, 4.44, 3.91, 3.75, None, 3.34],
        1.14e8: [5.17, 4.36, 3.87, 3.68, 3.40, 3.21],
        1.77e8: [5.18, 4.29, 3.74, 3.56, 3.29, None],
    }
    N, D, L = np.array([(n, d, y) for n, row in losses.items() for d, y in zip(D, row, strict=True) if y]).T
    fit = fit_vpnls(Runs(N, D, L))
    (sentence,) = said(fit, "hardly determined")
    assert "0.76" in sentence
    assert "a is 0.80 ± 0.76" in str(fit)
    assert covariance(fit).standard_error("a") == pytest.approx(0.76, abs=0.01)
    assert profile(fit, "a").interval.high > fit.a
    wider = ladder(np.geomspace(5e7, 5e9, 4), np.geomspace(2.6e8, 1.7e10, 5))
    assert not said(fit_vpnls(study(wider, 0.04, 0)), "hardly determined")


def test_no_table_has_more_than_six_concerns():
    rng = np.random.default_rng(2)
    N = np.exp(rng.uniform(17, 17.1, 8))
    fit = fit_vpnls(Runs(N, 20 * N, 3 + rng.standard_t(1, 8) * 0.1 + np.arange(8), 1e18 * N))
    assert 1 < len(fit.concerns) <= MOST == 6


@pytest.mark.parametrize("problem", [(1796019999, 918), (1796020436, 503)])
def test_few_runs_that_leave_nothing_to_judge_by_name_none(problem):
    """Small hard problems on which what is left of the runs fixes the law and no more."""
    runs, loss = hard_problem(np.random.default_rng(problem), False)
    assert not any("surface of the other" in told for told in fit_vpnls(runs, loss).concerns)
