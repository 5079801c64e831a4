"""A table of any kind, and the column of it that holds a letter."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from scalinglab._arrays import shortened
from scalinglab.data.origin import Origin
from scalinglab.data.usual_names import Meaning


@dataclass(frozen=True)
class Table:
    """A table of any kind: its columns, its rows, and how messages name it.

    Attributes
    ----------
    names : list
        Names of the columns, in order.
    values : list
        Their entries.
    origin : Origin
        Where its rows stand.
    is_frame : bool
        Whether a pandas cure can be followed.
    """

    names: list[Any]
    values: list[Any]
    origin: Origin
    is_frame: bool = False

    @property
    def called(self) -> str:
        """What a message calls it."""
        return self.origin.file if self.origin.lines is not None else "the table"

    def where(self, row: int) -> str:
        """How a message names a row: its line of the file, or its place in the table."""
        if (lines := self.origin.lines) is None:
            return self.origin.label(row)
        return f"line {lines + row if isinstance(lines, int) else int(lines[row])}"

    def find(self, letter: str, name: Any) -> int | None:
        """Place of a column by its name, blanks around it left out; None if it is not there."""
        if not isinstance(name, Hashable):
            raise ValueError(f"Runs: columns names {shortened(name)} for {letter}; give a name.")
        found = [place for place, own in enumerate(self.names) if own == name] or [
            place for place, own in enumerate(self.names) if isinstance(own, str) and own.strip() == name
        ]
        if len(found) > 1:
            raise ValueError(f"Runs: {len(found)} columns of {self.called} are called {name!r}; rename one.")
        return found[0] if found else None


@dataclass(frozen=True)
class Pick:
    """The column that holds a letter."""

    place: int | None
    name: str
    values: Any
    meaning: Meaning
    aside: str = ""
