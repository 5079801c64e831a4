"""Question of an exercise, with its random cases and known mistakes, and the verdict on an answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: One case: the arguments of one call.
Case = tuple[Any, ...]


@dataclass(frozen=True)
class Question:
    """Question of an exercise that is answered by a function.

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

    See Also
    --------
    check : Tries an answer.

    Examples
    --------
    >>> from scalinglab.course import check
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
    """Verdict on an answer: true when it is right, with a sentence or two.

    Attributes
    ----------
    right : bool
        Whether every case agreed.
    text : str
        What was found.

    See Also
    --------
    check : Gives it.
    """

    right: bool
    text: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text
