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
from .error_results import Approach2Error as Approach2Error, PredictedError as PredictedError
from .planned_runs import PlannedRuns as PlannedRuns
from .predicted_errors import predict_error as predict_error
from .reaches import BestReach as BestReach, best_reach as best_reach
from .waste_of_errors import expected_waste as expected_waste
