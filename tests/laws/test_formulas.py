"""A law written as a formula: read without being run, taken apart, evaluated with derivatives."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from scalinglab import CHINCHILLA
from scalinglab.laws import Law
from scalinglab.laws.expressions import names, parse, text
from scalinglab.laws.jets import jet, value

N, D, X = np.array([1e7, 3e8, 2e9]), np.array([1e9, 5e10, 4e11]), np.array([2.0, 3.0, 9.0])


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "(1).__class__",
        "a.b",
        "a[0]",
        "[x for x in y]",
        "lambda: 1",
        "a if b else c",
        "sin(N)",
        "exp(N, D)",
        "exp",
        "a ^ 2",
        "True + a",
        "1e999",
        "'text'",
        "f'{a}'",
        "a := 3",
        "a, b",
        "not a",
        "a < b",
        "(((",
        "",
        "a//b",
        "a + 1/(2 - 2)",
        "a*(-2)**0.5",
        "a*10.0**400",
        "exp(x=1)",
        "*a",
        None,
        3,
        "+".join(["a"] * 2000),
        "(" * 90 + "a" + ")" * 90 + "**2" * 90,
    ],
)
def test_what_is_no_arithmetic_is_refused_in_words(formula):
    with pytest.raises(ValueError, match=r"Law: formula.*;") as caught:
        Law(formula, variables=("N",))
    assert len(str(caught.value)) > 40


def test_a_formula_cannot_run_code(tmp_path):
    witness = tmp_path / "ran"
    for attack in (
        f"open({str(witness)!r}, 'w')",
        f"__import__('pathlib').Path({str(witness)!r}).touch()",
        f"exp(open({str(witness)!r}, 'w'))",
        f"(lambda: open({str(witness)!r}, 'w'))()",
        f"N.__class__.__base__.__subclasses__()[0]({str(witness)!r})",
    ):
        for where in (None, {"U": attack}):
            with pytest.raises(ValueError, match="Law"):
                Law("E + A/N**alpha" + (" + U" if where else f" + {attack}"), where=where)
    assert not witness.exists()


#: What is linear and what is not, read off the formula.
SEPARATED = {
    "E + A/N**alpha + B/D**beta": ("E A B", "alpha beta"),
    "c + (g/X**gamma + a)/N**alpha + b/D**beta": ("c g a b", "gamma alpha beta"),
    "E + (A/N**a + B/D**b)**k": ("E A", "a b k ln B/A"),
    "((Nc/N)**(aN/aD) + Dc/D)**aD": ("Nc", "aN aD ln Dc/Nc"),
    "E + (A/(N*(k*log(X) + 1)))**alpha": ("E A", "k alpha"),
    "-E + A/N**a": ("E A", "a"),
    "A*N + A*D + E": ("A E", ""),
    "E + A*exp(-r*(X - 2))/N**alpha": ("E A", "r alpha"),
    "1/N**alpha + 3": ("", "alpha"),
}


@pytest.mark.parametrize("formula", SEPARATED)
def test_linear_and_nonlinear_are_read_off(formula):
    linear, nonlinear = SEPARATED[formula]
    separated = Law(formula, variables=("N", "D", "X")).separated()
    assert sorted(name.removesuffix("'") for name in separated.coefficients) == sorted(linear.split())
    assert sorted(" ".join(separated.nonlinear).replace("ln ", "").split()) == sorted(
        nonlinear.replace("ln ", "").split()
    )


@pytest.mark.parametrize("formula", SEPARATED)
def test_coefficients_times_columns_are_the_law(formula, rng):
    """The separated form and the formula agree at random parameters, which come back."""
    law = Law(formula, variables=("N", "D", "X"))
    data = {"N": N, "D": D, "X": X}
    model = law.model({name: data[name] for name in law.names_of()})
    u = np.clip(rng.uniform(0.1, 0.6, (4, len(model.low))), model.low, model.high)
    c = rng.uniform(0.1, 1, (4, len(model.law.columns)))
    own, _ = model.recovered(c, u)
    at = model.evaluate(u)
    fitted = np.einsum("rk,rkn->rn", c, at.Phi) + (0 if at.offset is None else at.offset)
    for r in range(4):
        parameters = {name: float(values[r]) for name, values in own.items()}
        expected = law.loss(parameters, **{name: data[name] for name in law.names_of()})
        assert fitted[r] == pytest.approx(np.broadcast_to(expected, 3), rel=1e-9)


@pytest.mark.parametrize("formula", SEPARATED)
def test_derivatives_are_those_of_differences(formula, rng):
    law = Law(formula, variables=("N", "D", "X"))
    data = {"N": N, "D": D, "X": X}
    model = law.model({name: data[name] for name in law.names_of()})
    u = np.clip(rng.uniform(0.1, 0.6, (1, len(model.low))), model.low, model.high)
    c = rng.uniform(0.1, 1, (1, len(model.law.columns)))

    def fitted(u):
        at = model.evaluate(u, slopes=False)
        return c[0] @ at.Phi[0] + (0 if at.offset is None else at.offset[0])

    moved = model.evaluate(u).moved(c, u.shape[1])[0]
    for j in range(u.shape[1]):
        step = np.zeros_like(u)
        step[0, j] = 1e-6
        assert moved[j] == pytest.approx((fitted(u + step) - fitted(u - step)) / 2e-6, rel=1e-5, abs=1e-9)
    _, G = model.recovered(c, u)
    for j in range(u.shape[1]):
        step = np.zeros_like(u)
        step[0, j] = 1e-6
        up, down = model.recovered(c, u + step)[0], model.recovered(c, u - step)[0]
        for row, name in enumerate(up):
            slope = (up[name][0] - down[name][0]) / 2e-6
            assert G[0, row, c.shape[1] + j] == pytest.approx(slope, rel=1e-4, abs=1e-6 * abs(up[name][0]))


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("A*B/N**a", "only the product"),
        ("A*(b + c/N**a)", "their products"),
        ("E + F + A/N**a", "only their sum"),
        ("E + A/N**A", "both a coefficient and a part"),
        ("E + (A/N**a + B/D**b)**k*C0", "only the product|parameters of its own"),
        ("E + (A/N**a - B/D**b)**k", "must be a sum"),
        ("E + A/L**a", "the loss itself"),
    ],
)
def test_parameters_that_cannot_be_told_apart_are_named(formula, words):
    with pytest.raises(ValueError, match=words):
        Law(formula, variables=("N", "D"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"free": ("alpha",)}, "no coefficient"),
        ({"free": ("Q",)}, "free names Q"),
        ({"fixed": {"Q": 1.0}}, "fixed names Q"),
        ({"fixed": {"E": "x"}}, "fixed"),
        ({"tie": {"Q": "alpha"}}, "tie names Q"),
        ({"tie": {"beta": "import os"}}, "is no expression"),
        ({"bounds": {"alpha": (2, 1)}}, "low < high"),
        ({"bounds": [1]}, "give a mapping"),
        ({"where": {"U": "a..b"}}, "is no expression"),
        ({"variables": (1,)}, "give names"),
    ],
)
def test_wrong_settings_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        Law("E + A/N**alpha + B/D**beta", **{"variables": ("N", "D"), **given})


def test_ties_fixed_numbers_and_parts():
    law = Law("E + A/N**alpha + B/De**beta", where={"De": "D/2"}, fixed={"E": 1.5}, tie={"beta": "alpha"})
    assert law.parameters() == ("A", "alpha", "B")
    assert law.tied({"alpha": 0.3}) == {"E": 1.5, "beta": 0.3}
    got = law.loss({"A": 400, "B": 4000, "alpha": 0.3}, N=1e9, D=2e10)
    assert got == pytest.approx(1.5 + 400 * 1e9**-0.3 + 4000 * 1e10**-0.3)


def test_the_law_of_two_terms_is_known_and_equals_the_surface():
    law = Law("E + B/D**beta + A/N**alpha")
    assert law.two_terms() == {"E": "E", "A": "A", "B": "B", "alpha": "alpha", "beta": "beta"}
    assert law.loss(CHINCHILLA.parameters, N=N, D=D) == pytest.approx(CHINCHILLA.loss(N, D))
    for other in ("E + A/N**alpha + B/D**alpha", "E + A/N**alpha", "E + (A/N**alpha + B/D**beta)**k"):
        assert not Law(other).two_terms()
    assert not Law("E + A/N**alpha + B/D**beta", bounds={"alpha": (0.1, 1)}).two_terms()


numbers = st.floats(0.2, 5)
trees = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"exp(-({t})**2)"),
        inner.map(lambda t: f"sqrt(1 + ({t})**2)"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]})"),
        inner.map(lambda t: f"log1p(({t})**2)**0.7"),
    ),
    max_leaves=8,
)


@given(trees, numbers, numbers)
def test_an_expression_means_what_python_means_by_it(formula, x, y):
    """Read, printed and read again, and evaluated: the same number as Python's own."""
    scope = {"exp": np.exp, "sqrt": np.sqrt, "log1p": np.log1p, "max": np.maximum, "x": x, "y": y}
    with np.errstate(all="ignore"):
        try:
            expected = float(eval(formula, {"__builtins__": {}}, scope))
            node = parse(formula)
        except (ZeroDivisionError, ValueError) as error:
            if isinstance(error, ZeroDivisionError) or "is no number" in str(error):
                return
            raise
        got = [value(one, {"x": np.float64(x), "y": np.float64(y)}) for one in (node, parse(text(node)))]
    if np.isfinite(expected) and abs(expected) < 1e12:
        assert got == pytest.approx([expected] * 2, rel=1e-9, abs=1e-9)
        assert set(names(node)) <= {"x", "y"}


@given(trees, numbers)
def test_forward_derivatives_are_those_of_differences(formula, x):
    try:
        node = parse(formula)
    except ValueError as error:
        if "is no number" in str(error):
            return
        raise

    def at(here):
        return value(node, {"x": np.float64(here), "y": np.float64(1.3)})

    with np.errstate(all="ignore"):
        got, slopes = jet(node, {"x": (np.float64(x), {"x": 1.0}), "y": (np.float64(1.3), {})})
        steps = [(at(x + h) - at(x - h)) / (2 * h) for h in (1e-5, 3e-6)]
    if (
        np.isfinite([got, slopes.get("x", 0.0), *steps]).all()
        and abs(got) < 1e6
        and abs(steps[0] - steps[1]) < 1e-4 * (1 + abs(steps[0]))
    ):
        assert slopes.get("x", 0.0) == pytest.approx(steps[0], rel=1e-3, abs=1e-3)


def test_a_printed_law_says_what_is_linear_and_how_it_is_fitted():
    shown = str(Law("E + A/N**alpha + K/(N**mu*D**nu)", free=("K",), tie={"mu": "alpha"}, name="product"))
    for line in ("product: E + A", "K of either sign", "nonlinear alpha, nu", "mu = alpha", "closed form"):
        assert line in shown
