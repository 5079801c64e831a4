"""Side-by-side timings: ours, what people would use instead, and the arithmetic that must be done.

``make bench`` runs them in one go and prints ratios.  A method too slow to run whole is run on a part
of its starts or draws, and its time is scaled up: ``scale`` says by how much.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import arithmetic
import numpy as np
import pytest
import rivals

from scalinglab import (
    Huber,
    Runs,
    Squared,
    SurfaceFit,
    bootstrap,
    fit_approach2,
    fit_approach3,
    fit_vpnls,
    load_chinchilla,
    load_llama3,
)
from scalinglab.fitting import objective_map
from scalinglab.laws import CHINCHILLA_REFIT
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.variable_projection import search_exponents

#: More runs than this and a benchmark has few rounds.
LARGE = 10_000


@cache
def data(name: str) -> Runs:
    """Runs of a benchmark: a bundled table, or simulated checkpoints."""
    if name == "Llama 3":
        return load_llama3()
    if name == "Chinchilla":
        runs = load_chinchilla()
        return runs.take(np.sort(np.argsort(runs.L)[:-5]))  # as refitted by Besiroglu et al. 2024
    n = int(float(name))
    rng = np.random.default_rng(n)
    N, D = 10 ** rng.uniform(7, 10.5, n), 10 ** rng.uniform(9, 12, n)
    return Runs(N, D, CHINCHILLA_REFIT.loss(N, D) + 0.01 * rng.standard_normal(n))


def rss(runs: Runs, found: np.ndarray) -> float:
    E, A, B, alpha, beta = found
    return float(np.sum((E + A * runs.N**-alpha + B * runs.D**-beta - runs.L) ** 2))


def parameters(fit: SurfaceFit) -> np.ndarray:
    s = fit.surface
    return np.array([s.E, s.A, s.B, s.alpha, s.beta])


def time_it(benchmark, group: str, method: str, call: Callable[[], object], rounds: int, scale: int = 1):
    """Median over the rounds, kept under its group and method."""
    benchmark.group = group
    benchmark.extra_info.update(method=method, scale=scale)
    return benchmark.pedantic(call, rounds=rounds, warmup_rounds=min(rounds - 1, 3))


#: name, function, and into how many parts its work is cut (Llama 3, Chinchilla, 100,000 runs)
FITS = [
    ("VPNLS", None, {}, (1, 1, 1)),
    ("grid of NNLS, then Nelder-Mead", rivals.textbook, {}, (1, 1, 1)),
    ("grid of NNLS, then L-BFGS-B", rivals.textbook_with_gradient, {}, (1, 1, 1)),
    ("Approach 3's search, 4,500 starts", rivals.five_logarithms, {"starts": 4500}, (1, 50, 2250)),
    ("least_squares, 20 starts", rivals.five_by_least_squares, {"starts": 20}, (1, 1, 10)),
]


@pytest.mark.parametrize("place", range(3), ids=["Llama 3", "Chinchilla", "1e5"])
@pytest.mark.parametrize(("method", "fit", "options", "parts"), FITS, ids=[row[0] for row in FITS])
def test_fit(benchmark, place, method, fit, options, parts):
    name = ("Llama 3", "Chinchilla", "1e5")[place]
    runs = data(name)
    cut = {key: value // parts[place] for key, value in options.items()}
    quick = len(runs) < LARGE and "starts" not in options
    call = partial(fit, runs.N, runs.D, runs.L, **cut) if fit else partial(fit_vpnls, runs)
    rounds = (21 if quick else 1) if fit else 201
    found = time_it(benchmark, f"fit: {name}", method, call, rounds, parts[place])
    found = found if fit else parameters(found)
    benchmark.extra_info["objective"] = rss(runs, found)
    assert rss(runs, found) == pytest.approx(fit_vpnls(runs).objective, rel=1e-4)


#: A tenth of a per cent, the published choice.
DELTA = 1e-3

#: loss, ours, and the published search of the same loss
HUBERS = {
    "L": ("VPNLS", partial(fit_vpnls, loss=Huber(DELTA))),
    "ln L": ("fit_approach3", fit_approach3),
}


@pytest.mark.parametrize("of", HUBERS)
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "4,500 starts"])
def test_huber(benchmark, of, ours):
    """Like with like: the same loss, by our fit and by the published search."""
    runs, log = data("Llama 3"), of == "ln L"
    method, fit = HUBERS[of]
    call = (
        partial(fit, runs)
        if ours
        else partial(rivals.five_logarithms, runs.N, runs.D, runs.L, delta=DELTA, log=log)
    )
    name = method if ours else "Approach 3's search, 4,500 starts"
    found = time_it(benchmark, f"Huber of {of}: Llama 3", name, call, 21 if ours else 1)
    E, A, B, alpha, beta = parameters(found) if ours else found
    fitted = E + A * runs.N**-alpha + B * runs.D**-beta
    residuals = np.log(fitted / runs.L) if log else fitted - runs.L
    objective = float(np.sum(Huber(DELTA).rho(residuals)))
    benchmark.extra_info["objective"] = objective
    assert objective == pytest.approx(fit(runs).objective, rel=1e-4)


DRAWS = 1000
REFITS = [
    ("NNLS inside, Nelder-Mead outside", rivals.textbook),
    ("NNLS inside, L-BFGS-B outside", rivals.textbook_with_gradient),
    ("L-BFGS-B over five parameters", rivals.five_logarithms),
    ("least_squares over five parameters", rivals.five_by_least_squares),
]


@pytest.mark.parametrize(("method", "refit"), [("VPNLS", None), *REFITS], ids=lambda value: str(value))
def test_a_thousand_draws(benchmark, method, refit):
    """Refits of Llama 3 on resampled runs, every method starting at the optimum of all runs."""
    runs, rng = data("Llama 3"), np.random.default_rng(0)
    fit = fit_vpnls(runs)
    start = parameters(fit)
    scale = 1 if refit is None else 20
    counts = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), DRAWS // scale).astype(float)

    def refit_all():
        return [refit(runs.N, runs.D, runs.L, weights, start) for weights in counts]

    call = partial(bootstrap, runs, fit, DRAWS, rng, within_budgets=False) if refit is None else refit_all
    group = f"{DRAWS} bootstrap draws: Llama 3"
    time_it(benchmark, group, method, call, 11 if refit is None else 3, scale)


@pytest.mark.parametrize("size", ["1e3", "1e4", "1e5", "1e6", "1e7"])
@pytest.mark.parametrize("method", ["VPNLS", "one pass over the runs"])
def test_growth(benchmark, method, size):
    """How the cost of a fit grows with the number of runs, and what a single look at them costs."""
    runs = data(size)
    n, d = np.log(runs.N / 1e9), np.log(runs.D / 1e11)
    call = {
        "VPNLS": partial(fit_vpnls, runs),
        "one pass over the runs": partial(arithmetic.one_pass, n, d, runs.L, 0.35, 0.37),
    }[method]
    time_it(benchmark, "growth", method, call, 3 if len(runs) > 10 * LARGE else 11)
    benchmark.extra_info["runs"] = len(runs)
    if size == "1e7":
        data.cache_clear()


@pytest.mark.parametrize("points", [99, 981])
@pytest.mark.parametrize("method", ["objective_map", "its matrix product"])
def test_map(benchmark, method, points):
    """The map of the reduced objective over exponents, and the product it cannot do without."""
    runs, exponents = data("Llama 3"), np.linspace(0.01, 2, points)
    in_N = np.exp(-np.outer(np.log(runs.N / 1e9), exponents))
    in_D = np.exp(-np.outer(np.log(runs.D / 1e11), exponents))
    call = {
        "objective_map": partial(objective_map, runs, exponents, exponents),
        "its matrix product": partial(arithmetic.map_product, in_N, in_D),
    }[method]
    time_it(benchmark, f"map: {points} x {points} exponents", method, call, 21)


EXTRAS = {
    "Llama 3, the search alone": lambda runs: partial(search_exponents, CentredLogs.of(runs), Squared()),
    "Llama 3, Huber": lambda runs: partial(fit_vpnls, runs, Huber(1e-3)),
    "Llama 3, 10,000 draws": lambda runs: partial(
        bootstrap, runs, fit_vpnls(runs), 10_000, np.random.default_rng(0)
    ),
    "Llama 3, 10,000 draws with Approach 2": lambda runs: partial(
        bootstrap, runs, [fit_vpnls(runs), fit_approach2(runs)], 10_000, np.random.default_rng(0)
    ),
}


@pytest.mark.parametrize("what", EXTRAS)
def test_more_of_ours(benchmark, what):
    rounds = 201 if what.endswith("alone") else 5
    time_it(benchmark, "more", what, EXTRAS[what](data("Llama 3")), rounds)
