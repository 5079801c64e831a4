from functools import cache

import numpy as np
import pytest

from scalinglab import CHINCHILLA, FitError, Huber, IsoflopDesign, Runs, Squared, fit_approach3, fit_vpnls
from scalinglab.fitting import hoffmann_starts
from scalinglab.laws import ASYMMETRIC
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.lbfgs import lse_objective
from scalinglab.solvers.objectives import objective

LETTERS = ("E", "A", "B", "alpha", "beta")
LOSSES = [Squared(), Squared(log=True), Huber(0.01), Huber(1e-3, log=True)]
FIVE = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21])


def numbers(surface):
    return np.array([getattr(surface, letter) for letter in LETTERS])


@pytest.fixture(scope="module")
def of_llama3(llama3):
    """The fit of Llama 3's runs under a loss."""
    return cache(lambda loss: fit_approach3(llama3, loss))


@pytest.fixture(scope="module")
def fitted(noisy):
    """The fit of the noisy runs under a loss, the published one when none is named."""
    return cache(lambda loss=LOSSES[-1]: fit_approach3(noisy, loss))


def test_llama3_squared_log_residuals(of_llama3):
    fit = of_llama3(Squared(log=True))
    s = fit.surface
    assert f"{s.E:.4f} {s.A:.1f} {s.B:.1f} {s.alpha:.4f} {s.beta:.4f}" == "0.6021 56.2 147.3 0.3068 0.3110"
    assert f"{fit.D_opt(3.8e25) / 1e12:.1f}" == "10.1"
    assert f"{fit.N_opt(3.8e25) / 1e9:.0f}" == "628"


def test_llama3_huber_on_l(llama3):
    fit = fit_approach3(llama3, loss=Huber(1e-3))
    assert f"{fit.surface.alpha:.4f} {fit.surface.beta:.4f}" == "0.2872 0.3170"
    assert f"{fit.objective / len(llama3):.3e}" == "2.276e-06"


def test_hoffmann_starts_are_the_published_grid():
    starts = hoffmann_starts()
    assert starts.shape == (4500, 5)
    assert len(np.unique(starts, axis=0)) == 4500
    expected = [
        range(0, 26, 5),
        range(0, 26, 5),
        (-1, -0.5, 0, 0.5, 1),
        (0, 0.5, 1, 1.5, 2),
        (0, 0.5, 1, 1.5, 2),
    ]
    for column, values in zip(starts.T, expected, strict=True):
        np.testing.assert_array_equal(np.unique(column), list(values))


@pytest.mark.parametrize("loss", [Squared(log=True), Huber(1e-3, log=True)], ids=str)
def test_published_starts_meet_the_default_ones(llama3, of_llama3, loss):
    # every 409th of the 4500 starts: 409 shares no factor with 5 or 6, so each value of each parameter occurs
    starts = hoffmann_starts()[::409]
    assert [len(np.unique(column)) for column in starts.T] == [6, 6, 5, 5, 5]
    there, here = fit_approach3(llama3, loss, starts=starts), of_llama3(loss)
    assert there.objective == pytest.approx(here.objective, rel=1e-9)
    np.testing.assert_allclose(numbers(there.surface), numbers(here.surface), rtol=1e-6)


def test_default_loss_is_the_published_one(noisy):
    start = [6, 6, 0.5, 0.34, 0.28]
    fit = fit_approach3(noisy, starts=start)
    assert fit.loss == Huber(1e-3, log=True)
    assert fit.objective == fit_approach3(noisy, Huber(1e-3, log=True), start).objective


@pytest.mark.parametrize("loss", [Squared(), Huber(0.01)], ids=str)
def test_on_l_itself_it_is_vpnls(noisy, fitted, loss):
    there, here = fit_vpnls(noisy, loss), fitted(loss)
    assert here.objective == pytest.approx(there.objective, rel=1e-9)
    np.testing.assert_allclose(numbers(here.surface), numbers(there.surface), rtol=1e-6)


@pytest.mark.parametrize(
    ("surface", "loss"),
    [*((CHINCHILLA, loss) for loss in LOSSES), (ASYMMETRIC, LOSSES[-1])],
    ids=str,
)
def test_clean_runs_give_back_the_surface(surface, loss):
    fit = fit_approach3(FIVE.runs(surface), loss)
    np.testing.assert_allclose(numbers(fit.surface), numbers(surface), rtol=1e-9)
    assert surface != CHINCHILLA or fit.concerns == ()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_objective_is_that_of_the_surface(noisy, fitted, loss):
    fit = fitted(loss)
    assert fit.objective == pytest.approx(objective(loss, fit.predicted, noisy.L), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_gradient_is_the_finite_difference(noisy, loss):
    of = lse_objective(CentredLogs.of(noisy), loss)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = np.array([-0.5, -0.3, 0.5, 0.35, 0.3]) + 0.2 * rng.standard_normal(5)
        _, gradient = of(x)
        for k, step in enumerate(1e-6 * np.eye(5)):
            numeric = (of(x + step)[0] - of(x - step)[0]) / 2e-6
            assert gradient[k] == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_log_sum_exp_is_the_surface(noisy, loss):
    logs = CentredLogs.of(noisy)
    x = np.array([np.log(0.6), np.log(0.7), np.log(1.7), 0.34, 0.28])
    f = 1.7 + 0.6 * np.exp(-0.34 * logs.n) + 0.7 * np.exp(-0.28 * logs.d)
    assert lse_objective(logs, loss)(x)[0] == pytest.approx(objective(loss, f, noisy.L), rel=1e-12)


def test_log_sum_exp_does_not_overflow(noisy):
    value, gradient = lse_objective(CentredLogs.of(noisy), Squared(log=True))(
        np.array([900.0, -900.0, 0.5, 2.0, 2.0])
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("loss", "n", "d"), [(Squared(log=True), 1e-6, 1e-9), (Huber(1e-3, log=True), 1e9, 1e-3)], ids=str
)
def test_units_do_not_matter(noisy, fitted, loss, n, d):
    there = fitted(loss)
    here = fit_approach3(Runs(noisy.N * n, noisy.D * d, noisy.L), loss)
    s, t = here.surface, there.surface
    np.testing.assert_allclose([s.E, s.alpha, s.beta], [t.E, t.alpha, t.beta], rtol=1e-9)
    assert here.objective == pytest.approx(there.objective, rel=1e-9)
    np.testing.assert_allclose([s.A, s.B], [t.A * n**t.alpha, t.B * d**t.beta], rtol=1e-8)


def test_unit_of_the_loss_does_not_matter_in_logs(noisy, fitted):
    there, here = fitted(), fit_approach3(Runs(noisy.N, noisy.D, noisy.L * 1e-3))
    scale = np.array([1e-3, 1e-3, 1e-3, 1, 1])
    np.testing.assert_allclose(numbers(here.surface), numbers(there.surface) * scale, rtol=1e-7)
    assert here.objective == pytest.approx(there.objective, rel=1e-9)


def test_losses_must_be_positive(noisy):
    for value in (0.0, -0.1):
        L = noisy.L.copy()
        L[4] = value
        with pytest.raises(FitError, match=r"row 4\b.*positive"):
            fit_approach3(Runs(noisy.N, noisy.D, L))


@pytest.mark.parametrize("starts", [[[1, 2, 3]], np.zeros((2, 2, 5)), [[np.nan] * 5]])
def test_shape_of_starts_is_checked(noisy, starts):
    with pytest.raises(ValueError, match="starts"):
        fit_approach3(noisy, starts=starts)


def test_starts_are_given_in_the_units_of_the_runs(noisy, fitted):
    x = [[np.log(406.4), np.log(410.7), np.log(1.69), 0.34, 0.28]]
    fit = fit_approach3(noisy, starts=x)
    assert fit.objective == pytest.approx(fitted().objective, rel=1e-9)


def test_starts_that_disagree_are_a_concern(noisy, fitted):
    # four of five starts sit where the objective is flat
    starts = [[0.0, 0.0, 400.0 + k, 2.0, 2.0] for k in range(4)] + [[6.0, 6.0, 0.5, 0.34, 0.28]]
    fit = fit_approach3(noisy, starts=starts)
    assert any("of 5 starts" in sentence for sentence in fit.concerns)
    assert not any("starts" in sentence for sentence in fitted().concerns)


def test_approach3_on_an_exact_fit():
    runs = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]).runs(
        CHINCHILLA, noise=0.005, rng=np.random.default_rng(0)
    )
    first, second = runs.take([0, 7, 14, 33, 70]), runs.take([0, 14, 30, 45, 74])
    for five, loss in ((first, Squared(log=True)), (second, Huber(1e-3, log=True)), (second, Squared())):
        assert fit_approach3(five, loss).objective < 1e-9


def test_approach3_single_good_start_has_no_concern():
    runs = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]).runs(
        CHINCHILLA, noise=0.005, rng=np.random.default_rng(0)
    )
    assert fit_approach3(runs, starts=[6, 6, 0.5, 0.3, 0.3]).concerns == ()


def test_approach3_without_starts():
    with pytest.raises(ValueError, match="starts"):
        fit_approach3(FIVE.runs(CHINCHILLA), starts=np.empty((0, 5)))
