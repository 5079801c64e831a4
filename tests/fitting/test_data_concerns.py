"""Tables that are not what they seem: each kind with random variations, and the remedy followed."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    IsoflopDesign,
    Runs,
    TrainingCurves,
    best_of_repeats,
    bootstrap,
    fit_approach1,
    fit_approach2,
    fit_vpnls,
    mean_of_repeats,
    screen,
)
from scalinglab.data import simulate_curves
from scalinglab.fitting.data_concerns import UNITS, data_concerns
from scalinglab.fitting.repeats_and_checkpoints import checkpoint_concerns, repeat_concerns

PUBLIC = Path(__file__).parents[3] / "shared/data/public"
needs_tables = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public tables are not beside the repository"
)


def isoflop(rng, noise=0.0, points=None, budgets=None):
    """IsoFLOP curves of a random design."""
    C = 10 ** rng.uniform(17, 20) * rng.uniform(2, 5) ** np.arange(budgets or rng.integers(3, 7))
    design = IsoflopDesign(C, reach=rng.uniform(3, 12), points=points or int(rng.integers(5, 10)))
    return design.runs(CHINCHILLA, noise, rng)


def cells(rng, repeats, k=None):
    """Repeated N and D at k random places."""
    k = k or int(rng.integers(12, 60))
    N = np.exp(rng.uniform(17, 23, k))
    return np.repeat(N, repeats), np.repeat(N * np.exp(rng.uniform(1, 5, k)), repeats)


def said_of_truth(N, D, errors, extra=None):
    """What is said of runs that are off a known surface by these errors."""
    runs = Runs(N, D, CHINCHILLA.loss(N, D) + errors, extra=extra)
    return runs, repeat_concerns(runs, runs.L - CHINCHILLA.loss(N, D), len(runs) - 5)


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_of_compute_is_named_and_its_factor_works(unit):
    rng = np.random.default_rng(len(unit))
    for scatter in (0.0, 0.1):
        r = isoflop(rng, 0.01)
        counted = r.C * rng.uniform(0.9, 1.1) * np.exp(scatter * rng.uniform(-1, 1, len(r)))
        (said, *_) = data_concerns(Runs(r.N, r.D, r.L, counted / UNITS[unit]))
        assert f"C stands in {unit} " in said
        factor = float(re.search(r"multiply it by ([\de.+]+)", said)[1])
        rest = data_concerns(Runs(r.N, r.D, r.L, counted / UNITS[unit] * factor))
        assert not any("stands in" in sentence for sentence in rest)
        assert data_concerns(Runs(r.N, r.D, r.L)) == []


def test_a_constant_factor_of_compute_is_told_from_a_unit():
    rng = np.random.default_rng(1)
    for factor in (1.07, 0.9, 1 / 3, rng.uniform(1.1, 3)):
        r = isoflop(rng, 0.01)
        (said,) = data_concerns(Runs(r.N, r.D, r.L, r.C * factor))
        assert f"C is {factor:.3g} times 6ND in every run" in said
        assert "embeddings or attention" in said
    (said,) = data_concerns(Runs(r.N, r.D, r.L, r.C * 3.02e-3))
    assert "C is 0.00302 times 6ND" in said
    assert "find the factor" in said


@pytest.mark.parametrize(("n", "d"), [(1e6, 1e9), (1e9, 1e9), (1e6, 1.0), (1.0, 1e9), (1.0, 1e6)])
def test_counts_in_millions_and_billions_are_noticed(n, d):
    rng = np.random.default_rng(2)
    for _ in range(10):
        r = isoflop(rng, 0.01)
        for C in (None, r.C, r.C / n / d):
            (said,) = data_concerns(Runs(r.N / n, r.D / d, r.L, C))
            assert "multiply them out" in said


def test_toys_are_no_units():
    rng = np.random.default_rng(3)
    for _ in range(20):
        N = 10 ** rng.uniform(3.1, 6, 30)
        D = N * 10 ** rng.uniform(-0.2, 4, 30)
        assert data_concerns(Runs(N, D, CHINCHILLA.loss(N, D))) == []


def test_an_accuracy_is_asked_for_and_its_error_is_fitted():
    rng = np.random.default_rng(4)
    for _ in range(30):
        r = isoflop(rng)
        error = r.L / rng.uniform(1.2, 3) / r.L.max() + 0.001 * rng.standard_normal(len(r))
        accuracy = Runs(r.N, r.D, 1 - error, r.C)
        (said,) = data_concerns(accuracy)
        assert "is the column an accuracy?" in said
        with pytest.raises(FitError, match="is the column an accuracy"):
            fit_approach2(accuracy)
        assert data_concerns(Runs(r.N, r.D, 1 - accuracy.L, r.C)) == []


def test_blurred_budgets_are_counted_and_the_remedy_works():
    rng = np.random.default_rng(5)
    for _ in range(5):
        r = isoflop(rng, points=7)
        D = r.D * np.exp(rng.uniform(0.02, 0.04) * rng.uniform(-1, 1, len(r)))
        blurred = Runs(r.N, D, CHINCHILLA.loss(r.N, D) + 0.001 * rng.standard_normal(len(r)))
        (said,) = data_concerns(blurred)
        assert f"{len(blurred.budgets)} budgets for {len(r)} runs: they look like {len(r.budgets)} " in said
        with pytest.raises(ValueError, match=rf"look like {len(r.budgets)}: group them|lie on no"):
            screen(blurred)
        rtol = float(re.search(r"rtol=([\d.]+)", said)[1])
        for grouped in (blurred.group(rtol=rtol), blurred.group(budgets=r.budgets)):
            assert len(grouped.budgets) == len(r.budgets)
            assert data_concerns(grouped) == []
            assert f"{len(r)} runs were grouped at {len(r.budgets)} nominal budgets" in grouped.notes[0]
            fit = fit_approach2(grouped, extrapolate=True)
            assert fit.a == pytest.approx(fit_approach2(r, extrapolate=True).a, abs=0.06)
    assert len(screen(grouped).kept) > 0
    assert np.isfinite(bootstrap(grouped, fit_approach2(grouped), 20, rng).interval("a").low)


def test_a_run_far_from_every_budget_is_named():
    runs = isoflop(np.random.default_rng(6), budgets=3, points=5)
    with pytest.raises(ValueError, match=r"within 25% of rows 10, 11, 12 and 2 more"):
        runs.group(budgets=runs.budgets[:2])
    with pytest.raises(ValueError, match="rtol is 5"):
        runs.group(rtol=5)


def test_three_learning_rates_at_every_size_are_always_said():
    rng = np.random.default_rng(7)
    for _ in range(40):
        N, D = cells(rng, 3)
        noise = rng.uniform(0.002, 0.02)
        depth = rng.uniform(7, 20) * noise
        rate = np.tile([-1.0, 0.0, 1.0], len(N) // 3)
        errors = depth * (rate - rng.uniform(-0.3, 0.3)) ** 2 + noise * rng.standard_normal(len(N))
        order = rng.permutation(len(N))
        runs, (said,) = said_of_truth(N[order], D[order], (errors - errors.mean())[order])
        assert said.startswith(f"{len(N) * 2 // 3} runs repeat another's N and D, up to ")
        best = best_of_repeats(runs)
        assert len(best) == len(N) // 3
        assert repeat_concerns(best, best.L - CHINCHILLA.loss(best.N, best.D), len(best) - 5) == []
        assert best.L.sum() == pytest.approx(sum(runs.L[size == runs.N].min() for size in np.unique(N)))


def test_a_tuned_column_is_named_whatever_the_spread():
    N, D = cells(np.random.default_rng(8), 2, 20)
    errors = 0.001 * np.random.default_rng(9).standard_normal(40)
    _, (said,) = said_of_truth(N, D, errors, {"peak_lr": np.tile([1e-3, 2e-3], 20), "seed": np.arange(40)})
    assert "(peak_lr differs)" in said
    assert said_of_truth(N, D, errors, {"peak_lr": np.full(40, 1e-3), "seed": np.arange(40)})[1] == []


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_equal_noise_is_no_disagreement(repeats):
    rng = np.random.default_rng(10)
    said = 0
    for _ in range(60):
        N, D = cells(rng, repeats)
        errors = rng.uniform(0.002, 0.05) * rng.standard_normal(len(N))
        said += len(said_of_truth(N, D, errors)[1])
    assert said <= 1


def test_repeats_that_agree_show_what_the_law_lacks():
    rng = np.random.default_rng(11)
    for _ in range(20):
        N, D = cells(rng, 3)
        bump = 0.03 * np.sin(2 * np.log(N))
        (said,) = said_of_truth(N, D, bump + 0.002 * rng.standard_normal(len(N)))[1]
        assert "their means lie 0.0" in said


def test_copies_are_said_to_be_copies():
    N, D = cells(np.random.default_rng(12), 2, 20)
    runs, (said,) = said_of_truth(N, D, np.repeat(np.random.default_rng(13).normal(0, 0.01, 20), 2))
    assert said.startswith("20 runs are copies of another")
    assert len(best_of_repeats(runs)) == 20


def test_means_of_repeats_keep_what_agrees():
    extra = {"lr": [1.0, 2, 3], "name": ["a", "b", "c"], "width": [5.0, 5, 6]}
    mean = mean_of_repeats(Runs([1e8, 1e8 * (1 + 1e-12), 2e8], [4e9, 4e9, 2e9], [3.2, 3.0, 2.9], extra=extra))
    np.testing.assert_allclose(mean.L, [3.1, 2.9])
    assert np.isnan(mean.extra["lr"][0])
    assert mean.extra["name"].tolist() == ["", "c"]
    assert mean.extra["width"].tolist() == [5, 6]
    assert mean.notes == ("The losses of 3 runs were averaged at 2 different (N, D).",)


def test_checkpoints_are_recognised_and_the_remedy_works():
    rng = np.random.default_rng(14)
    for _ in range(20):
        k, steps = int(rng.integers(4, 8)), int(rng.integers(20, 80))
        sizes = 1e8 * rng.uniform(1.5, 3) ** np.arange(k)
        curves = simulate_curves(CHINCHILLA, sizes, [2e10], steps, undecayed=rng.uniform(0.05, 0.3))
        jitter = rng.standard_normal((k, steps + 9))
        slow = 0.005 * np.array([np.convolve(row, np.ones(10), "valid") / 10**0.5 for row in jitter])
        runs = Runs(np.repeat(sizes, steps), curves.D.ravel(), (curves.L + slow).ravel())
        said = checkpoint_concerns(runs, runs.L - CHINCHILLA.loss(runs.N, runs.D))
        assert said[0].startswith(f"{k * steps} losses of {k} sizes follow one another along D")
        worth = int(re.search(r"as much as (\d+) independent", said[0])[1])
        assert k <= worth < k * steps / 2
    assert fit_approach1(TrainingCurves(curves.N, curves.horizon, curves.D, curves.L + slow)).a > 0


@pytest.mark.parametrize("tokens", [3, 5, 10, 25])
def test_a_ladder_of_runs_is_no_checkpoint(tokens):
    rng = np.random.default_rng(15)
    said = 0
    for _ in range(60):
        N, D = np.meshgrid(5e7 * 2.0 ** np.arange(rng.integers(3, 11)), 1e9 * 1.5 ** np.arange(tokens))
        runs = Runs(N.ravel(), D.ravel(), CHINCHILLA.loss(N, D).ravel())
        said += len(checkpoint_concerns(runs, rng.uniform(0.002, 0.05) * rng.standard_normal(N.size)))
    assert said == 0


def test_runs_on_no_curve_are_refused_in_a_sentence():
    rng = np.random.default_rng(16)
    for count in (12, 150):
        N, D = np.exp(rng.uniform(17.7, 22.3, count)), np.exp(rng.uniform(20.7, 25.3, count))
        runs = Runs(N, D, CHINCHILLA.loss(N, D))
        with pytest.raises(FitError, match=rf"no IsoFLOP curves \({count} runs at .* fit_vpnls") as refused:
            fit_approach2(runs)
        assert len(str(refused.value)) < 300
        assert fit_vpnls(runs).a == pytest.approx(CHINCHILLA.a, abs=1e-6)
        with pytest.raises(ValueError, match=r"lie on no IsoFLOP curves.*fit_vpnls") as refused:
            screen(runs)
        assert len(str(refused.value)) < 500


def test_many_budgets_left_out_are_one_sentence():
    rng = np.random.default_rng(17)
    C = 1e18 * 1.3 ** np.arange(40)
    r = IsoflopDesign(C, points=5).runs(CHINCHILLA, 0.001, rng)
    L = np.where(np.repeat(np.arange(40) % 2 == 0, 5), r.L, 6 - r.L)
    fit = fit_approach2(Runs(r.N, r.D, L, r.C))
    assert any(re.match(r"20 of 40 budgets were left out \(.* and 17 more\)", said) for said in fit.concerns)
    assert sum(map(len, fit.concerns)) < 1500
    with pytest.raises(FitError) as refused:
        fit_approach2(Runs(r.N, r.D, np.where(r.C < 2e18, r.L.max() + np.cos(np.arange(200)), 6 - r.L), r.C))
    assert len(str(refused.value)) < 1500


def test_three_runs_leave_nothing_to_judge_a_parabola_by():
    rng = np.random.default_rng(18)
    for points in (3, 4):
        r = isoflop(rng, points=points, budgets=4)
        said = any(
            "through three runs exactly" in sentence
            for sentence in fit_approach2(r, extrapolate=True).concerns
        )
        assert said == (points == 3)


@pytest.mark.parametrize(("factor", "shrinks"), [(0.6, "size"), (20.0, "token count")])
def test_a_best_size_that_shrinks_is_a_concern(factor, shrinks):
    C, step = np.repeat([1e18, 1e19, 1e20], 5), np.repeat(np.arange(3), 5)
    vertex = np.log(3e8) + step * np.log(factor)
    N = np.exp(vertex + np.tile(np.log([0.25, 0.5, 1, 2, 4]), 3))
    fit = fit_approach2(Runs(N, C / 6 / N, 3.4 - 0.3 * step + 0.03 * (np.log(N) - vertex) ** 2, C))
    assert f"the best {shrinks} would shrink" in fit.concerns[0]


def test_llama3_has_nothing_to_say_about_its_table(llama3):
    assert data_concerns(llama3) == []
    fit = fit_vpnls(llama3)
    assert repeat_concerns(llama3, fit.residuals, fit.freedom) == []


@needs_tables
@pytest.mark.parametrize(("name", "repeats"), [("misfitting", 180), ("steplaw-dense", 1894)])
def test_learning_rate_sweeps_are_recognised(name, repeats):
    runs = Runs.read_csv(PUBLIC / f"{name}.csv", {"L": "loss"})
    fit = fit_vpnls(runs)
    (said, *_) = repeat_concerns(runs, fit.residuals, fit.freedom)
    assert said.startswith(f"{repeats} runs repeat another's N and D")
    assert len(best_of_repeats(runs)) == len(runs) - repeats


@needs_tables
def test_checkpoints_of_the_routing_runs_are_recognised():
    table = pd.read_csv(PUBLIC / "routing.csv.gz")
    table = table[(table["router_type"] == "Dense") & (table["step"] > 0) & table["loss_validation"].notna()]
    table["D"] = table["step"] * 256 * 2048
    runs = Runs.from_frame(table, {"N": "total_parameter_count", "L": "loss_validation"})
    fit = fit_vpnls(runs)
    assert "follow one another along D" in repeat_concerns(runs, fit.residuals, fit.freedom)[-1]


@needs_tables
@pytest.mark.parametrize("name", ["marin-dclm", "marin-nemotron"])
def test_marin_needs_its_nominal_budgets(name):
    table = pd.read_csv(PUBLIC / f"{name}.csv").drop(columns="C", errors="ignore")
    names = {"N": "parameter_count", "D": "throughput/total_tokens", "L": "eval/paloma/macro_loss", "C": None}
    bare = table.rename(columns={"throughput/total_gflops": "work"})
    (said,) = data_concerns(Runs.from_frame(bare, {**names, "C": "work"}))
    assert "C stands in GFLOP" in said
    with pytest.raises(FitError, match="no IsoFLOP curves"):
        fit_approach2(Runs.from_frame(table, names))
    table["C"] = table["throughput/total_gflops"] * 1e9
    runs = Runs.from_frame(table, {**names, "C": "C"})
    assert "isoflop" in runs.label(3) or "exp" in runs.label(3)
    assert 0.3 < fit_approach2(runs.take(runs.C < 9e20).group(rtol=0.02)).a < 0.7
