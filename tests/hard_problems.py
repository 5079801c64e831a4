"""Random hard problems, and a brute force that shares no code with the package's optimisers."""

import numpy as np
from scipy.optimize import least_squares, nnls

from scalinglab import Huber, Runs, Squared


def design(rng, m):
    """N and D of m runs: scattered, near one D/N, on IsoFLOP curves, or on a small grid."""
    kind = rng.choice(["scattered", "ratio", "isoflop", "grid"], p=[1 / 2, 1 / 6, 1 / 6, 1 / 6])
    if kind == "scattered":
        return np.exp(rng.uniform(np.log(1e7), np.log(1e10), m)), np.exp(
            rng.uniform(np.log(1e8), np.log(1e12), m)
        )
    if kind == "ratio":
        N = np.exp(rng.uniform(np.log(1e7), np.log(1e10), m))
        return N, 20 * N * np.exp(rng.choice([0.0, 0.1, 0.5]) * rng.standard_normal(m))
    if kind == "isoflop":
        budgets = np.geomspace(1e18, 10 ** rng.uniform(19, 21.5), int(rng.integers(2, 6)))
        C = budgets[np.arange(m) % len(budgets)]
        N = np.sqrt(C / 120) * np.exp(rng.uniform(-1.5, 1.5, m))
        return N, C / (6 * N)
    across = max(3, int(np.sqrt(m)))
    up = max(3, -(-m // across))
    N, D = np.meshgrid(np.geomspace(1e7, 1e10, across), np.geomspace(1e8, 1e12, up))
    return N.ravel()[: max(m, 6)], D.ravel()[: max(m, 6)]


def hard_problem(rng, huber=False):
    """Runs and a loss: exponents, terms, designs and errors of many sizes."""
    while True:
        m = int(rng.integers(6, 21) if rng.random() < 0.7 else rng.integers(21, 81))
        N, D = design(rng, m)
        n, d = (np.log(x) - (np.log(x).max() + np.log(x).min()) / 2 for x in (N, D))
        alpha, beta = np.exp(rng.uniform(np.log(0.05), np.log(1.2), 2))
        A, B = np.exp(rng.uniform(np.log(0.02), np.log(2), 2))
        E = 0.0 if rng.random() < 0.15 else rng.uniform(0, 3)
        noise = rng.choice([0.001, 0.01, 0.03, 0.1, 0.3])
        errors = rng.standard_t(2, len(N)) if rng.random() < 0.2 else rng.standard_normal(len(N))
        L = E + A * np.exp(-alpha * n) + B * np.exp(-beta * d) + noise * errors
        enough = all(len(np.unique(x)) >= 3 for x in (N, D)) and len({*zip(N, D, strict=True)}) >= 5
        if L.min() > 0 and enough:
            break
    if not huber:
        return Runs(N, D, L), Squared()
    delta = rng.choice([0.01, 0.1, 1.0]) * np.median(np.abs(L - np.median(L)))
    return Runs(N, D, L), Huber(float(delta))


def brute_force(runs, loss, exponents=90, ends=12):
    """Lowest objective found from a dense map: non-negative least squares at every pair, then scipy."""
    n, d = (np.log(x) - np.log(x).mean() for x in (runs.N, runs.D))
    values = np.geomspace(0.01, 2, exponents)
    rss = dense_map(n, d, runs.L, values)
    fenced = np.pad(rss, 1, constant_values=np.inf)
    around = np.min(
        [np.roll(fenced, (i, j), (0, 1))[1:-1, 1:-1] for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0
    )
    rows, columns = np.nonzero(rss <= around)
    order = np.argsort(rss[rows, columns])[:ends]
    starts = [(values[j], values[k]) for j, k in zip(rows[order], columns[order], strict=True)]
    return min(descent_by_scipy(n, d, runs.L, loss, *start) for start in starts)


def dense_map(n, d, L, values):
    """Sum of squares left by the best E, A, B >= 0 at every pair: the lowest of the feasible active sets."""
    p, q = np.exp(-np.outer(values, n)), np.exp(-np.outer(values, d))
    k = len(values)
    X = np.empty((k, k, 3, len(L)))
    X[:, :, 0], X[:, :, 1], X[:, :, 2] = 1, p[:, None], q[None]
    X /= np.linalg.norm(X, axis=3, keepdims=True)
    gram, right = X @ X.transpose(0, 1, 3, 2), X @ L
    best = np.full((k, k), L @ L)
    for used in ([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]):
        G, b = gram[:, :, used][..., used] + 1e-13 * np.eye(len(used)), right[:, :, used]
        c = np.linalg.solve(G, b[..., None])[..., 0]
        left = L @ L - 2 * (c * b).sum(axis=-1) + (c[..., None, :] @ G @ c[..., None])[..., 0, 0]
        best = np.where((c >= 0).all(axis=-1), np.minimum(best, left), best)
    return best


def descent_by_scipy(n, d, L, loss, alpha, beta):
    """End of scipy's least_squares on all five parameters."""

    def terms(theta):
        return np.array([np.ones_like(n), np.exp(-theta[3] * n), np.exp(-theta[4] * d)])

    def residuals(theta):
        return theta[:3] @ terms(theta) - L

    def slopes(theta):
        _, p, q = X = terms(theta)
        return np.column_stack([*X, -theta[1] * n * p, -theta[2] * d * q])

    columns = terms([0, 0, 0, alpha, beta])
    start = np.r_[np.maximum(nnls(columns.T, L)[0], 1e-6 * np.ptp(L)), alpha, beta]
    kind = {"loss": "huber", "f_scale": loss.delta} if isinstance(loss, Huber) else {}
    low, high = [0, 0, 0, 0.01, 0.01], [np.inf, np.inf, np.inf, 2, 2]
    start = np.clip(start, np.add(low, 1e-10), np.subtract(high, 1e-10))
    end = least_squares(
        residuals, start, slopes, bounds=(low, high), x_scale="jac", max_nfev=300,
        xtol=1e-13, ftol=1e-13, gtol=1e-13, **kind,
    )  # fmt: skip
    return float(loss.rho(residuals(end.x)).sum())
