from .cards import DataCard as DataCard, catalogue as catalogue, data_card as data_card
from .datasets import load_chinchilla as load_chinchilla, load_llama3 as load_llama3
from .isoflop_design import IsoflopDesign as IsoflopDesign
from .public_runs import open_runs as open_runs
from .repeats import best_of_repeats as best_of_repeats, mean_of_repeats as mean_of_repeats
from .run_tables import read_runs as read_runs
from .runs import Runs as Runs
from .screening import Screening as Screening, screen as screen
from .screening_stages import STAGES as STAGES, ScreeningLimits as ScreeningLimits
from .training_curves import (
    TrainingCurves as TrainingCurves,
    simulate_curves as simulate_curves,
    smooth as smooth,
)
