"""Deletion in closed form against refits without each run."""

import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    Huber,
    IsoflopDesign,
    Runs,
    Squared,
    SurfaceFit,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
    influence,
)
from scalinglab.fitting.linearised import Linearised
from scalinglab.solvers.newton import newton
from scalinglab.uncertainty import covariance

RUNS = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=8).runs(
    CHINCHILLA, noise=0.004, rng=np.random.default_rng(3)
)


def refits(fit):
    """The exact answer of the same loss without each run, from a start at the fit."""
    found = []
    for row in range(len(fit.runs)):
        runs = fit.runs.take(np.arange(len(fit.runs)) != row)
        if fit.loss == Squared():
            found.append(fit_vpnls(runs))
        else:
            found.append(SurfaceFit(_polished(runs, fit), runs, fit.loss, "again", 0.0))
    return found


def _polished(runs, fit):
    from scalinglab.solvers.centred_logs import CentredLogs

    logs = CentredLogs.of(runs)
    return logs.surface(*newton(logs, fit.loss, logs.theta(fit.surface)).theta)


@pytest.mark.parametrize(
    ("loss", "share"), [(Squared(), 0.02), (Squared(log=True), 0.02), (Huber(0.004), 0.3)], ids=str
)
def test_shifts_are_those_of_refits_to_first_order(loss, share):
    fit = (fit_approach3 if loss.log else fit_vpnls)(RUNS, loss)
    found, exact = influence(fit), refits(fit)
    a = np.array([one.a for one in exact]) - fit.a
    assert np.abs(found.a_shift - a).max() < share * np.abs(a).max() + 0.02 * fit.standard_errors["a"]
    sizes = np.log([one.N_opt(1e22) for one in exact])
    moved = np.log(found.N_without(1e22))
    assert np.abs(moved - sizes).max() < (share + 0.02) * np.abs(sizes - np.log(fit.N_opt(1e22))).max()
    np.testing.assert_allclose(
        found.N_without(1e22) * found.D_without(1e22), fit.N_opt(1e22) * fit.D_opt(1e22), rtol=1e-9
    )
    np.testing.assert_allclose(found.a_without, fit.a + found.a_shift)


def test_leverages_add_up_to_the_parameters_and_rows_are_all_runs():
    found = influence(fit_vpnls(RUNS))
    assert found.leverage.sum() == pytest.approx(5, rel=1e-9)
    np.testing.assert_array_equal(found.rows, np.arange(24))


def test_standard_errors_are_those_of_the_covariance():
    fit = fit_vpnls(RUNS)
    V = covariance(fit)
    for name, error in fit.standard_errors.items():
        assert error == pytest.approx(V.standard_error(name), rel=1e-6)


def test_errors_of_a_robust_fit_are_asymptotically_right():
    """Huber's efficiency at one standard deviation of the noise is 90 %; a fit takes five degrees."""
    rng, truth = (
        np.random.default_rng(0),
        IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=20).runs(CHINCHILLA),
    )
    variances = []
    for _ in range(60):
        runs = Runs(truth.N, truth.D, truth.L + 0.004 * rng.standard_normal(60))
        variances.append(Linearised.of(CHINCHILLA, runs, Huber(0.004)).variance)
    expected = 0.004**2 / 0.903 * 60 / 55
    assert np.median(variances) == pytest.approx(expected, rel=0.2)


def test_without_budgets_are_searches_of_their_own():
    fit = fit_vpnls(RUNS)
    found = influence(fit)
    table = found.budgets_to_frame(1e22)
    for C, row in table.iterrows():
        expected = fit_vpnls(RUNS.take(~np.isclose(RUNS.C, C, rtol=1e-3)))
        assert row["a without"] == expected.a
        assert row["N* without"] == expected.N_opt(1e22)
        assert row["runs"] == 8


def test_a_budget_that_cannot_be_spared_has_no_numbers():
    C = np.repeat([1e18, 1e20], [6, 2])
    N = np.concatenate([np.geomspace(2e8, 2e9, 6), [3e9, 3e10]])
    D = C / 6 / N
    L = CHINCHILLA.loss(N, D) + 1e-4 * np.random.default_rng(0).standard_normal(8)
    fit = fit_vpnls(Runs(N, D, L, C))
    table = influence(fit).budgets_to_frame(1e21)
    assert np.isnan(table["a without"].iloc[0])


def test_the_table_and_the_print_name_what_is_odd():
    L = RUNS.L.copy()
    L[6] += 0.2
    found = influence(fit_vpnls(Runs(RUNS.N, RUNS.D, L, RUNS.C)))
    table = found.to_frame(1e22)
    assert table.index[table["odd"]].tolist() == [6]
    assert table["score"].idxmax() == 6
    assert {"N* without", "D* without"} <= set(table.columns)
    assert "do not belong to the rest: row 6" in str(found)
    assert str(found).count("s.e.") == 5
    assert found.rows[found.largest(1)[0]] == table["shift of a / s.e."].abs().idxmax()


def test_what_has_no_first_order_theory_is_refused():
    with pytest.raises(FitError, match=r"influence: 5 runs for 5 parameters, .*add runs"):
        influence(fit_vpnls(RUNS.take([0, 7, 11, 16, 23])))
    with pytest.raises(ValueError, match="fit_vpnls"):
        influence(fit_approach2(RUNS))


def test_very_many_runs_are_looked_at_where_it_matters():
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(17, 23, 20_000)), np.exp(rng.uniform(20, 26, 20_000))
    L = CHINCHILLA.loss(N, D) + 0.01 * rng.standard_normal(20_000)
    L[12_345] += 0.3
    fit = fit_vpnls(Runs(N, D, L))
    found = influence(fit)
    assert len(found.rows) < 400
    assert found.odd.tolist() == [12_345]
    k = int(np.flatnonzero(found.rows == 12_345)[0])
    assert found.a_without[k] == pytest.approx(
        fit_vpnls(fit.runs.take(np.arange(20_000) != 12_345)).a, abs=1e-6
    )


def test_an_edge_is_held_and_the_odd_run_is_named():
    """What a concern's remedy calls answers at an edge too."""
    L = RUNS.L - 1.69
    L[[3, 9, 12]] += 0.4
    fit = fit_vpnls(Runs(RUNS.N, RUNS.D, L, RUNS.C))
    assert fit.surface.E == 0
    assert any("of the others: rows" in text for text in fit.concerns)
    assert set(influence(fit).odd) == {3, 9, 12}
    assert "s.e." not in str(influence(fit))
