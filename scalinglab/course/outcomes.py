"""Outcome of one call of an answer: its numbers or a complaint, and both in words."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.course.question import Case, Question
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import LossSurface

_short = reprlib.Repr()

_short.maxstring = _short.maxother = 60

_short.maxlist = _short.maxtuple = _short.maxarray = 4


@dataclass(frozen=True)
class Outcome:
    """Outcome of one call: numbers, or a complaint."""

    values: FloatArray | None
    complaint: str = ""
    shown: str = ""


def outcome_of(question: Question, function: Callable[..., Any], case: Case) -> Outcome:
    """Call a function on copies of a case's inputs and read its numbers."""
    try:
        result = function(*(x.copy() if isinstance(x, np.ndarray) else x for x in case))
    except RecursionError:
        return Outcome(None, "it calls itself without end.")
    except NotImplementedError as error:
        return Outcome(None, f"there is still something to be done ({error_in_words(error)}).")
    except Exception as error:
        return Outcome(None, f"it raised {error_in_words(error)}.")
    if result is None:
        return Outcome(None, "it returned None: end it with `return`; printing is not returning.")
    try:
        return Outcome(_numbers(question.view(result) if question.view else result))
    except _NoNumbers as error:
        return Outcome(None, f"it returned {error}.")
    except Exception:
        return Outcome(
            None, f"it returned {quoted(result)}, which is not what is asked. {asked_in_words(question)}"
        )


class _NoNumbers(Exception):
    """Why a result cannot be read as numbers."""


def _numbers(result: Any, depth: int = 0) -> FloatArray:
    """The numbers of a result, in one row."""
    if isinstance(result, str | bytes):
        raise _NoNumbers(f"the text {quoted(result)}; return numbers")
    if callable(result):
        raise _NoNumbers(f"a function, {quoted(result)}; call it and return its result")
    if isinstance(result, list | tuple):
        if depth > 4 or len(result) > 10_000:
            raise _NoNumbers(f"{quoted(result)}, which is too long or too deep")
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
        raise _NoNumbers(f"{quoted(result)}; return numbers")
    return np.asarray(array, float).ravel()


def agree(one: Outcome, two: Outcome, rtol: float) -> bool:
    """Whether two results are the same numbers."""
    if one.values is None or two.values is None or one.values.shape != two.values.shape:
        return False
    scale = np.max(np.abs(two.values), initial=0, where=np.isfinite(two.values))
    return bool(np.allclose(one.values, two.values, rtol=rtol, atol=1e-12 * scale, equal_nan=True))


def asked_in_words(question: Question) -> str:
    """What a question asks for."""
    return f"The exercise asks for `{question.asks.split(':')[0]}`."


def inputs_in_words(question: Question, case: Case) -> str:
    """The inputs of one call, by name."""
    return ", ".join(f"{name} = {_input(x)}" for name, x in zip(question.names, case, strict=True))


def _input(x: Any) -> str:
    if isinstance(x, float | int):
        return f"{x:.4g}"
    if isinstance(x, np.ndarray):
        return values_in_words(x)
    if isinstance(x, Runs):
        return f"{len(x)} runs at {len(x.budgets)} budgets"
    if isinstance(x, LossSurface):
        return f"LossSurface({x.E:.4g}, {x.A:.4g}, {x.B:.4g}, {x.alpha:.4g}, {x.beta:.4g})"
    if callable(x):
        return clipped(getattr(x, "__name__", "a function").strip("_"))
    first = quoted(x).splitlines()[0].strip("`")
    return first if len(first) <= 60 else f"{type(x).__name__}(...)"


def values_in_words(values: FloatArray | None) -> str:
    """A few numbers, readable."""
    if values is None:
        return "nothing"
    if values.size == 1:
        return f"{values.item():.6g}"
    shown = ", ".join(f"{x:.4g}" for x in values.flat[:4])
    return f"[{shown}{', ...' if values.size > 4 else ''}]"


def amount_in_words(values: FloatArray) -> str:
    """How many numbers."""
    return "one number" if values.size == 1 else f"{values.size} numbers"


def error_in_words(error: BaseException) -> str:
    """An exception's kind and message, shortened."""
    try:
        message = str(error)
    except Exception:
        message = ""
    kind = clipped(type(error).__name__)
    return f"{kind}: {clipped(message, 120)}" if message else kind


def quoted(value: Any) -> str:
    """A value as code, shortened."""
    try:
        return f"`{clipped(_short.repr(value), 80)}`"
    except Exception:
        return f"`a {clipped(type(value).__name__)}`"


def clipped(text: Any, length: int = 60) -> str:
    """One line of a text, without its end where it is long."""
    line = " ".join(str(text)[: 2 * length].split()).replace("`", "'")
    return line if len(line) <= length else line[: length - 3] + "..."
