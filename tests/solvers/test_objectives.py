import numpy as np
import pytest
from scipy.special import huber

from scalinglab import Huber, Squared
from scalinglab.solvers.objectives import objective, residuals

R = np.array([-3.0, -1.0, -0.5, -1e-9, 0.0, 0.25, 0.999, 1.0, 1.001, 40.0])
AWAY_FROM_KINKS = np.array([-3.0, -0.5, -1e-3, 0.25, 0.9, 1.2, 40.0])


def test_squared_is_the_square():
    np.testing.assert_array_equal(Squared().rho(R), R**2)


@pytest.mark.parametrize("delta", [1e-3, 0.3, 1.0, 1e3])
def test_huber_is_scipys(delta):
    np.testing.assert_allclose(Huber(delta).rho(R), huber(delta, R), rtol=1e-14)


@pytest.mark.parametrize("loss", [Squared(), Huber(1.0), Huber(0.2), Huber(1e6)])
def test_psi_is_the_slope_of_rho_and_curvature_that_of_psi(loss):
    h = 1e-6
    up, down = AWAY_FROM_KINKS + h, AWAY_FROM_KINKS - h
    np.testing.assert_allclose(
        (loss.rho(up) - loss.rho(down)) / (2 * h), loss.psi(AWAY_FROM_KINKS), rtol=1e-6
    )
    np.testing.assert_allclose(
        (loss.psi(up) - loss.psi(down)) / (2 * h), loss.curvature(AWAY_FROM_KINKS), atol=1e-6
    )


@pytest.mark.parametrize("loss", [Squared(), Huber(1.0), Huber(0.2)])
def test_weight_is_psi_over_r_and_finite_at_zero(loss):
    r = R[R != 0]
    np.testing.assert_allclose(loss.weight(r), loss.psi(r) / r, rtol=1e-14)
    assert loss.weight(np.zeros(1))[0] == loss.curvature(np.zeros(1))[0]


def test_wide_huber_is_half_the_square():
    np.testing.assert_array_equal(Huber(1e3).rho(R), Squared().rho(R) / 2)


def test_residuals_on_both_scales():
    predicted, L = np.array([2.0, 3.0]), np.array([1.0, 3.3])
    np.testing.assert_allclose(residuals(Squared(), predicted, L), [1.0, -0.3], rtol=1e-14)
    np.testing.assert_allclose(
        residuals(Squared(log=True), predicted, L), np.log([2.0, 3.0 / 3.3]), rtol=1e-14
    )


def test_objective_is_a_sum_not_a_mean():
    assert objective(Squared(), np.array([2.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx(5.0)
    assert objective(Huber(1.0), np.array([2.0, 2.0]), np.array([1.5, 5.0])) == pytest.approx(0.125 + 2.5)


@pytest.mark.parametrize("delta", [0, -1e-3, np.nan, np.inf])
def test_delta_must_be_positive(delta):
    with pytest.raises(ValueError, match="delta"):
        Huber(delta)


def test_names_tell_the_losses_apart():
    names = {str(loss) for loss in (Squared(), Squared(log=True), Huber(0.001), Huber(0.001, log=True))}
    assert names == {"squared", "squared on log L", "Huber(0.001)", "Huber(0.001) on log L"}
