from .checking import check as check
from .explorer import Explorer as Explorer
from .leaderboards import leaderboard as leaderboard, tournament as tournament
from .notebook import (
    format_count as format_count,
    show_source as show_source,
    show_text as show_text,
    typeset as typeset,
)
from .oracle import Oracle as Oracle
from .prediction import OracleError as OracleError, Prediction as Prediction, Score as Score
from .question import Question as Question, Verdict as Verdict
from .surfaces import hidden_surface as hidden_surface
