"""The closed forms of deletion against refits, and how often chance raises an alarm."""

import numpy as np
import pytest

from scalinglab.solvers import deletions
from scalinglab.solvers.deletions import Tangent, set_aside, strangers


def tangent(J, y):
    Q = np.linalg.qr(J)[0]
    e = y - Q @ (Q.T @ y)
    return Tangent(Q, e, float(e @ e), len(y) - J.shape[1], len(y))


def rss(J, y, keep):
    return float(np.linalg.lstsq(J[keep], y[keep], rcond=None)[1][0])


def problem(seed, n=24, k=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, k)) * np.geomspace(1, 30, k), rng.standard_normal(n)


def test_deletion_residuals_are_those_of_fits_without_the_run():
    J, y = problem(0)
    found = tangent(J, y).deletion_residuals
    for i in range(len(y)):
        keep = np.arange(len(y)) != i
        c, (left,) = np.linalg.lstsq(J[keep], y[keep], rcond=None)[:2]
        pull = J[i] @ np.linalg.solve(J[keep].T @ J[keep], J[i])
        expected = (y[i] - J[i] @ c) / np.sqrt(left / (len(y) - 5) * (1 + pull))
        assert found[i] == pytest.approx(expected, rel=1e-9)


def test_a_run_that_alone_fixes_a_parameter_scores_nothing():
    J, y = problem(1)
    J[:, 3] = 0
    J[7, 3] = 5.0
    assert tangent(J, y).deletion_residuals[7] == 0
    assert strangers(tangent(J, y)) == ()


def test_the_pair_is_the_one_whose_deletion_leaves_least(monkeypatch):
    monkeypatch.setattr(deletions, "ALARMS_ONE", 0.0)
    monkeypatch.setattr(deletions, "ALARMS_TWO", 1e9)  # the best pair, however likely
    for seed in range(4):
        J, y = problem(seed, 14)
        left = {}
        for i in range(14):
            for j in range(i):
                keep = ~np.isin(np.arange(14), [i, j])
                c = np.linalg.lstsq(J, y, rcond=None)[0]
                shift = np.linalg.lstsq(np.column_stack([J, np.eye(14)[:, [i, j]]]), y, rcond=None)[0][4:]
                left[i, j] = (rss(J, y, keep), bool((shift > 0).all()), c)
        up = min((key for key in left if left[key][1]), key=lambda key: left[key][0])
        assert set(strangers(tangent(J, y))) == set(up)


@pytest.mark.parametrize(("n", "k"), [(12, 5), (40, 5)])
def test_gaussian_errors_are_accused_as_often_as_promised(n, k):
    """Alarms allowed are ten times the usual ones, so that 600 draws count some."""
    J, _ = problem(5, n, k)
    rng = np.random.default_rng(n)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deletions, "ALARMS_ONE", 0.04)
        patched.setattr(deletions, "ALARMS_TWO", 0.02)
        found = [len(strangers(tangent(J, rng.standard_normal(n)))) for _ in range(600)]
    ones, twos = found.count(1) / 600, found.count(2) / 600
    assert 0.015 < ones < 0.065
    assert twos < 0.035


def test_two_high_runs_that_hide_each_other_are_found_together():
    rng = np.random.default_rng(3)
    x = np.append(np.linspace(0, 1, 40), [3.0, 3.05])
    J = np.column_stack([np.ones(42), x])
    y = 0.01 * rng.standard_normal(42)
    y[40:] += 0.2
    assert np.abs(tangent(J, y).deletion_residuals[40:]).max() < 4
    assert set(strangers(tangent(J, y))) == {40, 41}


def test_an_eighth_of_the_runs_is_set_aside_and_nobody_else():
    rng = np.random.default_rng(4)
    J, y = problem(9, 64, 5)
    bad = rng.choice(64, 8, replace=False)
    y[bad] += 25
    assert strangers(tangent(J, y)) == ()
    assert set(set_aside(tangent(J, y))) == set(bad.tolist())


def test_nothing_is_set_aside_of_gaussian_errors():
    found = [set_aside(tangent(*problem(seed, 40, 5))) for seed in range(150)]
    assert sum(map(bool, found)) <= 2
