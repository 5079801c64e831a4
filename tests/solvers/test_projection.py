from itertools import product

import numpy as np
import pytest
from scipy.optimize import nnls

from scalinglab import CHINCHILLA, IsoflopDesign, Runs
from scalinglab.solvers import levenberg_marquardt as descent, projection
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt, slopes
from scalinglab.solvers.projection import map_rss, moments, nonnegative_least_squares

STARTS = np.array([0.1, 0.25, 0.5, 1.0])


@pytest.fixture(scope="module")
def logs() -> CentredLogs:
    design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21])
    return CentredLogs.of(design.runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(8)))


def solve(p, q, L, w):
    """E, A, B, rss from moments, as the package takes them."""
    W = w.sum()
    mp, mq, mL = w @ p / W, w @ q / W, w @ L / W
    a, b, y = p - mp, q - mq, L - mL
    sums = [w @ (u * v) for u, v in ((a, a), (b, b), (a, b), (a, y), (b, y), (y, y))]
    return nonnegative_least_squares(W, mp, mq, mL, *(np.array([s]) for s in sums))


def by_scipy(p, q, L, w):
    root = np.sqrt(w)
    X = np.column_stack([np.ones_like(p), p, q])
    solution, norm = nnls(X * root[:, None], L * root)
    return solution, norm**2


def test_nonnegative_least_squares_is_scipys_for_every_active_set():
    rng = np.random.default_rng(0)
    seen = set()
    for trial in range(400):
        n = int(rng.integers(4, 40))
        p, q = rng.uniform(0.1, 3, (2, n))
        signs = np.array(list(product((-1, 1), repeat=3)))[trial % 8]
        E, A, B = signs * rng.uniform(0.2, 3, 3)
        L = E + A * p + B * q + 0.1 * rng.standard_normal(n)
        w = rng.uniform(0.1, 2, n) if trial % 2 else np.ones(n)
        expected, rss = by_scipy(p, q, L, w)
        found = solve(p, q, L, w)
        seen.add(tuple(expected > 0))
        np.testing.assert_allclose(np.ravel(found[:3]), expected, rtol=1e-8, atol=1e-9)
        assert found.rss[0] == pytest.approx(rss, rel=1e-9, abs=1e-11)
    assert len(seen) == 8


def test_zero_coefficients_are_exactly_zero():
    rng = np.random.default_rng(1)
    p, q = rng.uniform(0.1, 3, (2, 20))
    found = solve(p, q, 2.0 - p + q, np.ones(20))
    assert found.A[0] == 0.0
    assert found.E[0] > 0
    assert found.B[0] > 0


def test_many_problems_at_once_equal_one_at_a_time():
    rng = np.random.default_rng(2)
    columns = rng.uniform(0.1, 3, (50, 2, 12))
    L = rng.uniform(-2, 3, (50, 3)) @ np.ones((3, 12)) / 3 + rng.uniform(-1, 1, (50, 12))
    w = np.ones(12)
    single = [np.ravel(solve(p, q, y, w)) for (p, q), y in zip(columns, L, strict=True)]
    centred = columns - columns.mean(-1, keepdims=True)
    y = L - L.mean(-1, keepdims=True)
    sums = (
        (centred[:, 0] ** 2).sum(-1),
        (centred[:, 1] ** 2).sum(-1),
        (centred[:, 0] * centred[:, 1]).sum(-1),
        (centred[:, 0] * y).sum(-1),
        (centred[:, 1] * y).sum(-1),
        (y**2).sum(-1),
    )
    together = nonnegative_least_squares(
        12, columns[:, 0].mean(-1), columns[:, 1].mean(-1), L.mean(-1), *sums
    )
    np.testing.assert_allclose(np.column_stack(together), single, rtol=1e-10, atol=1e-10)


def test_logs_are_centred_and_give_back_the_surface():
    runs = IsoflopDesign([1e18, 1e20]).runs(CHINCHILLA)
    logs = CentredLogs.of(runs)
    assert logs.n.mean() == pytest.approx(0, abs=1e-13)
    assert logs.d.mean() == pytest.approx(0, abs=1e-13)
    A = CHINCHILLA.A * np.exp(-CHINCHILLA.alpha * np.log(runs.N).mean())
    B = CHINCHILLA.B * np.exp(-CHINCHILLA.beta * np.log(runs.D).mean())
    back = logs.surface(CHINCHILLA.E, A, B, CHINCHILLA.alpha, CHINCHILLA.beta)
    np.testing.assert_allclose([back.A, back.B], [CHINCHILLA.A, CHINCHILLA.B], rtol=1e-12)


def test_map_cells_are_nonnegative_fits(logs):
    exponents = np.array([0.02, 0.2, 0.34, 0.9, 2.0])
    cells = map_rss(logs, exponents, exponents, None)
    for (j, alpha), (k, beta) in product(enumerate(exponents), repeat=2):
        _, rss = by_scipy(np.exp(-alpha * logs.n), np.exp(-beta * logs.d), logs.L, np.ones(len(logs.n)))
        assert cells[j, k] == pytest.approx(rss, rel=1e-9)


def test_moments_are_weighted_sums(logs):
    w = np.random.default_rng(3).uniform(0, 2, (1, len(logs.n)))
    found = moments(logs, w, np.array([0.3]), np.array([0.2]))
    p, q = np.exp(-0.3 * logs.n), np.exp(-0.2 * logs.d)
    X = np.column_stack([p, q, logs.n * p, logs.d * q, logs.L])
    mean = w[0] @ X / w.sum()
    np.testing.assert_allclose(found.W, w.sum(), rtol=1e-12)
    np.testing.assert_allclose(found.mean[0], mean, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        found.products[0], ((X - mean) * w[0][:, None]).T @ (X - mean), rtol=1e-9, atol=1e-10
    )


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_slopes_are_those_of_the_reduced_objective(logs, shift):
    # with the losses lowered by 1, all three coefficients are positive still; by 2.5, E is held at zero
    moved = logs._replace(L=logs.L - shift)
    point, h = np.array([0.45, 0.2]), 1e-5

    def reduced(alpha, beta):
        return map_rss(moved, np.array([alpha]), np.array([beta]), None).item()

    state = moments(moved, None, point[:1], point[1:])
    linear = state.linear()
    assert (linear.E[0] == 0) == (shift == 2.5)
    gradient, _ = slopes(state, linear)
    numeric = [
        (reduced(*(point + step)) - reduced(*(point - step))) / (2 * h)
        for step in (np.array([h, 0]), np.array([0, h]))
    ]
    np.testing.assert_allclose(2 * gradient[0], numeric, rtol=1e-5)


def test_descent_reaches_one_optimum_from_many_starts(logs):
    alpha, beta = (grid.ravel() for grid in np.meshgrid(STARTS, STARTS))
    found = levenberg_marquardt(logs, alpha, beta)
    np.testing.assert_allclose(found.alpha, found.alpha[0], rtol=1e-5)
    np.testing.assert_allclose(found.beta, found.beta[0], rtol=1e-5)
    np.testing.assert_allclose(found.rss, found.rss[0], rtol=1e-9)
    around = map_rss(
        logs, found.alpha[0] * np.array([0.99, 1, 1.01]), found.beta[0] * np.array([0.99, 1, 1.01]), None
    )
    assert np.unravel_index(np.argmin(around), (3, 3)) == (1, 1)


def test_integer_weights_repeat_runs(logs):
    counts = np.random.default_rng(4).integers(0, 4, len(logs.n))
    repeated = CentredLogs(*(np.repeat(column, counts) for column in logs[:3]), logs.log_N0, logs.log_D0)
    start = np.array([0.3]), np.array([0.3])
    weighted = levenberg_marquardt(logs, *start, weights=counts[None].astype(float))
    plain = levenberg_marquardt(repeated, *start)
    for a, b in zip(weighted, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)
    grid = np.array([0.2, 0.4])
    np.testing.assert_allclose(
        map_rss(logs, grid, grid, counts.astype(float)),
        map_rss(repeated, grid, grid, None),
        rtol=1e-10,
    )


def test_replicates_together_equal_each_alone(logs):
    rng = np.random.default_rng(5)
    weights = rng.multinomial(len(logs.n), np.full(len(logs.n), 1 / len(logs.n)), 150).astype(float)
    start = np.full(150, 0.3)
    together = levenberg_marquardt(logs, start, start, weights)
    assert np.ptp(together.alpha) > 1e-3
    for k in range(0, 150, 7):
        alone = levenberg_marquardt(logs, start[:1], start[:1], weights[k : k + 1])
        for a, b in zip(together, alone, strict=True):
            assert a[k] == pytest.approx(b[0], rel=1e-8)


def test_one_row_of_weights_serves_all_replicates(logs):
    w = np.random.default_rng(6).uniform(0.5, 2, (1, len(logs.n)))
    alone = levenberg_marquardt(logs, STARTS[:1], STARTS[:1], w)
    together = levenberg_marquardt(logs, STARTS, STARTS, w)
    np.testing.assert_allclose(together.rss, alone.rss[0], rtol=1e-9)


def test_runs_in_blocks_equal_runs_at_once(monkeypatch):
    design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21], points=201)
    logs = CentredLogs.of(design.runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(9)))
    weights = np.random.default_rng(10).uniform(0, 2, (4, len(logs.n)))
    whole = moments(logs, weights, STARTS, STARTS), levenberg_marquardt(logs, STARTS, STARTS, weights)
    monkeypatch.setattr(projection, "BLOCK", 8)
    monkeypatch.setattr(descent, "BLOCK", 8)
    assert len(logs.n) > 3 * 256
    parts = moments(logs, weights, STARTS, STARTS), levenberg_marquardt(logs, STARTS, STARTS, weights)
    for a, b in zip(whole[0] + whole[1], parts[0] + parts[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-11)


def test_descent_stays_in_the_box():
    rng = np.random.default_rng(11)
    N, D = np.exp(rng.uniform(0, 2, 60)), np.exp(rng.uniform(0, 2, 60))
    logs = CentredLogs.of(Runs(N, D, 1 + N**-3.0 + D**-0.5))
    found = levenberg_marquardt(logs, STARTS, STARTS)
    assert found.alpha.max() == 2.0
    assert found.beta.min() >= 0.01
    assert found.beta.max() <= 2.0


def test_descent_never_ends_above_its_start():
    rng = np.random.default_rng(12)
    for _ in range(12):
        N, D = np.exp(rng.uniform(16, 23, 12)), np.exp(rng.uniform(18, 25, 12))
        logs = CentredLogs.of(Runs(N, D, 3 + 0.1 * rng.standard_normal(12)))
        start = rng.uniform(0.05, 1.5, (2, 5))
        found = levenberg_marquardt(logs, *start)
        before = [map_rss(logs, start[0, [k]], start[1, [k]], None).item() for k in range(5)]
        assert np.all(found.rss <= np.array(before) * (1 + 1e-10))
