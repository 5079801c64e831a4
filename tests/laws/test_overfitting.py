import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalinglab import CHINCHILLA, LossSurface
from scalinglab.laws import MUENNIGHOFF, OverfittingSurface

U = 1e9


def law(P=0.005, delta=1.5, kappa=0.5, surface=MUENNIGHOFF):
    return OverfittingSurface(surface, P=P, delta=delta, kappa=kappa)


def test_loss_is_the_definition():
    s = CHINCHILLA
    N, R = 3e8, 6.5
    expected = s.E + s.A / N**s.alpha + s.B / (U * (1 + R)) ** s.beta + 0.01 * R**1.2 * (N / U) ** 0.7
    assert law(0.01, 1.2, 0.7, s).loss(N, 7.5 * U, U) == pytest.approx(expected, rel=1e-14)


def test_up_to_one_pass_nothing_is_paid():
    D = np.array([0.1, 0.5, 1.0]) * U
    assert np.all(law().penalty(1e9, D, U) == 0)
    np.testing.assert_array_equal(law().loss(1e9, D, U), MUENNIGHOFF.loss(1e9, D))


# finite differences at the optimum and a search that knows nothing of the equation
@pytest.mark.parametrize("delta", [0.3, 0.7, 1.0, 1.0001, 1.5, 3.0])
@pytest.mark.parametrize("N", [5e6, 5e7, 5e9])
@pytest.mark.parametrize("P", [1e-5, 1e-3, 0.1])
def test_best_epochs_is_the_minimum(delta, N, P):
    form = law(P, delta)
    best = form.best_epochs(N, U)
    epochs = np.concatenate(([1.0], 1 + np.geomspace(1e-8, 1e6, 20_001)))
    losses = form.loss(N, epochs * U, U)
    assert form.loss(N, best * U, U) <= losses.min() + 1e-13
    if best > 1 + 1e-6:
        h = 1e-4 * (best - 1)
        low, middle, high = form.loss(N, (best + np.array([-h, 0, h])) * U, U)
        assert low > middle < high or abs(high - low) < 1e-12
        result = minimize_scalar(
            lambda x: form.loss(N, (1 + np.exp(x)) * U, U),
            bracket=(np.log(best - 1) - 0.5, np.log(best - 1), np.log(best - 1) + 0.5),
        )
        assert np.exp(result.x) == pytest.approx(best - 1, rel=1e-4)


def test_closed_form_of_a_linear_penalty():
    form = law(delta=1.0)
    N = np.array([1e6, 1e8, 1e10])
    s = MUENNIGHOFF
    rho = s.beta * s.B * U**-s.beta / (form.P * (N / U) ** form.kappa)
    assert np.all(rho > 1)
    np.testing.assert_allclose(form.best_epochs(N, U), rho ** (1 / (1 + s.beta)), rtol=1e-12)


def test_a_linear_penalty_that_costs_more_than_the_first_repetition_gains():
    assert law(P=10.0, delta=1.0).best_epochs(1e9, U) == 1.0


def test_below_linear_the_later_minimum_counts_only_if_it_is_lower():
    N = 5e7
    epochs = 1 + np.geomspace(1e-6, 1e5, 20_001)
    repeats = single = 0
    for P in np.geomspace(1e-3, 100, 60):
        form = law(P, 0.4)
        best = form.best_epochs(N, U)
        gain = form.loss(N, U, U) - form.loss(N, epochs * U, U).min()
        if best > 1:
            repeats += 1
            assert gain > 0
        else:
            single += 1
            assert gain < 1e-9
    assert repeats > 5
    assert single > 5


def test_above_linear_the_optimum_is_always_interior():
    # even a harsh penalty starts flat, so a little repetition pays
    best = law(P=100.0, delta=2.0).best_epochs(np.geomspace(1e6, 1e12, 7), U)
    assert np.all((best > 1) & (best < 2))


def test_larger_models_stop_earlier_and_a_weaker_penalty_later():
    N = np.geomspace(1e6, 1e11, 11)
    best = law().best_epochs(N, U)
    assert np.all(np.diff(best) < 0)
    assert np.all(law(P=0.3 * 0.005).best_epochs(N, U) > best)
    assert np.ptp(law(kappa=0.0).best_epochs(N, U)) == pytest.approx(0, abs=1e-9)


def test_without_a_data_term_one_pass_is_enough():
    form = law(surface=LossSurface(1.0, 400.0, 0.0, 0.3, 0.3))
    assert form.best_epochs(1e8, U) == 1.0


def test_shapes():
    assert isinstance(law().best_epochs(1e8, U), float)
    assert law().best_epochs([[1e7], [1e8]], [1e9, 2e9, 4e9]).shape == (2, 3)
    assert isinstance(law().loss(1e8, 1e10, U), float)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: law(P=0), "P"),
        (lambda: law(P=-1), "P"),
        (lambda: law(delta=0), "delta"),
        (lambda: law(delta=np.inf), "delta"),
        (lambda: law(kappa=-0.1), "kappa"),
        (lambda: law(kappa=np.nan), "kappa"),
        (lambda: law().loss(0, 1e9, U), "N"),
        (lambda: law().best_epochs(1e9, -1), "unique"),
        (lambda: law(P="P"), "P"),
        (lambda: law(delta=[1, 2]), "delta"),
        (lambda: law(kappa=None), "kappa"),
        (lambda: law(surface="C4"), "LossSurface"),
        (lambda: law().loss([1e9, 1e8], [1e9, 2e9, 3e9], U), "shapes do not match"),
        (lambda: law().best_epochs([1e9, 1e8], [1e9, 2e9, 3e9]), "shapes do not match"),
        (lambda: law(delta=9.0).loss(1e9, 1e99, U), "overflows"),
        (lambda: law(P=1e-300, delta=0.01).best_epochs(1e9, U), "too weak"),
    ],
)
def test_bad_input_says_what(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_a_penalty_too_weak_for_any_real_run_is_still_solved():
    # R beyond 1e16, where 1 + R is R to rounding
    form = law(P=1e-20, delta=0.1)
    R = form.best_epochs(1e9, U) - 1
    s = MUENNIGHOFF
    rho = s.beta * s.B * U**-s.beta / (form.P * form.delta * (1e9 / U) ** form.kappa)
    assert R > 1e16
    assert R ** (form.delta + s.beta) == pytest.approx(rho, rel=1e-9)
