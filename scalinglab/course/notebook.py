"""Output of chapters: computed sentences and source code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from scalinglab._arrays import of_kind, shortened
from scalinglab._extras import in_notebook
from scalinglab._text import format_count as format_count, typeset as typeset
from scalinglab.course.equations import equation


def show_text(text: str) -> None:
    """Print a computed sentence: as Markdown in a notebook, as text elsewhere.

    Parameters
    ----------
    text : str
        Markdown; may hold maths, and in the book citations and references. Powers of ten and minus
        signs are typeset.

    See Also
    --------
    show_source : Source code.
    format_count : A number of parameters or tokens in short.

    Examples
    --------
    >>> show_text(f"The exponent is {0.5:.3f}.")
    The exponent is 0.500.
    """
    of_kind("show_text: text", text, str, "give a text")
    text = typeset(text)
    if in_notebook():
        from IPython.display import Markdown, display

        display(Markdown(text))
    else:
        print(text)


def show_source(function: Callable[..., Any]) -> None:
    """Show the source of a function where the code is the equation: without docstring, type hints and checks.

    Parameters
    ----------
    function : callable
        A function of the package. What guards its arguments is left out, so that what computes is seen;
        its page of the reference links to every line.

    See Also
    --------
    show_text : A computed sentence.

    Examples
    --------
    >>> from scalinglab import Squared
    >>> show_source(Squared.rho)
    def rho(self, r):
        return r ** 2
    """
    try:
        lines, _ = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"show_source: function is {shortened(function)}; give a function written in Python ({error})."
        ) from None
    source = textwrap.dedent("".join(lines))
    if not isinstance(ast.parse(source).body[0], ast.FunctionDef):
        raise ValueError(f"show_source: function is {shortened(function)}; give a function defined by def.")
    source = equation(source, inspect.unwrap(function).__globals__)
    if in_notebook():
        from IPython.display import Code, display

        display(Code(source, language="python"))
    else:
        print(source)
