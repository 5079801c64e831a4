"""What is said where one number is meant."""

import pytest

from scalinglab import CHINCHILLA, load_llama3, misallocation
from scalinglab._arrays import positive_number
from scalinglab.laws import law_crossings
from scalinglab.studies import hindcast


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: misallocation(CHINCHILLA, CHINCHILLA, C=True), "C is True; give one number"),
        (lambda: misallocation(CHINCHILLA, CHINCHILLA, C=[1e21, 1e22]), "give one number"),
        (lambda: misallocation(CHINCHILLA, CHINCHILLA, C=0), "C is 0; it must be positive"),
        (lambda: hindcast(load_llama3(), "1e21"), "highest is '1e21'; give one number"),
        (lambda: law_crossings(CHINCHILLA.loss, CHINCHILLA.loss, low=[1e18]), "low is .*; give one number"),
    ],
)
def test_one_number_is_asked_for_where_one_is_meant(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("value", ["1e21", True, None, [1.0], float("nan"), 0, -1, 10**400, 1j])
def test_a_positive_number_is_nothing_else(value):
    with pytest.raises(ValueError, match="x is "):
        positive_number("x", value)
