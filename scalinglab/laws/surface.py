"""The loss surface L(N, D) = E + A/N^alpha + B/D^beta and its compute-optimal frontier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    floats,
    held,
    number,
    of_kind,
    overflow_is_refused,
    plain,
    positive,
    positives,
    shortened,
)

#: FLOPs of training per parameter and token: two in the forward pass, four in the backward pass.
FLOPS_PER_PARAMETER_TOKEN = 6


@overflow_is_refused
def training_flops(N: ArrayLike, D: ArrayLike) -> Any:
    """FLOPs of training N parameters on D tokens, ``C = 6 N D``.

    Parameters
    ----------
    N, D : float or array_like
        Parameters and training tokens; they broadcast.

    Returns
    -------
    float or ndarray
        Training compute in FLOPs.

    Notes
    -----
    Counted for one transformer layer in the chapter *One surface, two resources*; the convention of
    :cite:t:`kaplan2020`.

    Examples
    --------
    >>> f"{training_flops(70e9, 1.4e12):.3g}"
    '5.88e+23'
    """
    N, D = positives(N=N, D=D)
    return plain(held("training_flops: 6 N D", FLOPS_PER_PARAMETER_TOKEN * N * D, 0))


@dataclass(frozen=True, eq=False, repr=False)
class SurfaceAlgebra:
    """What follows from E, A, B, alpha and beta, the numbers of one surface or the arrays of many."""

    #: The law as a formula.
    FORMULA: ClassVar[str] = "E + A/N^alpha + B/D^beta"

    #: Names of what a fit determines, in the order of the formula.
    PARAMETERS: ClassVar[tuple[str, ...]] = ("E", "A", "B", "alpha", "beta")

    #: The exponent that goes with each coefficient.
    EXPONENT_OF: ClassVar[dict[str, str]] = {"A": "alpha", "B": "beta"}

    E: Any
    A: Any
    B: Any
    alpha: Any
    beta: Any

    @property
    def parameters(self) -> dict[str, Any]:
        """Names and values of what a fit determines."""
        return {name: getattr(self, name) for name in self.PARAMETERS}

    @overflow_is_refused
    def loss(self, N: ArrayLike, D: ArrayLike) -> Any:
        """Loss of N parameters trained on D tokens (floats or arrays that broadcast)."""
        N, D = positives(N=N, D=D)
        loss = self.E + self.A * N**-self.alpha + self.B * D**-self.beta
        return plain(self._held("the loss at these N and D", loss, -np.inf))

    @property
    def a(self) -> Any:
        r"""Exponent of the best size, :math:`N^* \propto C^a`, :math:`a = \beta/(\alpha+\beta)`."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> Any:
        r"""Exponent of the best token count, :math:`D^* \propto C^b`, :math:`b = \alpha/(\alpha+\beta)`."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def gamma(self) -> Any:
        r"""Exponent of :math:`L^* - E \propto C^{-\gamma}`, :math:`\gamma = a\alpha = b\beta`."""
        return self.alpha * self.beta / (self.alpha + self.beta)

    @property
    @overflow_is_refused
    def G(self) -> Any:
        r"""Balance of the two terms, :math:`G = (\alpha A / \beta B)^{1/(\alpha+\beta)}`."""
        logs = np.log(self.alpha * self.A) - np.log(self.beta * self.B)
        G = np.exp(logs / (self.alpha + self.beta))
        return plain(self._held("the balance G of the two terms", G))

    @property
    def K(self) -> Any:
        r"""Coefficient of the frontier, :math:`K = A G^{-\alpha} + B G^{\beta}`."""
        G = self.G
        K = self.A * _power(G, -self.alpha) + self.B * _power(G, self.beta)
        return self._held("the coefficient K of the frontier", K)

    @overflow_is_refused
    def N_opt(self, C: ArrayLike) -> Any:
        r"""Parameters that minimise the loss at C FLOPs, :math:`N^* = G\,(C/6)^a`."""
        return self._held("the best N at this C", self.G * _product_ND(C) ** self.a)

    @overflow_is_refused
    def D_opt(self, C: ArrayLike) -> Any:
        r"""Tokens that minimise the loss at C FLOPs, :math:`D^* = G^{-1}(C/6)^b`."""
        return self._held("the best D at this C", _product_ND(C) ** self.b / self.G)

    def L_opt(self, C: ArrayLike) -> Any:
        r"""Lowest loss that C FLOPs can buy, :math:`L^* = E + K\,(C/6)^{-\gamma}`."""
        K, product = self.K, _product_ND(C)
        return self._held("the best loss at this C", self.E + K * _power(product, -self.gamma))

    @overflow_is_refused
    def C_for(self, L: ArrayLike) -> Any:
        r"""Compute at which the frontier reaches loss L, :math:`C = 6\,((L-E)/K)^{-1/\gamma}`.

        Raises
        ------
        ValueError
            If a loss is not above E: no compute reaches it.
        """
        loss = floats("LossSurface: L", L)
        above = loss - self.E
        if not np.all(above > 0):
            raise ValueError(
                f"LossSurface: L is {shortened(L)}, and no compute reaches that loss: the "
                f"irreducible loss E is {self.E}."
            )
        C = FLOPS_PER_PARAMETER_TOKEN * (above / self.K) ** (-1 / self.gamma)
        return plain(self._held("the compute that reaches this L", C))

    def _held(self, what: str, values: Any, least: float = 0.0) -> Any:
        """Return an answer; one surface refuses what overflowed, many keep it as inf."""
        return values


@dataclass(frozen=True)
class LossSurface(SurfaceAlgebra):
    r"""A loss surface: the loss of a model of :math:`N` parameters trained on :math:`D` tokens.

    .. math:: L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}

    and everything that follows from it on the frontier :math:`6ND = C`. Use it where both resources limit
    the loss and compute is to be divided between them. For one resource a SaturatingPowerLaw is enough;
    where tokens repeat, RepeatedSurface or OverfittingSurface builds on this law.

    Parameters
    ----------
    E : float
        Irreducible loss, in the unit of the loss (nats per token unless a data card says otherwise).
    A, B : float
        Coefficients of the parameter term and the data term; not negative.
    alpha, beta : float
        Exponents of parameters and of data; positive.
    name : str, optional
        A label for tables and pictures; two surfaces with the same parameters are equal.

    Raises
    ------
    ValueError
        If a parameter is not finite, E, A or B is negative, or an exponent is not positive.

    See Also
    --------
    SaturatingPowerLaw : Loss against one resource.
    RepeatedSurface : Loss when tokens repeat and lose their value.
    OverfittingSurface : Loss when repetition can raise it.
    Surfaces : Many loss surfaces at once.

    Notes
    -----
    The form of :cite:t:`rosenfeld2020` with the letters of :cite:t:`hoffmann2022`. The chapter
    *One surface, two resources* introduces it, *The compute-optimal frontier* derives the rest.

    Examples
    --------
    >>> surface = LossSurface(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> f"{surface.loss(70e9, 1.4e12):.4f}"
    '1.9366'
    >>> f"{surface.N_opt(5.76e23):.3g} parameters, {surface.D_opt(5.76e23):.3g} tokens"
    '3.22e+10 parameters, 2.98e+12 tokens'
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        of_kind("LossSurface: name", self.name, str, "give a text")
        for letter, given in self.parameters.items():
            value = number(f"LossSurface: {letter}", given)
            if value is not given:
                object.__setattr__(self, letter, value)
            if letter in ("alpha", "beta"):
                if value <= 0:
                    raise ValueError(f"LossSurface: {letter} is {value}; exponents must be positive.")
                if not 1e-100 <= value <= 1e100:
                    raise ValueError(f"LossSurface: {letter} is {value}; give one between 1e-100 and 1e100.")
            elif value < 0:
                raise ValueError(f"LossSurface: {letter} is {value}; it must not be negative.")

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them: exponents to five decimals, the others to five digits."""
        return {
            name: f"{value:.5f}" if name in ("alpha", "beta") else f"{value:.5g}"
            for name, value in self.parameters.items()
        }

    @property
    def G(self) -> float:
        r"""Balance of the two terms, :math:`G = (\alpha A / \beta B)^{1/(\alpha+\beta)}`."""
        if self.A == 0 or self.B == 0:
            raise ValueError(
                "LossSurface: the frontier needs A > 0 and B > 0; here one of the two terms vanishes, "
                "so the other resource would take the whole budget."
            )
        return float(super().G)

    def _held(self, what: str, values: Any, least: float = 0.0) -> Any:
        return held(f"LossSurface: {what}", values, least)


@overflow_is_refused
def _power(base: Any, exponent: Any) -> Any:
    """Return a power, inf where it overflows."""
    try:
        return base**exponent
    except (OverflowError, ZeroDivisionError):
        return np.float64(np.inf)


def _product_ND(C: ArrayLike) -> Any:
    """Parameters times tokens that C FLOPs pay for, C/6."""
    return plain(positive("C: compute", C) / FLOPS_PER_PARAMETER_TOKEN)


def exponents_of(surface: LossSurface) -> tuple[float, float]:
    """Return the exponents (alpha, beta) of a LossSurface, or raise ValueError for anything else."""
    if not isinstance(surface, LossSurface):
        raise ValueError(
            f"surface is {shortened(surface)}; give a LossSurface, for instance CHINCHILLA_REFIT."
        )
    return surface.alpha, surface.beta
