"""How fits print themselves: lines in a terminal, a table in a notebook."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

from scalinglab._text import typeset


def sentences(concerns: tuple[str, ...]) -> str:
    """Concerns as the last lines of a printed fit."""
    indent = " " * 10
    wrapped = [textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent) for text in concerns]
    return "\n".join(wrapped).strip() or "none"


def printed(lines: Sequence[tuple[str, str]], concerns: tuple[str, ...]) -> str:
    """Lines with their heads, the concerns last."""
    return "\n".join(f"{head:<9} {text}" for head, text in (*lines, ("concerns", sentences(concerns))))


def html_table(names: tuple[str, ...], values: tuple[str, ...], concerns: tuple[str, ...]) -> str:
    """A fit as a table of one row, its concerns below."""
    head = "".join(f'<th scope="col">{name}</th>' for name in names[1:])
    cells = "".join(f"<td>{value}</td>" for value in values[1:])
    verdict = "<br>".join(html.escape(typeset(concern)) for concern in concerns) or "none"
    return (
        f'<table class="fit"><caption><b>{names[0].capitalize()}</b>: {html.escape(values[0])}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
        f'<p class="fit"><b>Concerns</b>: {verdict}</p>'
    )


def held_together(text: str) -> str:
    """A number with its error as an exponent: in brackets."""
    return f"({text})" if " " in text else text
