"""The capstone *One shot*: noisy losses of a hidden surface, a budget, one prediction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalinglab.runs import Runs
from scalinglab.surface import LossSurface, training_flops

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

#: Level of the interval for the loss.
LEVEL = 0.9

FORMAT = "scalinglab one shot, 1"


class OracleError(ValueError):
    """What the oracle refuses, and why. Nothing has been spent or taken."""


@dataclass(frozen=True)
class Prediction:
    """The one shot: what to train with the large budget, and the loss it will have.

    Attributes
    ----------
    N, D : float
        Parameters and tokens; 6ND within the large budget.
    loss : float
        Expected loss, nats per token.
    low, high : float
        Interval of level 0.9 for the loss without noise.
    """

    N: float
    D: float
    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    r"""What a prediction was worth.

    Attributes
    ----------
    waste : float
        Deadweight compute loss, :math:`1 - C_{\text{needed}}/C`, where C is the whole large budget: what the
        plan leaves unspent is wasted too.
    interval_score : float
        :math:`(h - l) + \frac{2}{0.1}\,[(l - L)_+ + (L - h)_+]` for the interval :math:`[l, h]` and the
        true loss L, nats per token. Small is good: narrow, and rarely missed. The expected score is least
        for the interval between the 5 % and 95 % quantiles of one's honest belief.
    covers : bool
        Whether the interval holds the true loss.
    loss : float
        True loss of the plan, without noise.
    best : float
        Lowest loss the large budget could buy.
    """

    waste: float
    interval_score: float
    covers: bool
    loss: float
    best: float

    def __repr__(self) -> str:
        hit = "holds" if self.covers else "misses"
        return (
            f"waste           {self.waste:.3%} of the compute\n"
            f"interval score  {self.interval_score:.4f} nats per token; the interval {hit} the true loss\n"
            f"true loss       {self.loss:.4f}, the best possible was {self.best:.4f}"
        )


class Oracle:
    """Noisy losses of a hidden surface, at the price of their compute.

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

    Notes
    -----
    The surface is drawn by :func:`hidden_surface`; losses carry Gaussian errors of standard deviation
    0.02 nats per token, also when a run is repeated. The i-th run's error is fixed by the name and i: the
    same runs in the same order give the same losses, so a submission can be replayed. The surface is hidden
    by convention only, as whoever calls :func:`hidden_surface` sees.

    Examples
    --------
    >>> oracle = Oracle("Ada Lovelace", term="doctest")
    >>> loss = oracle.query(N=2e8, D=4e9)
    >>> oracle
    Ada Lovelace: 1 of 40 runs, 4.8e+18 of 1e+20 FLOPs spent; the prediction is for 1e+22 FLOPs
    >>> oracle.query(N=1e10, D=1e10)
    Traceback (most recent call last):
        ...
    scalinglab.course.oracle.OracleError: a run of 1e+10 parameters on 1e+10 tokens costs 6e+20 FLOPs;
    9.52e+19 are left. With these parameters 1.59e+09 tokens can be paid.
    """

    def __init__(self, student: str, budget: float = BUDGET, term: str = "") -> None:
        if not isinstance(student, str) or not student.strip():
            raise OracleError("Oracle: give your name as text, for instance Oracle('Ada Lovelace').")
        if not isinstance(term, str):
            raise OracleError("Oracle: the term is a word; give it as text.")
        self.student = " ".join(student.split())
        self.term = term
        self.budget = _number("budget", budget)
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
        return float(sum(training_flops(N, D) for N, D, _ in self._log))

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
        if self.prediction is not None:
            raise OracleError("the prediction has been made; there are no more runs.")
        N, D = _number("N", N), _number("D", D)
        for letter, value, what in (("N", N, "parameters"), ("D", D, "tokens")):
            if value < SMALLEST[letter]:
                raise OracleError(
                    f"{letter} is {value:.3g}; the law is not meant below {SMALLEST[letter]:.3g} {what}."
                )
        if len(self._log) >= MOST_RUNS:
            raise OracleError(f"all {MOST_RUNS} runs have been made; it is time to predict.")
        cost = training_flops(N, D)
        if cost > self.left * (1 + 1e-12):
            raise OracleError(
                f"a run of {N:.3g} parameters on {D:.3g} tokens costs {cost:.3g} FLOPs; {self.left:.3g} are "
                f"left. With these parameters {self.left / training_flops(N, 1):.3g} tokens can be paid."
            )
        noise = NOISE * _generator(self.student, self.term, f"run {len(self._log)}").standard_normal()
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
        if self.prediction is not None:
            raise OracleError("there is one shot, and it has been taken.")
        N, D = _number("N", N), _number("D", D)
        loss, low, high = (_number(k, x) for k, x in (("loss", loss), ("low", low), ("high", high)))
        cost = training_flops(N, D)
        if cost > self.target * (1 + 1e-6):
            raise OracleError(
                f"{N:.3g} parameters on {D:.3g} tokens cost {cost:.4g} FLOPs; the large budget is "
                f"{self.target:.4g}. With these parameters {self.target / training_flops(N, 1):.4g} tokens "
                "fit."
            )
        if not low <= loss <= high:
            raise OracleError(f"the loss {loss:.4g} must lie in its interval, {low:.4g} to {high:.4g}.")
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
        Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Oracle:
        """Read a saved log by making its runs again.

        Raises
        ------
        OracleError
            If the file is no submission, or its log is not what the oracle answered.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OracleError(f"the file cannot be read ({error}).") from None
        return cls.replay(text)

    @classmethod
    def replay(cls, text: str) -> Oracle:
        """Make the runs of a submission's text again; see :meth:`load`."""
        record = _record(text)
        oracle = cls(record["student"], record["budget"], record["term"])
        for number, run in enumerate(record["runs"], start=1):
            if not isinstance(run, list) or len(run) != 3:
                raise OracleError(f"run {number} of the log is not a list of N, D and loss.")
            N, D, logged = (_number(f"run {number}", x) for x in run)
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


def hidden_surface(student: str, term: str = "") -> LossSurface:
    r"""The surface of a name.

    Drawn independently: the floor E uniform in 1.5-2.1 nats per token, the exponents log-uniform,
    :math:`\alpha` in 0.28-0.55 and :math:`\beta` in 0.22-0.45. Two more draws fix A and B by what they mean
    at :math:`10^{21}` FLOPs: the best number of tokens per parameter is log-uniform in 5-80, and the lowest
    loss lies 0.35-0.75 above E, uniform. There, with :math:`\Delta = L^* - E`,

    .. math:: \frac{A}{N^{*\alpha}} = \frac{\beta}{\alpha+\beta}\,\Delta, \qquad
              \frac{B}{D^{*\beta}} = \frac{\alpha}{\alpha+\beta}\,\Delta .

    Parameters
    ----------
    student, term : str
        Hashed to the seed of the generator; case and spaces of the name do not matter.

    Returns
    -------
    LossSurface

    Notes
    -----
    The ranges hold the exponents fitted to text in :cite:t:`hoffmann2022`, :cite:t:`besiroglu2024` and the
    Llama 3 runs of this book; the shares are those of the chapter *The compute-optimal frontier*.

    Examples
    --------
    >>> hidden_surface("Ada Lovelace") == hidden_surface("  ada  lovelace ")
    True
    """
    rng = _generator(student, term, "surface")
    E = rng.uniform(1.5, 2.1)
    alpha, beta = np.exp(rng.uniform(np.log([0.28, 0.22]), np.log([0.55, 0.45])))
    ratio = np.exp(rng.uniform(np.log(5), np.log(80)))
    gain = rng.uniform(0.35, 0.75)
    N = np.sqrt(1e21 / training_flops(1, ratio))
    D = ratio * N
    A = beta / (alpha + beta) * gain * N**alpha
    B = alpha / (alpha + beta) * gain * D**beta
    return LossSurface(float(E), float(A), float(B), float(alpha), float(beta), name=f"surface of {student}")


def _generator(student: str, term: str, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for a name, a term and a purpose."""
    text = json.dumps([" ".join(student.split()).casefold(), term, purpose])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


def _number(name: str, value: Any) -> float:
    """A positive finite float, or the refusal of anything else."""
    try:
        number = float("nan") if isinstance(value, str | bytes | bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not (np.isfinite(number) and number > 0):
        raise OracleError(f"{name} is {repr(value)[:60]}; give one positive number.")
    return number


def _record(text: str) -> dict[str, Any]:
    """The fields of a submission, or the reason why there are none."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        raise OracleError("the file is not JSON; hand in the file that save() wrote.") from None
    fields = {"format", "student", "term", "budget", "runs", "prediction"}
    if not isinstance(record, dict) or record.get("format") != FORMAT or not fields <= set(record):
        raise OracleError("the file is not a submission; hand in the file that save() wrote.")
    if not isinstance(record["runs"], list) or len(record["runs"]) > MOST_RUNS:
        raise OracleError(f"the log must be a list of at most {MOST_RUNS} runs.")
    return record
