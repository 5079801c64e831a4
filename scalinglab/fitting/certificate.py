"""A proof that no other exponents fit better: cells of exponents, each excluded by one bound or halved."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.lower_bound import about_midrange, lower_bounds
from scalinglab.solvers.objectives import Squared

#: Cells narrower than this are not halved again: what is left there is a tie.
RESOLUTION = 1e-6

#: What a certificate says where the proof went through.
HOLDS = "holds: no exponents of the box outside the square fit better"


@dataclass(frozen=True, repr=False)
class Certificate:
    """What was proven about the exponents outside a square around a fit.

    Attributes
    ----------
    fit : SurfaceFit
        The fit in question.
    box : tuple of float
        Range of both exponents.
    square : float
        Half-width of the square around the fit about which nothing is said.
    examined : int
        Cells evaluated.
    excluded : ndarray, shape (k, 4)
        Cells in which no exponents fit better: alpha from, alpha to, beta from, beta to.
    bounds : ndarray, shape (k,)
        Proven lower bound of the residual sum of squares in each excluded cell.
    levels : ndarray, shape (k,)
        How many times each was halved.
    remaining : ndarray, shape (r, 4)
        Cells about which nothing could be proven.
    lower_bound : float
        No exponents of the box outside the square leave a residual sum of squares below this.
    reason : str
        Empty if the certificate holds; otherwise why not, and what to do.
    """

    fit: SurfaceFit
    box: tuple[float, float]
    square: float
    examined: int
    excluded: FloatArray
    bounds: FloatArray
    levels: NDArray[np.int64]
    remaining: FloatArray
    lower_bound: float
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything outside the square is excluded."""
        return not self.reason

    @property
    def margin(self) -> float:
        """Lower bound over the fit's objective, less one; positive where the certificate holds."""
        objective = self.fit.objective
        return self.lower_bound / objective - 1 if objective > 0 else float("inf")

    def undecided(self, level: int) -> tuple[int, float]:
        """Cells not excluded after ``level`` halvings, and their share of the area outside the square."""
        frame = _frame(self.fit, self.box, self.square)
        done = self.levels <= level
        left = len(frame)
        for k in range(level + 1):
            left = (2 * left if k else left) - int(np.count_nonzero(self.levels == k))
        return left, float(max(0, 1 - _areas(self.excluded[done]).sum() / _areas(frame).sum()))

    def _lines(self) -> list[tuple[str, str]]:
        s = self.fit.surface
        more = 0 < self.margin < 1
        outside = f"{100 * self.margin:.2g} % more" if more else f"{self.lower_bound:.5g}"
        outcome = "all excluded" if self.holds else f"{len(self.remaining):,} not excluded"
        return [
            ("proof", f"does not hold: {self.reason}" if self.reason else HOLDS),
            ("box", f"alpha and beta from {self.box[0]:g} to {self.box[1]:g}"),
            ("square", f"alpha {s.alpha:.5f} ± {self.square:g}, beta {s.beta:.5f} ± {self.square:g}"),
            ("cells", f"{self.examined:,} examined, {outcome}"),
            ("objective", f"{self.fit.objective:.5g} for the fit; outside at least {outside}"),
        ]

    def __repr__(self) -> str:
        indent = " " * 11
        return "\n".join(
            textwrap.fill(f"{name:<10} {text}", 80, subsequent_indent=indent) for name, text in self._lines()
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{name}</th><td>{html.escape(text)}</td></tr>'
            for name, text in self._lines()
        )
        return f'<table class="fit"><tbody>{rows}</tbody></table>'


def certify(
    fit: SurfaceFit,
    box: tuple[float, float] = EXPONENT_RANGE,
    square: float = 0.01,
    cells: int = 200_000,
) -> Certificate:
    r"""Prove that no exponents outside a small square fit better, or say why that cannot be proven.

    With u, v the unit, centred columns of :math:`N^{-\alpha}` and :math:`D^{-\beta}` at the centre of a
    cell, y the centred loss, f its distance from the plane of u and v, and r the unit residual, every
    exponents of the cell leave a distance of at least

    .. math:: f - \frac{\lVert y \rVert\,\sqrt{\tau_u^2 + \tau_v^2}}
                       {\sqrt{1 - |u \cdot v|} - \sqrt{e_u^2 + e_v^2}},
              \qquad e_u = \frac{h\,\lVert u' \rVert + \varepsilon}{1 - w h},
              \quad \tau_u = \frac{h\,|r \cdot u'| + \varepsilon}{1 - w h},

    where h is the half-width of the cell in alpha, w half the range of ln N and
    :math:`\varepsilon = e^{wh} - 1 - wh`; likewise for v. Cells whose bound exceeds the fit's objective
    are excluded, the others halved along their longer side, level by level.

    Parameters
    ----------
    fit : SurfaceFit
        A fit that minimised squared residuals in L, by whatever method.
    box : tuple of float
        Range of both exponents, positive; it must contain the fit.
    square : float
        Half-width of the square around the fit about which nothing is proven.
    cells : int
        Most cells examined.

    Returns
    -------
    Certificate
        ``holds`` says whether the proof went through, ``print`` says it in words.

    Raises
    ------
    ValueError
        If the loss is not squared residuals in L, or the box or the square make no sense.

    Notes
    -----
    The bound leaves out that E, A and B may not be negative. Signs can only raise the minimum, so a
    fit with them is covered. The arithmetic is double precision: every sum of m products is taken to be
    wrong by up to 16 (m + 64) units of rounding of the product of the norms before centring, always
    against the claim. What is certified to within ``square`` is where the global minimum over the box
    lies; which point of the square is lowest is not. The search is branch and bound
    :cite:p:`land1960`; the inequality is derived in the chapter *A proof of the global minimum*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> certificate = certify(fit_vpnls(load_llama3()))
    >>> certificate.holds, certificate.examined < 1000
    (True, True)
    """
    _check(fit, box, square, cells)
    logs = about_midrange(CentredLogs.of(fit.runs))
    current = _frame(fit, box, square)
    known = np.zeros(len(current))
    gone = [(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64))]
    examined = level = 0
    reason = ""
    while len(current) and not reason:
        if examined + len(current) > cells:
            reason = _spent(current, cells)
            break
        examined += len(current)
        bound, centre = lower_bounds(logs, current)
        known = np.maximum(known, bound)
        reason = _better(fit, current, centre)
        out = known > fit.objective
        gone.append((current[out], known[out], np.full(np.count_nonzero(out), level)))
        current, known = current[~out], known[~out]
        if len(current) and not reason:
            if _widths(current).max() < RESOLUTION:
                reason = _tied(fit, current)
            else:
                current, known, level = _halves(current), np.tile(known, 2), level + 1
    excluded, bounds, levels = (np.concatenate(parts) for parts in zip(*gone, strict=True))
    lowest = float(min(known.min(initial=np.inf), bounds.min(initial=np.inf)))
    return Certificate(fit, box, square, examined, excluded, bounds, levels, current, lowest, reason)


def _frame(fit: SurfaceFit, box: tuple[float, float], square: float) -> FloatArray:
    """The box without the square, cut along the square's sides: up to eight cells."""

    def strips(exponent: float) -> list[tuple[float, float, bool]]:
        inner = max(box[0], exponent - square), min(box[1], exponent + square)
        pieces = [(box[0], inner[0], False), (*inner, True), (inner[1], box[1], False)]
        return [piece for piece in pieces if piece[1] > piece[0]]

    across, up = strips(fit.surface.alpha), strips(fit.surface.beta)
    cells = [(*a[:2], *b[:2]) for a in across for b in up if not (a[2] and b[2])]
    return np.array(cells)


def _areas(cells: FloatArray) -> FloatArray:
    return np.asarray((cells[:, 1] - cells[:, 0]) * (cells[:, 3] - cells[:, 2]))


def _widths(cells: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(cells[:, 1] - cells[:, 0], cells[:, 3] - cells[:, 2]))


def _halves(cells: FloatArray) -> FloatArray:
    """Both halves of every cell, cut across its longer side."""
    rows = np.arange(len(cells))
    side = np.where(cells[:, 1] - cells[:, 0] >= cells[:, 3] - cells[:, 2], 0, 2)
    middle = (cells[rows, side] + cells[rows, side + 1]) / 2
    low, high = cells.copy(), cells.copy()
    low[rows, side + 1] = high[rows, side] = middle
    return np.concatenate([low, high])


def _better(fit: SurfaceFit, cells: FloatArray, centre: FloatArray) -> str:
    """Whether the centre of a cell fits better than the fit, in which case there is nothing to prove."""
    E, A, B, rss, slack = centre.T
    lower = rss + slack < fit.objective
    if not lower.any():
        return ""
    possible = lower & (E >= 0) & (A >= 0) & (B >= 0)
    best = int(np.argmin(np.where(possible if possible.any() else lower, rss, np.inf)))
    alpha, beta = cells[best].reshape(2, 2).mean(axis=1)
    found = (
        f"alpha {alpha:.4f}, beta {beta:.4f} leave {rss[best]:.5g}, less than the fit's {fit.objective:.5g}"
    )
    if possible[best]:
        return f"{found}: the fit is not the global minimum. Refit with starts near these exponents."
    return (
        f"{found}, but with a negative E, A or B ({E[best]:.3g}, {A[best]:.3g}, {B[best]:.3g} in centred "
        "units). The bound does not see signs and cannot decide; try a narrower box."
    )


def _spent(cells: FloatArray, budget: int) -> str:
    low, high = cells[:, [0, 2]].min(axis=0), cells[:, [1, 3]].max(axis=0)
    return (
        f"the budget of {budget:,} cells is spent and {len(cells):,} remain, at alpha {low[0]:.3g} to "
        f"{high[0]:.3g} and beta {low[1]:.3g} to {high[1]:.3g}. Allow more cells or a larger "
        "square; if these cells form a line, the runs hardly tell the two terms apart: add runs at other D/N."
    )


def _tied(fit: SurfaceFit, cells: FloatArray) -> str:
    s = fit.surface
    centres = np.column_stack([cells[:, :2].mean(axis=1), cells[:, 2:].mean(axis=1)])
    alpha, beta = centres[np.argmax(np.abs(centres - (s.alpha, s.beta)).max(axis=1))]
    return (
        f"exponents near alpha {alpha:.5f}, beta {beta:.5f} fit as well to within rounding. If they touch "
        "the square, widen it; if not, the runs have a second minimum as deep: add runs at other D/N."
    )


def _check(fit: SurfaceFit, box: tuple[float, float], square: float, cells: int) -> None:
    if fit.loss != Squared():
        raise ValueError(
            f"certify: the fit minimised {fit.loss}, and the proof is for squared residuals in L, whose "
            "minimum is a distance from a plane; fit with loss=Squared() to certify."
        )
    low, high = box
    if not (0 < low < high < np.inf):
        raise ValueError(f"certify: box is {box}; give two exponents, 0 < low < high.")
    for letter in ("alpha", "beta"):
        value = getattr(fit.surface, letter)
        if not low <= value <= high:
            raise ValueError(
                f"certify: {letter} of the fit is {value:g}, outside the box {box}; widen the box."
            )
    if not (0 < square < (high - low) / 2):
        raise ValueError(
            f"certify: square is {square}; give a positive half-width below half the box's side."
        )
    if cells < 1:
        raise ValueError(f"certify: cells is {cells}; allow at least one.")
