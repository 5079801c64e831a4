from .allocation import (
    Misallocation as Misallocation,
    cost_table as cost_table,
    deadweight_loss as deadweight_loss,
    misallocation as misallocation,
)
from .compute_price import (
    H100_AS_PUBLISHED as H100_AS_PUBLISHED,
    H100_DENSE as H100_DENSE,
    GpuRate as GpuRate,
)
