from . import plotting as plotting, published as published
from .allocation import (
    H100_AS_PUBLISHED as H100_AS_PUBLISHED,
    H100_DENSE as H100_DENSE,
    GpuRate as GpuRate,
    Misallocation as Misallocation,
    cost_table as cost_table,
    deadweight_loss as deadweight_loss,
    misallocation as misallocation,
)
from .approach1 import (
    Envelope as Envelope,
    EnvelopeFit as EnvelopeFit,
    crossing as crossing,
    fit_approach1 as fit_approach1,
    lower_envelope as lower_envelope,
    staircase_exponent as staircase_exponent,
    step_shift as step_shift,
)
from .approach2 import fit_approach2 as fit_approach2, fit_parabola as fit_parabola
from .approach3 import fit_approach3 as fit_approach3, hoffmann_starts as hoffmann_starts
from .bias import (
    Approach2Bias as Approach2Bias,
    approach2_bias as approach2_bias,
    leading_shift as leading_shift,
    vertex_shift as vertex_shift,
)
from .certificate import Certificate as Certificate, certify as certify
from .counting import (
    embedding_omega as embedding_omega,
    embedding_share as embedding_share,
    nonembedding_parameters as nonembedding_parameters,
    total_parameters as total_parameters,
)
from .course import (
    Oracle as Oracle,
    Question as Question,
    check as check,
    leaderboard as leaderboard,
    tournament as tournament,
)
from .curves import TrainingCurves as TrainingCurves, simulate_curves as simulate_curves, smooth as smooth
from .datasets import (
    DataCard as DataCard,
    card as card,
    load_chinchilla as load_chinchilla,
    load_llama3 as load_llama3,
)
from .design import IsoflopDesign as IsoflopDesign
from .fits import (
    FitError as FitError,
    FrontierFit as FrontierFit,
    Parabola as Parabola,
    SurfaceFit as SurfaceFit,
)
from .floors import (
    FloorLaw as FloorLaw,
    Meeting as Meeting,
    StraightLine as StraightLine,
    ThreeRegions as ThreeRegions,
    miss_per_residual as miss_per_residual,
    straight_line as straight_line,
    where_laws_meet as where_laws_meet,
)
from .kaplan import (
    ComputeLaw as ComputeLaw,
    chinchilla_note_law as chinchilla_note_law,
    crossings as crossings,
    kaplan_compute_law as kaplan_compute_law,
)
from .learning import (
    LearningCurve as LearningCurve,
    noiseless_curve as noiseless_curve,
    noisy_curves as noisy_curves,
    stochastic_error as stochastic_error,
)
from .losses import Huber as Huber, Squared as Squared
from .nonembedding import (
    CountedFrontier as CountedFrontier,
    counted_frontier as counted_frontier,
    local_exponent as local_exponent,
    loss_compute_slope as loss_compute_slope,
    read_off_exponent as read_off_exponent,
    simulated_frontier as simulated_frontier,
)
from .notebook import Explorer as Explorer, say as say, show as show
from .overfitting import OverfittingSurface as OverfittingSurface
from .plotting import count as count
from .published import (
    ASYMMETRIC as ASYMMETRIC,
    CHINCHILLA as CHINCHILLA,
    CHINCHILLA_REFIT as CHINCHILLA_REFIT,
    CHINCHILLA_UNROUNDED as CHINCHILLA_UNROUNDED,
    MUENNIGHOFF as MUENNIGHOFF,
    SODA as SODA,
    SPARSE_NMM as SPARSE_NMM,
    SYMMETRIC as SYMMETRIC,
)
from .quality import (
    Limits as Limits,
    Screening as Screening,
    curvature_score as curvature_score,
    deadweight_by_stage as deadweight_by_stage,
    screen as screen,
)
from .recount import (
    CountingDesign as CountingDesign,
    Recount as Recount,
    refit_in_other_counts as refit_in_other_counts,
)
from .repeated import (
    RepeatedAllocation as RepeatedAllocation,
    RepeatedSurface as RepeatedSurface,
    effective_tokens as effective_tokens,
    geometric_tokens as geometric_tokens,
)
from .resampling import (
    Bootstrap as Bootstrap,
    Frontiers as Frontiers,
    Surfaces as Surfaces,
    bootstrap as bootstrap,
)
from .runs import Runs as Runs
from .sensitivity import Repeats as Repeats, refit as refit, repeat_study as repeat_study
from .simulate import (
    Study as Study,
    Sweep as Sweep,
    drawn_in_order as drawn_in_order,
    efficiency_studies as efficiency_studies,
    fit_every_budget as fit_every_budget,
    noise_studies as noise_studies,
    recovery_studies as recovery_studies,
    sweep as sweep,
)
from .stops import (
    Stop as Stop,
    published_search as published_search,
    repaired_search as repaired_search,
    scan as scan,
)
from .surface import LossSurface as LossSurface, PowerLaw as PowerLaw, training_flops as training_flops
from .trials import Coverage as Coverage, Hindcast as Hindcast, coverage as coverage, hindcast as hindcast
from .uncertainty import (
    Covariance as Covariance,
    Interval as Interval,
    Profile as Profile,
    covariance as covariance,
    profile as profile,
)
from .vpnls import fit_vpnls as fit_vpnls, objective_map as objective_map, project as project
