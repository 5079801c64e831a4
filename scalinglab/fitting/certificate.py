"""A proof of the global minimum over a box of exponents, in value; and a better fit where there is one."""

from __future__ import annotations

import dataclasses
import html
import textwrap
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, number, shortened, whole
from scalinglab._text import typeset
from scalinglab.fitting.concerns import surface_concerns
from scalinglab.fitting.results import SurfaceFit, require_fit
from scalinglab.solvers.branch_and_bound import FLOOR, GRID, Search, polished, polished_face, search
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.faces import spare_terms
from scalinglab.solvers.newton import Optimum
from scalinglab.solvers.objectives import Huber, Squared

#: Evaluating cells of more runs than this is not attempted.
MOST_RUNS = 20_000

#: The coefficient that goes with each exponent.
_ZERO = {"alpha": "A", "beta": "B"}

#: What a certificate does not say.
NOT_PROVEN = "that the runs are right, that the law is, or that no single run carries the fit"


@dataclass(frozen=True, repr=False)
class Certificate:
    """What was proven about all exponents of a box.

    Attributes
    ----------
    fit : SurfaceFit
        The best fit found: the one asked about, or a better one.
    box : tuple of float
        Range of both exponents.
    tolerance : float
        Share of the objective to which the proof is good.
    gain : float
        How far the objective of the fit asked about lay above that of ``fit``, as a share of the latter; zero
        if not by more than the tolerance.
    examined : int
        Cells evaluated.
    cells : ndarray, shape (k, 4)
        Cells closed: alpha from, alpha to, beta from, beta to.
    bounds : ndarray, shape (k,)
        Proven lower bound of the objective in each; no higher than the best objective known at the time.
    levels : ndarray, shape (k,)
        How many times each was halved.
    remaining : ndarray, shape (r, 4)
        Cells in which something lower may hide.
    lower_bound : float
        No exponents of the box leave an objective below this.
    reason : str
        Empty if the certificate holds; otherwise why not, and what to do.
    """

    fit: SurfaceFit
    box: tuple[float, float]
    tolerance: float
    gain: float
    examined: int
    cells: FloatArray
    bounds: FloatArray
    levels: NDArray[np.int64]
    remaining: FloatArray
    lower_bound: float
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether no exponents of the box fit better than ``fit`` by more than the tolerance."""
        return not self.reason

    @property
    def improved(self) -> bool:
        """Whether ``fit`` is better than the fit asked about."""
        return self.gain > 0

    @property
    def margin(self) -> float:
        """Lower bound over the fit's objective, less one: how far the proof falls short of equality."""
        objective = self.fit.objective
        return self.lower_bound / objective - 1 if objective > 0 else 0.0

    def undecided(self, level: int) -> tuple[int, float]:
        """Cells not closed after ``level`` halvings, and their share of the box."""
        side = self.box[1] - self.box[0]
        level = whole("Certificate.undecided: level", level, 0)
        closed = self.cells[self.levels <= level]
        area = ((closed[:, 1] - closed[:, 0]) * (closed[:, 3] - closed[:, 2])).sum() / side**2
        left = GRID**2
        for k in range(level + 1):
            left = (2 * left if k else left) - int(np.count_nonzero(self.levels == k))
        return left, float(max(0, 1 - area))

    def _lines(self) -> list[tuple[str, str]]:
        s, exponents = self.fit.surface, []
        for letter in ("alpha", "beta"):
            known = letter not in self.fit.undetermined
            exponents.append(f"{letter} {getattr(s, letter):.5f}" if known else f"{letter} not determined")
        outcome = "all closed" if not len(self.remaining) else f"{len(self.remaining):,} open"
        proof = f"does not hold: {self.reason}" if self.reason else (
            f"holds: no exponents of the box fit better by more than {self.tolerance:g} of the objective"
        )  # fmt: skip
        lines = [
            ("proof", proof),
            (
                "searched",
                f"alpha and beta from {self.box[0]:g} to {self.box[1]:g}, E, A, B ≥ 0, {self.fit.loss}",
            ),
            ("cells", f"{self.examined:,} examined, {outcome}"),
            ("fit", f"{', '.join(exponents)}; objective {self.fit.objective:.7g}"),
        ]
        if self.improved:
            lines.append(
                ("improved", f"the fit asked about was not the minimum, it lay {_percent(self.gain)} above")
            )
        lines += [
            (letter, f"not determined ({_ZERO[letter]} = 0 fits as well)") for letter in self.fit.undetermined
        ]
        return [*lines, ("not proven", NOT_PROVEN)]

    def __repr__(self) -> str:
        indent = " " * 11
        return "\n".join(
            textwrap.fill(f"{name:<10} {text}", 80, subsequent_indent=indent) for name, text in self._lines()
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{name}</th><td>{html.escape(typeset(text))}</td></tr>'
            for name, text in self._lines()
        )
        return f'<table class="fit"><tbody>{rows}</tbody></table>'


def certify(
    fit: SurfaceFit,
    box: tuple[float, float] = EXPONENT_RANGE,
    tolerance: float = 1e-6,
    cells: int = 100_000,
) -> Certificate:
    r"""Prove that no exponents of a box fit better, and refit where some do.

    Use it before a fit is published. Which other exponents come close is told by :func:`proven_region`.

    The box is divided into cells. In each the problem is relaxed: a term may mix the two end exponents of the
    cell's side. That is convex, and its dual vector y bounds the objective in the whole cell,

    .. math:: F \ge D(y) - C_0 v_0 - \sum_j C_j v_j,

    whatever the exponents (``scalinglab.solvers.lower_bound``). Cells whose bound comes within
    ``tolerance`` of the best objective known are closed, the others halved; a cell whose candidate is
    better gives a better fit.

    Parameters
    ----------
    fit : SurfaceFit
        A fit that minimised squared or Huber residuals in L, by whatever method.
    box : tuple of float
        Range of both exponents, positive; it must contain the fit.
    tolerance : float
        Share of the objective to which the proof shall be good.
    cells : int
        Most cells examined.

    Returns
    -------
    Certificate
        ``holds`` says whether the proof went through, ``fit`` is the best fit found, ``improved`` whether
        that is another than the one given; ``print`` says it in words.

    Raises
    ------
    ValueError
        If the residuals are in log L, which are not convex in E, A, B, or an argument makes no sense.

    See Also
    --------
    fit_vpnls : The search, without a proof.
    proven_region : All exponents that fit nearly as well.
    lack_of_fit_bound : What more terms of the same kind could gain.

    Notes
    -----
    Nothing is left out of the box: ties and valleys close at the same value. The arithmetic is double
    precision, and every sum of m products is taken to be wrong by 8 (m + 64) units of rounding, always
    against the claim. Differences below 2e-12 of what a constant would leave count as rounding. The faces
    A = 0 and B = 0 are searched as problems of their own: where one fits as well, its exponent is not
    determined. Branch and bound :cite:p:`land1960`; derived in the chapter *A proof of the global minimum*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> certificate = certify(fit_vpnls(load_llama3()))
    >>> certificate.holds, certificate.improved, certificate.examined < 500
    (True, False, True)
    """
    box, tolerance, cells = _checked(fit, box, tolerance, cells)
    logs = CentredLogs.of(fit.runs)
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, fit.loss)
    found = search(
        problem, box, logs.theta(fit.surface), tolerance, cells, refine=polished(logs, fit.loss, box)
    )
    before = float(fit.loss.rho(fit.predicted - fit.runs.L).sum())
    objective = problem.unit * found.objective
    rounding = problem.unit * FLOOR * problem.base
    gain = before / objective - 1 if before - objective > max(rounding, tolerance * objective) else 0.0
    reason = _spent(found, box, problem.unit) if len(found.remaining) else ""
    spare = spare_exponents(logs, fit, found, box, tolerance)
    return Certificate(
        _refitted(fit, logs, found, objective, gain > 0, spare, "" if reason else _how(box, tolerance)),
        box,
        tolerance,
        gain,
        found.examined,
        found.cells,
        problem.unit * found.bounds,
        found.levels,
        found.remaining,
        min(problem.unit * found.lower_bound, objective),
        reason,
    )


def spare_exponents(
    logs: CentredLogs, fit: SurfaceFit, found: Search, box: tuple[float, float], tolerance: float
) -> tuple[str, ...]:
    """Exponents whose term the runs can do without: the face where it is zero fits as well."""
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, fit.loss)
    level = found.objective + max(tolerance * found.objective, FLOOR * problem.base)
    end = Optimum(found.theta, problem.unit * found.objective, settled=True, arrived=True)
    _, spare = spare_terms(logs, fit.loss, end)
    for term, (letter, other) in enumerate((("alpha", logs.d), ("beta", logs.n))):
        if letter in spare:  # a face that ties is its own proof
            continue
        face = Problem.of(other[None], logs.L, fit.loss)
        refine = polished_face(logs, fit.loss, box, 1 - term)
        if search(face, box, None, tolerance, 2000, level, refine).objective <= level:
            spare = (*spare, letter)
    return tuple(sorted(spare))


def _refitted(
    fit: SurfaceFit,
    logs: CentredLogs,
    found: Search,
    objective: float,
    better: bool,
    spare: tuple[str, ...],
    how: str,
) -> SurfaceFit:
    """The fit with what the search adds: a better surface, terms that are not needed, the proof."""
    if how:
        fit = dataclasses.replace(fit, search=f"{fit.search}; {how}")
    if better:
        surface = logs.surface(*found.theta)
        concerns = partial(surface_concerns, surface, fit.runs, spare, fit.loss)
        return dataclasses.replace(fit, surface=surface, objective=objective, concerns=concerns, spare=spare)
    if spare != fit.spare:
        concerns = partial(surface_concerns, fit.surface, fit.runs, spare, fit.loss)
        return dataclasses.replace(fit, concerns=concerns, spare=spare)
    return fit


def _how(box: tuple[float, float], tolerance: float) -> str:
    return f"proven to be the global minimum within {tolerance:g} for exponents in {box[0]:g}-{box[1]:g}"


def _percent(share: float) -> str:
    return f"{100 * share:,.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _spent(found: Search, box: tuple[float, float], unit: float) -> str:
    """Where the open cells are, and how low something in them may be."""
    rest = found.remaining
    low, high = rest[:, [0, 2]].min(axis=0), rest[:, [1, 3]].max(axis=0)
    lowest = f"{100 * (1 - found.lower_bound / found.objective):.2g} % lower" if found.objective else "lower"
    return (
        f"the budget of {found.examined:,} cells is spent and {len(rest):,} are open, at alpha {low[0]:.3g} "
        f"to {high[0]:.3g} and beta {low[1]:.3g} to {high[1]:.3g}; something at most {lowest} may hide "
        "there. Allow more cells or a larger tolerance."
    )


def _checked(fit: SurfaceFit, box: Any, tolerance: Any, cells: Any) -> tuple[tuple[float, float], float, int]:
    """The arguments, or words about the one that makes no sense."""
    require_convex(fit, "certify")
    interval = checked_box(fit, box, "certify")
    share = number("certify: tolerance", tolerance)
    if not 1e-12 <= share < 1:
        raise ValueError(
            f"certify: tolerance is {shortened(tolerance)}; give a share of the objective, 1e-12 to 1."
        )
    return interval, share, whole("certify: cells", cells, 1, 10**9)


def require_convex(fit: Any, name: str) -> None:
    """Refuse what is no fit, fits of log L, and more runs than a search can take."""
    require_fit(name, fit)
    if fit.loss.log or not isinstance(fit.loss, Squared | Huber):
        raise ValueError(
            f"{name}: the fit minimised {fit.loss}, and the proof is for squared and Huber residuals in L, "
            "which are convex in E, A and B; residuals in log L are not. Fit with loss=Squared() or "
            "Huber(delta)."
        )
    if len(fit.runs) > MOST_RUNS:
        raise ValueError(
            f"{name}: fit has {len(fit.runs):,} runs, and every cell costs a pass over them; {MOST_RUNS:,} "
            "are the most. Thin them out, fit and certify the rest."
        )


def checked_box(fit: SurfaceFit, box: Any, name: str) -> tuple[float, float]:
    """The box as two numbers that hold the fit."""
    try:
        low, high = (number(f"{name}: box", end) for end in box)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: box is {shortened(box)}; give two exponents, 0 < low < high.") from error
    if not 0 < low < high <= 20:
        raise ValueError(f"{name}: box is {shortened(box)}; give two exponents, 0 < low < high, up to 20.")
    for letter in ("alpha", "beta"):
        value = getattr(fit.surface, letter)
        if letter not in fit.undetermined and not low <= value <= high:
            raise ValueError(
                f"{name}: {letter} of the fit is {value:g}, outside the box {shortened(box)}; widen the box."
            )
    return low, high
