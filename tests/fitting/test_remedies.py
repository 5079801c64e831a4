"""What a concern of a surface fit advises, done: it works."""

import re

import numpy as np
import pytest

from scalinglab import CHINCHILLA, IsoflopDesign, Runs, fit_approach3, fit_vpnls
from scalinglab.fitting import hoffmann_starts

DESIGN = IsoflopDesign(np.geomspace(1e18, 1e21, 6), reach=6, points=9)


def said(fit, word):
    return [sentence for sentence in fit.concerns if word in sentence]


@pytest.mark.parametrize("budget", [0, 2, 5])
def test_without_the_budget_whose_runs_err_together_nothing_is_said(budget):
    clean = DESIGN.runs(CHINCHILLA, noise=0.004, rng=np.random.default_rng(budget))
    shifted = np.isclose(clean.C, clean.budgets[budget], rtol=1e-3)
    fit = fit_vpnls(Runs(clean.N, clean.D, clean.L + 0.02 * shifted, clean.C))
    (sentence,) = said(fit, "Refit without that budget and compare")
    C = float(re.search(r"of budget (\S+) lie", sentence)[1])
    without = fit.runs.take(np.abs(np.log(fit.runs.C / C)) > 0.02)
    assert len(without) == 45
    assert fit_vpnls(without).concerns == ()


def test_leaving_out_starts_or_giving_more_finds_the_minimum_that_one_missed(llama3):
    missed = fit_approach3(llama3, starts=[[15, 0, -1, 0, 0]])
    (sentence,) = said(missed, "not the minimum")
    assert "Leave out starts, or give more of them" in sentence
    assert sentence in missed.concerns[:2]
    for again in (fit_approach3(llama3), fit_approach3(llama3, starts=hoffmann_starts()[::500])):
        assert not said(again, "not the minimum")
        assert again.objective < missed.objective


def test_runs_at_the_ratios_advised_tell_the_terms_apart():
    N = np.geomspace(1e8, 1e10, 12)
    rng = np.random.default_rng(0)
    L = CHINCHILLA.loss(N, 20 * N) + 0.002 * rng.standard_normal(12)
    (sentence,) = said(fit_vpnls(Runs(N, 20 * N, L)), "all runs share D/N")
    ratios = [float(number) for number in re.search(r"add runs at (\S+) and (\S+) tokens", sentence).groups()]
    N3, D3 = np.tile(N, 3), np.concatenate([20 * N, *(ratio * N for ratio in ratios)])
    fit = fit_vpnls(Runs(N3, D3, CHINCHILLA.loss(N3, D3) + 0.002 * rng.standard_normal(36)))
    assert fit.concerns == ()
    low, high = fit.recommend(1e22, level=0.999).N_interval
    assert low < CHINCHILLA.N_opt(1e22) < high < 2 * low
