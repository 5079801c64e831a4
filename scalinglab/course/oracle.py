"""Oracle of the capstone *One shot*: sells noisy losses of a hidden surface for their compute."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalinglab._arrays import of_kind, shortened
from scalinglab.course.names import refused
from scalinglab.course.prediction import LEVEL, OracleError, Prediction, Score
from scalinglab.course.surfaces import generator, hidden_surface
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import training_flops

#: Compute a student may spend, FLOPs.
BUDGET = 1e20

#: The prediction is for a budget this many times larger.
AHEAD = 100

#: Standard deviation of the independent Gaussian errors of the losses, nats per token.
NOISE = 0.02

#: Runs a student may make, however cheap.
MOST_RUNS = 40

#: Smallest model and shortest run; the law of a hidden surface is not meant below.
SMALLEST = {"N": 1e7, "D": 2e8}

FORMAT = "scalinglab one shot, 2"

#: Longest file that is read, bytes; a submission of forty runs has some thousand.
LONGEST = 100_000

#: One run or prediction at a time, so that two threads cannot spend the same compute.
_ONE_AT_A_TIME = threading.Lock()


class Oracle:
    """An oracle that sells noisy losses of a hidden surface for their compute.

    Parameters
    ----------
    student : str
        The name decides the surface and the noise; case and spaces do not matter.
    budget : float
        Compute to spend, FLOPs.
    term : str
        A word the teacher sets, so that a name does not mean last year's surface.

    Attributes
    ----------
    student, term : str
    budget : float
    prediction : Prediction or None
        The one prediction, once it has been made.

    Raises
    ------
    OracleError
        If an argument is refused.

    See Also
    --------
    hidden_surface : The surface it answers from.
    leaderboard : Ranks what ``save`` wrote.

    Notes
    -----
    The surface is drawn by :func:`hidden_surface`; losses carry Gaussian errors of standard deviation
    0.02 nats per token, also when a run is repeated. The error of the i-th run is fixed by the name, i, N and
    D: the same runs in the same order give the same losses, so a submission can be replayed, and another
    run in its place has another error. The surface is hidden by convention only: whoever calls
    :func:`hidden_surface` sees it, and whoever throws an oracle away and makes another spends more than the
    budget without a trace.

    Examples
    --------
    >>> oracle = Oracle("Ada Lovelace", term="doctest")
    >>> loss = oracle.query(N=2e8, D=4e9)
    >>> oracle
    Ada Lovelace: 1 of 40 runs, 4.8e+18 of 1e+20 FLOPs spent; the prediction is for 1e+22 FLOPs
    >>> oracle.query(N=1e10, D=1e10)
    Traceback (most recent call last):
        ...
    scalinglab.course.prediction.OracleError: a run of 1e+10 parameters on 1e+10 tokens costs 6e+20 FLOPs;
    9.52e+19 are left. With these parameters 1.586e+09 tokens can be paid.
    """

    def __init__(self, student: str, budget: float = BUDGET, term: str = "") -> None:
        if not isinstance(student, str) or not student.strip():
            raise OracleError(
                "Oracle: student is no name; give your name as text, for instance Oracle('Ada Lovelace')."
            )
        if why := refused(student):
            raise OracleError(f"Oracle: {why}.")
        if not isinstance(term, str):
            raise OracleError("Oracle: the term is a word; give it as text.")
        self.student = " ".join(student.split())
        self.term = term
        self.budget = positive_number("budget", budget)
        self.prediction: Prediction | None = None
        self._surface = hidden_surface(student, term)
        self._log: list[tuple[float, float, float]] = []

    @property
    def target(self) -> float:
        """The large budget the prediction is for, FLOPs."""
        return AHEAD * self.budget

    @property
    def spent(self) -> float:
        """Compute spent so far, FLOPs."""
        return sum(training_flops(*np.array(self._log).T[:2]).tolist()) if self._log else 0.0

    @property
    def left(self) -> float:
        """Compute not spent yet, FLOPs."""
        return self.budget - self.spent

    @property
    def runs(self) -> Runs:
        """Every run so far, ready to be fitted.

        Raises
        ------
        OracleError
            If there is none.
        """
        if not self._log:
            raise OracleError("there are no runs yet; make some with query(N, D).")
        N, D, L = np.array(self._log).T
        return Runs(N, D, L)

    def query(self, N: float, D: float) -> float:
        """Train N parameters on D tokens: pay 6ND and read the loss, with its noise.

        Raises
        ------
        OracleError
            If the run cannot be paid, is too small, or comes too late; nothing is spent.
        """
        with _ONE_AT_A_TIME:
            return self._query(N, D)

    def _query(self, N: float, D: float) -> float:
        """One run, while no other is made."""
        if self.prediction is not None:
            raise OracleError("the prediction has been made; there are no more runs.")
        N, D = positive_number("N", N), positive_number("D", D)
        for letter, value, what in (("N", N, "parameters"), ("D", D, "tokens")):
            if value < SMALLEST[letter]:
                raise OracleError(
                    f"{letter} is {value:.3g}; the law is not meant below {SMALLEST[letter]:.3g} {what}."
                )
        if len(self._log) >= MOST_RUNS:
            raise OracleError(f"all {MOST_RUNS} runs have been made; it is time to predict.")
        cost = training_flops(N, D)
        if cost > self.left * (1 + 1e-12):
            price, left = _told_apart(cost, self.left)
            raise OracleError(
                f"a run of {N:.4g} parameters on {D:.4g} tokens costs {price} FLOPs; {left} are left. With "
                f"these parameters {_rounded_down(self.left / training_flops(N, 1))} tokens can be paid."
            )
        run = f"run {len(self._log)}: {N!r}, {D!r}"
        noise = NOISE * generator(self.student, self.term, run).standard_normal()
        loss = float(self._surface.loss(N, D) + noise)
        self._log.append((N, D, loss))
        return loss

    def predict(self, N: float, D: float, loss: float, low: float, high: float) -> Prediction:
        """Make the one prediction, for the large budget.

        Parameters
        ----------
        N, D : float
            What to train; 6ND must not exceed ``target``.
        loss : float
            The loss it will have.
        low, high : float
            Interval that holds the loss (without noise) with probability 0.9.

        Raises
        ------
        OracleError
            If it is the second, costs more than the large budget, or is no number; nothing is taken.
        """
        N, D = positive_number("N", N), positive_number("D", D)
        loss, low, high = (positive_number(k, x) for k, x in (("loss", loss), ("low", low), ("high", high)))
        cost = training_flops(N, D)
        if cost > self.target * (1 + 1e-6):
            price, most = _told_apart(cost, self.target)
            raise OracleError(
                f"{N:.4g} parameters on {D:.4g} tokens cost {price} FLOPs; the large budget is {most}. With "
                f"these parameters {_rounded_down(self.target / training_flops(N, 1))} tokens fit."
            )
        if not low <= loss <= high:
            middle, *ends = _told_apart(loss, low, high)
            raise OracleError(f"the loss {middle} must lie in its interval, {' to '.join(ends)}.")
        with _ONE_AT_A_TIME:
            if self.prediction is not None:
                raise OracleError("there is one shot, and it has been taken.")
            self.prediction = Prediction(N, D, loss, low, high)
        return self.prediction

    def score(self) -> Score:
        """Judge the prediction by the hidden surface.

        Raises
        ------
        OracleError
            If there is no prediction yet.
        """
        if self.prediction is None:
            raise OracleError("there is no prediction to judge yet.")
        shot, truth = self.prediction, self._surface
        loss = float(truth.loss(shot.N, shot.D))
        missed = max(shot.low - loss, 0) + max(loss - shot.high, 0)
        return Score(
            waste=float(1 - truth.C_for(loss) / self.target),
            interval_score=shot.high - shot.low + 2 / (1 - LEVEL) * missed,
            covers=missed == 0,
            loss=loss,
            best=float(truth.L_opt(self.target)),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the log and the prediction to a small JSON file: the submission."""
        record = {
            "format": FORMAT,
            "student": self.student,
            "term": self.term,
            "budget": self.budget,
            "runs": [list(run) for run in self._log],
            "prediction": None if self.prediction is None else asdict(self.prediction),
        }
        try:
            Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        except (OSError, TypeError, ValueError) as error:
            raise OracleError(
                f"Oracle.save: path is {shortened(path)}; no file can be written there ({error})."
            ) from None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Oracle:
        """Read a saved log by making its runs again.

        Raises
        ------
        OracleError
            If the file is no submission, or its log is not what the oracle answered.
        """
        return cls.replay(_text(path))

    @classmethod
    def replay(cls, text: str) -> Oracle:
        """Make the runs of a submission's text again; see :meth:`load`."""
        record = _record(text)
        oracle = cls(record["student"], record["budget"], record["term"])
        for number, run in enumerate(record["runs"], start=1):
            if not isinstance(run, list) or len(run) != 3:
                raise OracleError(f"run {number} of the log is not a list of N, D and loss.")
            N, D, logged = (positive_number(f"run {number}", x) for x in run)
            loss = oracle.query(N, D)
            if abs(loss - logged) > 1e-6 * abs(loss):
                raise OracleError(
                    f"run {number} is logged with a loss of {logged:.6g}; the oracle answers {loss:.6g}. The "
                    "log has been changed, or runs are missing from it."
                )
        shot = record["prediction"]
        if shot is not None:
            if not isinstance(shot, dict) or set(shot) != {"N", "D", "loss", "low", "high"}:
                raise OracleError("the prediction must have N, D, loss, low and high, and nothing else.")
            oracle.predict(**shot)
        return oracle

    def __repr__(self) -> str:
        shot = "has been made" if self.prediction else f"is for {self.target:.3g} FLOPs"
        return (
            f"{self.student}: {len(self._log)} of {MOST_RUNS} runs, {self.spent:.3g} of {self.budget:.3g} "
            f"FLOPs spent; the prediction {shot}"
        )


def positive_number(name: str, value: Any) -> float:
    """A positive finite float, or the refusal of anything else."""
    try:
        number = float("nan") if isinstance(value, str | bytes | bool | np.ma.MaskedArray) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not (np.isfinite(number) and number > 0):
        raise OracleError(f"{name} is {repr(value)[:60]}; give one positive number.")
    return number


def _told_apart(*values: float) -> list[str]:
    """Numbers as text, with the fewest digits from four on that keep different ones different."""
    for digits in range(4, 18):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def _rounded_down(value: float) -> str:
    """A number to four digits, never above itself: what is said to be payable can be paid."""
    step = 10.0 ** (math.floor(math.log10(value)) - 3) if value > 0 else 1.0
    return f"{max(math.floor(value / step), 0) * step:.4g}"


def _text(path: str | PathLike[str]) -> str:
    """What a file says, if it is one and not too long: no device, no pipe, nothing that waits."""
    of_kind("Oracle.load: path", path, (str, os.PathLike), "give the file that save() wrote")
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OracleError("this is no file; hand in the file that save() wrote.")
        with open(handle, "rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise OracleError("the file is too long for a submission.")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OracleError(f"the file cannot be read ({words}).") from None


def _record(text: str) -> dict[str, Any]:
    """The fields of a submission, or the reason why there are none."""
    try:
        record = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise OracleError("text of the file is not JSON; hand in the file that save() wrote.") from None
    fields = {"format", "student", "term", "budget", "runs", "prediction"}
    if not isinstance(record, dict) or record.get("format") != FORMAT or not fields <= set(record):
        raise OracleError("the file is not a submission; hand in the file that save() wrote.")
    if not isinstance(record["runs"], list) or len(record["runs"]) > MOST_RUNS:
        raise OracleError(f"the log must be a list of at most {MOST_RUNS} runs.")
    return record
