"""Check of an exercise: an answer tried on fresh random cases, and the verdict in words."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from scalinglab.course.diagnosis import known_cause
from scalinglab.course.outcomes import (
    Outcome,
    agree,
    amount_in_words,
    asked_in_words,
    clipped,
    error_in_words,
    inputs_in_words,
    outcome_of,
    quoted,
    values_in_words,
)
from scalinglab.course.question import Question, Verdict
from scalinglab.course.questions import QUESTIONS


def check(question: str | Question, answer: Any = ..., rng: np.random.Generator | None = None) -> Verdict:
    """Check the answer to an exercise on fresh random cases and say what is wrong with it.

    Parameters
    ----------
    question : str
        Label of the exercise, as the exercise shows it; or a :class:`Question`.
    answer : callable
        The function the exercise asks for, not called. Without it, what is asked is said.
    rng : numpy.random.Generator, optional
        Draws the cases; a new one when absent.

    Returns
    -------
    Verdict
        True when right; prints a sentence or two. A wrong answer is compared with known mistakes.

    See Also
    --------
    Question : What is asked, for exercises of your own.
    Verdict : What is returned.

    Notes
    -----
    Never raises because of an answer, whatever the answer does. Only an interrupt or an exit gets through.

    Examples
    --------
    >>> import numpy as np
    >>> def my_shift(alpha, beta, reach):
    ...     return (alpha - beta) * np.log10(reach) ** 2 / 10
    >>> verdict = check("ex-next-order", my_shift)
    >>> bool(verdict)
    False
    """
    try:
        found = _find(question)
        if isinstance(found, Verdict):
            return found
        if answer is ...:
            return Verdict(False, f"`{found.label}` asks for {found.asks}")
        complaint = _no_function(found, answer)
        if complaint:
            return Verdict(False, f"Not yet: {complaint}")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _judge(found, answer, np.random.default_rng() if rng is None else rng)
    except Exception as error:
        return Verdict(False, f"Not yet: the answer could not be tried ({error_in_words(error)}).")


def _find(question: Any) -> Question | Verdict:
    """The question of a label, or a verdict that says which there are."""
    if isinstance(question, Question):
        return question
    if isinstance(question, str) and question in QUESTIONS:
        return QUESTIONS[question]
    near: list[str] = []
    if isinstance(question, str):
        wanted = question[:80].strip().lower()
        near = difflib.get_close_matches(wanted, QUESTIONS, n=3, cutoff=0.5)
        near = near or [label for label, one in QUESTIONS.items() if wanted == one.chapter]
    hint = (
        f"Did you mean {' or '.join(f'`{label}`' for label in near)}?"
        if near
        else "Copy it from the exercise."
    )
    return Verdict(False, f"There is no question {quoted(question)}. {hint}")


def _no_function(question: Question, answer: Any) -> str:
    """Why an answer is not a function of the right number of inputs; empty if it is."""
    name = getattr(answer, "__name__", None) or "your_function"
    if not callable(answer):
        return (
            f"{quoted(answer)} is not a function. Hand over the function itself, without calling it: "
            f'`check("{question.label}", {question.asks.split("(")[0]})`.'
        )
    if inspect.isclass(answer):
        return f"`{name}` is a class; hand over a function. {asked_in_words(question)}"
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*question.names)
    except TypeError:
        takes = [p for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)]
        return (
            f"`{clipped(name)}` takes {len(takes)} input{'s' * (len(takes) != 1)}; it is called with "
            f"{len(question.names)}: {', '.join(question.names)}."
        )
    return ""


def _judge(question: Question, answer: Callable[..., Any], rng: np.random.Generator) -> Verdict:
    """Compare an answer with the reference, then with the mistakes."""
    cases = question.cases(rng)
    truth = [outcome_of(question, question.reference, case) for case in cases]
    given = [outcome_of(question, answer, case) for case in cases]
    same = [agree(one, two, question.rtol) for one, two in zip(given, truth, strict=True)]
    if all(same):
        return Verdict(True, f"Right, on {len(cases)} random cases.")
    place = same.index(False)
    where = f"for {inputs_in_words(question, cases[place])}"
    cause = known_cause(question, cases, given, truth)
    complaint = _complaint(given[place], truth[place])
    seen = complaint or (
        f"it returned {values_in_words(given[place].values)}; "
        f"the package has {values_in_words(truth[place].values)}."
    )
    if cause and (not complaint or given[place].values is not None):
        return Verdict(False, f"Not yet: {cause}. {where[0].upper()}{where[1:]} {seen}")
    if cause:
        return Verdict(False, f"Not yet: {cause}. (Seen {where}.)")
    score = f" It is right in {sum(same)} of {len(same)} cases." if any(same) else ""
    return Verdict(False, f"Not yet: {where} {seen}{score}")


def _complaint(told: Outcome, known: Outcome) -> str:
    """What is wrong with the kind of a result; empty if it can be compared."""
    if told.values is None:
        return told.complaint
    assert known.values is not None
    if told.values.shape != known.values.shape:
        return (
            f"it returned {amount_in_words(told.values)}, {values_in_words(told.values)}, "
            f"where {amount_in_words(known.values)} {'is' if known.values.size == 1 else 'are'} asked."
        )
    if np.isnan(told.values).any() and not np.isnan(known.values).any():
        return f"it returned nan; the package has {values_in_words(known.values)}."
    return ""
