from .approach1 import (
    Envelope as Envelope,
    EnvelopeFit as EnvelopeFit,
    fit_approach1 as fit_approach1,
    lower_envelope as lower_envelope,
)
from .approach2 import fit_approach2 as fit_approach2, fit_parabola as fit_parabola
from .approach3 import fit_approach3 as fit_approach3, hoffmann_starts as hoffmann_starts
from .certificate import Certificate as Certificate, certify as certify
from .free_levels import LevelsFit as LevelsFit
from .frontier_fits import FrontierFit as FrontierFit, Parabola as Parabola
from .influences import Influence as Influence, influence as influence
from .lack_of_fit import LackOfFit as LackOfFit, lack_of_fit_bound as lack_of_fit_bound
from .law_results import LawFit as LawFit
from .methods import METHODS as METHODS, fit_every_budget as fit_every_budget
from .recommendations import Recommendation as Recommendation
from .reduced_objective import objective_map as objective_map, solve_coefficients as solve_coefficients
from .results import Fit as Fit, FitError as FitError, SurfaceFit as SurfaceFit
from .vpnls import fit_vpnls as fit_vpnls
