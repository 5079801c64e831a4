"""Bounds by duality: never above what any exponents of a cell reach, and sharp."""

import os

import numpy as np
import pytest
from scipy.optimize import nnls

from scalinglab import CHINCHILLA, Huber, IsoflopDesign, Squared, fit_vpnls
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.interior_point import interior_point
from scalinglab.solvers.lower_bound import interval_maxima, inverse_rho, lower_bounds, powers
from scalinglab.solvers.mixtures import best_mixture, pivot
from scalinglab.solvers.robust_projection import robust_fits

PROBLEMS = max(1, int(os.environ.get("SCALINGLAB_PROBLEMS", "0")) // 100)


@pytest.fixture
def fresh():
    """A generator with another seed every run; a failure names it."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")  # pytest shows it where a test fails
    return np.random.default_rng(seed)


def random_problem(rng, terms, loss):
    """A problem of ``terms`` terms: columns, losses, weights."""
    m = int(rng.integers(6, 60))
    logs = rng.uniform(0.5, 4) * rng.standard_normal((terms, m))
    e, A = np.exp(rng.uniform(np.log(0.05), np.log(1.2), terms)), rng.uniform(0.02, 2, terms)
    L = (
        rng.uniform(0, 3)
        + A @ np.exp(-e[:, None] * logs)
        + 10 ** rng.uniform(-4, -0.5) * rng.standard_normal(m)
    )
    L = np.maximum(L, 1e-3)
    weights = rng.uniform(0, 2, m) * (rng.random(m) > 0.1) if rng.random() < 0.5 else None
    if weights is not None and not weights.any():
        weights = None
    if loss == "huber":
        loss = Huber(rng.choice([0.01, 0.1, 1.0]) * float(np.median(np.abs(L - np.median(L)))) + 1e-6)
    else:
        loss = Squared()
    return Problem.of(logs, L, loss, weights)


def random_cells(rng, k, terms):
    width = 10 ** rng.uniform(-4, np.log10(1.9), (k, terms))
    low = np.exp(rng.uniform(np.log(0.01), np.log(1.9), (k, terms)))
    return np.stack([low, np.minimum(low + width, 2.0)], axis=2).reshape(k, 2 * terms)


def sampled(rng, cell, times):
    """Exponents of a cell, every corner first."""
    sides = cell.reshape(-1, 2)
    t = rng.random((times, len(sides)))
    corners = np.array(np.meshgrid(*[[0, 1]] * len(sides))).reshape(len(sides), -1).T
    t[: len(corners)] = corners
    return sides[:, 0] + t * (sides[:, 1] - sides[:, 0])


def least(problem, exponents):
    """F of the best coefficients for each row of exponents, feasible whatever the solver's accuracy."""
    columns = np.exp(-exponents[:, :, None] * problem.logs)
    X = np.concatenate([np.ones_like(columns[:, :1]), columns], axis=1)
    if np.isinf(problem.delta):
        root = np.sqrt(problem.w)
        c = np.array([nnls(one.T * root[:, None], problem.L * root)[0] for one in X])
    else:
        c = np.maximum(best_mixture(problem, X).c, 0)
    return problem.values(problem.L - np.einsum("kq,kqm->km", c, X))


@pytest.mark.parametrize("loss", ["squared", "huber"])
@pytest.mark.parametrize("terms", [1, 2, 3])
def test_no_exponents_of_a_cell_undercut_its_bound(fresh, terms, loss):
    for _ in range(2 * PROBLEMS):
        problem = random_problem(fresh, terms, loss)
        cells = random_cells(fresh, 6, terms)
        exponents = np.concatenate([sampled(fresh, cell, 14) for cell in cells])
        reached = least(problem, exponents).reshape(6, 14)
        # bounds hold for fits below a level: above all of them, among them, below them
        for level in (4 * np.max(reached) + 1e-9, np.median(reached), np.min(reached) / 2):
            bounds = lower_bounds(problem, cells, level).value
            assert np.all(bounds <= np.minimum(np.min(reached, axis=1), level) * (1 + 1e-12))


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_bounds_of_small_cells_are_sharp(loss):
    sharp, fresh = [], np.random.default_rng(12)  # how sharp depends on the problems: always the same ones
    for _ in range(8):
        problem = random_problem(fresh, 2, loss)
        centre = np.exp(fresh.uniform(np.log(0.05), np.log(1.2), (10, 2)))
        cells = np.repeat(centre, 2, axis=1) + np.tile([-1e-4, 1e-4], 2)
        reached = least(problem, centre)
        sharp += list(lower_bounds(problem, cells, 2 * reached.max()).value / reached)
    assert np.median(sharp) > 1 - 1e-2


def test_the_cell_of_the_optimum_is_bounded_by_the_optimum():
    runs = IsoflopDesign([1e17, 1e18, 1e19, 1e20]).runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(1))
    logs = CentredLogs.of(runs)
    for loss in (Squared(), Huber(0.005)):
        fit = fit_vpnls(runs, loss)
        problem = Problem.of(np.array([logs.n, logs.d]), logs.L, loss)
        s = fit.surface
        cell = np.array([[s.alpha - 1e-3, s.alpha + 1e-3, s.beta - 1e-3, s.beta + 1e-3]])
        value = problem.unit * lower_bounds(problem, cell, fit.objective).value[0]
        assert fit.objective * (1 - 1e-3) < value <= fit.objective


def test_the_maximum_of_g_over_a_side_is_bounded(fresh):
    for _ in range(40):
        m = int(fresh.integers(3, 40))
        logs = 3 * fresh.standard_normal((2, m))
        sides = np.sort(fresh.uniform(0.01, 2, (5, 2, 2)), axis=2)
        y = fresh.standard_normal((5, m))
        P = powers(logs, sides, 4)
        v, _ = interval_maxima(logs, P, sides[:, :, 1] - sides[:, :, 0], y)
        fine = powers(logs, sides, 400) @ y[:, None, :, None]
        assert np.all(v >= np.maximum(fine.max(axis=2)[:, :, 0], 0))


def test_pivoting_is_scipys_nnls(fresh):
    for _ in range(30):
        X = fresh.uniform(0.1, 1, (4, 5, 12))
        L = fresh.standard_normal((4, 12)) + fresh.integers(-1, 2)
        c, used = pivot(X @ X.transpose(0, 2, 1), np.einsum("kqm,km->kq", X, L))
        for k in range(4):
            np.testing.assert_allclose(c[k], nnls(X[k].T, L[k])[0], atol=1e-7)
            assert np.all(used[k] | (c[k] == 0))


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_the_mixtures_dual_equals_its_primal(fresh, loss):
    for _ in range(10):
        problem = random_problem(fresh, 2, loss)
        X = powers(problem.logs, np.sort(fresh.uniform(0.01, 2, (6, 2, 2)), axis=2), 1).reshape(6, 4, -1)
        c, y = best_mixture(problem, X)
        primal = problem.values(problem.L - np.einsum("kq,kqm->km", np.maximum(c, 0), X))
        assert np.all(problem.dual_values(y) >= primal - 1e-6 * primal - 1e-10 * problem.base)
        assert np.all(np.abs(y) <= problem.w * problem.delta)


def test_the_interior_point_agrees_with_pivoting(fresh):
    for _ in range(10):
        problem = random_problem(fresh, 2, "squared")
        X = powers(problem.logs, np.sort(fresh.uniform(0.01, 2, (6, 2, 2)), axis=2), 1).reshape(6, 4, -1)
        X /= np.sqrt((X * X) @ problem.w)[:, :, None]
        by_point = problem.dual_values(interior_point(problem, X, np.zeros((6, 4))).y)
        by_pivot = problem.dual_values(best_mixture(problem, X).y)
        np.testing.assert_allclose(by_point, by_pivot, rtol=1e-6, atol=1e-10 * problem.base)


def test_huber_fits_for_given_exponents_are_stationary(fresh):
    design = IsoflopDesign([1e18, 1e19, 1e20])
    logs, loss = CentredLogs.of(design.runs(CHINCHILLA, noise=0.02, rng=fresh)), Huber(0.01)
    exponents = np.exp(fresh.uniform(np.log(0.05), 0, (20, 2)))
    c, values = robust_fits(logs, loss, exponents)
    for (alpha, beta), one, value in zip(exponents, c, values, strict=True):
        X = np.array([np.ones_like(logs.n), np.exp(-alpha * logs.n), np.exp(-beta * logs.d)])
        slope = X @ loss.psi(one @ X - logs.L) / np.linalg.norm(X, axis=1)
        assert value == pytest.approx(loss.rho(one @ X - logs.L).sum(), rel=1e-12)
        assert np.all(slope > -1e-6)
        assert np.all(np.abs(slope[one > 0]) < 1e-5)


def test_inverse_rho_inverts_rho():
    problem = Problem.of(np.zeros((1, 3)), np.ones(3), Huber(0.1))
    r = np.array([0.0, 0.05, 0.1, 0.5, 10.0])
    np.testing.assert_allclose(inverse_rho(problem, problem.rho(r)), r, rtol=1e-12)


def test_losses_of_log_L_have_no_such_bound():
    with pytest.raises(ValueError, match="not convex"):
        Problem.of(np.zeros((1, 3)), np.ones(3), Squared(log=True))


def test_a_knot_that_no_residual_reaches_leaves_the_bounds_of_squares():
    rng = np.random.default_rng(5)
    logs, L = rng.uniform(-3, 3, (2, 12)), rng.uniform(2, 3, 12)
    cells = np.array([[0.2, 0.3, 0.4, 0.5], [0.05, 0.6, 0.2, 1.5]])
    level = 1e-3
    wide, squares = (Problem.of(logs, L, loss) for loss in (Huber(0.1), Squared()))
    assert level < 0.1**2 / 2
    np.testing.assert_array_equal(
        lower_bounds(wide, cells, level).value, lower_bounds(squares, cells, level).value
    )
