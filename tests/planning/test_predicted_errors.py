import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    IsoflopDesign,
    Law,
    LossSurface,
    Runs,
    approach2_bias,
    deadweight_loss,
    fit_approach2,
    predict_error,
)
from scalinglab.laws import ASYMMETRIC, SYMMETRIC
from scalinglab.planning import PlannedRuns, best_reach, expected_waste
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.theory import budget_spacing, curvature_score
from scalinglab.uncertainty.refits import refit_frontier, refit_surface

BUDGETS = [1e17, 1e18, 1e19, 1e20, 1e21]
TARGET = 1e24


def test_weights_are_the_answers_of_a_refit_to_an_error_of_each_run(surface):
    design = IsoflopDesign(BUDGETS[:4], reach=6, points=5, offset=1.5)
    runs = design.runs(surface)
    found = predict_error(design, surface, 0.01, TARGET)
    step = 1e-5
    moved = [
        refit_surface(CentredLogs.of(runs)._replace(L=runs.L + sign * step * np.eye(20)), surface, None, 20)
        for sign in (1, -1)
    ]
    for answer, weights in (
        (lambda fit: np.log(fit.N_opt(TARGET)), found.weights),
        (lambda fit: fit.L_opt(TARGET), found.loss_weights),
    ):
        slope = (answer(moved[0]) - answer(moved[1])) / (2 * step)
        np.testing.assert_allclose(slope, weights, rtol=1e-3, atol=1e-3 * np.abs(weights).max())
    fit = fit_approach2(runs, extrapolate=True)
    ends = [refit_frontier(fit, None, runs.L + sign * step * np.eye(20)) for sign in (1, -1)]
    slope = (np.log(ends[0].N_opt(TARGET)) - np.log(ends[1].N_opt(TARGET))) / (2 * step)
    np.testing.assert_allclose(slope, found.approach2.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("grid", [{}, {"offset": 3}, {"drift": 3}, {"offset": 0.4, "points": 4}])
def test_bias_of_approach_2_is_that_of_the_theorem(surface, grid):
    for reach in (1.2, 2, 16):
        design = IsoflopDesign(BUDGETS, reach=reach, **grid)
        expected = np.log(approach2_bias(surface, design).N_factor(TARGET))
        found = predict_error(design, surface, 0.01, TARGET).approach2
        assert found.bias == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("grid", [{}, {"offset": 3}, {"drift": 3, "points": 8}])
def test_variance_of_approach_2_is_the_closed_form(surface, grid):
    design, sigma = IsoflopDesign(BUDGETS, reach=5, **grid), 0.01
    found = predict_error(design, surface, sigma, TARGET, shared=0.3).approach2  # shared errors cancel
    n, U = design.points, np.log(design.reach)
    h = 2 * U / (n - 1)
    S2, Q4 = n * (n + 1) / (3 * (n - 1)) * U**2, n * (n**2 - 1) * (n**2 - 4) / 180 * h**4
    sizes, total = design.sizes(surface), 0.0
    x = np.log(BUDGETS)
    w = 1 / 5 + (np.log(TARGET) - x.mean()) * (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    steps = np.linspace(-U, U, n)
    for j, C in enumerate(BUDGETS):
        c2, c1, _ = np.polyfit(steps, surface.loss(sizes[j], C / (6 * sizes[j])), 2)
        v = -c1 / (2 * c2)
        total += w[j] ** 2 * sigma**2 * (1 / S2 + 4 * v**2 / Q4) / (4 * c2**2)
        assert found.signal_to_noise[j] == pytest.approx(c2 * np.sqrt(Q4) / sigma, rel=1e-6)
    assert found.log_N == pytest.approx(np.sqrt(total), rel=1e-6)
    assert found.rmse == pytest.approx(np.hypot(found.bias, np.sqrt(total)), rel=1e-6)


def test_signal_to_noise_is_the_score_of_screening_on_narrow_grids():
    found = predict_error(IsoflopDesign([1e19, 1e20], reach=1.3, points=9), CHINCHILLA, 0.01, TARGET)
    assert found.approach2.signal_to_noise[1] == pytest.approx(
        curvature_score(CHINCHILLA, 1e20, 1.3, 9, 0.01), rel=2e-3
    )


@pytest.mark.parametrize(
    ("surface", "price", "weights"),
    [(SYMMETRIC, "1.18e+23", 18.8), (CHINCHILLA, "1.03e+23", 17.5), (ASYMMETRIC, "8.67e+21", 5.1)],
)
def test_price_and_misfit_weight_of_the_usual_grid(surface, price, weights):
    found = predict_error(IsoflopDesign(BUDGETS), surface, 0.01, TARGET)
    assert f"{found.cost * (found.log_N / 0.01) ** 2:.2e}" == price
    assert found.misfit_weight == pytest.approx(weights, abs=0.05)
    shorter = predict_error(IsoflopDesign(np.geomspace(1e17, 1e20, 5)), surface, 0.01, TARGET)
    assert shorter.cost / found.cost == pytest.approx(0.109, abs=0.01)
    assert (shorter.log_N / found.log_N) ** 2 < 1.45  # a ninth of the compute costs next to nothing


def test_llama3_s_sweep(llama3, llama3_vpnls):
    noise = np.sqrt(llama3_vpnls.objective / llama3_vpnls.freedom)
    found = predict_error(llama3, llama3_vpnls, noise, 3.8e25)
    assert f"{found.log_D:.4f} {found.waste_second_order:.2%} {found.waste:.2%}" == "0.2169 1.47% 1.43%"
    assert found.misfit_weight == pytest.approx(463, abs=0.5)
    assert predict_error(llama3, llama3_vpnls, noise, 3.8e25, shared=0.002).log_D == pytest.approx(
        0.239, abs=5e-4
    )
    assert found.misfit_waste(0.001) == pytest.approx(0.066, abs=0.003)
    assert any("6 of 10 budgets have a curvature below 5 times" in text for text in found.concerns)


@pytest.mark.parametrize("noise", [0.01, lambda N, D: 0.002 * (N / 1e8) ** -0.2])
def test_simulated_studies_scatter_as_predicted(rng, noise):
    design, studies, shared = IsoflopDesign(BUDGETS, reach=4, points=9), 1000, 0.002
    found = predict_error(design, CHINCHILLA, noise, TARGET, shared)
    _, member = found.runs.by_budget()
    own = found.noise * rng.standard_normal((studies, len(found.runs)))
    L = found.runs.L + own + shared * rng.standard_normal((studies, 5))[:, member]
    fits = refit_surface(CentredLogs.of(found.runs)._replace(L=L), CHINCHILLA, None, studies)
    assert np.log(fits.N_opt(TARGET)).std() == pytest.approx(found.log_N, rel=0.07)
    assert fits.L_opt(TARGET).std() == pytest.approx(found.loss, rel=0.07)
    lines = refit_frontier(fit_approach2(found.runs, extrapolate=True), None, L)
    assert found.approach2.signal_to_noise.min() > 2.5
    assert np.log(lines.N_opt(TARGET)).std() == pytest.approx(found.approach2.log_N, rel=0.12)


@pytest.mark.parametrize(("error", "bias"), [(0.0, 0.4), (0.05, 0.0), (0.6, -0.3)])
def test_expected_waste_is_the_mean_of_the_deadweight_loss(surface, error, bias):
    q = (np.arange(100_001) + 0.5) / 100_001
    from scipy.special import ndtri

    N = surface.N_opt(TARGET) * np.exp(bias + error * ndtri(q))
    mean = deadweight_loss(surface, N, TARGET / (6 * N)).mean()
    assert expected_waste(surface, error, bias) == pytest.approx(mean, rel=2e-4)
    second = (surface.alpha + surface.beta) / 2 * (error**2 + bias**2)
    assert expected_waste(surface, error, bias, exact=False) == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize(
    ("surface", "noise", "reach", "rmse", "vpnls"),
    [
        (CHINCHILLA, 0.002, 3.5, 0.018, 0.011),
        (CHINCHILLA, 0.01, 8.3, 0.052, 0.033),
        (CHINCHILLA, 0.05, 36, 0.144, 0.092),
        (ASYMMETRIC, 0.002, 1.6, None, None),
        (ASYMMETRIC, 0.05, 3.9, None, None),
    ],
)
def test_the_best_reach_weighs_bias_against_variance(surface, noise, reach, rmse, vpnls):
    found = best_reach(IsoflopDesign(BUDGETS), surface, noise, TARGET)
    assert found.reach == pytest.approx(reach, rel=0.03)
    best = found.rmse.argmin()
    assert found.reaches[best] == found.reach
    if rmse:
        assert found.rmse[best] == pytest.approx(rmse, abs=6e-4)
        assert found.vpnls[best] == pytest.approx(vpnls, abs=6e-4)
    assert (np.diff(found.reaches) > 0).all()
    np.testing.assert_allclose(found.to_frame()["rmse"], found.rmse)
    assert "best reach" in repr(found)


def test_without_bias_wider_is_better_and_it_is_said():
    found = best_reach(IsoflopDesign(BUDGETS), SYMMETRIC, 0.01, TARGET, within=(2, 32))
    assert found.reach == pytest.approx(32)
    assert "wider grid" in found.concerns[0]
    wider = best_reach(IsoflopDesign(BUDGETS), SYMMETRIC, 0.01, TARGET, within=(2, 64))
    assert wider.rmse.min() < found.rmse.min()


@pytest.mark.parametrize(("surface", "ratio"), [(SYMMETRIC, 7.04), (CHINCHILLA, 7.07), (ASYMMETRIC, 7.96)])
def test_spacing_of_two_budgets(surface, ratio):
    assert budget_spacing(surface) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("C", [1e22, 1e26])
@pytest.mark.parametrize("reach", [2, 16])
def test_two_pairs_err_least_at_that_spacing(C, reach):
    """The closed form against four runs whose numbers follow from their weights."""
    low = 1e17
    best = budget_spacing(SYMMETRIC)

    def price(ratio):
        design = PlannedRuns.of(IsoflopDesign([low, low * ratio], reach=reach, points=3), SYMMETRIC)
        pairs = design.take([0, 2, 3, 5])
        from scalinglab.planning.run_weights import gradients, size_direction

        x = np.linalg.lstsq(gradients(SYMMETRIC, pairs.N, pairs.D, C).T, size_direction(SYMMETRIC, C))[0]
        return np.abs(x) @ np.sqrt(pairs.cost)

    assert price(best) < min(price(best * 1.02), price(best / 1.02))


def test_any_law_has_weights_too(llama3, llama3_vpnls):
    fit = Law("E + A/N**alpha + B/D**beta").fit(llama3)
    ours, theirs = (predict_error(llama3, one, 0.004, 3.8e25) for one in (fit, llama3_vpnls))
    assert ours.log_N == pytest.approx(theirs.log_N, rel=2e-3)
    assert ours.loss == pytest.approx(theirs.loss, rel=2e-3)
    np.testing.assert_allclose(ours.weights, theirs.weights, atol=5e-3 * np.abs(theirs.weights).max())
    assert ours.waste == pytest.approx(theirs.waste_second_order, rel=5e-3)
    assert ours.approach2.bias == pytest.approx(theirs.approach2.bias, abs=1e-3)
    assert ours.approach2.log_N == pytest.approx(theirs.approach2.log_N, rel=1e-2)
    planned = PlannedRuns.in_box([1e19, 1e20, 1e21], ratio=(1, 500))
    wide = [predict_error(planned, one, 0.004, 3.8e25).log_N for one in (fit, llama3_vpnls)]
    assert wide[0] == pytest.approx(wide[1], rel=2e-3)
    bent = Law("E + (A/N**alpha + B/D**beta)**k").fit(llama3)
    assert predict_error(llama3, bent, 0.004, 3.8e25).loss > theirs.loss  # a sixth parameter costs precision
    with pytest.raises(ValueError, match="give a LossSurface"):
        predict_error(IsoflopDesign(BUDGETS), fit, 0.01, TARGET)


def test_nonsense_gets_words():
    design = IsoflopDesign(BUDGETS)
    with pytest.raises(ValueError, match=r"noise is 0.*approach2_bias gives"):
        predict_error(design, CHINCHILLA, 0.0, TARGET)
    with pytest.raises(ValueError, match=r"one for each of 75 runs"):
        predict_error(design, CHINCHILLA, [0.1, 0.2], TARGET)
    with pytest.raises(ValueError, match="must not be negative"):
        predict_error(design, CHINCHILLA, -0.1, TARGET)
    with pytest.raises(ValueError, match="give a LossSurface"):
        predict_error(design, "Chinchilla", 0.1, TARGET)
    with pytest.raises(ValueError, match="give an IsoflopDesign, Runs or PlannedRuns"):
        predict_error([1e8], CHINCHILLA, 0.1, TARGET)
    N = np.geomspace(1e8, 1e9, 12)
    with pytest.raises(FitError, match="share one ratio"):
        predict_error(PlannedRuns(N, 20 * N), SYMMETRIC, 0.01, TARGET)
    with pytest.raises(FitError, match="repeat each other"):
        predict_error(PlannedRuns([*N[:4]] * 2, [*N[3::-1]] * 2), CHINCHILLA, 0.01, TARGET)
    with pytest.raises(FitError, match="4 runs for 5 parameters"):
        predict_error(PlannedRuns(N[:4], N[:4][::-1]), CHINCHILLA, 0.01, TARGET)
    with pytest.raises(ValueError, match="no run of"):
        PlannedRuns.in_box([1e18], N=(1e12, 1e13))
    with pytest.raises(ValueError, match="needs a factor above 1"):
        best_reach(design, CHINCHILLA, 0.01, TARGET, within=(0.5, 4))


def test_doubts_come_with_their_remedy():
    design = IsoflopDesign(BUDGETS)
    inside = predict_error(design, CHINCHILLA, 0.01, 1e20)
    assert "lies inside the sweep" in inside.concerns[0]
    assert not predict_error(design, CHINCHILLA, 0.01, TARGET).concerns
    narrow = predict_error(IsoflopDesign(BUDGETS, reach=2), CHINCHILLA, 0.05, TARGET)
    assert any("beyond 0.5" in text for text in predict_error(design, CHINCHILLA, 0.5, TARGET).concerns)
    assert any("curvature below 5" in text for text in narrow.concerns)
    off = predict_error(IsoflopDesign(BUDGETS, reach=2, offset=3), CHINCHILLA, 0.001, TARGET)
    assert any("vertex of 5 of 5 budgets lies outside" in text for text in off.concerns)
    box = PlannedRuns.in_box(BUDGETS, sizes=2)
    few = predict_error(box.take([0, 1, 2, 3, 4, 5]), CHINCHILLA, 0.001, TARGET)
    assert few.approach2 is None
    assert [text.split()[0] for text in few.concerns] == ["6", "0"]
    for word in ("VPNLS", "Approach 2", "concerns"):
        assert word in repr(narrow)
    assert list(narrow.to_frame().index) == ["VPNLS", "Approach 2"]
    assert narrow.to_frame().loc["Approach 2", "bias"] == narrow.approach2.bias
    assert "<table" in narrow._repr_html_()


def test_a_box_is_filled_and_kept_to():
    box = PlannedRuns.in_box([1e18, 1e19, 1e20], sizes=7, ratio=(5, 200), N=(5e7, 2e9), D=(1e9, 1e12))
    assert box.budgets == pytest.approx([1e18, 1e19, 1e20])
    assert ((box.D / box.N >= 5 * 0.999) & (box.D / box.N <= 200 * 1.001)).all()
    assert ((box.N >= 5e7 * 0.999) & (box.N <= 2e9 * 1.001) & (box.D >= 1e9 * 0.999)).all()
    np.testing.assert_allclose(box.cost, box.C)
    thin = PlannedRuns.in_box([1e16, 1e20], N=(1e7, 1e300))
    steps = [np.diff(np.log(thin.N[thin.C == C])).min() for C in thin.budgets]
    assert min(steps) >= np.log(1.1) * (1 - 1e-9)
    assert [int((thin.C == C).sum()) for C in thin.budgets] == [15, 15]
    narrow = PlannedRuns.in_box([6e15], N=(1e7, 1e300))
    assert 2 <= len(narrow) < 15
    assert (narrow.N.min(), narrow.N.max()) == pytest.approx((1e7, np.sqrt(1e15)))
    with pytest.raises(ValueError, match="apart is 1; give a factor above 1"):
        PlannedRuns.in_box([1e18], apart=1)
    assert len(box.and_also(box.take([0]))) == len(box) + 1
    assert list(box.to_frame().columns) == ["N", "D", "budget", "FLOPs", "D/N"]


def test_no_answer_depends_on_the_losses_or_units_of_the_runs():
    runs = IsoflopDesign(BUDGETS).runs(CHINCHILLA)
    here = predict_error(runs, CHINCHILLA, 0.01, TARGET)
    other = predict_error(Runs(runs.N, runs.D, np.ones(75)), CHINCHILLA, 0.01, TARGET)
    assert other.log_N == here.log_N
    millions = LossSurface(1.69, 406.4 * 1e6**-0.34, 410.7 * 1e6**-0.28, 0.34, 0.28)
    scaled = Runs(runs.N / 1e6, runs.D / 1e6, runs.L)
    assert predict_error(scaled, millions, 0.01, TARGET / 1e12).log_N == pytest.approx(here.log_N, rel=1e-9)
