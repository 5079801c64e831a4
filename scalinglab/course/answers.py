"""Exercises that check themselves: fresh random cases, and a diagnosis in words."""

from __future__ import annotations

import difflib
import inspect
import itertools
import reprlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab.runs import Runs
from scalinglab.surface import FloatArray, LossSurface

#: One case: the arguments of one call.
Case = tuple[Any, ...]

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

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlist = _short.maxtuple = _short.maxarray = 4


@dataclass(frozen=True)
class Question:
    """One exercise that a function answers.

    Parameters
    ----------
    label : str
        The exercise's label: its name in the text, its anchor on the page, its name in :func:`check`.
    chapter : str
        File name of the chapter, without ending.
    asks : str
        What is to be handed in, one sentence; begins with the call, ``my_shift(alpha, beta, reach): ...``.
    reference : callable
        The package's answer; its parameters name the inputs in messages.
    cases : callable
        ``cases(rng)`` draws a list of argument tuples.
    mistakes : tuple of (str, callable)
        What a wrong answer is a sign of, and the function that makes that mistake.
    rtol : float
        Relative error that passes.
    view : callable, optional
        Turns what is returned into numbers, where it is not numbers.

    Examples
    --------
    >>> double = Question("ex-double", "", "double(x): twice x.", lambda x: 2 * x,
    ...                   lambda rng: [(x,) for x in rng.uniform(1, 2, 5)],
    ...                   (("that is the square, not twice", lambda x: x * x),))
    >>> check(double, lambda x: x + x)
    Right, on 5 random cases.
    """

    label: str
    chapter: str
    asks: str
    reference: Callable[..., Any]
    cases: Callable[[np.random.Generator], list[Case]]
    mistakes: tuple[tuple[str, Callable[..., Any]], ...] = ()
    rtol: float = 1e-6
    view: Callable[[Any], Any] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the inputs."""
        return list(inspect.signature(self.reference).parameters)


@dataclass(frozen=True)
class Verdict:
    """What :func:`check` found: true when the answer is right, and a sentence or two.

    Attributes
    ----------
    right : bool
        Whether every case agreed.
    text : str
        What was found.
    """

    right: bool
    text: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Outcome:
    """What one call gave: numbers, or a complaint."""

    values: FloatArray | None
    complaint: str = ""
    shown: str = ""


def check(question: str | Question, answer: Any = ..., rng: np.random.Generator | None = None) -> Verdict:
    """Try an answer on fresh random cases and say what is wrong with it.

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
        return Verdict(False, f"Not yet: the answer could not be tried ({_said(error)}).")


def _find(question: Any) -> Question | Verdict:
    """The question of a label, or a verdict that says which there are."""
    from scalinglab.course.questions import QUESTIONS

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
    return Verdict(False, f"There is no question {_text(question)}. {hint}")


def _no_function(question: Question, answer: Any) -> str:
    """Why an answer is not a function of the right number of inputs; empty if it is."""
    name = getattr(answer, "__name__", None) or "your_function"
    if not callable(answer):
        return (
            f"{_text(answer)} is not a function. Hand over the function itself, without calling it: "
            f'`check("{question.label}", {question.asks.split("(")[0]})`.'
        )
    if inspect.isclass(answer):
        return f"`{name}` is a class; hand over a function. {_asked(question)}"
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*question.names)
    except TypeError:
        takes = [p for p in signature.parameters.values() if p.kind not in (p.VAR_KEYWORD, p.KEYWORD_ONLY)]
        return (
            f"`{_clip(name)}` takes {len(takes)} input{'s' * (len(takes) != 1)}; it is called with "
            f"{len(question.names)}: {', '.join(question.names)}."
        )
    return ""


def _judge(question: Question, answer: Callable[..., Any], rng: np.random.Generator) -> Verdict:
    """Compare an answer with the reference, then with the mistakes."""
    cases = question.cases(rng)
    truth = [_call(question, question.reference, case) for case in cases]
    given = [_call(question, answer, case) for case in cases]
    same = [_agree(one, two, question.rtol) for one, two in zip(given, truth, strict=True)]
    if all(same):
        return Verdict(True, f"Right, on {len(cases)} random cases.")
    place = same.index(False)
    where = f"for {_inputs(question, cases[place])}"
    cause = _cause(question, cases, given, truth)
    complaint = _complaint(given[place], truth[place])
    seen = complaint or (
        f"it returned {_value(given[place].values)}; the package has {_value(truth[place].values)}."
    )
    if cause and (not complaint or given[place].values is not None):
        return Verdict(False, f"Not yet: {cause}. {where[0].upper()}{where[1:]} {seen}")
    if cause:
        return Verdict(False, f"Not yet: {cause}. (Seen {where}.)")
    score = f" It is right in {sum(same)} of {len(same)} cases." if any(same) else ""
    return Verdict(False, f"Not yet: {where} {seen}{score}")


def _cause(question: Question, cases: list[Case], given: list[_Outcome], truth: list[_Outcome]) -> str:
    """The known mistake whose results are those given; empty if there is none."""
    if all(one.values is None for one in given):
        return ""
    for sentence, wrong in question.mistakes:
        if _imitates(given, [_call(question, wrong, case) for case in cases], question.rtol):
            return sentence
    for order in list(itertools.permutations(range(len(question.names))))[1:24]:
        swapped = [tuple(case[i] for i in order) for case in cases]
        if _imitates(given, [_call(question, question.reference, case) for case in swapped], question.rtol):
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


def _call(question: Question, function: Callable[..., Any], case: Case) -> _Outcome:
    """Call a function on copies of a case's inputs and read its numbers."""
    try:
        result = function(*(x.copy() if isinstance(x, np.ndarray) else x for x in case))
    except RecursionError:
        return _Outcome(None, "it calls itself without end.")
    except NotImplementedError as error:
        return _Outcome(None, f"there is still something to be done ({_said(error)}).")
    except Exception as error:
        return _Outcome(None, f"it raised {_said(error)}.")
    if result is None:
        return _Outcome(None, "it returned None: end it with `return`; printing is not returning.")
    try:
        return _Outcome(_numbers(question.view(result) if question.view else result))
    except _NoNumbers as error:
        return _Outcome(None, f"it returned {error}.")
    except Exception:
        return _Outcome(None, f"it returned {_text(result)}, which is not what is asked. {_asked(question)}")


class _NoNumbers(Exception):
    """Why a result cannot be read as numbers."""


def _numbers(result: Any, depth: int = 0) -> FloatArray:
    """The numbers of a result, in one row."""
    if isinstance(result, str | bytes):
        raise _NoNumbers(f"the text {_text(result)}; return numbers")
    if callable(result):
        raise _NoNumbers(f"a function, {_text(result)}; call it and return its result")
    if isinstance(result, list | tuple):
        if depth > 4 or len(result) > 10_000:
            raise _NoNumbers(f"{_text(result)}, which is too long or too deep")
        if not result:
            raise _NoNumbers("an empty list")
        return np.concatenate([_numbers(part, depth + 1) for part in result])
    if isinstance(result, Mapping):
        raise _NoNumbers("a dictionary; return its values as a list")
    if inspect.isgenerator(result) or isinstance(result, map | filter | zip | range | set):
        raise _NoNumbers(f"a {type(result).__name__}; return a list or an array")
    array = np.asarray(result)
    if array.dtype.kind == "c":
        if np.any(array.imag != 0):
            raise _NoNumbers("a complex number: a negative number was raised to a fraction")
        array = array.real
    if array.dtype.kind in "USM" or array.size > 1_000_000:
        raise _NoNumbers(f"{_text(result)}; return numbers")
    return np.asarray(array, float).ravel()


def _complaint(told: _Outcome, known: _Outcome) -> str:
    """What is wrong with the kind of a result; empty if it can be compared."""
    if told.values is None:
        return told.complaint
    assert known.values is not None
    if told.values.shape != known.values.shape:
        return (
            f"it returned {_amount(told.values)}, {_value(told.values)}, where {_amount(known.values)} "
            f"{'is' if known.values.size == 1 else 'are'} asked."
        )
    if np.isnan(told.values).any() and not np.isnan(known.values).any():
        return f"it returned nan; the package has {_value(known.values)}."
    return ""


def _agree(one: _Outcome, two: _Outcome, rtol: float) -> bool:
    """Whether two results are the same numbers."""
    if one.values is None or two.values is None or one.values.shape != two.values.shape:
        return False
    scale = np.max(np.abs(two.values), initial=0, where=np.isfinite(two.values))
    return bool(np.allclose(one.values, two.values, rtol=rtol, atol=1e-12 * scale, equal_nan=True))


def _imitates(given: list[_Outcome], wrong: list[_Outcome], rtol: float) -> bool:
    """Whether a mistake explains every result: equal numbers, or no numbers on either side."""
    return any(one.values is not None for one in given) and all(
        _agree(one, two, rtol) or (_fails(one) and _fails(two)) for one, two in zip(given, wrong, strict=True)
    )


def _fails(outcome: _Outcome) -> bool:
    return outcome.values is None or bool(np.isnan(outcome.values).all())


def _asked(question: Question) -> str:
    return f"The exercise asks for `{question.asks.split(':')[0]}`."


def _inputs(question: Question, case: Case) -> str:
    return ", ".join(f"{name} = {_input(x)}" for name, x in zip(question.names, case, strict=True))


def _input(x: Any) -> str:
    if isinstance(x, float | int):
        return f"{x:.4g}"
    if isinstance(x, np.ndarray):
        return _value(x)
    if isinstance(x, Runs):
        return f"{len(x)} runs at {len(x.budgets)} budgets"
    if isinstance(x, LossSurface):
        return f"LossSurface({x.E:.4g}, {x.A:.4g}, {x.B:.4g}, {x.alpha:.4g}, {x.beta:.4g})"
    if callable(x):
        return _clip(getattr(x, "__name__", "a function").strip("_"))
    first = _text(x).splitlines()[0].strip("`")
    return first if len(first) <= 60 else f"{type(x).__name__}(...)"


def _value(values: FloatArray | None) -> str:
    """A few numbers, readable."""
    if values is None:
        return "nothing"
    if values.size == 1:
        return f"{values.item():.6g}"
    shown = ", ".join(f"{x:.4g}" for x in values.flat[:4])
    return f"[{shown}{', ...' if values.size > 4 else ''}]"


def _amount(values: FloatArray) -> str:
    return "one number" if values.size == 1 else f"{values.size} numbers"


def _said(error: BaseException) -> str:
    """An exception's kind and message, shortened."""
    try:
        message = str(error)
    except Exception:
        message = ""
    kind = _clip(type(error).__name__)
    return f"{kind}: {_clip(message, 120)}" if message else kind


def _text(value: Any) -> str:
    try:
        return f"`{_clip(_short.repr(value), 80)}`"
    except Exception:
        return f"`a {_clip(type(value).__name__)}`"


def _clip(text: Any, length: int = 60) -> str:
    line = " ".join(str(text)[: 2 * length].split()).replace("`", "'")
    return line if len(line) <= length else line[: length - 3] + "..."
