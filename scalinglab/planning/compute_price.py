"""Price of compute: FLOPs in GPU-hours and dollars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import finite, held, number, of_kind

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class GpuRate:
    r"""Price of compute, :math:`\$ = C / (\text{peak}\cdot\text{MFU}) / 3600 \cdot \text{price}`.

    Use ``H100_DENSE`` for a training run; ``H100_AS_PUBLISHED`` only to redo published dollars, since its
    peak is that of sparse matrices and halves the price. Whichever you use, say which peak.

    Parameters
    ----------
    name : str
        A label.
    peak : float
        Peak FLOP/s of one GPU.
    utilisation : float
        Model FLOPs utilisation (MFU), between 0 and 1.
    price : float
        Dollars per GPU-hour.

    Raises
    ------
    ValueError
        If a number is out of range.

    See Also
    --------
    cost_table : Dollars that plans waste at such rates.

    Notes
    -----
    Used in the chapter *What an error costs*.

    Examples
    --------
    >>> f"${H100_DENSE.dollars(3.8e25) / 1e6:.1f}M"
    '$42.7M'
    """

    name: str
    peak: float
    utilisation: float = 0.5
    price: float = 2.0

    def __post_init__(self) -> None:
        of_kind("GpuRate: name", self.name, str, "give a text")
        for field in ("peak", "utilisation", "price"):
            number(f"GpuRate: {field}", getattr(self, field))
        if not self.peak > 0 or not self.price >= 0 or not 0 < self.utilisation <= 1:
            raise ValueError("GpuRate: peak must be positive, utilisation in (0, 1] and price not negative.")

    def gpu_hours(self, C: ArrayLike) -> Any:
        """GPU-hours that C FLOPs take."""
        with np.errstate(over="ignore"):
            hours = finite("GpuRate: C", C)[()] / (self.peak * self.utilisation * SECONDS_PER_HOUR)
        return held("GpuRate: the hours for this C", hours)

    def dollars(self, C: ArrayLike) -> Any:
        """Dollars that C FLOPs cost."""
        with np.errstate(over="ignore"):
            return held("GpuRate: the price of this C", self.gpu_hours(C) * self.price)


#: Dense bf16 peak of an H100 SXM: 132 SMs, 4096 FLOP per clock each, 1.83 GHz.
H100_DENSE = GpuRate("H100, dense bf16", 989.4e12)

#: The peak :cite:t:`czech2026` use; it holds for 2:4 structured sparsity, which dense training has not.
H100_AS_PUBLISHED = GpuRate("H100, 2:4 sparse", 1979e12)
