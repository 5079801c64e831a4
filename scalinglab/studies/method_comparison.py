"""Comparison of methods: many simulated studies fitted by each of them, failures counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, flag, generator, not_negative, of_kind, shortened, whole
from scalinglab._extras import needs
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.methods import METHODS, Method, attempt, require_methods
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import LossSurface
from scalinglab.studies.outcome_store import OutcomeStore, fingerprint


@dataclass(frozen=True)
class Study:
    """A simulated study: a true surface, a design and a noise.

    Attributes
    ----------
    surface : LossSurface
        The truth.
    design : IsoflopDesign
        Which runs are made.
    noise : float
        Standard deviation of the errors added to the losses.
    repeat : int
        Number of the repetition, for the table only.
    runs : Runs, optional
        The runs, where they have been drawn already; drawn by :func:`compare_methods` otherwise.

    See Also
    --------
    recovery_studies, noise_studies, efficiency_studies
    """

    surface: LossSurface
    design: IsoflopDesign
    noise: float = 0.0
    repeat: int = 0
    runs: Runs | None = None

    def __post_init__(self) -> None:
        of_kind("Study: surface", self.surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
        of_kind("Study: design", self.design, IsoflopDesign, "give an IsoflopDesign")
        not_negative("Study: noise", self.noise)
        whole("Study: repeat", self.repeat, 0, 10**9)
        if self.runs is not None:
            require_runs("Study", self.runs)

    def drawn(self, rng: np.random.Generator) -> Study:
        """Return the study with its runs."""
        generator("Study.drawn: rng", rng)
        return replace(self, runs=self.design.runs(self.surface, self.noise, rng))


@dataclass(frozen=True)
class Outcome:
    """Outcome of one method on one study: what it fitted, or why it failed.

    Attributes
    ----------
    study : int
        Place of the study among those compared.
    method : str
        Its label.
    a : float
        Fitted exponent of the best model size; nan if the method failed.
    parameters : dict of str to float
        The law's fitted parameters; empty where the method has none or failed.
    failure : str
        Why it failed; empty if it did not.
    """

    study: int
    method: str
    a: float = np.nan
    parameters: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""

    def values(self, truth: LossSurface) -> dict[str, float]:
        """Fitted parameters of the truth's law and a, nan where there are none."""
        return {**{name: self.parameters.get(name, np.nan) for name in truth.parameters}, "a": self.a}


@dataclass(frozen=True, repr=False)
class MethodComparison:
    """Result of a comparison: the outcome of each method on each study, failures included.

    Attributes
    ----------
    studies : tuple of Study
        What was simulated; without runs.
    outcomes : tuple of Outcome
        One a study and method, study by study.

    See Also
    --------
    compare_methods : Makes it.
    """

    studies: tuple[Study, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Labels of the methods, in order."""
        return tuple(dict.fromkeys(outcome.method for outcome in self.outcomes))

    def errors(self, method: str) -> FloatArray:
        """Fitted minus true exponent a in every study, shape (studies,); nan where the method failed."""
        if not isinstance(method, str) or method not in self.methods:
            raise ValueError(
                f"MethodComparison: no method {shortened(method)}; there are {', '.join(self.methods)}."
            )
        return np.array(
            [
                outcome.a - self.studies[outcome.study].surface.a
                for outcome in self.outcomes
                if outcome.method == method
            ]
        )

    def variance_ratio(self, method: str, reference: str, paired: bool = True) -> float:
        r"""Variance of one method's exponents over that of another.

        Parameters
        ----------
        method, reference : str
            Labels.
        paired : bool
            Use the studies in which *both* gave an answer: a fair comparison. Otherwise each method's
            failures are left out of its own variance only, so that the two variances rest on different
            studies, and a method that fails on the hard ones looks better than it is.

        Returns
        -------
        float
            :math:`\operatorname{Var}(\hat a - a)` of the method over that of the reference.
        """
        flag("MethodComparison.variance_ratio: paired", paired)
        over, under = self.errors(method), self.errors(reference)
        if paired:
            both = np.isfinite(over) & np.isfinite(under)
            over, under = over[both], under[both]
        return float(np.nanvar(over) / np.nanvar(under))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table, one row a study and method.

        Columns: study, surface, budgets, points, reach, offset, drift, noise, repeat, method, E, A, B,
        alpha, beta, a, error (fitted minus true a) and failure.
        """
        with needs("tables"):
            import pandas as pd

        def row(outcome: Outcome) -> dict[str, object]:
            study = self.studies[outcome.study]
            design = study.design
            return {
                "study": outcome.study,
                "surface": study.surface.name,
                "budgets": len(design.budgets),
                **{name: getattr(design, name) for name in ("points", "reach", "offset", "drift")},
                "noise": study.noise,
                "repeat": study.repeat,
                "method": outcome.method,
                **outcome.values(study.surface),
                "error": outcome.a - study.surface.a,
                "failure": outcome.failure,
            }

        return pd.DataFrame([row(outcome) for outcome in self.outcomes])

    def recovery(self) -> pd.DataFrame:
        """Largest relative error of each parameter, one row a surface and method, failures counted."""
        with needs("tables"):
            import pandas as pd

        rows = []
        for outcome in self.outcomes:
            truth = self.studies[outcome.study].surface
            row: dict[str, object] = {"surface": truth.name, "method": outcome.method}
            fitted = outcome.values(truth).items()
            row |= {name: abs(value / getattr(truth, name) - 1) for name, value in fitted}
            rows.append(row | {"failed": bool(outcome.failure)})
        table = pd.DataFrame(rows)
        names = table.columns.drop(["surface", "method", "failed"])
        grouped = table.groupby(["surface", "method"], sort=False)
        return pd.concat([grouped[list(names)].max(), grouped["failed"].sum()], axis=1)

    def summary(self, by: Sequence[str] = ()) -> pd.DataFrame:
        """Spread of the exponent's error, one row a method (and a value of each column in ``by``).

        Columns: studies, failed, bias (mean error), deviation (standard deviation), and the median and
        the largest absolute error; failed studies count in ``failed`` and nowhere else.
        """
        with needs("tables"):
            import pandas as pd

        frame = self.to_frame()
        if (
            isinstance(by, str)
            or not isinstance(by, (list, tuple))
            or not set(map(str, by)) <= set(frame.columns)
        ):
            raise ValueError(
                f"MethodComparison.summary: by is {shortened(by)}; give a list of columns: "
                f"{', '.join(map(str, frame))}."
            )
        grouped = frame.groupby([*by, "method"], sort=False)
        table = grouped["error"].agg(
            studies="size",
            failed=lambda error: int(error.isna().sum()),
            bias="mean",
            deviation=lambda error: error.std(ddof=0),
            median=lambda error: error.abs().median(),
            largest=lambda error: error.abs().max(),
        )
        table[["studies", "failed"]] = table[["studies", "failed"]].astype(int)
        return pd.DataFrame(table)

    def __repr__(self) -> str:
        failed = sum(bool(outcome.failure) for outcome in self.outcomes)
        return (
            f"{len(self.studies)} studies, {len(self.methods)} methods ({', '.join(self.methods)}), "
            f"{failed} of {len(self.outcomes)} fits failed"
        )


def compare_methods(
    studies: Iterable[Study],
    methods: Mapping[str, Method] | None = None,
    rng: np.random.Generator | None = None,
    progress: bool = False,
    store: str | PathLike[str] | None = None,
) -> MethodComparison:
    """Compare methods: draw every study and fit it by each of them.

    Studies are independent tasks for joblib: they run one after another, or wherever
    :func:`joblib.parallel_config` says, on all cores (``n_jobs=-1``) or on a Dask cluster
    (``backend="dask"``, with the optional packages ``scalinglab[cluster]``). Every task has a random
    stream of its own, spawned from ``rng`` beforehand, so the answer does not depend on where or in which
    order they run.

    Parameters
    ----------
    studies : iterable of Study
        For instance :func:`recovery_studies`, :func:`noise_studies` or :func:`efficiency_studies`.
    methods : mapping of str to callable, optional
        Label and a function of runs that returns a fit; ``METHODS`` when absent. All methods see the
        same runs.
    rng : numpy.random.Generator, optional
        Needed when a study with noise has not been drawn.
    progress : bool
        Show a progress bar.
    store : path, optional
        File to which outcomes are written as they come, a JSON line each. Interrupted, the same call with
        the same ``rng`` and ``store`` goes on where it stopped; fits are recognised by their runs and the
        name of their method, so change the label when you change the method.

    Returns
    -------
    MethodComparison
        A fit that fails, whatever it raises, is recorded with its message; nothing else is lost. A study
        whose worker is killed is tried once more, alone, and then recorded as failed.

    Raises
    ------
    ValueError
        If there is no study or no method, or if rng is needed.

    See Also
    --------
    hindcast : Methods on runs that were made, judged by the largest budgets.
    draw_from_one_stream : Studies drawn beforehand, as a serial program draws them.

    Notes
    -----
    The designs are those of :cite:t:`czech2026`; the chapter *Which method, how much data?* runs them.

    Examples
    --------
    >>> from scalinglab import fit_vpnls
    >>> from scalinglab.studies import noise_studies
    >>> studies = noise_studies(repeats=2, points=(8,))
    >>> compare_methods(studies, {"VPNLS": fit_vpnls}, np.random.default_rng(0))
    18 studies, 1 methods (VPNLS), 0 of 18 fits failed
    """
    with needs("parallel"):
        from joblib import Parallel, delayed
        from tqdm import tqdm

    of_kind("compare_methods: progress", progress, bool, "give True or False")
    if rng is not None:
        generator("compare_methods: rng", rng)
    studies = _checked_studies("compare_methods", studies)
    methods = METHODS if methods is None else methods
    if not studies or (isinstance(methods, Mapping) and not methods):
        raise ValueError(
            f"compare_methods: {len(studies)} studies and {len(methods)} methods; give one or more of each."
        )
    require_methods("compare_methods", methods)
    methods = dict(methods)
    if rng is None and any(study.runs is None and study.noise > 0 for study in studies):
        raise ValueError("compare_methods: noisy studies need rng, for instance numpy.random.default_rng(0).")
    kept = None if store is None else OutcomeStore(store)
    streams = np.random.default_rng(0).spawn(len(studies)) if rng is None else rng.spawn(len(studies))
    waiting = dict(enumerate(zip(studies, streams, strict=True)))
    found: dict[int, list[Outcome]] = {}
    if kept is not None:
        for place, (study, stream) in list(waiting.items()):
            waiting[place] = (study if study.runs is not None else study.drawn(stream), stream)
            known = _known(place, _runs_of(*waiting[place]), methods, kept)
            if known is not None:
                found[place] = known
                del waiting[place]

    def answered(place: int, outcomes: list[Outcome]) -> None:
        found[place] = outcomes
        study, stream = waiting.pop(place)
        if kept is not None:
            for outcome in outcomes:
                key = fingerprint(_runs_of(study, stream), outcome.method, methods[outcome.method])
                record = {"a": outcome.a, "parameters": outcome.parameters, "failure": outcome.failure}
                kept.add(key, {"method": outcome.method, **record})

    with tqdm(total=len(studies), initial=len(found), unit="study", disable=not progress) as bar:
        alone = False
        while waiting:
            places = list(waiting)[:1] if alone else list(waiting)
            # a copy of the stream for every task, so that a study whose worker was killed is drawn as before
            tasks = (delayed(_outcomes)(place, *deepcopy(waiting[place]), methods) for place in places)
            try:
                for answer in Parallel(return_as="generator")(tasks):
                    answered(answer[0].study, answer)
                    bar.update()
                alone = False
            except BrokenExecutor as error:
                if alone:
                    why = f"its worker was killed, twice ({shortened(error)})"
                    answered(places[0], [Outcome(places[0], name, failure=why) for name in methods])
                    bar.update()
                alone = not alone
    outcomes = tuple(outcome for place in sorted(found) for outcome in found[place])
    return MethodComparison(tuple(replace(study, runs=None) for study in studies), outcomes)


def _checked_studies(who: str, studies: Any) -> tuple[Study, ...]:
    """Return the studies, or raise ValueError if something else is among them."""
    try:
        listed = () if isinstance(studies, (str, bytes)) else tuple(studies)
    except TypeError:
        listed = (None,)
    if not all(isinstance(study, Study) for study in listed) or isinstance(studies, (str, bytes)):
        raise ValueError(f"{who}: studies is {shortened(studies)}; give a list of Study(surface, design).")
    return listed


def _known(place: int, runs: Runs, methods: Mapping[str, Method], kept: OutcomeStore) -> list[Outcome] | None:
    """Outcomes of a study from an earlier call, if all of them are there."""
    keys = [fingerprint(runs, name, method) for name, method in methods.items()]
    if not all(key in kept.known for key in keys):
        return None
    records = [kept.known[key] for key in keys]
    return [Outcome(place, name, **_fields(record)) for name, record in zip(methods, records, strict=True)]


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of a store says about a fit."""
    return {name: record[name] for name in ("a", "parameters", "failure")}


def _runs_of(study: Study, rng: np.random.Generator) -> Runs:
    """Runs of a study, drawn where they have not been."""
    runs = study.runs if study.runs is not None else study.drawn(rng).runs
    assert runs is not None
    return runs


def _outcomes(
    place: int, study: Study, rng: np.random.Generator, methods: Mapping[str, Method]
) -> list[Outcome]:
    """One task: draw a study and fit it by every method."""
    runs = _runs_of(study, rng)
    return [_outcome(place, runs, name, method) for name, method in methods.items()]


def _outcome(place: int, runs: Runs, name: str, method: Method) -> Outcome:
    """One fit, or why there is none."""
    fit = attempt(method, runs)
    if isinstance(fit, str):
        return Outcome(place, name, failure=fit)
    return Outcome(place, name, fit.a, fit.surface.parameters if isinstance(fit, SurfaceFit) else {})


def draw_from_one_stream(studies: Iterable[Study], rng: np.random.Generator) -> tuple[Study, ...]:
    """Draw the runs of studies one after another from a single stream, as a serial program does."""
    generator("draw_from_one_stream: rng", rng)
    return tuple(study.drawn(rng) for study in _checked_studies("draw_from_one_stream", studies))
