"""What the fit of a law says against itself: each trap, made on purpose, and none on clean runs."""

import numpy as np
import pytest

from scalinglab import CHINCHILLA, Law, Runs

TRUE = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 2000.0, "beta": 0.37}


def grid(rng, noise=0.002, n=120, law="E + A/N**alpha + B/D**beta", true=TRUE, **extra):
    N, D = np.exp(rng.uniform(16, 23, n)), np.exp(rng.uniform(20, 27, n))
    L = Law(law, variables=("N", "D", *extra)).loss(true, N=N, D=D, **extra)
    return Runs(N, D, L + noise * rng.standard_normal(n), extra=extra or None)


def test_clean_runs_of_the_law_raise_no_concern():
    told = [
        Law("E + (A/N**alpha + B/D**beta)**k").fit(
            grid(np.random.default_rng(s), law="E + (A/N**alpha + B/D**beta)**k", true={**TRUE, "k": 0.8})
        )
        for s in range(5)
    ]
    assert [fit.concerns for fit in told] == [()] * 5


def test_a_product_that_wants_to_be_negative_is_told(rng):
    runs = grid(
        rng, law="E + (A/N**alpha + B/D**beta)**k", true={**TRUE, "A": 4e3, "B": 2e4, "alpha": 0.45, "k": 0.5}
    )
    held = Law("E + A/N**alpha + B/D**beta + K/(N**alpha*D**beta)").fit(runs)
    assert held["K"] == 0
    (told,) = [one for one in held.concerns if one.startswith("K wants to be negative")]
    assert 'free=("K",)' in told
    freed = Law("E + A/N**alpha + B/D**beta + K/(N**alpha*D**beta)", free=("K",)).fit(runs)  # the remedy
    assert freed["K"] < 0
    assert freed.objective < 0.9 * held.objective
    assert not any("wants to be negative" in one for one in freed.concerns)


def test_a_term_that_is_not_there(rng):
    X = np.exp(rng.uniform(0, 3, 120))
    fit = Law("E + A/N**alpha + B/D**beta + F/X**chi").fit(grid(rng, X=X))
    if fit["F"] == 0:
        assert any(one.startswith("F is zero") and "chi is not determined" in one for one in fit.concerns)
        assert fit.undetermined == ("chi",)
        assert "chi       not determined" in str(fit)
    else:  # a trace of it in the noise
        assert fit.standard_errors["F"] > 0.3 * fit["F"] or any("chi" in one for one in fit.concerns)


def test_an_exponent_that_is_a_logarithm(rng):
    N, D = np.exp(rng.uniform(16, 23, 120)), np.exp(rng.uniform(20, 27, 120))
    runs = Runs(N, D, 5 - 0.1 * np.log(N) + 2000 / D**0.37 + 0.001 * rng.standard_normal(120))
    fit = Law("A/N**alpha + B/D**beta - E").fit(runs)
    assert any("alpha fell to its bound 0.01" in one and "logarithm" in one for one in fit.concerns)


def test_a_term_that_is_there_is_not_called_zero(rng):
    """Its exponent stands at a bound, its coefficient does not."""
    X = np.exp(rng.uniform(0, 3, 120))
    N, D = np.exp(rng.uniform(16, 23, 120)), np.exp(rng.uniform(20, 27, 120))
    runs = Runs(N, D, CHINCHILLA.loss(N, D) - 0.05 * np.log(X) + 6, extra={"X": X})
    fit = Law("E + A/N**alpha + B/D**beta + F/X**chi").fit(runs)
    assert fit["F"] > 0
    assert any(one.startswith("chi fell to its bound") for one in fit.concerns)
    assert not any("zero" in one for one in fit.concerns)


def test_a_valley_that_is_open_on_one_side(rng):
    """Fresh tokens alone say nothing of how fast repeated ones lose their worth."""
    N, U = np.exp(rng.uniform(16, 23, 120)), np.exp(rng.uniform(20, 26, 120))
    D = U * (1 + 0.05 * rng.random(120))
    where = {"De": "U*(1 + R*(1 - exp(-(D/U - 1)/R)))"}
    law = Law("E + A/N**alpha + B/De**beta", where=where, variables=("N", "D", "U"))
    L = law.loss({**TRUE, "R": 15.0}, N=N, D=D, U=U) + 0.003 * rng.standard_normal(120)
    fit = law.fit(Runs(N, D, L, extra={"U": U}))
    assert any(
        ("R from" in one and "infinity" in one and "do not bound it" in one) or "R stands at its bound" in one
        for one in fit.concerns
    )


def test_a_term_that_is_zero_has_no_valley(rng):
    """Its scale is not determined, and there is no profile to ask for."""
    N, D = np.exp(rng.uniform(16, 23, 60)), np.exp(rng.uniform(20, 26, 60))
    runs = Runs(N, D, 1.8 + 3 * (1 + N / 1e8) ** -0.4)
    fit = Law("E + A*(1 + N/s)**k", variables=("N",)).fit(runs)
    assert fit["A"] == 0
    assert "s" in fit.undetermined
    assert not any("profile(" in one for one in fit.concerns)


def test_terms_that_cancel(llama3):
    fit = Law("E + A/N**alpha + B/D**beta + K/(N**mu*D**nu)", free=("K",)).fit(llama3)
    assert any("cancel to within" in one for one in fit.concerns)


def test_what_a_tie_costs(rng):
    runs = grid(rng, true={**TRUE, "alpha": 0.25, "A": 60.0, "beta": 0.5, "B": 4e4})
    tied = Law("E + A/N**alpha + B/D**beta", tie={"beta": "alpha"}).fit(runs)
    (told,) = [one for one in tied.concerns if one.startswith("the tie beta = alpha costs")]
    loose = Law("E + A/N**alpha + B/D**beta").fit(runs)  # the remedy
    assert f"{loose.beta:.3g}" in told
    fair = Law("E + A/N**alpha + B/D**beta", tie={"beta": "alpha"}).fit(
        grid(rng, true={**TRUE, "beta": 0.34, "B": 1000.0})
    )
    assert not any("tie" in one for one in fair.concerns)


def test_isoflop_curves_say_little_of_a_product(llama3):
    fit = Law("E + A/N**alpha + B/D**beta + K/(N**alpha*D**beta)", free=("K",)).fit(llama3)
    assert any("N and D move together at every budget" in one for one in fit.concerns)


def test_the_budget_that_errs_together(llama3):
    """The bend takes the concern about 1e20 from 3.9 standard errors to what chance does."""
    straight = Law("E + A/N**alpha + B/D**beta").fit(llama3)
    bent = Law("E + (A/N**alpha + B/D**beta)**k").fit(llama3)
    assert any("budget 1e+20" in one for one in straight.concerns)
    assert not any("budget" in one for one in bent.concerns)


@pytest.mark.parametrize("n", [6, 8])
def test_few_runs_are_told(rng, n):
    fit = Law("E + A/N**alpha + B/D**beta", bounds={"alpha": (0.01, 2)}).fit(grid(rng, n=n))
    assert any("to judge the fit by" in one for one in fit.concerns)
