import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from scalinglab import CHINCHILLA, PowerLaw
from scalinglab.laws import (
    CHINCHILLA_UNROUNDED,
    ComputeLaw,
    chinchilla_note_law,
    kaplan_compute_law,
    law_crossings,
    published,
)

KAPLAN, NOTE = kaplan_compute_law(), chinchilla_note_law()

# Vance 2022: log10 FLOP, Kaplan, Chinchilla, local exponent of Chinchilla
TABLE = [
    (18, "3.3219", "3.5541", "0.0804"),
    (20, "2.6387", "2.6104", "0.0540"),
    (21, "2.3517", "2.3367", "0.0424"),
    (22, "2.0960", "2.1445", "0.0325"),
    (24, "1.6649", "1.9145", "0.0180"),
    (26, "1.3225", "1.8009", "0.0094"),
    (28, "1.0505", "1.7448", "0.0048"),
]


def printed_kaplan(C):
    return published.VANCE_KAPLAN(C)


@pytest.mark.parametrize(("c", "kaplan", "chinchilla", "slope"), TABLE)
def test_two_curves_and_the_local_exponent(c, kaplan, chinchilla, slope):
    C = 10.0**c
    assert f"{printed_kaplan(C):.4f}" == kaplan
    assert f"{NOTE(C):.4f}" == chinchilla
    assert f"{NOTE.local_exponent(C):.4f}" == slope
    assert KAPLAN.local_exponent(C) == pytest.approx(0.050, rel=1e-12)
    assert KAPLAN(C) == pytest.approx(printed_kaplan(C), rel=1e-5)


def test_kaplans_coefficient_follows_from_pf_days():
    (term,) = KAPLAN.terms
    assert f"{term.coefficient:.5f}" == "26.38723"
    assert f"{term.coefficient:.3f}" == f"{published.VANCE_KAPLAN.coefficient:.3f}" == "26.387"
    assert KAPLAN(7e19) == pytest.approx(published.KAPLAN_L_C_MIN(7e19 / published.PF_DAY), rel=1e-13)


def test_the_curves_cross_twice():
    # with the note's 26.387; the five-digit 26.38723 moves them by 3e-4
    found = law_crossings(published.VANCE_KAPLAN, NOTE)
    assert [f"{x:.4f}" for x in np.log10(found)] == ["19.3995", "21.3020"]
    assert [f"{C:.1e}" for C in found] == ["2.5e+19", "2.0e+21"]
    assert [f"{L:.3f}" for L in NOTE(found)] == ["2.828", "2.271"]
    np.testing.assert_allclose(published.VANCE_KAPLAN(found), NOTE(found), rtol=1e-12)
    np.testing.assert_allclose(np.log10(law_crossings(KAPLAN, NOTE)), np.log10(found), atol=4e-4)


def test_between_the_crossings_kaplan_is_higher_by_little():
    low, high = np.log10(law_crossings(KAPLAN, NOTE))
    gap = minimize_scalar(lambda c: NOTE(10**c) - KAPLAN(10**c), bounds=(low, high), method="bounded")
    assert f"{-gap.fun:.4f}" == "0.0312"
    assert f"{gap.x:.2f}" == "20.28"


def test_the_local_exponent_passes_kaplans():
    (C,) = law_crossings(NOTE.local_exponent, KAPLAN.local_exponent)
    assert f"{np.log10(C):.2f}" == "20.33"


def test_reducible_loss_has_nearly_one_exponent():
    reducible = ComputeLaw(0.0, NOTE.terms)
    exponents = reducible.local_exponent(np.geomspace(1e15, 1e30, 50))
    np.testing.assert_allclose(exponents, 0.153, atol=0.001)


def test_kaplan_drops_below_chinchillas_floor():
    (C,) = law_crossings(KAPLAN, lambda C: NOTE.E + 0 * C)
    assert f"{np.log10(C):.2f}" == "23.87"
    assert f"{C:.1e}" == "7.4e+23"


# where the note's constants come from
def test_notes_exponents_are_products_of_rounded_ones():
    first, second = published.VANCE_CHINCHILLA
    assert -first.exponent == pytest.approx(CHINCHILLA.alpha * 0.46, abs=5e-4)
    assert -second.exponent == pytest.approx(CHINCHILLA.beta * 0.54, abs=1e-9)
    size = (CHINCHILLA.A / first.coefficient) ** (1 / CHINCHILLA.alpha)
    data = (CHINCHILLA.B / second.coefficient) ** (1 / CHINCHILLA.beta)
    assert (f"{size:.4f}", f"{data:.3f}", f"{size * data:.4f}") == ("0.4997", "0.330", "0.1649")


def test_both_terms_of_the_frontier_have_the_exponent_gamma():
    C = np.geomspace(1e15, 1e30, 7)
    for surface in (CHINCHILLA, CHINCHILLA_UNROUNDED):
        for term in (
            surface.A * surface.N_opt(C) ** -surface.alpha,
            surface.B * surface.D_opt(C) ** -surface.beta,
        ):
            slopes = np.diff(np.log(term)) / np.diff(np.log(C))
            np.testing.assert_allclose(slopes, -surface.gamma, rtol=1e-9)
    assert f"{CHINCHILLA.gamma:.5f} {CHINCHILLA_UNROUNDED.gamma:.5f}" == "0.15355 0.15484"


def test_exact_envelopes():
    scale = 6**CHINCHILLA.gamma
    parts = [
        CHINCHILLA.A * CHINCHILLA.N_opt(6.0) ** -CHINCHILLA.alpha * scale,
        CHINCHILLA.B * CHINCHILLA.D_opt(6.0) ** -CHINCHILLA.beta * scale,
    ]
    assert [f"{part:.1f}" for part in parts] == ["483.8", "587.5"]
    assert f"{sum(parts):.1f}" == "1071.4"
    s = CHINCHILLA_UNROUNDED
    assert f"{s.K * 6**s.gamma:.1f}" == "1074.8"
    assert (f"{NOTE(1e24):.4f}", f"{CHINCHILLA.L_opt(1e24):.4f}") == ("1.9145", "1.9112")


def test_local_exponent_is_the_slope():
    law = ComputeLaw(1.2, (PowerLaw(30.0, -0.2), PowerLaw(7.0, -0.11)))
    C, h = np.geomspace(1e10, 1e25, 6), 1e-5
    slope = (np.log(law(C * np.exp(h))) - np.log(law(C * np.exp(-h)))) / (2 * h)
    np.testing.assert_allclose(law.local_exponent(C), -slope, rtol=1e-7)
    assert isinstance(law(1e20), float)


def test_crossings_of_curves_that_never_meet_or_meet_on_the_grid():
    assert law_crossings(KAPLAN, lambda C: KAPLAN(C) + 1).size == 0
    on_grid = law_crossings(np.log, lambda C: 0 * C, low=1e-3, high=1e3)
    np.testing.assert_allclose(on_grid, [1.0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: law_crossings(KAPLAN, NOTE, low=1e20, high=1e20), "empty; give low < high"),
        (lambda: law_crossings(KAPLAN, NOTE, low=[1e15, 1e16]), "crossings: low is .*; give one number"),
        (lambda: law_crossings(KAPLAN, NOTE, low=-1), "crossings: low is -1"),
        (lambda: law_crossings(KAPLAN, NOTE, high="far"), "crossings: high is 'far'; give one number"),
        (lambda: law_crossings(1.69, NOTE), "first is 1.69; give a function"),
        (lambda: law_crossings(KAPLAN, lambda C: "low"), "one loss for each compute"),
        (lambda: law_crossings(KAPLAN, lambda C: C[:3]), "one loss for each compute"),
        (lambda: law_crossings(KAPLAN, lambda C: C * np.nan), "not finite everywhere"),
        (lambda: law_crossings(NOTE, NOTE), "one and the same"),
        (lambda: ComputeLaw(np.nan, NOTE.terms), "E is nan; the floor"),
        (lambda: ComputeLaw(-1.0, NOTE.terms), "zero or more"),
        (lambda: ComputeLaw(1.69, ()), "give a tuple of PowerLaw"),
        (lambda: ComputeLaw(1.69, (PowerLaw(2.0, 0.1),)), "negative exponent"),
        (lambda: ComputeLaw(1.69, NOTE.terms[0]), "give a tuple of PowerLaw"),
        (lambda: NOTE(0), "x is 0; it must be positive"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(call, says):
    with pytest.raises(ValueError, match=says):
        call()
