from . import published as published
from .allocations import Optimum as Optimum
from .compute_laws import (
    ComputeLaw as ComputeLaw,
    chinchilla_note_law as chinchilla_note_law,
    kaplan_compute_law as kaplan_compute_law,
)
from .ensembles import Frontiers as Frontiers, Surfaces as Surfaces
from .formulas import Law as Law
from .intersections import (
    Intersection as Intersection,
    law_crossings as law_crossings,
    where_laws_meet as where_laws_meet,
)
from .law_records import PublishedLaw as PublishedLaw
from .nonembedding_frontier import (
    CountedFrontier as CountedFrontier,
    counted_frontier as counted_frontier,
    local_exponent as local_exponent,
    loss_compute_slope as loss_compute_slope,
    read_off_exponent as read_off_exponent,
)
from .nonembedding_simulation import simulated_frontier as simulated_frontier
from .overfitting import OverfittingSurface as OverfittingSurface
from .parameter_counts import (
    embedding_omega as embedding_omega,
    embedding_share as embedding_share,
    nonembedding_parameters as nonembedding_parameters,
    total_parameters as total_parameters,
)
from .power_laws import (
    PowerLaw as PowerLaw,
    SaturatingPowerLaw as SaturatingPowerLaw,
    ThreeRegions as ThreeRegions,
)
from .published import (
    ASYMMETRIC as ASYMMETRIC,
    CHINCHILLA as CHINCHILLA,
    CHINCHILLA_REFIT as CHINCHILLA_REFIT,
    CHINCHILLA_UNROUNDED as CHINCHILLA_UNROUNDED,
    MUENNIGHOFF as MUENNIGHOFF,
    SODA as SODA,
    SOURCES as SOURCES,
    SPARSE_NMM as SPARSE_NMM,
    SYMMETRIC as SYMMETRIC,
)
from .published_exponents import (
    PUBLISHED_EXPONENTS as PUBLISHED_EXPONENTS,
    PublishedExponents as PublishedExponents,
)
from .published_laws import PUBLISHED_LAWS as PUBLISHED_LAWS, published_law as published_law
from .repeated_data import (
    RepeatedAllocation as RepeatedAllocation,
    RepeatedSurface as RepeatedSurface,
    effective_tokens as effective_tokens,
    geometric_tokens as geometric_tokens,
)
from .straight_lines import (
    StraightLine as StraightLine,
    miss_per_residual as miss_per_residual,
    straight_line as straight_line,
)
from .surface import LossSurface as LossSurface, training_flops as training_flops
