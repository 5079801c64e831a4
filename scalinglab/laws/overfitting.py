"""A loss surface with a penalty for repeated data, and the number of epochs at which its loss is lowest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from scalinglab._arrays import matched, not_negative, plain, positive_number, shortened
from scalinglab.laws.repeated_data import counted
from scalinglab.laws.surface import LossSurface

#: Largest log of a number of repetitions.
LARGEST_LOG = 300.0


@dataclass(frozen=True)
class OverfittingSurface:
    r"""A loss surface with an additive penalty for repetition, which large models pay more of.

    .. math:: L(N, D, U) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}
       + P\,R^{\delta}\Bigl(\frac{N}{U}\Bigr)^{\kappa}, \qquad R = \max(D/U - 1, 0)

    Use it where repetition can raise the loss and the question is when to stop: many epochs, or a model that
    is large for its data. It needs a fit of your own. For a few epochs RepeatedSurface, which has published
    constants, is enough.

    Parameters
    ----------
    surface : LossSurface
        The law for fresh tokens.
    P : float
        Penalty of one repetition with as many parameters as unique tokens; positive, in the unit of the loss.
    delta, kappa : float
        Exponents of the repetitions (positive) and of the parameters per unique token (not negative).

    Raises
    ------
    ValueError
        If a constant is out of its range.

    See Also
    --------
    RepeatedSurface : Repetition that helps less and less, but never hurts.

    Notes
    -----
    The form of :cite:t:`lovelace2026`. See the chapter *When data run out*.

    Examples
    --------
    >>> from scalinglab.laws import MUENNIGHOFF
    >>> made_up = OverfittingSurface(MUENNIGHOFF, P=0.005, delta=1.5, kappa=0.5)
    >>> f"{made_up.best_epochs(51e6, unique=1e9):.1f} epochs"
    '18.1 epochs'
    """

    surface: LossSurface
    P: float = field(kw_only=True)
    delta: float = field(kw_only=True)
    kappa: float = field(kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.surface, LossSurface):
            raise ValueError(
                f"OverfittingSurface: the surface is {shortened(self.surface)}; give a LossSurface."
            )
        for name, checked in (("P", positive_number), ("delta", positive_number), ("kappa", not_negative)):
            object.__setattr__(self, name, checked(name, getattr(self, name)))

    def penalty(self, N: ArrayLike, D: ArrayLike, unique: ArrayLike) -> Any:
        """Loss that repetition adds, in the unit of the loss; zero up to one pass."""
        N, D, unique = matched(N=counted("N", N), D=counted("D", D), unique=counted("unique", unique))
        repetitions = np.maximum(D / unique - 1, 0)
        with np.errstate(over="ignore"):
            penalty = self.P * repetitions**self.delta * (N / unique) ** self.kappa
        if not np.isfinite(penalty).all():
            raise ValueError("OverfittingSurface: the penalty overflows; take fewer epochs or parameters.")
        return plain(penalty)

    def loss(self, N: ArrayLike, D: ArrayLike, unique: ArrayLike) -> Any:
        """Loss of N parameters after D tokens, of which at most ``unique`` are different."""
        penalty = self.penalty(N, D, unique)
        return self.surface.loss(N, D) + penalty

    def best_epochs(self, N: ArrayLike, unique: ArrayLike) -> Any:
        r"""Number of epochs at which the loss of N parameters is lowest, whatever its compute.

        Where :math:`dL/dR = 0`,

        .. math:: R^{\delta-1}(1+R)^{1+\beta} = \rho,
           \qquad \rho = \frac{\beta B\,U^{-\beta}}{P\,\delta\,(N/U)^{\kappa}} .

        For :math:`\delta > 1` there is exactly one solution; for :math:`\delta = 1` it is
        :math:`R = \rho^{1/(1+\beta)} - 1` if :math:`\rho > 1`; for :math:`\delta < 1` the loss rises at
        first, and the later minimum counts only if it lies below one pass.

        Parameters
        ----------
        N, unique : float or array_like
            Parameters and unique tokens; they broadcast.

        Returns
        -------
        float or ndarray
            Epochs, :math:`1 + R`; 1 where no repetition pays.

        Raises
        ------
        ValueError
            If an argument is not positive and finite, or the penalty too weak to end the repetition at any
            number of epochs a computer can hold.
        """
        N, unique = matched(N=counted("N", N), unique=counted("unique", unique))
        gain = self.surface.beta * self.surface.B * unique**-self.surface.beta
        price = self.P * self.delta * (N / unique) ** self.kappa
        R = [self._best_repetitions(g, p) for g, p in zip(gain.flat, price.flat, strict=True)]
        return plain(1 + np.reshape(R, N.shape))

    def _best_repetitions(self, gain: float, price: float) -> float:
        """Minimiser over R of gain/beta (1+R)^-beta + price/delta R^delta."""
        if gain == 0:
            return 0.0
        beta, delta, log_rho = self.surface.beta, self.delta, np.log(gain) - np.log(price)

        def slope(r: float) -> float:
            return float((delta - 1) * r + (1 + beta) * np.logaddexp(0, r) - log_rho)

        if delta == 1:
            return float(max(np.expm1(log_rho / (1 + beta)), 0.0))
        high = max(0.0, log_rho / (delta + beta)) + 1  # one more, against rounding where R is huge
        if delta > 1:
            low = min(0.0, (log_rho - (1 + beta) * np.log(2)) / (delta - 1))
        else:
            low = float(np.log((1 - delta) / (beta + delta)))
            if slope(low) >= 0:
                return 0.0
        root = brentq(slope, low, high, xtol=1e-14, rtol=1e-14)
        if root > LARGEST_LOG:
            raise ValueError("best_epochs: the penalty is too weak to stop at any number; give a larger P.")
        R = float(np.exp(root))
        saved = -gain / beta * np.expm1(-beta * np.log1p(R))
        return R if saved > price / delta * R**delta else 0.0
