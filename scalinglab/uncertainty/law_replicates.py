"""Refits of a law to many draws at once, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray, picked, positive_number
from scalinglab.fitting.law_results import LawFit


@dataclass(frozen=True, eq=False)
class LawReplicates:
    """A law's parameters in every draw, arrays of shape (R,); nan where a term vanished.

    Attributes
    ----------
    fit : LawFit
        What was refitted.
    parameters : dict of str to ndarray
        By name; each is an attribute too.
    """

    fit: LawFit
    parameters: dict[str, FloatArray]

    def __getattr__(self, name: str) -> FloatArray:
        parameters = self.__dict__.get("parameters", {})
        if name in parameters:
            return np.asarray(parameters[name])
        raise AttributeError(f"LawReplicates has no parameter {name!r}")

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Where a draw has no fit."""
        return np.asarray(np.isnan(np.array(list(self.parameters.values()))).any(axis=0))

    def take(self, which: ArrayLike) -> LawReplicates:
        """Return the draws that a mask or a list of places picks."""
        rows = picked("LawReplicates.take: which", which, len(self))
        return LawReplicates(self.fit, {name: values[rows] for name, values in self.parameters.items()})

    def N_opt(self, C: float) -> FloatArray:
        """Parameters each law puts at C FLOPs."""
        return self._best("N", C)

    def D_opt(self, C: float) -> FloatArray:
        """Tokens each law puts at C FLOPs."""
        return self._best("D", C)

    def L_opt(self, C: float) -> FloatArray:
        """Lowest loss that C FLOPs buy."""
        return self._best("", C)

    def _best(self, name: str, C: float) -> FloatArray:
        C = positive_number("LawReplicates: C, the budget,", C)
        answers = []
        for k in range(len(self)):
            own = {one: float(values[k]) for one, values in self.parameters.items()}
            found = self.fit.law.optimum({**own, **self.fit.law.tied(own)}, C)
            answers.append(found[name] if name else found.loss)
        return np.array(answers)


def refit_law(fit: LawFit, weights: FloatArray | None, losses: FloatArray) -> LawReplicates:
    """Refit a law to every draw from its optimum; nan where a coefficient that was there vanished."""
    ends, _ = fit.refits(weights, losses)
    own, _ = fit.model.recovered(ends.c, ends.u)
    there = (fit.coefficients != 0) & ~fit.model.free
    lost = (ends.c[:, there] <= 0).any(axis=1) | ~np.isfinite(ends.rss)
    kept = [name for name in fit.names if name not in fit.undetermined]
    return LawReplicates(fit, {name: np.where(lost, np.nan, own[name]) for name in kept})
