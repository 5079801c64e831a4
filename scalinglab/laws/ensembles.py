"""Many surfaces or frontiers at once: every parameter an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, picked, positive, rows_of, whole
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface, SurfaceAlgebra


@dataclass(frozen=True, eq=False)
class Surfaces(SurfaceAlgebra):
    """Many loss surfaces at once: every parameter an array of shape (R,), and so is every answer.

    Whatever a :class:`LossSurface` answers for one budget, this answers for each of its surfaces.

    See Also
    --------
    LossSurface : One surface.
    Frontiers : Frontier fits, which have no surface.
    """

    E: FloatArray
    A: FloatArray
    B: FloatArray
    alpha: FloatArray
    beta: FloatArray

    def __post_init__(self) -> None:
        rows = rows_of("Surfaces", **self.parameters)
        for name, values in zip(self.PARAMETERS, rows, strict=True):
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.E)

    def one(self, k: int) -> LossSurface:
        """Return the k-th surface alone, validated."""
        place = whole("Surfaces.one: k", k, -len(self), len(self) - 1)
        E, A, B, alpha, beta = (float(values[place]) for values in self.parameters.values())
        return LossSurface(E, A, B, alpha, beta)

    def take(self, which: ArrayLike) -> Surfaces:
        """Return the surfaces that a mask or a list of places picks."""
        rows = picked("Surfaces.take: which", which, len(self))
        return Surfaces(**{name: values[rows] for name, values in self.parameters.items()})


@dataclass(frozen=True, eq=False)
class Frontiers:
    """Many frontier fits at once: coefficient and exponent of the size law, arrays of shape (R,).

    See Also
    --------
    FrontierFit : One fit.
    Surfaces : Many loss surfaces.
    """

    coefficient: FloatArray
    a: FloatArray

    def __post_init__(self) -> None:
        rows = rows_of("Frontiers", coefficient=self.coefficient, a=self.a)
        for name, values in zip(("coefficient", "a"), rows, strict=True):
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.a)

    def take(self, which: ArrayLike) -> Frontiers:
        """Return the laws that a mask or a list of places picks."""
        rows = picked("Frontiers.take: which", which, len(self))
        return Frontiers(self.coefficient[rows], self.a[rows])

    @property
    def b(self) -> FloatArray:
        """Exponent of the best token count."""
        return 1 - self.a

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters each law puts at C FLOPs."""
        log_C = np.log(positive("Frontiers: C, compute,", C))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return np.exp(np.log(self.coefficient) + self.a * log_C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that use up the rest of the budget."""
        C = positive("Frontiers: C, compute,", C)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return C / (FLOPS_PER_PARAMETER_TOKEN * self.N_opt(C))


Replicates = Surfaces | Frontiers
