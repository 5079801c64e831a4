import numpy as np
import pytest

from scalinglab import Huber, IsoflopDesign, Runs, Squared, SurfaceFit, fit_approach3, fit_vpnls
from scalinglab.laws import CHINCHILLA_REFIT
from scalinglab.studies import refit, repeat_study

DESIGN = IsoflopDesign(np.geomspace(1e18, 1e21, 7), reach=8, points=9)


def study(**case):
    return repeat_study(CHINCHILLA_REFIT, DESIGN, 1e25, np.random.default_rng(0), **case)


@pytest.mark.parametrize(
    ("fitter", "loss"), [(fit_vpnls, Squared()), (fit_vpnls, Huber(0.01)), (fit_approach3, Squared(log=True))]
)
def test_refit_repeats_method_and_loss(noisy, fitter, loss):
    fit = fitter(noisy, loss)
    part = noisy.take(np.arange(0, len(noisy), 2))
    again = refit(fit, {"same": noisy, "half": part})
    assert again["same"].surface == fit.surface
    assert again["half"].surface == fitter(part, loss).surface


@pytest.mark.parametrize("loss", [Huber(1e-3, log=True), Squared(log=True), Squared()], ids=str)
def test_a_common_factor_does_not_reach_the_exponents(noisy, loss):
    fit = fit_approach3(noisy, loss)
    scaled = refit(fit, {0: Runs(noisy.N, noisy.D, 1.0015 * noisy.L)})[0].surface
    np.testing.assert_allclose([scaled.alpha, scaled.beta], [fit.surface.alpha, fit.surface.beta], rtol=1e-7)
    np.testing.assert_allclose(
        [scaled.E, scaled.A, scaled.B],
        1.0015 * np.array([fit.surface.E, fit.surface.A, fit.surface.B]),
        rtol=1e-6,
    )


def test_refit_knows_its_methods(noisy):
    fit = SurfaceFit(CHINCHILLA_REFIT, noisy, Squared(), "by hand", 0.0)
    with pytest.raises(ValueError, match="by hand"):
        refit(fit, {})


@pytest.mark.parametrize(
    ("decimals", "a", "factor"), [(3, 0.5125, 1.002), (2, 0.5127, 1.000), (1, 0.5114, 1.022)]
)
def test_rounded_losses(decimals, a, factor):
    found = study(decimals=decimals, draws=2)
    assert found.a[0] == found.a[1] == pytest.approx(a, abs=6e-5)
    assert found.D_factor[0] == pytest.approx(factor, abs=6e-4)


def test_noise_spreads_the_exponent_in_proportion():
    small, large = study(noise=0.001), study(noise=0.005)
    assert large.spread / small.spread == pytest.approx(5, rel=0.05)
    assert small.spread == pytest.approx(0.0003, abs=1e-4)


def test_the_range_of_sizes_matters_most():
    regions = [(0, 3e8), (3e8, 2e9), (2e9, np.inf)]
    spreads = []
    for sizes, runs in zip(regions, (25, 23, 15), strict=True):
        found = study(noise=0.002, sizes=sizes, draws=40)
        assert (found.runs, found.failures) == (runs, 0)
        spreads.append(found.spread)
    whole = study(noise=0.002, draws=40).spread
    assert spreads[0] / whole == pytest.approx(3.4, abs=1)
    assert min(spreads[1:]) > 10 * whole


def test_interval_is_the_central_quantiles():
    found = study(noise=0.005, draws=11)
    low, high = found.interval(0.8)
    assert (low, high) == (np.sort(found.D_factor)[1], np.sort(found.D_factor)[-2])


def test_same_generator_same_studies():
    np.testing.assert_array_equal(study(noise=0.01, draws=3).a, study(noise=0.01, draws=3).a)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="draws"):
        study(draws=1)
    with pytest.raises(ValueError, match="sizes"):
        study(sizes=(1e15, 1e16))
    assert study(sizes=(2e9, 2.4e9), draws=2).failures == 2
