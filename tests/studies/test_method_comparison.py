import joblib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import FitError, IsoflopDesign, Runs, approach2_bias, fit_approach2, fit_vpnls, plotting
from scalinglab.fitting import fit_every_budget
from scalinglab.laws import ASYMMETRIC, SYMMETRIC
from scalinglab.studies import (
    Study,
    compare_methods,
    draw_from_one_stream,
    efficiency_studies,
    noise_studies,
    recovery_studies,
)

PAIR = {"Approach 2": fit_every_budget, "VPNLS": fit_vpnls}
FEW = noise_studies(1, points=(4, 8), budgets=(2,), noises=(0.2,))


def refuses_every_other(runs):
    """VPNLS that refuses about half of all studies."""
    if int(1e6 * runs.L[0]) % 2:
        raise FitError("no thanks")
    return fit_vpnls(runs)


@pytest.fixture(scope="module")
def serial():
    return compare_methods(FEW, rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def partly_refused():
    """Six studies by VPNLS, and by one that refuses about half of them."""
    studies = noise_studies(6, points=(8,), budgets=(2,), noises=(0.2,))
    return compare_methods(
        studies, {"VPNLS": fit_vpnls, "shy": refuses_every_other}, np.random.default_rng(4)
    )


@pytest.fixture(scope="module")
def efficiency():
    return compare_methods(draw_from_one_stream(efficiency_studies(), np.random.default_rng(42)), PAIR)


def test_published_sizes():
    assert len(noise_studies()) == 9216
    assert len(efficiency_studies()) == 810


def test_published_variance_ratio_and_the_paired_one(efficiency):
    # Czech et al. 2026: the method comparison of the released code, on its own draws
    assert efficiency.variance_ratio("Approach 2", "VPNLS", paired=False) == pytest.approx(8.0, abs=0.05)
    assert efficiency.variance_ratio("Approach 2", "VPNLS") == pytest.approx(11.2, abs=0.05)
    assert efficiency.summary()["failed"].to_dict() == {"Approach 2": 72, "VPNLS": 0}


def test_paired_ratio_uses_only_studies_both_answered(efficiency):
    over, under = efficiency.errors("Approach 2"), efficiency.errors("VPNLS")
    both = [k for k in range(810) if over[k] == over[k] and under[k] == under[k]]
    expected = np.var(over[both]) / np.var(under[both])
    assert efficiency.variance_ratio("Approach 2", "VPNLS") == pytest.approx(expected, rel=1e-12)
    assert len(both) == 738


def test_paired_ratio_leaves_out_what_either_refused(partly_refused):
    result = partly_refused
    both = np.isfinite(result.errors("shy"))
    assert 1 < both.sum() < 6
    assert result.variance_ratio("VPNLS", "shy") == pytest.approx(1, rel=1e-12)
    alone = np.var(result.errors("VPNLS")) / np.var(result.errors("shy")[both])
    assert result.variance_ratio("VPNLS", "shy", paired=False) == pytest.approx(alone, rel=1e-12)


def test_every_method_recovers_noise_free_studies():
    result = compare_methods(recovery_studies(reaches=(4,)))
    table = result.recovery()
    assert len(table) == 9
    assert not table["failed"].any()
    assert table["a"].max() < 1e-9
    surfaces = table.drop(index="Approach 2", level="method")
    assert surfaces.drop(columns="failed").max().max() < 1e-7
    assert table.loc[("Chinchilla", "Approach 2"), ["E", "A", "B", "alpha", "beta"]].isna().all()


def test_bias_of_approach2_in_a_sweep_is_the_closed_form():
    design = IsoflopDesign(np.geomspace(1e17, 1e21, 4), 8, 16, drift=3)
    result = compare_methods([Study(ASYMMETRIC, design)], {"Approach 2": fit_approach2})
    expected = approach2_bias(ASYMMETRIC, design).exponent_error
    assert result.errors("Approach 2")[0] == pytest.approx(expected, abs=1e-10)


def test_failures_are_rows_with_their_message(partly_refused):
    result = partly_refused
    table, count = result.to_frame(), len(result.studies)
    assert len(table) == 2 * count
    shy, failed = table[table["method"] == "shy"], table["failure"] == "no thanks"
    assert 0 < failed.sum() < count
    assert result.summary().loc["shy", "failed"] == failed.sum()
    assert table.loc[failed, ["a", "E", "error"]].isna().all().all()
    assert (shy["failure"] == "").sum() + failed.sum() == count
    assert f"{failed.sum()} of 12 fits failed" in repr(result)


def test_bad_losses_and_bugs_are_failures_with_their_message():
    study = FEW[0].drawn(np.random.default_rng(0))
    runs = study.runs
    sunk = Study(study.surface, study.design, runs=Runs(runs.N, runs.D, runs.L - 50, runs.C))
    answers = compare_methods([sunk]).to_frame().set_index("method")["failure"]
    assert "positive" in answers["Approach 3"]
    broken = compare_methods([study], {"broken": lambda runs: 1 / 0, "VPNLS": fit_vpnls}).outcomes
    assert broken[0].failure == "ZeroDivisionError: division by zero"
    assert not broken[1].failure


def test_approach2_on_every_budget_fails_where_one_has_no_minimum():
    runs = IsoflopDesign([1e18, 1e19, 1e20], reach=4, points=5).runs(SYMMETRIC)
    upside_down = np.where(runs.C == 1e19, 6 - runs.L, runs.L)
    with pytest.raises(FitError, match="does not open upwards"):
        fit_every_budget(Runs(runs.N, runs.D, upside_down, runs.C))


def test_table_describes_each_study(serial):
    table = serial.to_frame()
    assert list(table["study"].unique()) == list(range(len(FEW)))
    assert set(table["method"]) == {"Approach 2", "Approach 3", "VPNLS"}
    assert (table["surface"] == "Asymmetric").all()
    answered = table["failure"] == ""
    assert np.allclose(table["error"][answered], table["a"][answered] - ASYMMETRIC.a)
    vpnls = table[table["method"] == "VPNLS"]
    assert np.allclose(vpnls["a"], vpnls["beta"] / (vpnls["alpha"] + vpnls["beta"]))


def test_same_bits_on_two_processes(serial):
    with joblib.parallel_config(n_jobs=2):
        again = compare_methods(FEW, rng=np.random.default_rng(3))
    assert repr(again.outcomes) == repr(serial.outcomes)


def test_same_bits_on_a_dask_cluster(serial):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        again = compare_methods(FEW, rng=np.random.default_rng(3))
    assert repr(again.outcomes) == repr(serial.outcomes)


def test_a_study_does_not_depend_on_its_neighbours(serial):
    first = compare_methods(FEW[:1], {"VPNLS": fit_vpnls}, np.random.default_rng(3))
    (expected,) = (one for one in serial.outcomes if (one.study, one.method) == (0, "VPNLS"))
    assert repr(first.outcomes) == repr((expected,))


def test_another_seed_is_another_sweep(serial):
    other = compare_methods(FEW[:1], {"VPNLS": fit_vpnls}, np.random.default_rng(4))
    assert other.errors("VPNLS")[0] != serial.errors("VPNLS")[0]


def test_progress_bar_counts_studies(capsys):
    compare_methods(recovery_studies((4,)), {"Approach 2": fit_approach2}, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_what_is_missing_is_said():
    with pytest.raises(ValueError, match="need rng"):
        compare_methods(FEW)
    with pytest.raises(ValueError, match="0 studies"):
        compare_methods([])
    with pytest.raises(ValueError, match="no method 'Approach 9'"):
        compare_methods(recovery_studies((4,)), {"VPNLS": fit_vpnls}).errors("Approach 9")


def test_picture_shows_every_answer_and_counts_failures():
    studies = noise_studies(6, points=(8,), budgets=(2,), noises=(0.2,))
    result = compare_methods(studies, {"VPNLS": refuses_every_other}, np.random.default_rng(4))
    ax = plotting.exponent_spread(result)
    answered = int(np.isfinite(result.errors("VPNLS")).sum())
    assert len(ax.get_lines()[0].get_xdata()) == answered
    assert [text.get_text() for text in ax.texts] == [f"{6 - answered} failed"]
    plt.close("all")
