from .isoflop_bias import (
    Approach2Bias as Approach2Bias,
    approach2_bias as approach2_bias,
    leading_shift as leading_shift,
    vertex_shift as vertex_shift,
)
from .isoflop_curvature import curvature_score as curvature_score
from .noisy_threshold import stochastic_error as stochastic_error
from .spacings import budget_spacing as budget_spacing
from .staircase import (
    size_crossover as size_crossover,
    staircase_exponent as staircase_exponent,
    step_shift as step_shift,
)
from .threshold_learner import (
    LearningCurve as LearningCurve,
    noiseless_curve as noiseless_curve,
    noisy_curves as noisy_curves,
)
