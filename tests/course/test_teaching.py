"""The test for before and after a course: its key is what the package says."""

import re
from pathlib import Path

import numpy as np

from scalinglab import CHINCHILLA, IsoflopDesign, LossSurface, approach2_bias, deadweight_loss

PAGE = (Path(__file__).parents[2] / "book" / "teaching.md").read_text(encoding="utf-8")


def key(form):
    """The letter of each question of a form."""
    return dict(re.findall(r"(\d)([a-d])", re.search(rf"[Ff]orm {form}: ((?:\d[a-d] ?)+)", PAGE)[1]))


def factor(alpha, beta, quantity, **grid):
    """What perfect runs recommend over what is best, at two budgets."""
    bias = approach2_bias(
        LossSurface(1.7, 400, 400, alpha, beta), IsoflopDesign([1e19, 1e21], points=15, **grid)
    )
    return [getattr(bias, f"{quantity}_factor")(C) for C in (1e20, 1e24)]


def test_the_key_is_what_the_package_says():
    A, B = key("A"), key("B")
    assert set(A) == set(B) == set("12345678")
    assert A["1"] == B["1"] == "a"
    assert np.allclose([LossSurface(1, 1, 1, 0.4, 0.2).a, LossSurface(1, 1, 1, 0.2, 0.4).b], 1 / 3)
    for form, larger, alpha, beta in ((A, "b", 0.4, 0.2), (B, "c", 0.2, 0.4)):
        low, high = factor(alpha, beta, "N", reach=16)
        assert form["2"] == larger == ("b" if low > 1 else "c")
        assert abs(low / high - 1) < 1e-9
    for form, offset in ((A, 3), (B, 1 / 3)):
        assert form["3"] == ("b" if factor(0.31, 0.31, "D", reach=4, offset=offset)[0] > 1 else "c")
    shares = {"a": 1 / 2, "b": 1 / 7, "c": 1 / 20, "d": 1 / 100}
    for form, ratio in ((A, 1.5), (B, 0.5)):
        D = ratio * CHINCHILLA.D_opt(1e24)
        wasted = deadweight_loss(CHINCHILLA, 1e24 / (6 * D), D)
        assert form["6"] == min(shares, key=lambda one: abs(np.log(shares[one] / wasted)))
