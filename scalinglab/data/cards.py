"""Data cards: where a table of runs comes from, what its columns mean, and how far it can be trusted."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from scalinglab._arrays import shortened
from scalinglab._text import typeset

BUNDLED = files("scalinglab.data") / "tables"

#: Where the files of public tables lie.
HOST = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class DataCard:
    """Data card of a table of runs: where it comes from and how far it can be trusted.

    Attributes
    ----------
    name, title : str
        Short name, for :func:`data_card` and :func:`open_runs`; full title.
    source : str
        The figure a bundled table was read from; the paper of a public one.
    citation : str
        Bibliography key of the paper.
    rows : int
        Rows of the file, without its header.
    columns : dict
        What each column of the file holds, with its unit.
    caveats : tuple of str
        Known defects, and what to know before using it.
    sha256 : str
        Checksum of the file.
    calibration, precision : str
        How positions in that figure became numbers, and how many digits mean something.
    repository, commit, path : str
        Where the file of a public table lies on GitHub.
    licence : str
        What its repository says about the use of a public table.
    bytes : int
        Size of the file of a public table.
    fitted : str
        What the authors of a public table fitted to it.
    letters : dict
        What N, D, L and C of the runs are that :func:`open_runs` returns, and columns it adds.
    options : dict of str to tuple of str
        Options of :func:`open_runs` for this table, and their choices; the first one holds by itself.
    """

    name: str
    title: str
    source: str
    citation: str
    rows: int
    columns: dict[str, str]
    caveats: tuple[str, ...]
    sha256: str
    calibration: str = ""
    precision: str = ""
    repository: str = ""
    commit: str = ""
    path: str = ""
    licence: str = ""
    bytes: int = 0
    fitted: str = ""
    letters: dict[str, str] = field(default_factory=dict)
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Address of the file of a public table; empty for a bundled one."""
        return f"{HOST}/{self.repository}/{self.commit}/{self.path}" if self.repository else ""

    @property
    def file(self) -> str:
        """What :func:`open_runs` calls the file in a folder: the table's name, with the file's endings."""
        return self.name + "".join(PurePosixPath(self.path).suffixes)

    def _repr_markdown_(self) -> str:
        place = f"`{self.path}` of `{self.repository}` at commit `{self.commit[:10]}`, {self.bytes:,} bytes"
        said = {
            "Source": self.source,
            "File": place if self.repository else "",
            "Licence": self.licence,
            "Letters": _listed(self.letters),
            "Columns": _listed(self.columns),
            "Options": "; ".join(
                f"`{option}=` " + ", ".join(f'`"{choice}"`' for choice in choices)
                for option, choices in self.options.items()
            ),
            "Fitted by its authors": self.fitted,
            "Calibration": self.calibration,
            "Precision": self.precision,
        }
        lines = [
            f"**{self.title}** ({self.rows:,} {'rows' if self.repository else 'runs'})",
            *(f"- {what}: {text}" for what, text in said.items() if text),
            *(f"- Caveat: {caveat}" for caveat in self.caveats),
            f"- SHA-256: `{self.sha256[:16]}…`",
        ]
        return typeset("\n".join(lines))


def _listed(meanings: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`: {meaning}" for name, meaning in meanings.items())


class Catalogue(Mapping[str, DataCard]):
    """Data cards of the public tables by name; printed, one line a table."""

    def __init__(self, cards: Mapping[str, DataCard]) -> None:
        self._cards = dict(cards)

    def __getitem__(self, name: str) -> DataCard:
        return self._cards[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(
            f"{name:{width}}  {card.title}, {card.rows:,} rows; licence: {card.licence}"
            for name, card in self.items()
        )

    def _repr_markdown_(self) -> str:
        rows = "\n".join(
            f"| `{name}` | {card.title} | {card.rows:,} | {card.licence} |" for name, card in self.items()
        )
        return f"| name | what it holds | rows | licence |\n|:---|:---|---:|:---|\n{rows}"


@functools.cache
def public_entries() -> dict[str, dict[str, Any]]:
    """What the package knows about each public table: its card and its recipe."""
    text = (files("scalinglab.data") / "public_tables.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def catalogue() -> Catalogue:
    """Return the public tables that :func:`open_runs` fetches: a mapping of names to data cards.

    Nothing is fetched to read a card.

    See Also
    --------
    open_runs : The runs of one of them.

    Examples
    --------
    >>> catalogue()["routing"].licence
    'CC BY 4.0 (data), Apache 2.0 (code)'
    """
    cards = {}
    for name, entry in public_entries().items():
        facts = {key: value for key, value in entry.items() if key not in ("read", "options", "caveats")}
        options = {option: tuple(choices) for option, choices in entry.get("options", {}).items()}
        cards[name] = DataCard(name=name, caveats=tuple(entry["caveats"]), options=options, **facts)
    return Catalogue(cards)


def data_card(name: str) -> DataCard:
    """Return the data card of a table, bundled or public.

    Raises
    ------
    ValueError
        If there is no such table.

    See Also
    --------
    load_llama3, load_chinchilla : The bundled tables.
    catalogue : The public ones.

    Examples
    --------
    >>> data_card("llama3").rows
    133
    """
    bundled = sorted(
        entry.name.removesuffix(".toml") for entry in BUNDLED.iterdir() if entry.name.endswith(".toml")
    )
    if not isinstance(name, str) or name not in (*bundled, *catalogue()):
        raise ValueError(
            f"data_card: name is {shortened(name)}, no table; there are {' and '.join(map(repr, bundled))}, "
            f"and public ones: {', '.join(map(repr, catalogue()))}."
        )
    if name in catalogue():
        return catalogue()[name]
    fields = tomllib.loads((BUNDLED / f"{name}.toml").read_text(encoding="utf-8"))
    fields["caveats"] = tuple(fields["caveats"])
    return DataCard(name=name, **fields)
