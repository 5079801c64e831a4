from .budget_subsets import waste_without_budgets as waste_without_budgets
from .comparison_results import MethodComparison as MethodComparison, Study as Study
from .czech2026 import (
    efficiency_studies as efficiency_studies,
    noise_studies as noise_studies,
    recovery_studies as recovery_studies,
)
from .deadweight import deadweight_by_stage as deadweight_by_stage
from .examinations import LAWS as LAWS, examine as examine
from .hindcasts import Hindcast as Hindcast, hindcast as hindcast
from .interval_coverage import (
    INTERVALS as INTERVALS,
    SHARED_INTERVALS as SHARED_INTERVALS,
    Coverage as Coverage,
    coverage as coverage,
)
from .law_comparison import LawComparison as LawComparison, compare as compare
from .lopsided_exponents import (
    KNOWN_TOTALS as KNOWN_TOTALS,
    Lopsidedness as Lopsidedness,
    lopsidedness as lopsidedness,
)
from .method_comparison import (
    compare_methods as compare_methods,
    draw_from_one_stream as draw_from_one_stream,
)
from .public_studies import PUBLIC_STUDIES as PUBLIC_STUDIES, PublicStudy as PublicStudy
from .published_searches import (
    SearchResult as SearchResult,
    published_search as published_search,
    repaired_search as repaired_search,
    search_from_each as search_from_each,
)
from .recount import (
    CountingDesign as CountingDesign,
    Recount as Recount,
    counts_compared as counts_compared,
    recount_runs as recount_runs,
    refit_in_other_counts as refit_in_other_counts,
)
from .repetition import (
    RepetitionProfile as RepetitionProfile,
    repetition_objective as repetition_objective,
    repetition_profile as repetition_profile,
)
from .sensitivity import Repeats as Repeats, refit as refit, repeat_study as repeat_study
from .stored_studies import StoredStudies as StoredStudies, read_studies as read_studies
