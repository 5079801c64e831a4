"""Bundled tables of published training runs, each with a data card of its provenance."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np

from scalinglab._arrays import shortened
from scalinglab._text import typeset
from scalinglab.data.runs import Runs

_DATA = files("scalinglab.data") / "tables"


@dataclass(frozen=True)
class DataCard:
    """Data card of a bundled table: where it comes from and how far it can be trusted.

    Attributes
    ----------
    name, title : str
        Short name for :func:`data_card`; full title.
    source : str
        The figure it was read from.
    citation : str
        Bibliography key of the paper.
    rows : int
        Number of runs.
    columns : dict
        What each column holds, with its unit.
    calibration, precision : str
        How positions became numbers, and how many digits mean something.
    caveats : tuple of str
        What to know before using it.
    sha256 : str
        Checksum of the file as bundled.
    """

    name: str
    title: str
    source: str
    citation: str
    rows: int
    columns: dict[str, str]
    calibration: str
    precision: str
    caveats: tuple[str, ...]
    sha256: str

    def _repr_markdown_(self) -> str:
        columns = "; ".join(f"`{name}`: {meaning}" for name, meaning in self.columns.items())
        lines = [
            f"**{self.title}** ({self.rows} runs)",
            f"- Source: {self.source}",
            f"- Columns: {columns}",
            f"- Calibration: {self.calibration}",
            f"- Precision: {self.precision}",
            *(f"- Caveat: {caveat}" for caveat in self.caveats),
            f"- SHA-256: `{self.sha256[:16]}…`",
        ]
        return typeset("\n".join(lines))


def data_card(name: str) -> DataCard:
    """Return the data card of a bundled table.

    Raises
    ------
    ValueError
        If there is no such table.

    See Also
    --------
    load_llama3, load_chinchilla

    Examples
    --------
    >>> data_card("llama3").rows
    133
    """
    known = sorted(
        entry.name.removesuffix(".toml") for entry in _DATA.iterdir() if entry.name.endswith(".toml")
    )
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"data_card: name is {shortened(name)}, no data set; there are {' and '.join(map(repr, known))}."
        )
    path = _DATA / f"{name}.toml"
    fields = tomllib.loads(path.read_text(encoding="utf-8"))
    fields["caveats"] = tuple(fields["caveats"])
    return DataCard(name=name, **fields)


def checksum(name: str) -> str:
    """SHA-256 of a bundled table as it lies on disk; equal to the one its card states."""
    return hashlib.sha256((_DATA / f"{name}.csv").read_bytes()).hexdigest()


def load_llama3() -> Runs:
    """The Llama 3 IsoFLOP runs: 133 runs at ten budgets from 6e18 to 1e22 FLOPs.

    Returns
    -------
    Runs
        ``C`` is the nominal budget, ``N = C / (6 D)``. Losses are probably in bits per byte or per
        character, not nats per token: do not compare E, A, B with other studies.

    See Also
    --------
    load_chinchilla : The other bundled table.
    data_card : Where the numbers come from.

    Notes
    -----
    Read from Figure 2 of :cite:t:`grattafiori2024`; see ``data_card("llama3")``.

    Examples
    --------
    >>> load_llama3().budgets.size
    10
    """
    with (_DATA / "llama3.csv").open("rb") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    C, D, L = table.T
    return Runs(N=C / (6 * D), D=D, L=L, C=C)


def load_chinchilla(part: Literal["all", "isoflops"] = "all") -> Runs:
    """The Chinchilla runs: 245 final losses, of which 114 lie on nine IsoFLOP curves.

    Parameters
    ----------
    part : {"all", "isoflops"}
        All runs, with ``C = 6 N D`` as each was trained; or those of the IsoFLOP panel, with C the
        nominal budget of their curve (the runs themselves differ from it by up to 15 %). Use all runs to
        fit a surface, the panel to fit parabolas.

    Returns
    -------
    Runs
        Losses in nats per token.

    Raises
    ------
    ValueError
        If there is no such part.

    See Also
    --------
    load_llama3 : The other bundled table.
    data_card : Where the numbers come from.

    Notes
    -----
    Read from Figure 4 of :cite:t:`hoffmann2022`; see ``data_card("chinchilla")``.

    Examples
    --------
    >>> len(load_chinchilla()), load_chinchilla("isoflops").budgets.size
    (245, 9)
    """
    if not isinstance(part, str) or part not in ("all", "isoflops"):
        raise ValueError(f"load_chinchilla: part is {shortened(part)}; choose 'all' or 'isoflops'.")
    with (_DATA / "chinchilla.csv").open("rb") as file:
        table = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=range(5))
    N, D, _, L, budget = table.T
    if part == "all":
        return Runs(N, D, L)
    on_curve = np.isfinite(budget)
    return Runs(N[on_curve], D[on_curve], L[on_curve], budget[on_curve])
