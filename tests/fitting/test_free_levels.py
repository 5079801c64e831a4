import numpy as np
import pytest
from scipy.optimize import least_squares

from scalinglab import (
    CHINCHILLA,
    FitError,
    Huber,
    IsoflopDesign,
    LevelsFit,
    LossSurface,
    Runs,
    certify,
    covariance,
    fit_vpnls,
    load_llama3,
)
from scalinglab.fitting.free_levels import grouped, with_levels
from scalinglab.laws import ASYMMETRIC
from scalinglab.solvers.within_groups import response_within, within
from scalinglab.uncertainty.refits import refit_levels

DESIGN = IsoflopDesign([1e18, 1e19, 1e20, 1e21], reach=8, points=9)
RUNS = DESIGN.runs(CHINCHILLA, 0.004, np.random.default_rng(2))
FIT = fit_vpnls(RUNS, levels="budget")
C = 3e24


def hard(rng):
    """Runs of a few budgets with errors of any size: grids, or sizes scattered over three decades."""
    budgets, points = rng.integers(2, 7), rng.integers(4, 9)
    C = np.repeat(np.geomspace(1e18, 10 ** rng.uniform(18.5, 22), budgets), points)
    spread = rng.choice([1.5, 3.5])
    N = np.sqrt(C / 120) * np.exp(rng.uniform(-spread, spread, len(C)))
    D = C / 6 / N
    alpha, beta = np.exp(rng.uniform(np.log(0.05), np.log(1.2), 2))
    A, B = np.exp(rng.uniform(np.log(0.02), np.log(2), 2))
    n, d = np.log(N / N[0]), np.log(D / D[0])
    L = 3 + A * np.exp(-alpha * n) + B * np.exp(-beta * d)
    L = L + rng.choice([0.001, 0.01, 0.1]) * rng.standard_normal(len(C))
    return Runs(N, D, L - min(0, L.min() - 0.1), C)


def from_everywhere(runs, rng):
    """Lowest sum of squares of many searches in four parameters from random starts."""
    logs, starts, _ = grouped(runs)
    y = within(logs.L, starts)

    def residuals(x):
        return y - within(x[0] * np.exp(-x[2] * logs.n) + x[1] * np.exp(-x[3] * logs.d), starts)

    def slopes(x):
        p, q = np.exp(-x[2] * logs.n), np.exp(-x[3] * logs.d)
        return -within(np.array([p, q, -x[0] * logs.n * p, -x[1] * logs.d * q]), starts).T

    box = [0, 0, 0.01, 0.01], [np.inf, np.inf, 2, 2]
    ends = [
        least_squares(residuals, x0, slopes, bounds=box, xtol=1e-13, ftol=1e-13)
        for x0 in np.exp(rng.uniform(np.log([0.02, 0.02, 0.02, 0.02]), np.log([2, 2, 1.5, 1.5]), (4, 4)))
    ]
    return min(2 * end.cost for end in ends)


@pytest.mark.parametrize("seed", range(3))
def test_no_search_from_random_starts_ends_lower(seed):
    rng = np.random.default_rng(seed)
    runs = hard(rng)
    assert fit_vpnls(runs, levels="budget").objective <= from_everywhere(runs, rng) * (1 + 1e-9)


def test_what_a_budget_shares_falls_out():
    _, member = RUNS.by_budget()
    shared = np.array([0.3, -0.1, 0.02, -0.2])
    moved = fit_vpnls(Runs(RUNS.N, RUNS.D, RUNS.L + shared[member], RUNS.C), levels="budget")
    np.testing.assert_allclose(moved.levels - FIT.levels, shared, atol=1e-6)
    assert moved.N_opt(C) == pytest.approx(FIT.N_opt(C), rel=1e-6)
    assert moved.objective == pytest.approx(FIT.objective, rel=1e-9)
    assert fit_vpnls(moved.runs).N_opt(C) != pytest.approx(FIT.N_opt(C), rel=0.05)


def test_perfect_runs_give_the_truth_back():
    fit = fit_vpnls(DESIGN.runs(CHINCHILLA), levels="budget")
    assert fit.terms.parameters == pytest.approx({**CHINCHILLA.parameters, "E": 0}, rel=1e-5)
    np.testing.assert_allclose(fit.levels, CHINCHILLA.E, rtol=1e-6)
    assert (fit.a, fit.b) == pytest.approx((CHINCHILLA.a, CHINCHILLA.b))
    assert fit.concerns == ()


def test_neither_units_nor_order_matter():
    order = np.random.default_rng(0).permutation(len(RUNS))
    small = Runs(RUNS.N[order] / 1e6, RUNS.D[order] / 1e9, RUNS.L[order], RUNS.C[order] / 1e15)
    fit = fit_vpnls(small, levels="budget")
    assert fit.a == pytest.approx(FIT.a, rel=1e-9)
    np.testing.assert_allclose(fit.residuals, FIT.residuals[order], atol=1e-9)


def test_residuals_and_freedom():
    _, member = RUNS.by_budget()
    np.testing.assert_allclose(np.bincount(member, FIT.residuals), 0, atol=1e-12)
    assert FIT.freedom == len(RUNS) - 4 - 4
    assert FIT.objective == pytest.approx(np.sum(FIT.residuals**2))
    assert FIT.objective < fit_vpnls(RUNS).objective


def test_many_runs_are_gathered_for_the_search_alone():
    design = IsoflopDesign([1e18, 1e19, 1e20], reach=8, points=3000)
    runs = design.runs(CHINCHILLA, 0.01, np.random.default_rng(0))
    fit = fit_vpnls(runs, levels="budget")
    logs, starts, _ = grouped(runs)
    n, d = logs.n, logs.d
    p, q = np.exp(-fit.terms.alpha * n), np.exp(-fit.terms.beta * d)
    J = within(np.stack([p, q, n * p, d * q]), starts)
    r = within(fit.residuals, starts)
    # at a minimum the residuals of all runs are orthogonal to every column
    assert np.abs(J @ r / np.linalg.norm(J, axis=1) / np.linalg.norm(r)).max() < 1e-6


def test_the_response_is_that_of_a_dummy_for_every_budget():
    logs, starts, order = grouped(RUNS)
    s = FIT.terms
    A, B = s.A * np.exp(-s.alpha * logs.log_N0), s.B * np.exp(-s.beta * logs.log_D0)
    p, q = A * np.exp(-s.alpha * logs.n), B * np.exp(-s.beta * logs.d)
    _, member = RUNS.by_budget()
    J = np.column_stack([np.eye(4)[member[order]], p, q, -logs.n * p, -logs.d * q])
    np.testing.assert_allclose(
        response_within(logs, starts, A, B, s.alpha, s.beta), np.linalg.pinv(J)[4:], rtol=1e-5, atol=1e-8
    )


def test_a_term_that_the_runs_do_not_show_is_said():
    law = LossSurface(1.7, 400, 0, 0.34, 0.28)
    N = np.tile(np.geomspace(1e7, 1e9, 6), 3)
    budgets = np.repeat([1e18, 1e19, 1e20], 6)
    runs = Runs(N, budgets / 6 / N, law.loss(N, budgets / 6 / N), budgets)
    fit = fit_vpnls(runs, levels="budget")
    assert fit.undetermined == ("beta",)
    assert "not determined" in repr(fit)
    assert "frontier  none: beta is not determined" in repr(fit)
    assert any("beta is not determined" in concern for concern in fit.concerns)


def test_runs_that_cannot_be_compared_within_budgets_are_refused_and_the_remedies_work():
    rng = np.random.default_rng(1)
    with pytest.raises(FitError, match="all runs share one"):
        fit_vpnls(RUNS.at(1e20), levels="budget")
    N, D = DESIGN.runs(CHINCHILLA).N, DESIGN.runs(CHINCHILLA).D * np.exp(rng.uniform(-0.3, 0.3, len(RUNS)))
    scattered = Runs(N, D, CHINCHILLA.loss(N, D))
    with pytest.raises(FitError, match=r"a level per budget leaves \d comparison") as refused:
        fit_vpnls(scattered, levels="budget")
    assert "pass nominal budgets as C" in str(refused.value)
    nominal = fit_vpnls(Runs(N, D, CHINCHILLA.loss(N, D), RUNS.C), levels="budget")
    assert nominal.a == pytest.approx(CHINCHILLA.a, rel=1e-4)
    assert fit_vpnls(scattered).a == pytest.approx(CHINCHILLA.a, rel=1e-4)


def test_single_runs_are_said_and_change_nothing():
    lone = Runs(
        *(
            np.append(x, y)
            for x, y in zip((RUNS.N, RUNS.D, RUNS.L, RUNS.C), (1e9, 1e12, 2.0, 6e21), strict=True)
        )
    )
    fit = fit_vpnls(lone, levels="budget")
    assert fit.terms.parameters == pytest.approx(FIT.terms.parameters, rel=1e-6)
    assert fit.freedom == FIT.freedom
    assert "1 of 5 budgets has a single run" in fit.concerns[0]


def test_what_needs_e_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="give what fit_vpnls without levels or fit_approach3 returned"):
        certify(FIT)
    for ask in (lambda: FIT.E, lambda: FIT.surface, lambda: FIT.L_opt(C), lambda: FIT.recommend(C)):
        with pytest.raises(FitError, match=r"fit_vpnls\(runs\)"):
            ask()
    with pytest.raises(ValueError, match="levels is 'budgets'"):
        fit_vpnls(RUNS, levels="budgets")
    with pytest.raises(ValueError, match="squared residuals only"):
        fit_vpnls(RUNS, Huber(1e-3), levels="budget")


def test_levels_that_no_shared_error_explains_are_said(llama3):
    fit = fit_vpnls(llama3, levels="budget")
    rising = [text for text in fit.concerns if text.startswith("the levels rise with compute")]
    assert len(rising) == 1
    # what it tells one to ask: with errors shared in any way the exponent is three times less certain
    assert 'covariance(fit, "shared")' in rising[0]
    assert covariance(fit, "shared").standard_error("alpha") > 2.5 * covariance(fit).standard_error("alpha")
    assert fit_vpnls(llama3).surface.alpha > 1.8 * fit.terms.alpha
    # a surface that bends with compute, and one that does not, both with errors shared in budgets
    rng = np.random.default_rng(4)
    design = IsoflopDesign(np.geomspace(1e18, 1e22, 8), reach=8, points=13)
    runs = design.runs(CHINCHILLA, 0.003, rng)
    x, member = np.log(runs.budgets), runs.by_budget()[1]
    for drift, said in ((0.0, 0), (0.03, 1)):
        shared = drift * (x - x.mean()) + 0.01 * rng.standard_normal(8)
        fit = fit_vpnls(Runs(runs.N, runs.D, runs.L + shared[member], runs.C), levels="budget")
        assert sum("the levels" in text for text in fit.concerns) == said


def test_errors_of_the_best_size_are_those_foreseen():
    # five budgets, fifteen sizes, errors of .005 and shared ones of .02: known in closed form
    design, rng = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]), np.random.default_rng(0)
    for surface, foreseen in ((CHINCHILLA, 0.0124), (ASYMMETRIC, 0.0039)):
        runs = design.runs(surface)
        _, member = runs.by_budget()
        own, shared = 0.005 * rng.standard_normal((400, 75)), 0.02 * rng.standard_normal((400, 5))
        drawn = refit_levels(with_levels(surface, runs), None, runs.L + own + shared[:, member], 400)
        assert np.std(np.log(drawn.N_opt(1e24))) == pytest.approx(foreseen, rel=0.12)


def test_standard_errors_are_those_of_the_covariance():
    V = covariance(FIT)
    for name, error in FIT.standard_errors.items():
        assert error == pytest.approx(V.standard_error(name), rel=1e-9)


def test_print():
    fit = fit_vpnls(load_llama3(), levels="budget")
    assert isinstance(fit, LevelsFit)
    lines = repr(fit).splitlines()
    assert lines[0] == "method    VPNLS with a level per budget, squared, 133 runs; ± one standard error"
    assert lines[1].startswith("terms     A 13.8 ± 2.8  B ")
    assert lines[2].startswith("levels    10 budgets, ")
    assert "N* ~ C^(0.4925 ± 0.0070)" in lines[3]
    assert "<caption><b>Method</b>: VPNLS with a level per budget" in fit._repr_html_()


#: Runs whose lowest valley no cell of the map shows: a column of another exponent, priced, leads there.
HIDDEN = {
    0.03199053384370255: (
        [
            [161.18, 34.472, 1336.3, 2297.8, 26.595], [59.843, 119.69, 239.37, 478.74, 957.49],
            [342.76, 685.51, 1371, 2742.1, 5484.1], [886.58, 305.51, 1169, 2117.7, 6097.7],
        ],
        [
            [3.6037, 2.1223, 9.7291, 12.899, 1.9629], [1.2836, 1.3663, 1.7825, 2.0357, 2.5003],
            [1.1956, 1.2948, 1.4263, 1.5613, 1.9108], [1.0813, 0.9453, 1.1107, 1.114, 1.1886],
        ],
        [1e18, 1.5439e19, 2.3837e20, 3.6803e21],
    ),
    0.0002570702440929228: (
        [
            [79.402, 15.68, 207.16], [50.464, 201.86, 807.43], [33.94, 135.76, 543.04],
            [148.56, 15.46, 116.97], [55.706, 222.83, 891.3], [83.943, 335.77, 1343.1],
        ],
        [
            [2.1351, 2.8815, 1.8863], [2.2931, 1.8893, 1.6756], [2.4588, 1.969, 1.7187],
            [1.9453, 2.862, 2.0059], [2.2263, 1.8499, 1.6359], [2.1009, 1.7687, 1.5953],
        ],
        [1e18, 1.8693e18, 3.4942e18, 6.5315e18, 1.2209e19, 2.2822e19],
    ),
}  # fmt: skip


@pytest.mark.parametrize("lowest", HIDDEN)
def test_a_valley_between_the_cells_is_found_by_its_price(lowest):
    sizes, losses, budgets = (np.array(x) for x in HIDDEN[lowest])
    N, C = sizes.ravel() * 1e6, np.repeat(budgets, sizes.shape[1])
    fit = fit_vpnls(Runs(N, C / 6 / N, losses.ravel(), C), levels="budget")
    # the search without prices ends more than two per cent higher
    assert fit.objective == pytest.approx(lowest, rel=5e-3)
