"""Pictures: one function each. They take results and return the Axes; nothing is fitted here.

A role (the truth, the runs, a method) has the same colour, line and marker in every picture.
"""

from scalinglab.plotting.budgets import (
    frontier as frontier,
)
from scalinglab.plotting.budgets import (
    isoflops as isoflops,
)
from scalinglab.plotting.budgets import (
    lines as lines,
)
from scalinglab.plotting.budgets import (
    missed_minimum as missed_minimum,
)
from scalinglab.plotting.budgets import (
    staircase as staircase,
)
from scalinglab.plotting.budgets import (
    training_curves as training_curves,
)
from scalinglab.plotting.budgets import (
    vertex_errors as vertex_errors,
)
from scalinglab.plotting.studies import (
    cloud as cloud,
)
from scalinglab.plotting.studies import (
    coverage_shares as coverage_shares,
)
from scalinglab.plotting.studies import (
    exponent_spread as exponent_spread,
)
from scalinglab.plotting.studies import (
    hindcast_errors as hindcast_errors,
)
from scalinglab.plotting.studies import (
    histograms as histograms,
)
from scalinglab.plotting.studies import (
    profile_curve as profile_curve,
)
from scalinglab.plotting.studies import (
    screening as screening,
)
from scalinglab.plotting.studies import (
    search_ends as search_ends,
)
from scalinglab.plotting.studies import (
    search_histories as search_histories,
)
from scalinglab.plotting.studies import (
    search_ranks as search_ranks,
)
from scalinglab.plotting.style import (
    ROLES as ROLES,
)
from scalinglab.plotting.style import (
    SPARE_LOOKS as SPARE_LOOKS,
)
from scalinglab.plotting.style import (
    budget_colours as budget_colours,
)
from scalinglab.plotting.style import (
    count as count,
)
from scalinglab.plotting.style import (
    use_style as use_style,
)
from scalinglab.plotting.surfaces import (
    certificate as certificate,
)
from scalinglab.plotting.surfaces import (
    deadweight as deadweight,
)
from scalinglab.plotting.surfaces import (
    exponent_map as exponent_map,
)
from scalinglab.plotting.surfaces import (
    residual_histogram as residual_histogram,
)
from scalinglab.plotting.surfaces import (
    residuals as residuals,
)
from scalinglab.plotting.surfaces import (
    surface_map as surface_map,
)
from scalinglab.plotting.surfaces import (
    terms as terms,
)
