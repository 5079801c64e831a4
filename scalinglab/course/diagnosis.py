"""Diagnosis of a wrong answer: the known mistake that explains it, in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.outcomes import Outcome, agree, outcome_of
from scalinglab.course.question import Case, Question

#: Factors by which an answer may be off in every case, and what they are a sign of.
_FACTORS: tuple[tuple[float, str], ...] = (
    (-1, "the sign is wrong: yours is the negative of what is asked"),
    (6, "yours is 6 times too large: look at where the 6 of C = 6ND belongs"),
    (1 / 6, "yours is 6 times too small: the 6 of C = 6ND is missing or on the wrong side"),
    (1 / np.log(10), "yours is too small by ln 10 = 2.303: log10 stands where ln should"),
    (1 / np.log(10) ** 2, "yours is too small by the square of ln 10: log10 stands where ln should"),
    (np.log(10), "yours is too large by ln 10 = 2.303: ln stands where log10 should, or log10 divides"),
    (2, "yours is twice what is asked: a factor 1/2 is missing"),
    (0.5, "yours is half of what is asked: there is a factor 1/2 too many"),
    (100, "yours is 100 times too large: per cent where a fraction is asked"),
    (0.01, "yours is 100 times too small: a fraction where per cent are asked"),
    (1e9, "yours is a thousand million times too large: a unit of billions"),
    (1e-9, "yours is a thousand million times too small: a unit of billions"),
    (1e12, "yours is a million million times too large: a unit of trillions"),
    (1e-12, "yours is a million million times too small: a unit of trillions"),
)


def known_cause(question: Question, cases: list[Case], given: list[Outcome], truth: list[Outcome]) -> str:
    """The known mistake whose results are those given; empty if there is none."""
    if all(one.values is None for one in given):
        return ""
    for sentence, wrong in question.mistakes:
        if _imitates(given, (outcome_of(question, wrong, case) for case in cases), question.rtol):
            return sentence
    for order in list(itertools.permutations(range(len(question.names))))[1:24]:
        swapped = (tuple(case[i] for i in order) for case in cases)
        if _imitates(
            given, (outcome_of(question, question.reference, case) for case in swapped), question.rtol
        ):
            return f"the inputs are exchanged: the call is with {', '.join(question.names)}, in that order"
    pairs = [
        (one.values, two.values)
        for one, two in zip(given, truth, strict=True)
        if one.values is not None and two.values is not None and one.values.shape == two.values.shape
    ]
    if not pairs:
        return ""
    y, x = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return _relation(y, x, max(question.rtol, 1e-9))


def _relation(y: FloatArray, x: FloatArray, rtol: float) -> str:
    """How results y follow from the right ones x by one simple slip; empty if they do not."""
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.sum() < 2 or np.ptp(x[finite]) <= rtol * np.max(np.abs(x[finite])):
        return ""
    for factor, sentence in _FACTORS:
        if np.allclose(y, factor * x, rtol=rtol, atol=0, equal_nan=True):
            return sentence
    for result, sentence in (
        (1 / x, "yours is the reciprocal of what is asked: numerator and denominator are exchanged"),
        (x - 1, "yours is what is asked less one: a relative change where a ratio is asked"),
        (x + 1, "yours is what is asked plus one: a ratio where a relative change is asked"),
        (np.log(x), "yours is the natural logarithm of what is asked"),
        (np.log10(x), "yours is the base-10 logarithm of what is asked"),
        (np.exp(x), "yours is the exponential of what is asked"),
        (x**2, "yours is the square of what is asked: a square root is missing"),
        (np.sqrt(x), "yours is the square root of what is asked: a square is missing"),
        (np.abs(x), "yours lacks the sign: an absolute value too many"),
    ):
        if np.allclose(y, result, rtol=rtol, atol=0, equal_nan=True):
            return sentence
    if len(x) > 2 and not np.allclose(x, x[::-1]) and np.allclose(np.sort(y), np.sort(x), rtol=rtol, atol=0):
        return "the right numbers are there, in another order"
    use = finite & (x != 0)
    ratio = y[use] / x[use]
    if use.sum() < 2 or not ratio.min() > 0:
        return ""
    if np.ptp(ratio) <= 1e-6 * ratio.max():
        return f"yours is {ratio[0]:.6g} times what is asked, in every case: a constant is wrong"
    if np.max(np.abs(ratio - 1)) < 1e-3:
        return "very close, but off by more than rounding: look for a constant with too few digits"
    return ""


def _imitates(given: list[Outcome], wrong: Iterable[Outcome], rtol: float) -> bool:
    """Whether a mistake explains every result: equal numbers, or no numbers on either side.

    What it makes of a case is asked for only while it has explained those before.
    """
    return any(one.values is not None for one in given) and all(
        agree(one, two, rtol) or (_fails(one) and _fails(two)) for one, two in zip(given, wrong, strict=True)
    )


def _fails(outcome: Outcome) -> bool:
    return outcome.values is None or bool(np.isnan(outcome.values).all())
