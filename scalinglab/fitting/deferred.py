"""A field of a result that is worked out when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Deferred(Generic[T]):
    """A field of a dataclass that takes a value, or a function that returns it and is called once, if at all.

    What a fit has to say costs as much as the fit, and most of the fits in a bootstrap are never asked.

    Parameters
    ----------
    default : T
        The value of a field that is not given.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Result:
    ...     words: Deferred[str] = Deferred("none")
    >>> Result().words, Result("few").words, Result(lambda: "worked out").words
    ('none', 'few', 'worked out')
    """

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, result: None, owner: type) -> T: ...

    @overload
    def __get__(self, result: object, owner: type) -> T: ...

    def __get__(self, result: Any, owner: type) -> T:
        if result is None:
            return self.default
        value = vars(result)[self.name]
        if callable(value):
            value = vars(result)[self.name] = value()
        known: T = value
        return known

    def __set__(self, result: Any, value: T | Callable[[], T]) -> None:
        vars(result)[self.name] = value
