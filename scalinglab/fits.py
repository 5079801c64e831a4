"""What a fit returns, and our own verdict on it."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab.losses import Loss
from scalinglab.report import checklist
from scalinglab.runs import Runs
from scalinglab.surface import FloatArray, LossSurface, PowerLaw, training_flops

#: Exponents are sought in this box; a fit at its edge says so.
EXPONENT_RANGE = (0.01, 2.0)

#: A stated compute may differ from 6ND by this relative amount before a fit says so.
COMPUTE_TOLERANCE = 0.02

#: Standard errors by which a budget's mean residual may differ from zero before a fit says so.
SHARED_ERROR_LIMIT = 3.5

#: Scaled condition number above which the parameters count as badly determined.
CONDITION_LIMIT = 1e6


class FitError(RuntimeError):
    """These runs cannot answer the question, whatever the method; the message says what to add."""


@dataclass(frozen=True, repr=False)
class SurfaceFit:
    """A fitted loss surface with the runs it rests on and what to worry about.

    Attributes
    ----------
    surface : LossSurface
        The five fitted parameters.
    runs : Runs
        The runs that were fitted.
    loss : Squared or Huber
        What was minimised.
    method : str
        How, for instance ``"VPNLS"``.
    objective : float
        The minimum: the sum of ``loss.rho`` over the runs.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy; empty if we found none.
    search : str
        How the minimum was sought: starts, tolerances, bounds.
    """

    surface: LossSurface
    runs: Runs
    loss: Loss
    method: str
    objective: float
    concerns: tuple[str, ...] = ()
    search: str = "how the minimum was sought is not recorded"

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters that minimise the fitted loss at C FLOPs."""
        return self.surface.N_opt(C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that minimise the fitted loss at C FLOPs."""
        return self.surface.D_opt(C)

    @property
    def predicted(self) -> FloatArray:
        """Fitted loss of every run, shape (n,)."""
        return np.asarray(self.surface.loss(self.runs.N, self.runs.D))

    @property
    def residuals(self) -> FloatArray:
        """Observed minus fitted loss of every run, shape (n,)."""
        return self.runs.L - self.predicted

    def checklist(self) -> str:
        """What a reader must know to reproduce this fit, as a Markdown list; see *Fitting carefully*."""
        return checklist(
            self.surface, self.runs, self.loss, self.method, self.objective, self.search, self.concerns
        )

    def __repr__(self) -> str:
        s = self.surface
        lines = [
            ("method", f"{self.method}, {self.loss}, {len(self.runs)} runs"),
            (
                "surface",
                f"E {s.E:.5g}  A {s.A:.5g}  B {s.B:.5g}  alpha {s.alpha:.5f}  beta {s.beta:.5f}",
            ),
            ("frontier", f"N* ~ C^{s.a:.4f}  D* ~ C^{s.b:.4f}  objective {self.objective:.5g}"),
            ("concerns", _sentences(self.concerns)),
        ]
        return "\n".join(f"{name:<9} {text}" for name, text in lines)

    def _repr_html_(self) -> str:
        s = self.surface
        return _html_table(
            ("method", "E", "A", "B", "alpha", "beta", "a", "objective"),
            (
                f"{self.method}, {self.loss}",
                *(f"{value:.5g}" for value in (s.E, s.A, s.B)),
                f"{s.alpha:.5f}",
                f"{s.beta:.5f}",
                f"{s.a:.4f}",
                f"{self.objective:.5g}",
            ),
            self.concerns,
        )


@dataclass(frozen=True)
class Parabola:
    r"""A parabola :math:`c_0 + c_1 x + c_2 x^2` in :math:`x = \ln(N/N_0)` through one budget.

    Attributes
    ----------
    C : float
        The budget in FLOPs.
    coefficients : tuple of float
        :math:`c_0, c_1, c_2`; nan where no parabola could be fitted.
    N0 : float
        Geometric mean of the sampled sizes, the origin of x.
    sampled : tuple of float
        Smallest and largest sampled size.
    points : int
        Number of runs.
    verdict : str
        Empty if the budget was used; otherwise why it was left out.
    """

    C: float
    coefficients: tuple[float, float, float]
    N0: float
    sampled: tuple[float, float]
    points: int
    verdict: str = ""

    def loss(self, N: ArrayLike) -> Any:
        """Evaluate the parabola at N parameters."""
        x = np.log(np.asarray(N, float) / self.N0)
        c0, c1, c2 = self.coefficients
        return c0 + c1 * x + c2 * x**2

    @property
    def vertex(self) -> float:
        r"""Size at the parabola's vertex, :math:`N_0\,e^{-c_1/2c_2}`; nan unless it opens upwards."""
        _, c1, c2 = self.coefficients
        return float(self.N0 * np.exp(-c1 / (2 * c2))) if c2 > 0 else float("nan")


@dataclass(frozen=True, repr=False)
class FrontierFit:
    """A fitted frontier: a power law for the best model size, without a loss surface.

    Attributes
    ----------
    size_law : PowerLaw
        N* as a function of C.
    runs : Runs
        The runs that were fitted.
    method : str
        How, for instance ``"Approach 2"``.
    parabolas : tuple of Parabola
        One for each budget, those left out included.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy.
    """

    size_law: PowerLaw
    runs: Runs
    method: str
    parabolas: tuple[Parabola, ...]
    concerns: tuple[str, ...] = ()

    @property
    def a(self) -> float:
        """Exponent of the best model size, N* ~ C^a."""
        return self.size_law.exponent

    @property
    def b(self) -> float:
        """Exponent of the best token count, D* ~ C^b; a + b = 1 since 6 N* D* = C."""
        return 1 - self.size_law.exponent

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters the fitted law puts at C FLOPs."""
        return self.size_law(C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that use up the rest of the budget, ``C / (6 N_opt(C))``."""
        return np.asarray(C, float)[()] / training_flops(self.N_opt(C), 1.0)

    @property
    def used(self) -> tuple[Parabola, ...]:
        """The parabolas that entered the power law."""
        return tuple(parabola for parabola in self.parabolas if not parabola.verdict)

    @property
    def budgets_used(self) -> tuple[int, int]:
        """How many budgets entered the power law, and of how many."""
        return len(self.used), len(self.parabolas)

    def __repr__(self) -> str:
        used, of = self.budgets_used
        lines = [
            ("method", f"{self.method}, {used} of {of} budgets, {len(self.runs)} runs"),
            ("law", f"N* = {self.size_law.coefficient:.4g} C^{self.a:.4f}"),
            ("frontier", f"N* ~ C^{self.a:.4f}  D* ~ C^{self.b:.4f}"),
            ("concerns", _sentences(self.concerns)),
        ]
        return "\n".join(f"{name:<9} {text}" for name, text in lines)

    def _repr_html_(self) -> str:
        used, of = self.budgets_used
        return _html_table(
            ("method", "budgets used", "a", "b", "coefficient of N*"),
            (
                self.method,
                f"{used} of {of}",
                f"{self.a:.4f}",
                f"{self.b:.4f}",
                f"{self.size_law.coefficient:.4g}",
            ),
            self.concerns,
        )


def require_identifiable(runs: Runs) -> None:
    """Raise FitError if no method can tell the five parameters of a surface from these runs."""
    distinct = len(np.unique(np.column_stack([runs.N, runs.D]), axis=0))
    if distinct < 5:
        raise FitError(
            f"a surface has five parameters and these are {distinct} distinct runs (N, D); "
            "add runs until there are five or more, better fifteen."
        )
    for letter, meaning, exponent in (("N", "model size", "alpha"), ("D", "token count", "beta")):
        values = len(np.unique(getattr(runs, letter)))
        if values < 3:
            raise FitError(
                f"all runs share {values} value{'s' * (values > 1)} of {letter}, which cannot fix {exponent} "
                f"beside E; add runs until there are three or more {meaning}s."
            )
    if not (runs.L > 0).all():
        row = int(np.argmin(runs.L > 0))
        raise FitError(
            f"the loss of row {row} is {runs.L[row]:g}, and the law knows only positive losses; "
            "correct or drop the run, or undo what shifted the losses."
        )
    if np.ptp(runs.L) == 0:
        raise FitError(
            f"every run has the same loss, {runs.L[0]:g}, so nothing depends on N or D; "
            "check the loss column, or add runs that differ."
        )


def surface_concerns(surface: LossSurface, runs: Runs) -> list[str]:
    """What makes a fitted surface doubtful, whatever the method: cause and remedy, a sentence each."""
    found = compute_concerns(runs)
    low, high = EXPONENT_RANGE
    vanished = [letter for letter in ("E", "A", "B") if getattr(surface, letter) == 0]
    for letter in vanished:
        found.append(
            f"{letter} is zero, the edge of what the model allows: these runs do not show that term. "
            + (
                "Add larger runs, whose losses come closer to the floor."
                if letter == "E"
                else "Add runs over a wider range of " + ("N" if letter == "A" else "D") + "."
            )
        )
    ratio = runs.D / runs.N
    for letter, value in (("alpha", surface.alpha), ("beta", surface.beta)):
        if value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6):
            found.append(
                f"{letter} stands at the edge of its range, {value:g} of {low:g}-{high:g}: these runs do not "
                f"fix it. D/N runs from {ratio.min():.3g} to {ratio.max():.3g}; add runs outside that."
            )
    if ratio.max() / ratio.min() < 1.2:
        found.append(
            f"all runs share D/N near {np.median(ratio):.3g}, so the two terms change together and cannot be "
            f"told apart; add runs at {np.median(ratio) / 4:.3g} and {np.median(ratio) * 4:.3g} tokens "
            "per parameter."
        )
    if len(runs) < 10:
        found.append(
            f"{len(runs)} runs for five parameters leave {len(runs) - 5} to judge the fit by; "
            "add runs before you rely on it."
        )
    spread = runs.L - runs.L.mean()
    rss = float(np.sum((runs.L - surface.loss(runs.N, runs.D)) ** 2))
    if rss > 0.5 * float(spread @ spread):
        found.append(
            f"the surface explains {max(0.0, 1 - rss / float(spread @ spread)):.0%} of the variance of the "
            "losses: these runs say little about N and D. Check the loss column, or add runs over wider "
            "ranges."
        )
    found += _shared_errors(surface, runs)
    condition = scaled_condition(surface, runs)
    if condition > CONDITION_LIMIT and not vanished:
        found.append(
            f"the five parameters are nearly interchangeable on these runs (scaled condition number "
            f"{condition:.1e}); their ranges of N and D are too narrow. Add runs outside them."
        )
    return found


def _shared_errors(surface: LossSurface, runs: Runs) -> list[str]:
    """Name the budget whose runs err together most, unless chance would do it."""
    residuals = runs.L - np.asarray(surface.loss(runs.N, runs.D))
    freedom = len(runs) - 5
    scatter = np.sqrt(residuals @ residuals / freedom) if freedom > 0 else np.inf
    if scatter < 1e-10 * np.abs(runs.L).max():
        return []
    budgets, member = runs.by_budget()
    sizes = np.bincount(member)
    means = np.bincount(member, residuals) / sizes
    scores = np.where(sizes >= 4, np.abs(means) * np.sqrt(sizes) / scatter, 0.0)
    worst = int(np.argmax(scores))
    if scores[worst] <= SHARED_ERROR_LIMIT:
        return []
    side = "above" if means[worst] > 0 else "below"
    return [
        f"the {sizes[worst]} runs of budget {budgets[worst]:.3g} lie {side} the surface together (mean "
        f"{means[worst]:+.2g}, {scores[worst]:.1f} standard errors): errors are shared within budgets, so "
        "the fit is less certain than its residuals suggest. Refit without that budget and compare."
    ]


def compute_concerns(runs: Runs) -> list[str]:
    """Whether the stated compute is 6ND."""
    ratio = runs.C / training_flops(runs.N, runs.D)
    worst = int(np.argmax(np.abs(np.log(ratio))))
    if np.abs(np.log(ratio[worst])) <= np.log1p(COMPUTE_TOLERANCE):
        return []
    return [
        f"C differs from 6ND by more than {COMPUTE_TOLERANCE:.0%} (row {worst}: C/6ND = {ratio[worst]:.3g}); "
        "allocations assume C = 6ND. Check how N counts embeddings and how C was counted, or leave C out."
    ]


def scaled_condition(surface: LossSurface, runs: Runs) -> float:
    """Condition number of the Jacobian in (E, A, B, alpha, beta) after its columns get unit length."""
    n, d = np.log(runs.N), np.log(runs.D)
    p, q = np.exp(-surface.alpha * (n - n.mean())), np.exp(-surface.beta * (d - d.mean()))
    J = np.column_stack([np.ones(len(runs)), p, q, (n - n.mean()) * p, (d - d.mean()) * q])
    return float(np.linalg.cond(J / np.linalg.norm(J, axis=0)))


def _sentences(concerns: tuple[str, ...]) -> str:
    indent = " " * 10
    wrapped = [textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent) for text in concerns]
    return "\n".join(wrapped).strip() or "none"


def _html_table(names: tuple[str, ...], values: tuple[str, ...], concerns: tuple[str, ...]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    cells = "".join(f"<td>{value}</td>" for value in values)
    verdict = "<br>".join(html.escape(concern) for concern in concerns) or "none"
    return (
        f'<table class="fit"><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr>'
        f'<tr><td colspan="{len(names)}"><b>Concerns</b>: {verdict}</td></tr></tbody></table>'
    )
