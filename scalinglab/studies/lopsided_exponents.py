"""Published exponents and parabolas: what an IsoFLOP study of a field's own shape would get wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pandas as pd

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, positive_number, positive_range, positive_row
from scalinglab.laws.published_exponents import PUBLISHED_EXPONENTS, PublishedExponents
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.waste_of_errors import waste_of_shift
from scalinglab.theory.isoflop_bias import vertex_shift

#: Least and largest sum of alpha and beta among the studies that print both.
KNOWN_TOTALS = (
    min(one.total for one in PUBLISHED_EXPONENTS if one.total is not None),
    max(one.total for one in PUBLISHED_EXPONENTS if one.total is not None),
)

#: Sums that are tried between the two ends of a range.
TOTALS = 33


@dataclass(frozen=True, eq=False)
class Lopsidedness:
    r"""Bias of parabolas on centred grids, for ratios of exponents whose sum may be unknown.

    Attributes
    ----------
    ratio : ndarray, shape (n,)
        :math:`\alpha/\beta`.
    reach : float
        The grids run from 1/reach to reach times the best size.
    shift_low, shift_high : ndarray, shape (n,)
        Least and largest :math:`\ln(\hat N/N^*)`; equal where the sum of the exponents is known.
    waste_low, waste_high : ndarray, shape (n,)
        Least and largest deadweight loss of that plan, a share of the compute.
    studies : tuple of PublishedExponents
        Where the ratios are from; empty where they are not of studies.

    See Also
    --------
    lopsidedness : Computes it.
    """

    ratio: FloatArray
    reach: float
    shift_low: FloatArray
    shift_high: FloatArray
    waste_low: FloatArray
    waste_high: FloatArray
    studies: tuple[PublishedExponents, ...] = ()

    def by_field(self) -> pd.DataFrame:
        """One row a field: number of pairs, range of the ratio, of the shift of N* and of the waste."""
        import pandas as pd

        fields = list(dict.fromkeys(one.field for one in self.studies))
        rows = []
        for name in fields:
            mine = np.array([one.field == name for one in self.studies])
            rows.append(
                {
                    "pairs": int(mine.sum()),
                    "ratio from": self.ratio[mine].min(),
                    "ratio to": self.ratio[mine].max(),
                    "N from": np.exp(self.shift_low[mine].min()) - 1,
                    "N to": np.exp(self.shift_high[mine].max()) - 1,
                    "waste up to": self.waste_high[mine].max(),
                }
            )
        return pd.DataFrame(rows, index=pd.Index(fields, name="field"))


@within_floats
def lopsidedness(
    studies: Sequence[PublishedExponents] | ArrayLike = PUBLISHED_EXPONENTS,
    reach: float = 8.0,
    points: int | None = 15,
    total: tuple[float, float] = KNOWN_TOTALS,
) -> Lopsidedness:
    r"""Compute what a perfect IsoFLOP study would get wrong on surfaces of published shapes.

    With :math:`\rho = \alpha/\beta` and the sum t, the exponents are :math:`\alpha = t\rho/(1+\rho)` and
    :math:`\beta = t/(1+\rho)`. On a centred grid the vertex of the parabola is off by the
    :math:`\delta(\alpha, \beta)` of :func:`vertex_shift` at every budget, so the law is off by it as well,
    and spending by it wastes

    .. math::
        \text{DCL} = 1 - \Bigl(\frac{\beta e^{-\alpha\delta} + \alpha e^{\beta\delta}}{\alpha + \beta}
                     \Bigr)^{-(\alpha+\beta)/\alpha\beta}.

    To leading order :math:`\delta = t\,\frac{\rho - 1}{\rho + 1}\,\frac{U^2}{10}`, with U the log of the
    reach: the ratio gives the sign and t the scale.

    Parameters
    ----------
    studies : sequence of PublishedExponents, or array_like of shape (n,)
        Studies, or ratios alone.
    reach : float
        Of the grids, above 1.
    points : int, optional
        Sizes on a grid; dense when None.
    total : pair of float
        Range of t where a study does not print it. The default is that of the studies which do.

    Returns
    -------
    Lopsidedness

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    published_law_bounds : Of one law, with its budgets, and centres that are not known.
    approach2_bias : Of one surface and one design.

    Notes
    -----
    The chapter *How lopsided are published surfaces?* draws it.

    Examples
    --------
    >>> found = lopsidedness([0.296, 1.0], reach=8)
    >>> f"N* off by {np.expm1(found.shift_low[0]):.0%} to {np.expm1(found.shift_high[0]):.0%}"
    'N* off by -25% to -7%'
    """
    who = "lopsidedness"
    low, high = positive_range(f"{who}: total", total)
    reach = positive_number(f"{who}: reach", reach)
    printed: tuple[PublishedExponents, ...] = ()
    if isinstance(studies, (list, tuple)) and any(isinstance(one, PublishedExponents) for one in studies):
        printed = tuple(one for one in studies if isinstance(one, PublishedExponents))
        if len(printed) < len(studies):
            raise ValueError(
                f"{who}: studies mixes entries of PUBLISHED_EXPONENTS with numbers; give one kind."
            )
    numbers = [one.ratio for one in printed] if printed else cast(ArrayLike, studies)
    ratio = positive_row(f"{who}: studies", numbers)
    totals = np.tile(np.geomspace(low, high, TOTALS), (len(ratio), 1))
    for row, one in enumerate(printed):
        if one.total is not None:
            totals[row] = one.total
    beta = totals / (1 + ratio[:, None])
    alpha = totals - beta
    shift = vertex_shift(alpha, beta, reach, points)
    waste = waste_of_shift(alpha, beta, shift)
    return Lopsidedness(
        ratio, reach, shift.min(axis=1), shift.max(axis=1), waste.min(axis=1), waste.max(axis=1), printed
    )
