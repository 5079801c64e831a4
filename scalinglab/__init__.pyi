from .data.cards import data_card as data_card
from .data.datasets import load_chinchilla as load_chinchilla, load_llama3 as load_llama3
from .data.isoflop_design import IsoflopDesign as IsoflopDesign
from .data.public_runs import open_runs as open_runs
from .data.repeats import best_of_repeats as best_of_repeats, mean_of_repeats as mean_of_repeats
from .data.run_tables import read_runs as read_runs
from .data.runs import Runs as Runs
from .data.screening import Screening as Screening, screen as screen
from .data.screening_stages import ScreeningLimits as ScreeningLimits
from .data.training_curves import TrainingCurves as TrainingCurves
from .fitting.approach1 import EnvelopeFit as EnvelopeFit, fit_approach1 as fit_approach1
from .fitting.approach2 import fit_approach2 as fit_approach2
from .fitting.approach3 import fit_approach3 as fit_approach3
from .fitting.certificate import Certificate as Certificate, certify as certify
from .fitting.free_levels import LevelsFit as LevelsFit
from .fitting.frontier_fits import FrontierFit as FrontierFit
from .fitting.influences import influence as influence
from .fitting.results import FitError as FitError, SurfaceFit as SurfaceFit
from .fitting.vpnls import fit_vpnls as fit_vpnls
from .laws.formulas import Law as Law
from .laws.power_laws import PowerLaw as PowerLaw
from .laws.published import CHINCHILLA as CHINCHILLA
from .laws.surface import LossSurface as LossSurface, training_flops as training_flops
from .planning.allocation import (
    Misallocation as Misallocation,
    deadweight_loss as deadweight_loss,
    misallocation as misallocation,
)
from .planning.compute_price import (
    H100_AS_PUBLISHED as H100_AS_PUBLISHED,
    H100_DENSE as H100_DENSE,
    GpuRate as GpuRate,
)
from .planning.predicted_errors import predict_error as predict_error
from .planning.sweep_plans import plan_sweep as plan_sweep
from .reporting.checklists import checklist as checklist
from .solvers.objectives import Huber as Huber, Squared as Squared
from .studies.hindcasts import Hindcast as Hindcast, hindcast as hindcast
from .studies.law_comparison import compare as compare
from .theory.isoflop_bias import (
    Approach2Bias as Approach2Bias,
    approach2_bias as approach2_bias,
    vertex_shift as vertex_shift,
)
from .uncertainty.bootstraps import Bootstrap as Bootstrap
from .uncertainty.covariances import Covariance as Covariance, covariance as covariance
from .uncertainty.profiles import Profile as Profile, profile as profile
from .uncertainty.resampling import bootstrap as bootstrap
