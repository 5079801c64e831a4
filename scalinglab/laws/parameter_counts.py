"""Parameters counted in two ways: with the embedding and without."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, held, plain, positive, positive_number, shortened
from scalinglab.laws.published import PEARCE_OMEGA

#: Parameters of a transformer layer over the square of its width: four in attention, eight in the MLP.
PARAMETERS_PER_LAYER = 12


def embedding_omega(vocabulary: float, aspect: float) -> float:
    r"""Coefficient of the embedding parameters, :math:`\omega = V\,(r/12)^{1/3}`.

    :math:`l` layers of width :math:`d = r\,l` have :math:`N = 12\,l\,d^2 = (12/r)\,d^3` parameters, and the
    embedding :math:`V d = V\,(r/12)^{1/3} N^{1/3}`.

    Parameters
    ----------
    vocabulary : float
        V, rows of the embedding: tokens, plus learned positions if there are any.
    aspect : float
        r, width over depth.

    Returns
    -------
    float
        :math:`\omega`, in (parameters)^(2/3).

    See Also
    --------
    total_parameters : What it is for.

    Notes
    -----
    From :cite:t:`pearce2024`. Derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{embedding_omega(32000, aspect=39.2):.0f}"
    '47481'
    """
    rows, r = positive_number("vocabulary", vocabulary), positive_number("aspect", aspect)
    return float(
        held("embedding_omega: of this vocabulary, omega", rows * (r / PARAMETERS_PER_LAYER) ** (1 / 3))
    )


def total_parameters(N: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Total parameters of a model with N non-embedding ones, :math:`N_T = N + \omega N^{1/3}`.

    Parameters
    ----------
    N : float or array_like
        Non-embedding parameters, in ones: the formula does not survive millions.
    omega : float
        Coefficient of the embedding; 47491 for a vocabulary of 32000.

    Returns
    -------
    float or ndarray
        Total parameters.

    See Also
    --------
    nonembedding_parameters : The inverse.
    embedding_share : The embedding's part of the total.

    Notes
    -----
    Equation of :cite:t:`pearce2024`, derived in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{total_parameters(1.5e9):.3g}, {total_parameters(768):.3g}"
    '1.55e+09, 4.36e+05'
    """
    return plain(both_counts(N, omega)[1])


def nonembedding_parameters(N_total: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Non-embedding parameters of a model with ``N_total`` in all, the inverse of :func:`total_parameters`.

    With :math:`x = N^{1/3}` this is the cubic :math:`x^3 + \omega x = N_T`, whose only real root is

    .. math:: x = 2\sqrt{\omega/3}\;\sinh\Bigl(\tfrac13 \operatorname{arsinh}
              \frac{3 N_T}{2\omega\sqrt{\omega/3}}\Bigr).

    Parameters
    ----------
    N_total : float or array_like
        Total parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        Non-embedding parameters.

    See Also
    --------
    total_parameters : The inverse.

    Notes
    -----
    From :math:`\sinh 3t = 4\sinh^3 t + 3 \sinh t`; no cancellation at either end. Used in the chapter
    *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{nonembedding_parameters(total_parameters(1e8)):.6g}"
    '1e+08'
    """
    unit = np.sqrt(positive_number("omega", omega) / 3)
    with np.errstate(all="ignore"):
        third = np.arcsinh(positive("parameters", N_total) / (2 * unit**3)) / 3
        N = np.asarray((2 * unit * np.sinh(third)) ** 3)
    if not (np.isfinite(N) & (N > 0)).all():
        raise ValueError(
            f"nonembedding_parameters: N_total {shortened(N_total)} with omega {shortened(omega)} is beyond "
            "what a float can hold; give both in ones, as for real models."
        )
    return plain(N)


def embedding_share(N: ArrayLike, omega: float = PEARCE_OMEGA) -> Any:
    r"""Share of all parameters that stands in the embedding, :math:`\omega/(N^{2/3} + \omega)`.

    Parameters
    ----------
    N : float or array_like
        Non-embedding parameters.
    omega : float
        Coefficient of the embedding.

    Returns
    -------
    float or ndarray
        Between 0 and 1.

    See Also
    --------
    total_parameters : The total itself.

    Notes
    -----
    Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{embedding_share(1e7):.0%}, {embedding_share(1.5e9):.1%}"
    '51%, 3.5%'
    """
    N, N_total = both_counts(N, omega)
    return plain(1 - N / N_total)


def both_counts(N: ArrayLike, omega: float) -> tuple[FloatArray, FloatArray]:
    """Return non-embedding and total parameters as arrays, or raise ValueError."""
    N = positive("parameters", N)
    with np.errstate(over="ignore"):
        return N, held("N, the parameters, with omega", N + positive_number("omega", omega) * N ** (1 / 3))
