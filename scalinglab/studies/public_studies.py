"""The public tables as studies: which of their rows are fitted, beside what their authors printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab._arrays import generator
from scalinglab.data.cards import data_card
from scalinglab.data.datasets import load_chinchilla, load_llama3
from scalinglab.data.public_runs import open_runs
from scalinglab.data.repeats import best_of_repeats
from scalinglab.data.runs import Runs
from scalinglab.data.training_curves import TrainingCurves
from scalinglab.laws.published_exponents import PUBLISHED_EXPONENTS, PublishedExponents
from scalinglab.studies.examinations import examine


@dataclass(frozen=True)
class PublicStudy:
    """Runs of a public table that are fitted together.

    Attributes
    ----------
    name : str
        Name of the study.
    label : str
        What pictures call it.
    table : str
        Name of the table, for :func:`data_card`.
    rows : str
        Which of its rows are taken, and why.
    opened : callable
        Returns the runs.
    curves : callable, optional
        Makes training curves of the runs, where they are checkpoints.
    later : callable, optional
        Returns runs that its authors made after these, to be foretold.
    printed : tuple of PublishedExponents
        What has been printed of these runs, by those who made them or by others.

    See Also
    --------
    PUBLIC_STUDIES : All of them.
    """

    name: str
    label: str
    table: str
    rows: str
    opened: Callable[[], Runs]
    curves: Callable[[Runs], TrainingCurves] | None = None
    later: Callable[[], Runs] | None = None
    printed: tuple[PublishedExponents, ...] = ()

    def examined(self, rng: np.random.Generator) -> dict[str, Any]:
        """Open the runs and examine them; what is found begins with where they come from.

        Raises
        ------
        OSError
            If a table is not at hand and cannot be fetched.
        """
        generator("PublicStudy.examined: rng", rng)
        runs = self.opened()
        found = examine(
            runs,
            rng,
            curves=None if self.curves is None else self.curves(runs),
            later=None if self.later is None else self.later(),
        )
        source = {"label": self.label, "table": self.table, "rows": self.rows}
        return {**source, "sha256": data_card(self.table).sha256, **found}


def _opener(table: str, **options: str) -> Callable[[], Runs]:
    """Opens a public table when called."""
    return lambda: open_runs(table, **options)


def _without_highest(runs: Runs) -> Runs:
    """All but the five highest losses."""
    return runs.take(np.sort(np.argsort(runs.L, kind="stable")[:-5]))


def _dense_checkpoints() -> Runs:
    runs = open_runs("routing", checkpoints="all")
    return runs.take(runs.extra["router_type"] == "Dense")


def _curves(runs: Runs) -> TrainingCurves:
    """Checkpoints of several trainings of equal length as curves, by the number of the training."""
    number = runs.extra["hyper_id"]
    order = np.lexsort((runs.D, number))
    each = (len(np.unique(number)), -1)
    N, D, L = (column[order].reshape(each) for column in (runs.N, runs.D, runs.L))
    return TrainingCurves(N[:, 0], D[:, -1], D, L)


def _printed(what: str) -> tuple[PublishedExponents, ...]:
    """Published exponents of these data."""
    return tuple(one for one in PUBLISHED_EXPONENTS if one.what.startswith(what))


_LESS_FIVE = "All runs but the five highest losses, as Besiroglu et al. 2024 fitted them."

#: The studies, from two bundled and nine public tables.
PUBLIC_STUDIES: tuple[PublicStudy, ...] = (
    PublicStudy(
        "llama3", "Llama 3", "llama3", "All runs.", load_llama3, printed=_printed("tokens of Llama 3")
    ),
    PublicStudy(
        "chinchilla",
        "Chinchilla",
        "chinchilla",
        _LESS_FIVE,
        lambda: _without_highest(load_chinchilla()),
        printed=_printed("MassiveText"),
    ),
    PublicStudy(
        "chinchilla-isoflops",
        "Chinchilla, curves",
        "chinchilla",
        "The runs on the nine IsoFLOP curves.",
        lambda: load_chinchilla("isoflops"),
        printed=_printed("MassiveText"),
    ),
    PublicStudy("epoch-chinchilla", "Epoch", "epoch-chinchilla", "All runs.", _opener("epoch-chinchilla")),
    PublicStudy(
        "epoch-chinchilla-240",
        "Epoch, 240 runs",
        "epoch-chinchilla",
        _LESS_FIVE,
        lambda: _without_highest(open_runs("epoch-chinchilla")),
        printed=_printed("MassiveText"),
    ),
    PublicStudy("kyo-takano", "chinchilla package", "kyo-takano", "All runs.", _opener("kyo-takano")),
    PublicStudy(
        "misfitting", "Misfitting", "misfitting", "All runs, every learning rate.", _opener("misfitting")
    ),
    PublicStudy(
        "misfitting-best",
        "Misfitting, best rates",
        "misfitting",
        "The best learning rate of each N and D.",
        lambda: best_of_repeats(open_runs("misfitting")),
    ),
    PublicStudy(
        "steplaw-dense",
        "Step Law",
        "steplaw-dense",
        "All runs, every learning rate and batch size.",
        _opener("steplaw-dense"),
    ),
    PublicStudy(
        "steplaw-dense-best",
        "Step Law, best rates",
        "steplaw-dense",
        "The best learning rate and batch size of each N and D.",
        lambda: best_of_repeats(open_runs("steplaw-dense")),
    ),
    PublicStudy(
        "routing",
        "Routing",
        "routing",
        "The last checkpoint of each of 223 trainings, dense and routed.",
        _opener("routing"),
    ),
    PublicStudy(
        "routing-dense",
        "Routing, dense",
        "routing",
        "All checkpoints of the 13 dense trainings.",
        _dense_checkpoints,
        _curves,
    ),
    PublicStudy("vocabulary", "Vocabulary", "vocabulary", "All checkpoints.", _opener("vocabulary")),
    PublicStudy("marin-dclm", "Marin, DCLM", "marin-dclm", "All runs.", _opener("marin-dclm")),
    PublicStudy(
        "marin-nemotron",
        "Marin, Nemotron",
        "marin-nemotron",
        "The IsoFLOP runs; the eight that tried predicted optima are foretold.",
        _opener("marin-nemotron"),
        later=_opener("marin-nemotron", rows="validation"),
    ),
    PublicStudy(
        "fineweb-c4",
        "FineWeb to C4",
        "fineweb-c4",
        "All points, which are interpolated and no runs.",
        _opener("fineweb-c4"),
    ),
)
