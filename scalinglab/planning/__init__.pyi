from .allocation import (
    Misallocation as Misallocation,
    cost_table as cost_table,
    deadweight_loss as deadweight_loss,
    misallocation as misallocation,
)
from .beliefs import plausible_surfaces as plausible_surfaces
from .compute_price import (
    H100_AS_PUBLISHED as H100_AS_PUBLISHED,
    H100_DENSE as H100_DENSE,
    GpuRate as GpuRate,
)
from .elfving import (
    ElfvingOptimum as ElfvingOptimum,
    HullView as HullView,
    elfving_optimum as elfving_optimum,
)
from .error_results import Approach2Error as Approach2Error, PredictedError as PredictedError
from .further_runs import NextRuns as NextRuns, next_run as next_run
from .plan_results import SweepPlan as SweepPlan
from .planned_runs import PlannedRuns as PlannedRuns
from .predicted_errors import predict_error as predict_error
from .published_parabolas import (
    LawBounds as LawBounds,
    PublishedFit as PublishedFit,
    fit_published_parabolas as fit_published_parabolas,
    published_law_bounds as published_law_bounds,
)
from .reaches import BestReach as BestReach, best_reach as best_reach
from .stopping import StoppingPoint as StoppingPoint, when_to_stop as when_to_stop
from .sweep_plans import plan_sweep as plan_sweep
from .waste_of_errors import expected_waste as expected_waste
