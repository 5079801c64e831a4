"""Many surfaces or frontiers at once: every parameter an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray
from scalinglab.laws.power_laws import PowerLaw
from scalinglab.laws.surface import LossSurface, training_flops


@dataclass(frozen=True, eq=False)
class Surfaces(LossSurface):
    """Many loss surfaces at once: every parameter an array of shape (R,), and so is every answer.

    Whatever a :class:`LossSurface` answers for one budget, this answers for each of its surfaces.
    """

    E: Any
    A: Any
    B: Any
    alpha: Any
    beta: Any

    def __post_init__(self) -> None:
        pass

    def __len__(self) -> int:
        return len(self.E)

    def take(self, which: ArrayLike) -> Surfaces:
        """Return the surfaces that a mask or a list of places picks."""
        rows = np.asarray(which)
        return Surfaces(self.E[rows], self.A[rows], self.B[rows], self.alpha[rows], self.beta[rows])

    @property
    def G(self) -> Any:
        r"""The balance of the two terms, :math:`G = (\alpha A / \beta B)^{1/(\alpha+\beta)}`."""
        logs = np.log(self.alpha * self.A) - np.log(self.beta * self.B)
        return np.exp(logs / (self.alpha + self.beta))

    @property
    def K(self) -> Any:
        r"""Coefficient of the frontier, :math:`K = A G^{-\alpha} + B G^{\beta}`."""
        return self.A * self.G**-self.alpha + self.B * self.G**self.beta


@dataclass(frozen=True, eq=False)
class Frontiers:
    """Many frontier fits at once: coefficient and exponent of the size law, arrays of shape (R,)."""

    coefficient: FloatArray
    a: FloatArray

    def __len__(self) -> int:
        return len(self.a)

    def take(self, which: ArrayLike) -> Frontiers:
        """Return the laws that a mask or a list of places picks."""
        rows = np.asarray(which)
        return Frontiers(self.coefficient[rows], self.a[rows])

    @property
    def b(self) -> FloatArray:
        """Exponent of the best token count."""
        return 1 - self.a

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters each law puts at C FLOPs."""
        return PowerLaw(self.coefficient, self.a)(C)  # type: ignore[arg-type]

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that use up the rest of the budget."""
        return np.asarray(C, float) / training_flops(self.N_opt(C), 1.0)


Replicates = Surfaces | Frontiers
