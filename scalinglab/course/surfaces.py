"""Hidden surfaces of the capstone: one loss surface for each student's name, always the same."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from scalinglab._arrays import of_kind
from scalinglab.laws.surface import LossSurface, training_flops


def hidden_surface(student: str, term: str = "") -> LossSurface:
    r"""Hidden loss surface of a student, from which the oracle answers.

    Drawn independently: the floor E uniform in 1.5-2.1 nats per token, the exponents log-uniform,
    :math:`\alpha` in 0.28-0.55 and :math:`\beta` in 0.22-0.45. Two more draws fix A and B by what they mean
    at :math:`10^{21}` FLOPs: the best number of tokens per parameter is log-uniform in 5-80, and the lowest
    loss lies 0.35-0.75 above E, uniform. There, with :math:`\Delta = L^* - E`,

    .. math:: \frac{A}{N^{*\alpha}} = \frac{\beta}{\alpha+\beta}\,\Delta, \qquad
              \frac{B}{D^{*\beta}} = \frac{\alpha}{\alpha+\beta}\,\Delta .

    Parameters
    ----------
    student, term : str
        Hashed to the seed of the generator; case and spaces of the name do not matter.

    Returns
    -------
    LossSurface

    See Also
    --------
    Oracle : Sells its losses.

    Notes
    -----
    The ranges hold the exponents fitted to text in :cite:t:`hoffmann2022`, :cite:t:`besiroglu2024` and the
    Llama 3 runs of this book; the shares are those of the chapter *The compute-optimal frontier*.

    Examples
    --------
    >>> hidden_surface("Ada Lovelace") == hidden_surface("  ada  lovelace ")
    True
    """
    of_kind("hidden_surface: student", student, str, "give a name as text")
    of_kind("hidden_surface: term", term, str, "give a word as text")
    rng = generator(student, term, "surface")
    E = rng.uniform(1.5, 2.1)
    alpha, beta = np.exp(rng.uniform(np.log([0.28, 0.22]), np.log([0.55, 0.45])))
    ratio = np.exp(rng.uniform(np.log(5), np.log(80)))
    gain = rng.uniform(0.35, 0.75)
    N = np.sqrt(1e21 / training_flops(1, ratio))
    D = ratio * N
    A = beta / (alpha + beta) * gain * N**alpha
    B = alpha / (alpha + beta) * gain * D**beta
    return LossSurface(float(E), float(A), float(B), float(alpha), float(beta), name=f"surface of {student}")


def generator(student: str, term: str, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for a name, a term and a purpose."""
    text = json.dumps([" ".join(student.split()).casefold(), term, purpose])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))
