from .certificates import (
    dual_vector as dual_vector,
    prices as prices,
    proven_cells as proven_cells,
)
from .course import contest as contest
from .data import (
    isoflops as isoflops,
    run_map as run_map,
    screening as screening,
    token_curves as token_curves,
    training_curves as training_curves,
)
from .fitting import (
    certificate as certificate,
    exponent_map as exponent_map,
    frontier as frontier,
    lines as lines,
    residual_histogram as residual_histogram,
    residuals as residuals,
)
from .influences import influence_map as influence_map
from .laws import (
    contradiction as contradiction,
    isoflop_slice as isoflop_slice,
    line_and_law as line_and_law,
    line_residuals as line_residuals,
    surface_map as surface_map,
    terms as terms,
    three_regions as three_regions,
)
from .laws_bent import (
    bowl_curvatures as bowl_curvatures,
    budget_offsets as budget_offsets,
    valley as valley,
)
from .laws_counting import (
    local_exponents as local_exponents,
    recounted_size_term as recounted_size_term,
    sliding_window as sliding_window,
    two_counts as two_counts,
)
from .laws_published import (
    lopsided_fields as lopsided_fields,
    porian_steps as porian_steps,
    two_laws as two_laws,
)
from .laws_repetition import (
    effective_data as effective_data,
    epoch_losses as epoch_losses,
    repeated_allocations as repeated_allocations,
    repeated_isoflop as repeated_isoflop,
    repetition_constants as repetition_constants,
)
from .planning import (
    deadweight as deadweight,
    elfving_hull as elfving_hull,
    reach_errors as reach_errors,
    run_weights as run_weights,
    sweep_plan as sweep_plan,
)
from .studies import (
    coverage_shares as coverage_shares,
    duration as duration,
    exponent_spread as exponent_spread,
    growth as growth,
    hindcast_errors as hindcast_errors,
    search_ends as search_ends,
    search_histories as search_histories,
    search_ranks as search_ranks,
)
from .studies_compared import (
    law_forecasts as law_forecasts,
    outer_powers as outer_powers,
    screened_waste as screened_waste,
    study_concerns as study_concerns,
    study_exponents as study_exponents,
)
from .style import (
    ROLES as ROLES,
    SPARE_LOOKS as SPARE_LOOKS,
    budget_colours as budget_colours,
    use_style as use_style,
)
from .theory import (
    learning_curves as learning_curves,
    missed_minimum as missed_minimum,
    staircase as staircase,
    vertex_errors as vertex_errors,
)
from .uncertainty import (
    cloud as cloud,
    histograms as histograms,
    interval_bands as interval_bands,
    profile_curve as profile_curve,
)
