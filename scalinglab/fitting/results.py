"""Results of fits: a surface or a frontier, with its runs and its concerns."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, held, overflow_is_refused, positive, shortened
from scalinglab._text import typeset
from scalinglab.data.runs import Runs
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.laws.surface import LossSurface, training_flops
from scalinglab.solvers.objectives import Loss


class FitError(RuntimeError):
    """Raised when runs cannot answer a question, whatever the method; the message says what to add."""


@overflow_is_refused
def vanished_terms(surface: LossSurface, runs: Runs) -> dict[str, float]:
    """Of E, A and B those whose term is zero to within rounding on every run, with its largest value."""
    largest = {
        "E": surface.E,
        "A": surface.A * runs.N.min() ** -surface.alpha,
        "B": surface.B * runs.D.min() ** -surface.beta,
    }
    return {letter: float(term) for letter, term in largest.items() if term <= 1e-12 * runs.L.max()}


@dataclass(frozen=True, repr=False)
class SurfaceFit:
    """A fitted loss surface, with its runs, its objective and its concerns.

    Attributes
    ----------
    surface : LossSurface
        The fitted law.
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
    spare : tuple of str
        Exponents whose term the runs can do without: without it they are fitted as well.

    See Also
    --------
    fit_vpnls, fit_approach3
    FrontierFit : A fit that has no surface.
    covariance : Standard errors of its parameters.
    checklist : What to report with it.
    """

    surface: LossSurface
    runs: Runs
    loss: Loss
    method: str
    objective: float
    concerns: tuple[str, ...] = ()
    search: str = "how the minimum was sought is not recorded"
    spare: tuple[str, ...] = ()

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Exponents that these runs do not determine: of a term that is zero, or that they can do without."""
        gone = {
            self.surface.EXPONENT_OF.get(letter, "") for letter in vanished_terms(self.surface, self.runs)
        }
        return tuple(letter for letter in ("alpha", "beta") if letter in gone or letter in self.spare)

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters that minimise the fitted loss at C FLOPs."""
        return self.surface.N_opt(C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that minimise the fitted loss at C FLOPs."""
        return self.surface.D_opt(C)

    @property
    def a(self) -> float:
        """Exponent of the best model size, N* ~ C^a."""
        return float(self.surface.a)

    @property
    def b(self) -> float:
        """Exponent of the best token count, D* ~ C^b."""
        return float(self.surface.b)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals: runs less parameters."""
        return len(self.runs) - len(self.surface.parameters)

    @property
    def predicted(self) -> FloatArray:
        """Fitted loss of every run, shape (n,)."""
        return np.asarray(self.surface.loss(self.runs.N, self.runs.D))

    @property
    def residuals(self) -> FloatArray:
        """Observed minus fitted loss of every run, shape (n,)."""
        return self.runs.L - self.predicted

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them; a coefficient has no unit without its exponent."""
        shown = self.surface.printed
        for coefficient, exponent in self.surface.EXPONENT_OF.items():
            if exponent in self.undetermined:
                shown[exponent] = "not determined"
                if getattr(self.surface, coefficient):
                    shown[coefficient] = "not determined"
        return shown

    @property
    def no_frontier(self) -> str:
        """Why there is no frontier: an exponent is not determined; empty if there is one."""
        if not self.undetermined:
            return ""
        return (
            f"none: {' and '.join(self.undetermined)} {'is' if len(self.undetermined) == 1 else 'are'} "
            "not determined"
        )

    def __repr__(self) -> str:
        s = self.surface
        frontier = self.no_frontier or f"N* ~ C^{s.a:.4f}  D* ~ C^{s.b:.4f}"
        lines = [
            ("method", f"{self.method}, {self.loss}, {len(self.runs)} runs"),
            ("surface", "  ".join(f"{name} {text}" for name, text in self.printed.items())),
            ("frontier", f"{frontier}  objective {self.objective:.5g}"),
            ("concerns", _sentences(self.concerns)),
        ]
        return "\n".join(f"{name:<9} {text}" for name, text in lines)

    def _repr_html_(self) -> str:
        s = self.surface
        return _html_table(
            ("method", *self.printed, "a", "objective"),
            (
                f"{self.method}, {self.loss}",
                *self.printed.values(),
                "none" if self.undetermined else f"{s.a:.4f}",
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

    See Also
    --------
    fit_parabola : Fits one.
    """

    C: float
    coefficients: tuple[float, float, float]
    N0: float
    sampled: tuple[float, float]
    points: int
    verdict: str = ""

    def loss(self, N: ArrayLike) -> Any:
        """Evaluate the parabola at N parameters."""
        x = np.log(
            held("Parabola.loss: N over the sampled sizes", positive("Parabola.loss: N", N) / self.N0, 0)
        )
        c0, c1, c2 = self.coefficients
        return c0 + c1 * x + c2 * x**2

    @property
    def vertex(self) -> float:
        r"""Size at the parabola's vertex, :math:`N_0\,e^{-c_1/2c_2}`; nan unless it opens upwards."""
        _, c1, c2 = self.coefficients
        with np.errstate(over="ignore"):  # runs on a straight line: the vertex is out of sight
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

    See Also
    --------
    fit_approach2
    EnvelopeFit : The frontier of Approach 1.
    SurfaceFit : A fit of the whole surface.
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
        C = positive("FrontierFit.D_opt: C", C)
        with np.errstate(over="ignore"):
            D = C[()] / training_flops(self.N_opt(C), 1.0)
        return held("FrontierFit: D_opt at this C", D, 0)

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


def _sentences(concerns: tuple[str, ...]) -> str:
    indent = " " * 10
    wrapped = [textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent) for text in concerns]
    return "\n".join(wrapped).strip() or "none"


def _html_table(names: tuple[str, ...], values: tuple[str, ...], concerns: tuple[str, ...]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in names[1:])
    cells = "".join(f"<td>{value}</td>" for value in values[1:])
    verdict = "<br>".join(html.escape(typeset(concern)) for concern in concerns) or "none"
    return (
        f'<table class="fit"><caption><b>{names[0].capitalize()}</b>: {html.escape(values[0])}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
        f'<p class="fit"><b>Concerns</b>: {verdict}</p>'
    )


#: Any fit: of a surface or of a frontier.
Fit = SurfaceFit | FrontierFit


def require_fit(who: str, fit: Any) -> None:
    """Raise ValueError unless this is the fit of a surface."""
    if not isinstance(fit, SurfaceFit):
        raise ValueError(f"{who}: fit is {shortened(fit)}; give what fit_vpnls or fit_approach3 returned.")
