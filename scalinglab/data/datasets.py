"""Bundled tables of published training runs, each with a data card of its provenance."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

from scalinglab._arrays import shortened
from scalinglab.data.cards import BUNDLED
from scalinglab.data.runs import Runs


def checksum(name: str) -> str:
    """SHA-256 of a bundled table as it lies on disk; equal to the one its card states."""
    return hashlib.sha256((BUNDLED / f"{name}.csv").read_bytes()).hexdigest()


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
    with (BUNDLED / "llama3.csv").open("rb") as file:
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
    with (BUNDLED / "chinchilla.csv").open("rb") as file:
        table = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=range(5))
    N, D, _, L, budget = table.T
    if part == "all":
        return Runs(N, D, L)
    on_curve = np.isfinite(budget)
    return Runs(N[on_curve], D[on_curve], L[on_curve], budget[on_curve])
