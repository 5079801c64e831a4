"""Pictures: one function each. They take results and return the Axes; nothing is fitted here.

A role (the truth, the runs, a method) has the same colour, line and marker in every picture.
"""

from scalinglab.plotting.budgets import (
    frontier as frontier,
    isoflops as isoflops,
    lines as lines,
    missed_minimum as missed_minimum,
    staircase as staircase,
    training_curves as training_curves,
    vertex_errors as vertex_errors,
)
from scalinglab.plotting.contest import contest as contest
from scalinglab.plotting.counting import (
    local_exponents as local_exponents,
    porian_steps as porian_steps,
    recounted_size_term as recounted_size_term,
    sliding_window as sliding_window,
    two_counts as two_counts,
    two_laws as two_laws,
)
from scalinglab.plotting.learning import (
    contradiction as contradiction,
    learning_curves as learning_curves,
    line_and_law as line_and_law,
    line_residuals as line_residuals,
    three_regions as three_regions,
)
from scalinglab.plotting.reference import run_map as run_map, token_curves as token_curves
from scalinglab.plotting.repeated import (
    effective_data as effective_data,
    epoch_losses as epoch_losses,
    repeated_allocations as repeated_allocations,
    repeated_isoflop as repeated_isoflop,
)
from scalinglab.plotting.speed import duration as duration, growth as growth
from scalinglab.plotting.studies import (
    cloud as cloud,
    coverage_shares as coverage_shares,
    exponent_spread as exponent_spread,
    hindcast_errors as hindcast_errors,
    histograms as histograms,
    profile_curve as profile_curve,
    screening as screening,
    search_ends as search_ends,
    search_histories as search_histories,
    search_ranks as search_ranks,
)
from scalinglab.plotting.style import (
    ROLES as ROLES,
    SPARE_LOOKS as SPARE_LOOKS,
    budget_colours as budget_colours,
    count as count,
    use_style as use_style,
)
from scalinglab.plotting.surfaces import (
    certificate as certificate,
    deadweight as deadweight,
    exponent_map as exponent_map,
    residual_histogram as residual_histogram,
    residuals as residuals,
    surface_map as surface_map,
    terms as terms,
)
