"""Extreme but valid arguments: what they lead to is refused in words, and no warning is left."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

#: Fields of a result that may be missing.
OPTIONAL = ("saved",)


def within_floats(function: F) -> F:
    """Decorate a function whose arguments, extreme ones, may lead beyond what a float can hold.

    What overflows, and what an inner function refuses without naming an argument of this one, becomes a
    ValueError that does.
    """
    who = cast(FunctionType, function).__name__
    named = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    beyond = (
        f"{who}: {', '.join(named)} lead beyond what a float can hold, or to numbers that do not fit each "
        "other; take less extreme ones"
    )

    @functools.wraps(function)
    def guarded(*given: Any, **settings: Any) -> Any:
        inspect.signature(function).bind(*given, **settings)  # a missing argument is Python's to tell
        try:
            with np.errstate(all="ignore"):
                answer = function(*given, **settings)
        except (ArithmeticError, TypeError, np.linalg.LinAlgError) as error:
            raise ValueError(f"{beyond}.") from error
        except ValueError as error:
            if who in str(error).partition(":")[0]:
                raise
            raise ValueError(f"{beyond} ({error}).") from error
        if not _finite(answer):
            raise ValueError(f"{beyond}.")
        return answer

    return cast(F, guarded)


def _finite(answer: Any) -> bool:
    """Whether the numbers of a result are there."""
    parts = [answer]
    if dataclasses.is_dataclass(answer):
        fields = [one.name for one in dataclasses.fields(answer) if one.name not in OPTIONAL]
        parts = [getattr(answer, name) for name in fields]
    if not all(_finite(one) for one in parts if one is not answer and dataclasses.is_dataclass(one)):
        return False
    numbers = [np.asarray(one) for one in parts if isinstance(one, (float, np.ndarray))]
    return all(one.dtype.kind != "f" or bool(np.isfinite(one).all()) for one in numbers)


def of_the_runs(who: str, noise: Any, N: Any, D: Any) -> Any:
    """What a noise that is a function answers for runs, or ValueError if it does not."""
    try:
        return noise(N, D)
    except Exception as error:  # a function from outside may raise anything
        raise ValueError(
            f"{who}: noise is a function that does not answer for N and D ({type(error).__name__}: {error}); "
            "give noise(N, D), or a number."
        ) from error
