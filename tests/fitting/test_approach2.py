import numpy as np
import pytest

from scalinglab import CHINCHILLA, FitError, IsoflopDesign, Runs, fit_approach2
from scalinglab.laws import ASYMMETRIC, SYMMETRIC

DESIGN = IsoflopDesign([1e18, 1e19, 1e20, 1e21], reach=8, points=9)
CLEAN = DESIGN.runs(CHINCHILLA)


def replaced(budget, **columns):
    """CLEAN with the runs of one budget replaced."""
    keep = budget != CLEAN.C
    N = np.concatenate([CLEAN.N[keep], columns["N"]])
    L = np.concatenate([CLEAN.L[keep], columns["L"]])
    C = np.concatenate([CLEAN.C[keep], np.full(len(columns["N"]), budget)])
    return Runs(N, C / (6 * N), L, C)


def by_polyfit(runs):
    """Slope and intercept of ln N* on ln C, straight from the definition."""
    vertices = []
    for C in runs.budgets:
        curve = runs.at(C)
        x = np.log(curve.N / curve.N.min())
        c2, c1, _ = np.polyfit(x, curve.L, 2)
        vertices.append(np.log(curve.N.min()) - c1 / (2 * c2))
    return np.polyfit(np.log(runs.budgets), vertices, 1)


@pytest.mark.parametrize("surface", [SYMMETRIC, CHINCHILLA, ASYMMETRIC], ids=lambda s: s.name)
def test_agrees_with_polyfit(surface):
    runs = DESIGN.runs(surface, noise=0.003, rng=np.random.default_rng(2))
    slope, intercept = by_polyfit(runs)
    fit = fit_approach2(runs, extrapolate=True)
    assert fit.a == pytest.approx(slope, abs=1e-9)
    assert np.log(fit.size_law.coefficient) == pytest.approx(intercept, abs=1e-7)


def test_llama3(llama3):
    fit = fit_approach2(llama3)
    assert f"{fit.a:.4f} {fit.b:.4f}" == "0.4632 0.5368"
    assert f"{fit.D_opt(3.8e25) / 1e12:.1f}" == "16.1"
    assert f"{fit.N_opt(3.8e25) / 1e9:.0f}" == "393"


def test_llama3_without_its_two_sparse_budgets(llama3):
    fit = fit_approach2(llama3.take(llama3.C < 2e21))
    assert len(fit.parabolas) == 8
    assert f"{fit.b:.4f}" == "0.4993"


def test_llama3_hangs_on_its_top_budget(llama3):
    (sentence,) = fit_approach2(llama3).concerns
    assert "1e+22" in sentence
    without = fit_approach2(llama3.take(llama3.C < 5e21)).a
    assert f"{without:.3f} instead of 0.463" in sentence


def test_symmetric_surface_is_exact():
    fit = fit_approach2(DESIGN.runs(SYMMETRIC))
    for C in (1e18, 1e24):
        assert fit.N_opt(C) == pytest.approx(SYMMETRIC.N_opt(C), rel=1e-9)
        assert fit.D_opt(C) == pytest.approx(SYMMETRIC.D_opt(C), rel=1e-9)


def test_parabola_in_tokens_gives_the_same_vertex():
    (first, *_), curve = fit_approach2(CLEAN).parabolas, CLEAN.at(1e18)
    c2, c1, _ = np.polyfit(np.log(curve.D / curve.D.min()), curve.L, 2)
    D = curve.D.min() * np.exp(-c1 / (2 * c2))
    assert 6 * first.vertex * D == pytest.approx(1e18, rel=1e-9)


def test_plan_spends_the_budget():
    fit = fit_approach2(CLEAN)
    assert fit.a + fit.b == pytest.approx(1, abs=1e-15)
    C = np.array([1e20, 1e24])
    np.testing.assert_allclose(6 * fit.N_opt(C) * fit.D_opt(C), C, rtol=1e-13)


@pytest.mark.parametrize(("n", "d"), [(1e-6, 1e-9), (1e6, 1e-12), (1e-9, 1e-9)])
def test_units_do_not_matter(n, d, noisy):
    there = fit_approach2(noisy)
    here = fit_approach2(Runs(noisy.N * n, noisy.D * d, noisy.L))
    assert here.a == pytest.approx(there.a, rel=1e-9)
    C = 1e24
    assert here.N_opt(C * n * d) == pytest.approx(there.N_opt(C) * n, rel=1e-9)
    assert here.D_opt(C * n * d) == pytest.approx(there.D_opt(C) * d, rel=1e-9)


def test_order_of_runs_does_not_matter(noisy):
    shuffled = noisy.take(np.random.default_rng(0).permutation(len(noisy)))
    assert fit_approach2(shuffled).a == pytest.approx(fit_approach2(noisy).a, rel=1e-12)


def test_an_offset_of_the_loss_does_not_matter(noisy):
    moved = Runs(noisy.N, noisy.D, noisy.L - 10.0)
    assert fit_approach2(moved).a == pytest.approx(fit_approach2(noisy).a, rel=1e-10)


def test_single_budget():
    with pytest.raises(FitError, match=r"1e\+18.*add an IsoFLOP curve"):
        fit_approach2(CLEAN.at(1e18))


@pytest.mark.parametrize(("factor", "remedy"), [(np.exp(4.0), "smaller"), (np.exp(-4.0), "larger")])
def test_budget_with_its_vertex_outside_is_left_out(factor, remedy):
    N = CLEAN.at(1e19).N * factor
    runs = replaced(1e19, N=N, L=CHINCHILLA.loss(N, 1e19 / (6 * N)))
    fit = fit_approach2(runs)
    assert [p.C for p in fit.used] == [1e18, 1e20, 1e21]
    (verdict,) = (p.verdict for p in fit.parabolas if p.verdict)
    assert verdict in fit.concerns
    assert "1e+19" in verdict
    assert "outside the sampled sizes" in verdict
    assert f"add {remedy} models" in verdict
    rest = fit_approach2(runs.take(runs.C != 1e19))
    assert fit.a == pytest.approx(rest.a, rel=1e-12)


def test_extrapolate_uses_a_vertex_outside_and_says_so():
    N = CLEAN.at(1e19).N * np.exp(4.0)
    runs = replaced(1e19, N=N, L=CHINCHILLA.loss(N, 1e19 / (6 * N)))
    fit = fit_approach2(runs, extrapolate=True)
    assert len(fit.used) == 4
    assert any("outside their sampled sizes" in sentence for sentence in fit.concerns)
    assert fit.a == pytest.approx(by_polyfit(runs)[0], abs=1e-9)


def test_budget_with_two_sizes_is_left_out():
    N = np.array([1e8, 1e8, 1e9, 1e9])
    fit = fit_approach2(replaced(1e19, N=N, L=CHINCHILLA.loss(N, 1e19 / (6 * N))))
    (left_out,) = (p for p in fit.parabolas if p.verdict)
    assert left_out.C == 1e19
    assert "2 distinct model sizes" in left_out.verdict
    assert np.isnan(left_out.vertex)
    assert left_out.verdict in fit.concerns


def test_budget_with_a_concave_curve_is_left_out():
    curve = CLEAN.at(1e19)
    fit = fit_approach2(replaced(1e19, N=curve.N, L=6 - curve.L))
    (left_out,) = (p for p in fit.parabolas if p.verdict)
    assert left_out.C == 1e19
    assert "does not open upwards" in left_out.verdict
    assert np.isnan(left_out.vertex)


def test_budget_with_equal_losses_is_left_out():
    curve = CLEAN.at(1e19)
    fit = fit_approach2(replaced(1e19, N=curve.N, L=np.full(len(curve), 2.7)), extrapolate=True)
    assert len(fit.used) == 3


def test_fewer_than_two_usable_budgets():
    runs = CLEAN.take(CLEAN.C < 5e19)
    concave = Runs(runs.N, runs.D, np.where(runs.C < 5e18, runs.L, 6 - runs.L), runs.C)
    with pytest.raises(FitError, match=r"1 of 2 budgets.*1e\+19 was left out"):
        fit_approach2(concave)
    level = Runs(runs.N, runs.D, np.where(runs.C < 5e18, 2 * runs.L.max() - runs.L, 6 - runs.L), runs.C)
    with pytest.raises(FitError, match="0 of 2 budgets"):
        fit_approach2(level)


def test_two_budgets_are_enough_but_a_concern():
    fit = fit_approach2(CLEAN.take(CLEAN.C < 5e19))
    assert any("two budgets" in sentence for sentence in fit.concerns)
    assert not any("two budgets" in sentence for sentence in fit_approach2(CLEAN).concerns)


def test_every_budget_keeps_its_parabola():
    fit = fit_approach2(CLEAN)
    assert [p.C for p in fit.parabolas] == [1e18, 1e19, 1e20, 1e21]
    for parabola in fit.parabolas:
        curve = CLEAN.at(parabola.C)
        assert parabola.points == 9
        assert parabola.sampled == (curve.N.min(), curve.N.max())
        expected = np.polyval(np.polyfit(np.log(curve.N), curve.L, 2), np.log(curve.N))
        np.testing.assert_allclose(parabola.loss(curve.N), expected, rtol=1e-9)
