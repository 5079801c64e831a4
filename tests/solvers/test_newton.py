import numpy as np
import pytest
from scipy.optimize import least_squares

from scalinglab import CHINCHILLA, Huber, IsoflopDesign, Squared
from scalinglab.laws import ASYMMETRIC
from scalinglab.solvers import newton as newton_module
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.newton import _expand, _value, newton
from scalinglab.solvers.objectives import objective

LOSSES = [Squared(), Squared(log=True), Huber(0.01), Huber(0.003, log=True)]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)


@pytest.fixture(scope="module")
def logs() -> CentredLogs:
    design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21])
    return CentredLogs.of(design.runs(CHINCHILLA, noise=0.01, rng=np.random.default_rng(1)))


def truth(logs, surface=CHINCHILLA):
    A = surface.A * np.exp(-surface.alpha * logs.log_N0)
    B = surface.B * np.exp(-surface.beta * logs.log_D0)
    return np.array([surface.E, A, B, surface.alpha, surface.beta])


@every_loss
def test_value_is_the_objective_of_the_surface(logs, loss):
    theta = truth(logs) * 1.02
    f = theta[0] + theta[1] * np.exp(-theta[3] * logs.n) + theta[2] * np.exp(-theta[4] * logs.d)
    expected = objective(loss, f, logs.L)
    assert _value(logs, loss, theta) == pytest.approx(expected, rel=1e-13)
    assert _expand(logs, loss, theta)[0] == pytest.approx(expected, rel=1e-13)


@every_loss
@pytest.mark.parametrize("factor", [1.0, 1.02, 0.9])
def test_gradient_is_the_finite_difference(logs, loss, factor):
    theta = truth(logs) * factor
    gradient = _expand(logs, loss, theta)[1]
    for k, step in enumerate(np.diag(1e-6 * theta)):
        numeric = (_value(logs, loss, theta + step) - _value(logs, loss, theta - step)) / (2 * step[k])
        assert gradient[k] == pytest.approx(numeric, rel=1e-6, abs=1e-7)


@every_loss
@pytest.mark.parametrize("factor", [1.0, 1.02, 0.9])
def test_hessian_is_the_finite_difference(logs, loss, factor):
    theta = truth(logs) * factor
    hessian = _expand(logs, loss, theta)[2]
    scale = np.abs(hessian).max()
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12, atol=1e-12 * scale)
    for k, step in enumerate(np.diag(1e-8 * theta)):
        up, down = _expand(logs, loss, theta + step)[1], _expand(logs, loss, theta - step)[1]
        np.testing.assert_allclose(hessian[k], (up - down) / (2 * step[k]), rtol=1e-5, atol=1e-6 * scale)


@every_loss
def test_majorant_is_that_of_reweighted_least_squares(logs, loss):
    theta = truth(logs) * 1.01
    E, A, B, alpha, beta = theta
    p, q = np.exp(-alpha * logs.n), np.exp(-beta * logs.d)
    f = E + A * p + B * q
    r = np.log(f / logs.L) if loss.log else f - logs.L
    J = np.column_stack([np.ones_like(p), p, q, -A * logs.n * p, -B * logs.d * q])
    if loss.log:
        J /= f[:, None]
    expected = J.T @ (loss.weight(r)[:, None] * J)
    np.testing.assert_allclose(_expand(logs, loss, theta)[3], expected, rtol=1e-10, atol=1e-12)


@every_loss
def test_runs_in_blocks_equal_runs_at_once(logs, loss, monkeypatch):
    theta = truth(logs) * 1.02
    whole = _expand(logs, loss, theta)
    monkeypatch.setattr(newton_module, "PRODUCT", 7)
    for a, b in zip(whole, _expand(logs, loss, theta), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(a).max())
    assert _value(logs, loss, theta) == pytest.approx(whole[0], rel=1e-13)


@every_loss
def test_optimum_is_stationary(logs, loss):
    found = newton(logs, loss, truth(logs))
    _, gradient, _, majorant = _expand(logs, loss, found.theta)
    scale = np.sqrt(np.diag(majorant) * found.objective)
    assert np.abs(gradient / scale).max() < 1e-7


@every_loss
def test_starts_around_the_optimum_meet(logs, loss):
    reference = newton(logs, loss, truth(logs))
    rng = np.random.default_rng(2)
    for _ in range(5):
        found = newton(logs, loss, truth(logs) * np.exp(0.03 * rng.standard_normal(5)))
        assert found.objective == pytest.approx(reference.objective, rel=1e-9)
        np.testing.assert_allclose(found.theta, reference.theta, rtol=1e-5)


@pytest.mark.parametrize("loss", [Squared(), Huber(0.01)], ids=str)
def test_optimum_is_scipys(logs, loss):
    def residual(theta):
        E, A, B, alpha, beta = theta
        return E + A * np.exp(-alpha * logs.n) + B * np.exp(-beta * logs.d) - logs.L

    kind = {"loss": "huber", "f_scale": loss.delta} if isinstance(loss, Huber) else {}
    options = {"x_scale": "jac", "xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}
    theirs = least_squares(residual, truth(logs), **kind, **options).x
    found = newton(logs, loss, truth(logs))
    assert found.objective <= _value(logs, loss, theirs) * (1 + 1e-12)
    assert found.objective == pytest.approx(_value(logs, loss, theirs), rel=1e-9)


@every_loss
def test_clean_runs_are_met_to_the_last_digits(loss):
    logs = CentredLogs.of(IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]).runs(ASYMMETRIC))
    found = newton(logs, loss, truth(logs, ASYMMETRIC) * np.array([1.01, 0.99, 1.01, 0.99, 1.01]))
    np.testing.assert_allclose(found.theta, truth(logs, ASYMMETRIC), rtol=1e-10)


@every_loss
def test_polish_never_ends_above_its_start(logs, loss):
    rng = np.random.default_rng(3)
    for _ in range(10):
        start = truth(logs) * np.exp(0.5 * rng.standard_normal(5))
        found = newton(logs, loss, start)
        assert found.objective <= _value(logs, loss, start)
        assert found.objective == _value(logs, loss, found.theta)


def test_polish_keeps_going_when_a_bound_is_hit():
    logs = CentredLogs.of(
        IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21]).runs(
            CHINCHILLA, noise=0.01, rng=np.random.default_rng(1)
        )
    )
    found = newton(logs._replace(L=logs.L - 2.0), Squared(), np.array([0.5, 1.0, 1.0, 0.5, 0.5]))
    assert found.theta[0] == 0.0
    assert found.objective == pytest.approx(0.2455709531580, rel=1e-10)


def test_settled_means_converged_and_off_the_bounds(logs):
    start = truth(logs) * 1.1
    assert newton(logs, Squared(), start).settled
    assert not newton(logs, Squared(), start, iterations=2).settled
    assert not newton(logs._replace(L=logs.L - 2.0), Squared(), start).settled
