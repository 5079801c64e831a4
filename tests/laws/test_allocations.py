"""The allocation a law implies, in closed form and by search, against a brute force."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalinglab import CHINCHILLA, Law

TWO = Law("E + A/N**alpha + B/D**beta")
BENT = Law("E + (A/N**alpha + B/D**beta)**k")
LAWS = {
    "two terms": (TWO, CHINCHILLA.parameters),
    "bent": (BENT, {"E": 0.56, "A": 323.0, "alpha": 0.43, "B": 1300.0, "beta": 0.44, "k": 0.59}),
    "product": (
        Law("E + A/N**alpha + B/D**beta + K/(N**alpha*D**beta)", free=("K",)),
        {"E": 0.59, "A": 80.5, "alpha": 0.3154, "B": 281.0, "beta": 0.3341, "K": -3.5e4},
    ),
}
COSTS = ["6*N*D", "6*N*D + 2*N*1e13", "6*N*D + 20*D*sqrt(N)", "3*N*D*(1 + N/1e13)"]


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("label", LAWS)
def test_no_other_allocation_of_the_budget_is_better(label, cost):
    law, parameters = LAWS[label]
    C = 3.8e25
    found = law.optimum(parameters, C, cost)
    spent = eval(f"lambda N, D: {cost}", {"sqrt": np.sqrt, "__builtins__": {}})

    assert spent(found["N"], found["D"]) == pytest.approx(C, rel=1e-9)

    def loss(log_N):
        low, high = 0.0, 60.0
        for _ in range(60):  # to the last digit
            middle = (low + high) / 2
            low, high = (middle, high) if spent(np.exp(log_N), np.exp(middle)) < C else (low, middle)
        return law.loss(parameters, N=np.exp(log_N), D=np.exp(low))

    best = minimize_scalar(loss, bounds=(18, 34), method="bounded", options={"xatol": 1e-8})
    assert found.loss <= best.fun * (1 + 1e-12)
    assert np.log(found["N"]) == pytest.approx(best.x, abs=1e-4)
    assert found.balance < 1e-9
    assert found.closed_form == (cost == "6*N*D" and label != "product")


def test_closed_form_is_the_surface_s_own():
    for C in (1e19, 5.76e23, 1e28):
        found = TWO.optimum(CHINCHILLA.parameters, C)
        assert found["N"] == pytest.approx(CHINCHILLA.N_opt(C), rel=1e-12)
        assert found["D"] == pytest.approx(CHINCHILLA.D_opt(C), rel=1e-12)
        assert found.loss == pytest.approx(CHINCHILLA.L_opt(C), rel=1e-12)


def test_a_bend_leaves_the_frontier_of_the_bracket():
    """A monotone function of the additive law has its optimum: k moves the loss and not the allocation."""
    _, parameters = LAWS["bent"]
    straight = {name: one for name, one in parameters.items() if name != "k"}
    for k in (0.3, 0.59, 1.0, 1.7):
        bent = BENT.optimum({**parameters, "k": k}, 1e24)
        assert dict(bent.at) == pytest.approx(dict(TWO.optimum(straight, 1e24).at), rel=1e-12)


def test_other_variables_are_given():
    law = Law(
        "E + A/N**alpha + B/De**beta",
        where={"De": "min(D, U) + U*R*(1 - exp(-max(D/U - 1, 0)/R))"},
        variables=("N", "D", "U"),
    )
    parameters = {"E": 1.87, "A": 521.0, "alpha": 0.353, "B": 1488.0, "beta": 0.353, "R": 15.39}
    fresh, scarce = (law.optimum(parameters, 1e23, given={"U": U}) for U in (1e15, 1e10))
    assert scarce["D"] > 1e10
    assert scarce["D"] < fresh["D"] * 2
    assert scarce.loss > fresh.loss
    with pytest.raises(ValueError, match="U has no value"):
        law.optimum(parameters, 1e23)
    one = law.optimum(parameters, 1e23, over=("D",), given={"U": 1e10, "N": 1e9})
    assert one["D"] == pytest.approx(1e23 / 6e9)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"C": -1}, "positive"),
        ({"cost": "6*N*"}, "no expression"),
        ({"cost": "6*N"}, "does not depend"),
        ({"over": ("N", "D", "U")}, "one or two"),
        ({"over": ()}, "one or two"),
        ({"over": ("N",)}, "D has no value"),
        ({"given": {"U": "x"}}, "given"),
    ],
)
def test_wrong_questions_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        TWO.optimum(CHINCHILLA.parameters, **{"C": 1e21, **given})


def test_a_law_without_a_best_allocation_says_so():
    with pytest.raises(ValueError, match="no best allocation"):
        Law("E + A/N**alpha + B*D**0.1").optimum({"E": 1, "A": 100, "alpha": 0.3, "B": 0.01}, 1e22)


@pytest.mark.parametrize("served", [1e13, 1e14, 1e15, 1e17])
def test_a_best_size_just_below_the_largest_that_can_be_paid(served):
    """Serving many tokens leaves little for training: the optimum stands near the end of the curve."""
    law, parameters = LAWS["bent"]
    found = law.optimum(parameters, 1e24, f"6*N*D + 2*N*{served}")
    p = parameters["alpha"] * parameters["A"] / found["N"] ** parameters["alpha"]
    q = parameters["beta"] * parameters["B"] / found["D"] ** parameters["beta"]
    assert p / q == pytest.approx(1 + served / (3 * found["D"]), rel=1e-9)
