"""Comparison of methods: many simulated studies fitted by each of them, failures counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    pass

from scalinglab._arrays import generator, of_kind, shortened
from scalinglab._extras import needs
from scalinglab.data.runs import Runs
from scalinglab.fitting.methods import METHODS, Method, attempt, require_methods
from scalinglab.fitting.results import SurfaceFit
from scalinglab.studies.comparison_results import MethodComparison, Outcome, Study
from scalinglab.studies.outcome_store import OutcomeStore, fingerprint


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
            tasks = (delayed(_outcomes)(place, *_task(*waiting[place]), methods) for place in places)
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
    listed: tuple[Any, ...] = (None,)
    if not isinstance(studies, (str, bytes)):
        with suppress(TypeError):
            listed = tuple(studies)
    if not all(isinstance(study, Study) for study in listed):
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


def _task(study: Study, rng: np.random.Generator) -> tuple[Study, np.random.Generator]:
    """A study and a copy of its stream, so that one whose worker was killed is drawn as before."""
    return study, rng if study.runs is not None else deepcopy(rng)


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
