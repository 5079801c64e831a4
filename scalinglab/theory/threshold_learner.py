"""Learning curves of a threshold on a line: Amari's four types, simulated and in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, blocks, finite, generator, held, number, plain, positive, shortened
from scalinglab.theory.noisy_threshold import (
    TEACHER,
    likeliest_threshold,
    logistic,
    noise_level,
    stochastic_error,
)

#: Smallest margin that is not zero.
SMALLEST_MARGIN = 1e-100

#: Largest number of inputs drawn for one mark, examples times replicates.
MOST_INPUTS = 100_000_000

#: Inputs drawn and used at a time, about.
IN_CACHE = 1 << 15


@dataclass(frozen=True, eq=False)
class LearningCurve:
    r"""A simulated learning curve, with the law it should tend to.

    .. math:: \varepsilon(t) \to c_0 + c\,t^{-p}

    Attributes
    ----------
    t : ndarray, shape (n,)
        Numbers of examples.
    error : ndarray, shape (n,)
        Probability of a wrong answer to a new example, averaged over the replicates.
    standard_error : ndarray, shape (n,)
        Standard error of that average.
    floor, coefficient, exponent : float
        The theory's :math:`c_0`, :math:`c` and :math:`p`.
    """

    t: FloatArray
    error: FloatArray
    standard_error: FloatArray
    floor: float
    coefficient: float
    exponent: float

    def limit(self, t: ArrayLike) -> Any:
        """The law that the error tends to, at ``t`` examples."""
        with np.errstate(over="ignore"):
            limit = self.floor + self.coefficient * positive("LearningCurve: t", t) ** -self.exponent
        return plain(held("LearningCurve: the limit at this t", limit))

    def slope(self, start: float = 0, floor: float | None = None) -> float:
        """Slope of the log of the error above the floor against log t, from ``start`` examples on.

        Parameters
        ----------
        start : float
            Leave out smaller numbers of examples.
        floor : float, optional
            What to subtract from the error; the theory's floor when absent.

        Raises
        ------
        ValueError
            If fewer than three points remain, the error is not above the floor there, or an argument is
            not a number.
        """
        late = self.t >= number("LearningCurve: start", start)
        above = self.error[late] - (self.floor if floor is None else number("LearningCurve: floor", floor))
        if late.sum() < 3 or not (above > 0).all():
            raise ValueError(
                "LearningCurve: a slope needs three points above the floor; lower start or the floor."
            )
        return float(np.polyfit(np.log(self.t[late]), np.log(above), 1)[0])


def noiseless_curve(
    t: ArrayLike, rng: np.random.Generator, margin: float = 0.0, replicates: int = 500
) -> LearningCurve:
    r"""Learning curve of a threshold whose teacher is never wrong.

    The inputs are uniform on [0, 1] but for a stretch of length ``margin`` around the teacher's
    threshold, where none falls. After t examples every threshold between the two neighbours of that
    stretch, at distances l and r (as shares of the inputs), is without fault; the machine takes one of
    them at random, and errs with the probability

    .. math:: \varepsilon = \frac{(1-m)\,(l^2 + r^2)}{2\,[(1-m)(l + r) + m]} .

    The mean tends to :math:`2/3t` for m = 0 and to :math:`2(1-m)/(m t^2)` otherwise.

    Parameters
    ----------
    t : array_like, shape (n,)
        Numbers of examples, rounded to whole ones; each at least 2.
    rng : numpy.random.Generator
        Draws the examples, afresh for each t.
    margin : float
        Length m of the stretch without inputs, at least 0 and below 1.
    replicates : int
        Machines trained at each t; two or more.

    Returns
    -------
    LearningCurve

    Raises
    ------
    ValueError
        If an argument is out of range, or ``rng`` is not a generator.

    See Also
    --------
    noisy_curves : A teacher who is often wrong.

    Notes
    -----
    Types 1 and 2 of :cite:t:`amari1992four`, on our own machine. Derived in the chapter
    *Learning curves and power laws*.

    Examples
    --------
    >>> curve = noiseless_curve([10, 100, 1000], np.random.default_rng(0))
    >>> f"{curve.limit(100):.4f}"
    '0.0067'
    """
    counts, replicates = _counts(t, replicates, rng), int(replicates)
    margin = number("noiseless_curve: the margin", margin)
    if not (margin == 0 or SMALLEST_MARGIN <= margin < 1):
        raise ValueError(f"noiseless_curve: the margin is {margin}; it must be at least 0 and below 1.")
    errors = []
    for n in counts:
        left, right = np.empty((2, replicates))
        for rows in blocks(replicates, max(1, IN_CACHE // n)):
            side = rng.random((len(left[rows]), n)) - TEACHER
            right[rows] = np.where(side > 0, side, 1 - TEACHER).min(axis=1)
            left[rows] = np.where(side > 0, TEACHER, -side).min(axis=1)
        errors.append((1 - margin) * (left**2 + right**2) / (2 * ((1 - margin) * (left + right) + margin)))
    coefficient, exponent = (2 * (1 - margin) / margin, 2.0) if margin else (2 / 3, 1.0)
    return _averaged(counts, errors, 0.0, coefficient, exponent)


def noisy_curves(
    t: ArrayLike, rng: np.random.Generator, noise: float = 0.05, replicates: int = 500
) -> tuple[LearningCurve, LearningCurve]:
    r"""Learning curves of a threshold whose teacher is noisy: a decided and a stochastic machine.

    The teacher answers 1 with the probability :math:`\sigma((x - \tfrac12)/s)`, the logistic function
    with noise s. The likelihood picks the threshold :math:`\hat w`, which is off by :math:`\delta`. A
    *decided* machine answers 1 above :math:`\hat w` and is compared with the teacher's threshold,

    .. math:: \varepsilon = |\delta| \to \sqrt{2s/\pi t} .

    A *stochastic* machine answers 1 with the probability :math:`\sigma((x - \hat w)/s)` and is compared
    with the teacher's answers,

    .. math:: \varepsilon = \delta \coth\frac{\delta}{2s} \to 2s + \frac{1}{6t} .

    Parameters
    ----------
    t : array_like, shape (n,)
        Numbers of examples, rounded to whole ones; each at least 2.
    rng : numpy.random.Generator
        Draws the examples, afresh for each t.
    noise : float
        The scale s, positive and at most 0.1: beyond, the ends of the input range would matter.
    replicates : int
        Machines trained at each t; two or more.

    Returns
    -------
    tuple of LearningCurve
        The decided machine and the stochastic one.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``rng`` is not a generator.

    See Also
    --------
    noiseless_curve : A teacher who is never wrong.

    Notes
    -----
    Types 3 and 4 of :cite:t:`amari1992four`, on our own machines. Derived in the chapter
    *Learning curves and power laws*.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> decided, stochastic = noisy_curves([50, 100, 200], rng, replicates=50)
    >>> f"{decided.limit(10_000):.4f} and {stochastic.limit(10_000):.5f}"
    '0.0018 and 0.10002'
    """
    counts, replicates, noise = _counts(t, replicates, rng), int(replicates), noise_level(noise)
    distances = []
    for n in counts:
        x = rng.random((replicates, n))
        y = rng.random((replicates, n)) < logistic((x - TEACHER) / noise)
        distances.append(np.abs(likeliest_threshold(x, y, noise) - TEACHER))
    disagreements = [stochastic_error(distance, noise) for distance in distances]
    return (
        _averaged(counts, distances, 0.0, float(np.sqrt(2 * noise / np.pi)), 0.5),
        _averaged(counts, disagreements, 2 * noise, 1 / 6, 1.0),
    )


def _counts(t: ArrayLike, replicates: int, rng: np.random.Generator) -> list[int]:
    """Whole numbers of examples, or ValueError."""
    generator("learning curve: rng", rng)
    counts = finite("learning curve: t", t)
    machines = number("learning curve: replicates", replicates)
    if counts.ndim != 1 or machines != int(machines):
        raise ValueError(
            f"learning curve: t is {shortened(t)}, replicates {shortened(replicates)}; give a list of "
            "numbers of examples and a whole number of replicates."
        )
    if counts.size == 0 or counts.min() < 2 or machines < 2:
        raise ValueError(
            f"learning curve: examples t {shortened(t)}, replicates {shortened(replicates)}; both "
            "must be at least 2."
        )
    if float(counts.max()) > MOST_INPUTS / machines:
        raise ValueError(
            f"learning curve: {counts.max():.3g} examples (t) for {machines:.3g} machines (replicates) may "
            f"not fit into memory; keep their product below {MOST_INPUTS:.0e}."
        )
    return [round(n) for n in counts.tolist()]


def _averaged(
    counts: list[int], errors: list[FloatArray], floor: float, coefficient: float, exponent: float
) -> LearningCurve:
    """Mean and standard error over the replicates of each t."""
    values = np.array(errors)
    return LearningCurve(
        np.array(counts, float),
        values.mean(axis=1),
        values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]),
        floor,
        coefficient,
        exponent,
    )
