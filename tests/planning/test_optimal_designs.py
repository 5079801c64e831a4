from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from refusals import not_refused

from scalinglab import CHINCHILLA, FitError, IsoflopDesign, LossSurface, plan_sweep, predict_error
from scalinglab.laws import ASYMMETRIC, SYMMETRIC
from scalinglab.planning import PlannedRuns, elfving_optimum, next_run, plausible_surfaces, when_to_stop
from scalinglab.planning.beliefs import surface_at
from scalinglab.planning.design_bounds import design_bound, knapsack_bound
from scalinglab.planning.exchange import DesignProblem, _best_swap as best_swap, searched

BUDGETS = [1e17, 1e18, 1e19, 1e20, 1e21]
HALF_DECADES = np.geomspace(1e17, 1e21, 9)
TARGET = 1e24
LIKE_LLAMA3 = LossSurface(0.60467, 59.138, 155.14, 0.31, 0.31365, name="like Llama 3's")


@pytest.fixture(scope="module")
def usual_plan():
    return plan_sweep(CHINCHILLA, TARGET, 1e21)


def problem_of(surfaces, candidates, runs, compute):
    return DesignProblem.of(surfaces, candidates, TARGET, candidates.cost / compute, runs)


@pytest.fixture(scope="module")
def small():
    """A dozen candidates, two surfaces, eight runs and not money for the dearest."""
    box = PlannedRuns.in_box([1e18, 1e19, 1e20], sizes=4)
    return problem_of([CHINCHILLA, SYMMETRIC], box, 8, 3.1e20)


def test_the_search_finds_the_best_of_all_designs(small):
    def value(rows):
        chosen = np.isin(np.arange(12), rows)
        affordable = small.cost[chosen].sum() <= 1
        return small.weights @ small.variances(chosen) if affordable else np.inf

    values = [value(rows) for rows in combinations(range(12), 8)]
    assert np.isinf(values).any()
    found = searched(small).chosen
    assert small.weights @ small.variances(found) == pytest.approx(min(values), rel=1e-9)
    assert design_bound(small, found).least <= min(values) * (1 + 1e-9)


def test_the_best_swap_is_the_best_of_all_swaps(small):
    chosen = np.isin(np.arange(12), [0, 1, 2, 4, 5, 6, 7, 8])
    now = small.weights @ small.variances(chosen)
    best = (0.0, None)
    for i in np.flatnonzero(chosen):
        for j in np.flatnonzero(~chosen):
            other = chosen.copy()
            other[[i, j]] = False, True
            if small.cost[other].sum() <= 1:
                best = max(best, (now - small.weights @ small.variances(other), (i, j)))
    assert best[1] is not None
    assert best_swap(small, chosen) == best[1]


@pytest.mark.parametrize("surface", [CHINCHILLA, ASYMMETRIC], ids=lambda one: one.name)
def test_no_affordable_design_beats_the_bound(surface, rng):
    candidates = PlannedRuns.of(IsoflopDesign(HALF_DECADES), surface)
    problem = problem_of([surface, LIKE_LLAMA3], candidates, 45, 3e21)
    problem = replace(problem, weights=1 / problem.variances(np.ones(135)))
    chosen = searched(problem).chosen
    value = problem.value(chosen)
    own, several = knapsack_bound(problem, chosen), design_bound(problem, chosen).least
    assert own <= several * (1 + 1e-9)
    assert several <= value <= several * 1.01
    tried = 0
    while tried < 150:
        order = rng.exponential(size=135) * problem.cost ** rng.uniform(0.2, 1)
        design = np.isin(np.arange(135), np.argsort(order)[:45])
        if problem.cost[design].sum() <= 1:
            tried += 1
            assert problem.value(design) >= several
            if tried % 10 == 0:
                assert knapsack_bound(problem, design) <= value  # what others prove is true too


@pytest.mark.parametrize("surface", [SYMMETRIC, CHINCHILLA, ASYMMETRIC], ids=lambda one: one.name)
def test_75_distinct_runs_at_the_usual_cost(surface):
    candidates = PlannedRuns.of(IsoflopDesign(HALF_DECADES), surface)
    usual = predict_error(IsoflopDesign(BUDGETS), surface, 0.01, TARGET)
    plan = plan_sweep([surface], TARGET, usual.cost, 75, candidates, misfit_sizes=0)
    found = plan.predict(0.01)
    assert (found.log_N / usual.log_N) ** 2 <= 0.66
    assert found.misfit_weight <= 1.1 * usual.misfit_weight
    assert plan.proven > 0.99
    assert plan.cost <= usual.cost
    cheap = plan_sweep([surface], TARGET, usual.cost / 9, 75, candidates, misfit_sizes=0)
    assert cheap.predict(0.01).log_N <= usual.log_N


@pytest.fixture(scope="module")
def prior():
    """Eight surfaces: exponents .25 to .45, excess .4 to .9, D/N 20 within a factor of e^.5, at 1e19."""
    rng = np.random.default_rng(24)
    return [
        surface_at(
            1.69,
            *rng.uniform(0.25, 0.45, 2),
            rng.uniform(0.4, 0.9),
            20 * np.exp(rng.uniform(-0.5, 0.5)),
            1e19,
        )
        for _ in range(8)
    ]


def test_an_averaged_plan_is_good_for_all_it_was_made_for(prior):
    box = PlannedRuns.in_box(HALF_DECADES)
    plan = plan_sweep(prior, TARGET, 2e21, candidates=box, misfit_sizes=0)
    assert plan.efficiencies.mean() >= 0.9
    assert plan.efficiencies.min() >= 0.8
    alone = plan_sweep([prior[0]], TARGET, 2e21, candidates=box, misfit_sizes=0)
    others = [plan.predict(0.01, one).log_N ** 2 / alone.predict(0.01, one).log_N ** 2 for one in prior[1:]]
    assert np.mean(others) < 1 < plan.ratios[0] * (1 + 1e-6)
    worst = plan_sweep(prior, TARGET, 2e21, candidates=box, misfit_sizes=0, criterion="minimax")
    assert worst.ratios.max() < plan.ratios.max()
    assert worst.proven <= 1


def test_ratios_are_variances_over_the_best_alone(prior):
    box = PlannedRuns.in_box(HALF_DECADES)
    plan = plan_sweep(prior[:3], TARGET, 2e21, candidates=box)
    for ratio, one in zip(plan.ratios, plan.surfaces, strict=True):
        alone = plan_sweep([one], TARGET, 2e21, candidates=box, misfit_sizes=0)
        share = plan.predict(0.01, one).log_N ** 2 / alone.predict(0.01).log_N ** 2
        assert ratio == pytest.approx(share, rel=0.01)


def test_the_plan_keeps_its_limits_and_says_why_each_run_is_there(usual_plan):
    plan, runs = usual_plan, usual_plan.planned
    assert len(runs) == 45 == len(np.unique(np.column_stack([runs.N, runs.D]), axis=0))
    assert plan.cost <= 1e21
    assert runs.N.min() >= 1e7 * (1 - 1e-9)
    assert (runs.D / runs.N <= 1000 * (1 + 1e-9)).all()
    assert (plan.chosen | ~plan.shows_misfit).all()
    misfit = plan.candidates.take(plan.shows_misfit)
    assert len(misfit) == 20
    for budget in misfit.budgets:
        at, every = (one.N[np.isclose(one.C, budget)] for one in (misfit, plan.candidates))
        assert len(at) == 5
        assert (at.min(), at.max()) == (every.min(), every.max())
    table = plan.to_frame()
    assert len(table) == 45
    assert {reason.split()[0] for reason in table["reason"]} == {"shows", "measures"}
    small_models = table["reason"].str.contains("parameters")
    large_models = table["reason"].str.contains("data's")
    assert table.loc[small_models, "D/N"].min() > table.loc[large_models, "D/N"].max()
    assert "45 planned runs" in repr(plan)
    assert "<table" in plan._repr_html_()
    assert predict_error(plan, CHINCHILLA, 0.01, TARGET).log_N == plan.predict(0.01).log_N
    few = plan_sweep([CHINCHILLA], TARGET, 1e21, 30)
    assert int(few.shows_misfit.sum()) == 12
    dear = plan_sweep([CHINCHILLA], TARGET, 1e21, price_per_run=1e19)
    assert dear.cost + 45 * 1e19 <= 1e21


def test_plans_reach_the_predicted_error_in_simulated_studies(usual_plan, rng):
    from scalinglab.solvers.centred_logs import CentredLogs
    from scalinglab.uncertainty.refits import refit_surface

    found = usual_plan.predict(0.01)
    L = found.runs.L + 0.01 * rng.standard_normal((1000, 45))
    fits = refit_surface(CentredLogs.of(found.runs)._replace(L=L), CHINCHILLA, None, 1000)
    assert np.log(fits.N_opt(TARGET)).std() == pytest.approx(found.log_N, rel=0.07)


@pytest.mark.parametrize(
    ("surface", "price", "factor"),
    [(SYMMETRIC, 2.66e20, 445), (CHINCHILLA, 2.34e20, 438), (ASYMMETRIC, 2.88e19, 301)],
)
def test_elfving_s_optimum_is_proven_and_is_no_plan(surface, price, factor):
    lattice = PlannedRuns.of(IsoflopDesign(np.geomspace(1e17, 1e21, 41), points=41), surface)
    found = elfving_optimum(surface, TARGET, lattice)
    assert found.price == pytest.approx(price, rel=0.004)
    assert 0 <= found.gap + 1e-9 < 1e-8
    assert found.violation(lattice.N, lattice.D) <= 1 + 1e-9
    usual = predict_error(IsoflopDesign(BUDGETS), surface, 0.01, TARGET)
    assert usual.cost * (usual.log_N / 0.01) ** 2 / found.price == pytest.approx(factor, rel=0.006)
    assert len(found.points) <= 5
    assert found.misfit_weight > 1.6 * usual.misfit_weight
    assert found.points.C.max() < 1e18
    assert "a limit, not a plan" in found.concerns[0]
    finer = PlannedRuns.of(IsoflopDesign(np.geomspace(1e17, 1e21, 161), points=161), surface)
    assert found.violation(finer.N, finer.D) < 1.003
    if len(found.points) == 5:  # four points of the symmetric surface do not determine the law
        rounds = np.maximum(1, np.round(found.repeats(usual.log_N, 0.01))).astype(int)
        repeated = PlannedRuns(*(np.repeat(x, rounds) for x in (found.points.N, found.points.D)))
        again = predict_error(repeated, surface, 0.01, TARGET)
        assert again.log_N == pytest.approx(usual.log_N, rel=0.05)
    assert list(found.to_frame().columns)[-2:] == ["weight", "share"]
    assert "price" in repr(found)


def test_a_price_per_run_draws_runs_together():
    lattice = PlannedRuns.of(IsoflopDesign(np.geomspace(1e17, 1e21, 41), points=41), CHINCHILLA)
    free, dear = (elfving_optimum(CHINCHILLA, TARGET, lattice, F) for F in (0.0, 1e19))
    assert dear.points.C.max() > 3 * free.points.C.max()
    assert dear.misfit_weight < free.misfit_weight
    assert dear.repeats(0.0248, 0.01).sum() < free.repeats(0.0248, 0.01).sum() / 2


def test_one_more_run_brings_what_the_identity_says(llama3, llama3_vpnls):
    box = PlannedRuns.in_box([6e18, 1e22, 1e23], ratio=(1, 5000))
    found = next_run(llama3, llama3_vpnls, 3.8e25, box, noise=0.004)
    assert [round(100 * found.drops[found.best_at(C)]) for C in box.budgets] == [24, 17, 16]
    assert found.per_flop == found.best_at(6e18)
    before = predict_error(llama3, llama3_vpnls, 0.004, 3.8e25)
    for place in (0, 20, found.per_flop):
        more = PlannedRuns.of(llama3).and_also(box.take([place]))
        after = predict_error(more, llama3_vpnls, 0.004, 3.8e25)
        assert 1 - (after.log_N / before.log_N) ** 2 == pytest.approx(found.drops[place], abs=1e-6)
        saved = (before.waste_second_order - after.waste_second_order) * 3.8e25
        assert saved == pytest.approx(found.saved[place], rel=1e-4)
    assert list(found.to_frame().index) == [
        "best per FLOP",
        "best at 6e+18",
        "best at 1e+22",
        "best at 1e+23",
    ]
    assert "takes away 23.8%" in repr(found)


def test_when_to_stop(llama3, llama3_vpnls):
    sigma = np.sqrt(llama3_vpnls.objective / llama3_vpnls.freedom)
    found = when_to_stop(llama3, llama3_vpnls, sigma, 3.8e25)
    assert found.noise_waste == pytest.approx(5.6e23, rel=0.01)
    assert found.best_cost == pytest.approx(np.sqrt(found.cost * found.noise_waste))
    assert found.verdict.startswith("go on")
    misfit = when_to_stop(llama3, llama3_vpnls, sigma, 3.8e25, misfit=0.001)
    assert misfit.misfit_waste / 3.8e25 == pytest.approx(0.066, abs=1e-3)
    assert misfit.verdict.startswith("stop: the misfit")
    usual = when_to_stop(IsoflopDesign(BUDGETS), CHINCHILLA, 0.005, TARGET)
    assert usual.cost / usual.noise_waste == pytest.approx(350, rel=0.02)
    assert usual.verdict.startswith("stop: noise")
    # cost and waste of r repeats are least together where they are equal
    best = usual.best_cost
    total = [cost + usual.cost * usual.noise_waste / cost for cost in (best / 1.1, best, best * 1.1)]
    assert total[1] == min(total) == pytest.approx(2 * best)
    for word in ("sweep", "noise", "misfit", "verdict"):
        assert word in repr(usual)


def test_what_no_float_can_hold_or_is_of_no_kind_is_refused():
    cases = [
        (lambda: predict_error(IsoflopDesign(BUDGETS), CHINCHILLA, 1e300, TARGET), "nor above 1e90"),
        (lambda: predict_error(IsoflopDesign(BUDGETS), CHINCHILLA, 0.1, TARGET, 1e300), "below 1e90"),
        (lambda: when_to_stop(IsoflopDesign(BUDGETS), CHINCHILLA, 0.1, TARGET, 1e300), "below 1e90"),
        (lambda: next_run(IsoflopDesign(BUDGETS), CHINCHILLA, TARGET, noise=1e300), "beyond what a float"),
        (lambda: plan_sweep([CHINCHILLA], TARGET, 1e-300, 6), "no run of|cheapest candidates cost"),
        (lambda: plausible_surfaces(CHINCHILLA, 1e19, excess=1e300), "keep them below 3"),
        (lambda: PlannedRuns([1e8], [1e9]).runs("Chinchilla"), "give a LossSurface"),
        (lambda: PlannedRuns([1e8], [1e9]).runs(CHINCHILLA, 0.1), "noisy runs need rng"),
        (lambda: PlannedRuns([1e8], [1e9]).runs(CHINCHILLA, 0.1, 7), "give numpy.random.default_rng"),
        (lambda: PlannedRuns([1e8], [1e9, 2e9]), "N has 1 entries, D 2"),
    ]
    assert not not_refused(cases)


def test_plausible_surfaces_spread_around_the_rough_one():
    found = plausible_surfaces(CHINCHILLA, 1e19)
    assert found[0] is CHINCHILLA
    logs = np.log([(one.alpha / 0.34, one.beta / 0.28) for one in found])
    assert np.abs(logs).max() <= 0.2
    assert (logs.max(axis=0) > 0.12).all()
    assert (logs.min(axis=0) < -0.12).all()
    same = plausible_surfaces(CHINCHILLA, 1e19, exponents=0, excess=0, ratio=0)[5]
    np.testing.assert_allclose([same.A, same.B], [406.4, 410.7])
    made = surface_at(1.0, 0.3, 0.4, 0.5, 20.0, 1e19)
    assert made.L_opt(1e19) - 1.0 == pytest.approx(0.5)
    assert made.D_opt(1e19) / made.N_opt(1e19) == pytest.approx(20)


def test_nonsense_gets_words_and_the_remedies_work(usual_plan):
    box = PlannedRuns.in_box([1e18, 1e19], sizes=10)
    with pytest.raises(ValueError, match=r"runs is 45 and there are 20 candidates"):
        plan_sweep(CHINCHILLA, TARGET, 1e21, candidates=box)
    with pytest.raises(ValueError, match=r"lies inside the sweep"):
        plan_sweep(CHINCHILLA, 1e19, 1e21, 10, box)
    with pytest.raises(
        ValueError, match=r"the 15 cheapest candidates cost 6e\+19 FLOPs, and compute is 1e\+19"
    ):
        plan_sweep(CHINCHILLA, TARGET, 1e19, 15, box)
    assert plan_sweep(CHINCHILLA, TARGET, 6.0001e19, 15, box).cost <= 6.0001e19
    with pytest.raises(ValueError, match="there are average, minimax"):
        plan_sweep(CHINCHILLA, TARGET, 1e21, criterion="best")
    with pytest.raises(ValueError, match="give a LossSurface"):
        plan_sweep("Chinchilla", TARGET, 1e21)
    with pytest.raises(ValueError, match="give PlannedRuns"):
        plan_sweep(CHINCHILLA, TARGET, 1e21, candidates=[1e8])
    blind = plan_sweep([CHINCHILLA], TARGET, 1e21, misfit_sizes=0)
    assert "give misfit_sizes=5" in blind.concerns[0]
    assert not usual_plan.concerns
    dense = PlannedRuns.in_box([1e18, 1e19, 1e20], sizes=60, apart=1.01)
    crowded = plan_sweep([CHINCHILLA], TARGET, 1e21, 20, dense)
    assert any("repeats in disguise" in text for text in crowded.concerns)
    tiny = plan_sweep([CHINCHILLA], TARGET, 1e21, 8, box)
    assert any("degrees of freedom" in text for text in tiny.concerns)
    N = np.geomspace(1e8, 1e9, 40)
    with pytest.raises(FitError, match="40 candidates do not determine the law; widen the box in D/N"):
        plan_sweep([SYMMETRIC], TARGET, 1e23, 10, PlannedRuns(N, 20 * N))
    with pytest.raises(FitError, match="4 candidates do not determine"):
        elfving_optimum(CHINCHILLA, TARGET, box.take([0, 3, 12, 15]))
