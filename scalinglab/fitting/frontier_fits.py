"""Results of fits of a frontier: its power law, and the parabolas it was drawn through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, held, positive, positive_number, share
from scalinglab._text import with_error
from scalinglab.data.runs import Runs
from scalinglab.fitting.printed_fits import held_together, html_table, printed
from scalinglab.fitting.recommendations import Recommendation, line_errors, of_line
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.laws.surface import training_flops


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

    def recommend(self, C: float, level: float = 0.9) -> Recommendation:
        """Best size, tokens and tokens per parameter at a budget, with the interval of the fitted line.

        It knows how far the budgets scatter about their line and nothing of what bends all of them together,
        as a parabola's bias does. No loss: a frontier has none.

        Parameters
        ----------
        C : float
            The budget in FLOPs.
        level : float
            How often such intervals hold the line.

        See Also
        --------
        SurfaceFit.recommend : The same of a surface.
        """
        C, level = positive_number("recommend: C", C), share("recommend: level", level)
        budgets, sizes = self._vertices
        return of_line(self, budgets, sizes, C, float(self.runs.C.max()), level)

    @property
    def _vertices(self) -> tuple[FloatArray, FloatArray]:
        used = self.used
        return np.array([one.C for one in used]), np.array([one.vertex for one in used])

    @property
    def standard_error(self) -> float:
        """Standard error of a, the slope of a line through the budgets' best sizes; nan of two budgets."""
        budgets, sizes = self._vertices
        return line_errors(np.log(budgets), np.log(sizes), 0.0)[0]

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
        error = self.standard_error
        a, b = with_error(self.a, error), with_error(self.b, error)
        known = "; ± one standard error of the line" if math.isfinite(error) else ""
        lines = [
            ("method", f"{self.method}, {used} of {of} budgets, {len(self.runs)} runs{known}"),
            ("law", f"N* = {self.size_law.coefficient:.4g} C^{self.a:.4f}"),
            ("frontier", f"N* ~ C^{held_together(a)}  D* ~ C^{held_together(b)}"),
        ]
        return printed(lines, self.concerns)

    def _repr_html_(self) -> str:
        used, of = self.budgets_used
        return html_table(
            ("method", "budgets used", "a", "b", "coefficient of N*"),
            (
                self.method,
                f"{used} of {of}",
                with_error(self.a, self.standard_error),
                with_error(self.b, self.standard_error),
                f"{self.size_law.coefficient:.4g}",
            ),
            self.concerns,
        )
