import dataclasses
import re
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    Huber,
    IsoflopDesign,
    LossSurface,
    Runs,
    Squared,
    certify,
    fit_approach3,
    fit_vpnls,
    load_chinchilla,
    plotting,
)
from scalinglab.fitting import objective_map, solve_coefficients
from scalinglab.laws import ASYMMETRIC
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.lower_bound import about_midrange, lower_bounds
from scalinglab.solvers.newton import newton
from scalinglab.solvers.variable_projection import local_minima

DESIGN = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21], reach=16, points=15)


def twin(tilt=0.0, scatter=0.1):
    """Runs near one D/N whose loss is symmetric in the two, up to ``tilt``: two minima, equal at 0."""
    x = np.linspace(-3, 3, 12)
    loss = 1.7 + np.exp(-0.15 * x) + 0.03 * np.exp(-0.9 * x)
    N, D = np.exp(np.r_[x + scatter, x - scatter]), np.exp(np.r_[x - scatter, x + scatter])
    return Runs(1e9 * N, 2e10 * D, np.r_[loss + tilt, loss - tilt])


def chinchilla240():
    runs = load_chinchilla()
    return runs.take(np.sort(np.argsort(runs.L)[:-5]))


def distances(runs, alpha, beta):
    """Sum of squares left by the free least-squares fit, from the residuals themselves, for k pairs."""
    n, d = np.log(runs.N), np.log(runs.D)
    y = runs.L - runs.L.mean()
    found = []
    for rows in np.array_split(np.arange(len(alpha)), max(1, len(alpha) // 2000)):
        u = np.expm1(-alpha[rows, None] * (n - n.mean()))
        v = np.expm1(-beta[rows, None] * (d - d.mean()))
        for column in (u, v):
            column -= column.mean(axis=1, keepdims=True)
            column /= np.linalg.norm(column, axis=1, keepdims=True)
        v -= np.sum(u * v, axis=1, keepdims=True) * u  # Gram and Schmidt, twice
        v -= np.sum(u * v, axis=1, keepdims=True) * u
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        rest = y - (u @ y)[:, None] * u
        rest -= np.sum(rest * v, axis=1, keepdims=True) * v
        found.append(np.sum(rest**2, axis=1))
    return np.concatenate(found)


def within(cells, times, rng):
    """Random exponents, ``times`` in each cell; half of them on the cell's corners."""
    cells = np.repeat(cells, times, axis=0)
    t = rng.uniform(size=(len(cells), 2))
    t[::2] = np.round(t[::2])
    return (
        cells[:, 0] + t[:, 0] * (cells[:, 1] - cells[:, 0]),
        cells[:, 2] + t[:, 1] * (cells[:, 3] - cells[:, 2]),
    )


@pytest.mark.parametrize("runs", ["llama3", "chinchilla"])
def test_the_real_runs_are_certified_in_under_a_second(runs, llama3):
    runs = llama3 if runs == "llama3" else chinchilla240()
    fit = fit_vpnls(runs)
    start = time.perf_counter()
    proof = certify(fit)
    assert time.perf_counter() - start < 1
    assert proof.holds
    assert proof.box == (0.01, 2.0)
    assert proof.square == 0.01
    assert proof.examined < 2000
    assert len(proof.remaining) == 0
    assert 0 < proof.margin < 0.01
    assert proof.lower_bound == proof.bounds.min() > fit.objective


def test_the_excluded_cells_tile_the_box_without_the_square(llama3_vpnls, rng):
    proof = certify(llama3_vpnls)
    low_a, high_a, low_b, high_b = proof.excluded.T
    area = np.sum((high_a - low_a) * (high_b - low_b))
    assert area == pytest.approx(1.99**2 - 0.02**2, rel=1e-12)
    s = llama3_vpnls.surface
    for alpha, beta in rng.uniform(0.01, 2, (500, 2)):
        holding = np.sum((low_a <= alpha) & (alpha < high_a) & (low_b <= beta) & (beta < high_b))
        assert holding == (max(abs(alpha - s.alpha), abs(beta - s.beta)) > 0.01)


@pytest.mark.parametrize("name", ["llama3", "chinchilla", "twin", "clean"])
def test_a_hundred_thousand_pairs_never_undercut_their_cells_bound(name, llama3, rng):
    runs = {
        "llama3": llama3,
        "chinchilla": chinchilla240(),
        "twin": twin(),
        "clean": DESIGN.runs(ASYMMETRIC),
    }[name]
    proof = certify(fit_vpnls(runs), cells=3000)
    times = 100_000 // len(proof.excluded) + 1
    alpha, beta = within(proof.excluded, times, rng)
    assert len(alpha) >= 100_000
    assert np.all(distances(runs, alpha, beta) >= np.repeat(proof.bounds, times))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.3])
def test_bounds_of_random_cells_hold_and_are_sharp(noise, rng):
    for _ in range(4):
        N, D = np.exp(rng.uniform(16, 23, 40)), np.exp(rng.uniform(18, 25, 40))
        runs = Runs(N, D, CHINCHILLA.loss(N, D) + noise * rng.standard_normal(40))
        logs = about_midrange(CentredLogs.of(runs))
        corner = np.exp(rng.uniform(np.log(0.01), np.log(1.5), (250, 2)))
        side = 10 ** rng.uniform(-5, -0.5, (250, 2))
        cells = np.column_stack(
            [corner[:, 0], corner[:, 0] + side[:, 0], corner[:, 1], corner[:, 1] + side[:, 1]]
        )
        bounds, centres = lower_bounds(logs, cells)
        alpha, beta = within(cells, 40, rng)
        least = distances(runs, alpha, beta).reshape(250, 40).min(axis=1)
        assert np.all(bounds <= least)
        small = side.max(axis=1) < 1e-3
        assert np.median(bounds[small] / least[small]) > 0.99
        middle = distances(runs, (cells[:, 0] + cells[:, 1]) / 2, (cells[:, 2] + cells[:, 3]) / 2)
        assert np.all(np.abs(centres[:, 3] - middle) <= centres[:, 4])


def test_what_is_certified_has_no_rival_on_a_fine_map(rng):
    exponents = np.geomspace(0.01, 2, 200)
    certified = 0
    for _ in range(15):
        alpha, beta = rng.uniform(0.15, 0.9, 2)
        surface = LossSurface(1.5, *np.exp(rng.uniform(4, 10, 2)), alpha, beta)
        runs = DESIGN.runs(surface, noise=10 ** rng.uniform(-3, -1), rng=rng)
        proof = certify(fit_vpnls(runs))
        certified += proof.holds
        s = proof.fit.surface
        a, b = np.meshgrid(exponents, exponents, indexing="ij")
        outside = np.maximum(np.abs(a - s.alpha), np.abs(b - s.beta)) > proof.square
        rss = objective_map(runs, exponents, exponents)[outside]
        assert not proof.holds or rss.min() >= proof.lower_bound > proof.fit.objective
    assert certified >= 12


def test_a_second_minimum_as_deep_is_found_and_named():
    fit = fit_vpnls(twin())
    proof = certify(fit)
    assert not proof.holds
    s = fit.surface
    assert f"alpha {s.beta:.3f}" in proof.reason
    assert f"beta {s.alpha:.3f}" in proof.reason
    assert "second minimum" in proof.reason
    centre = proof.remaining.reshape(-1, 2, 2).mean(axis=2)
    assert np.abs(centre - (s.beta, s.alpha)).max() < 1e-3
    assert proof.lower_bound == pytest.approx(fit.objective, rel=1e-6)


def test_of_two_minima_the_deeper_is_certified_and_the_other_refused():
    runs = twin(tilt=1e-4)
    fit = fit_vpnls(runs)
    logs = CentredLogs.of(runs)
    minima = [newton(logs, Squared(), start) for start in local_minima(logs, None)]
    assert len(minima) == 2
    assert certify(fit).holds
    worse = max(minima, key=lambda optimum: optimum.objective)
    assert worse.objective > fit.objective
    local = dataclasses.replace(fit, surface=logs.surface(*worse.theta), objective=worse.objective)
    proof = certify(local)
    assert not proof.holds
    assert "not the global minimum" in proof.reason
    alpha, beta = (float(proof.reason.split(name)[1].split()[0].strip(",")) for name in ("alpha ", "beta "))
    assert solve_coefficients(runs, alpha, beta)[1] < worse.objective


def test_runs_on_one_ray_exhaust_the_budget():
    N = np.geomspace(1e8, 1e10, 20)
    noise = 0.003 * np.random.default_rng(2).standard_normal(20)
    proof = certify(fit_vpnls(Runs(N, 20 * N, CHINCHILLA.loss(N, 20 * N) + noise)), cells=20_000)
    assert not proof.holds
    assert proof.examined <= 20_000
    assert len(proof.remaining) > 1000
    assert "budget of 20,000 cells" in proof.reason
    assert "other D/N" in proof.reason


def test_a_fit_whose_floor_is_held_at_zero_is_not_certified():
    runs = DESIGN.runs(CHINCHILLA)
    sunk = Runs(runs.N, runs.D, runs.L - 1.8)
    fit = fit_vpnls(sunk)
    assert fit.surface.E == 0
    proof = certify(fit)
    assert not proof.holds
    assert "negative E, A or B" in proof.reason


def test_clean_runs_are_certified_to_a_hair():
    proof = certify(fit_vpnls(DESIGN.runs(ASYMMETRIC)), square=1e-5)
    assert proof.holds
    assert proof.examined < 2000


def test_cells_grow_with_the_logarithm_of_the_square(llama3_vpnls):
    counts = [certify(llama3_vpnls, square=square).examined for square in (1e-2, 1e-3, 1e-4)]
    assert 1.5 > np.diff(counts)[1] / np.diff(counts)[0] > 0.7


def test_the_square_at_the_edge_of_the_box(llama3_vpnls):
    s = llama3_vpnls.surface
    proof = certify(llama3_vpnls, box=(s.alpha - 0.005, 1.0))
    assert proof.holds
    assert proof.excluded[:, [0, 2]].min() == s.alpha - 0.005


def test_any_method_that_minimised_squares_will_do(llama3):
    proof = certify(fit_approach3(llama3, loss=Squared()))
    assert proof.holds


@pytest.mark.parametrize(("n", "d"), [(1e-6, 1e-9), (1e30, 1e-60)])
def test_units_do_not_matter(llama3, n, d):
    there = certify(fit_vpnls(llama3))
    here = certify(fit_vpnls(Runs(llama3.N * n, llama3.D * d, llama3.L * 1e3)))
    assert here.holds
    assert abs(here.examined - there.examined) <= 0.02 * there.examined


@pytest.mark.parametrize("loss", [Huber(1e-3), Squared(log=True)], ids=str)
def test_other_losses_are_refused(llama3, loss):
    with pytest.raises(ValueError, match="squared residuals in L"):
        certify(fit_approach3(llama3, loss=loss))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"box": (0.0, 2.0)}, "box is"),
        ({"box": (2.0, 0.01)}, "box is"),
        ({"box": (0.4, 2.0)}, "alpha of the fit is 0.31"),
        ({"square": 0.0}, "square is"),
        ({"square": 1.0}, "square is"),
        ({"cells": 0}, "cells is"),
    ],
)
def test_arguments_are_checked(llama3_vpnls, arguments, words):
    with pytest.raises(ValueError, match=words):
        certify(llama3_vpnls, **arguments)


def test_print_says_what_was_proven(llama3_vpnls):
    proof = certify(llama3_vpnls)
    assert repr(proof).splitlines() == [
        "proof      holds: no exponents of the box outside the square fit better",
        "box        alpha and beta from 0.01 to 2",
        "square     alpha 0.31000 ± 0.01, beta 0.31365 ± 0.01",
        f"cells      {proof.examined} examined, all excluded",
        f"objective  0.0020199 for the fit; outside at least {100 * proof.margin:.2g} % more",
    ]
    few = certify(llama3_vpnls, cells=100)
    assert "does not hold" in repr(few)
    assert f"{few.examined} examined, {len(few.remaining)} not excluded" in repr(few)
    assert max(map(len, repr(few).splitlines())) <= 80
    for one in (proof, few):
        words = re.sub(r"<[^>]+>", " ", one._repr_html_()).split()
        assert words == repr(one).split()


def test_undecided_counts_down_to_nothing(llama3_vpnls):
    proof = certify(llama3_vpnls)
    left = [proof.undecided(level) for level in range(proof.levels.max() + 1)]
    assert sum(np.bincount(proof.levels)) == len(proof.excluded)
    assert left[0] == (8, 1.0)
    assert left[-1][0] == 0
    assert left[-1][1] == pytest.approx(0, abs=1e-12)
    assert all(np.diff([share for _, share in left]) <= 0)
    # every examined cell was excluded or halved
    assert proof.examined == 8 + 2 * sum(cells for cells, _ in left)


def test_the_picture_draws_the_cells_excluded_so_far(llama3_vpnls):
    proof = certify(llama3_vpnls)
    for level in (None, 6):
        ax = plotting.certificate(proof, level=level)
        shown = len(proof.excluded) if level is None else np.sum(proof.levels <= level)
        assert len(ax.collections[0].get_paths()) == shown
        plt.close("all")
