"""Coursework: exercises that check themselves, and a budget of runs on a hidden surface."""

from scalinglab.course.answers import Question as Question, Verdict as Verdict, check as check
from scalinglab.course.leaderboard import leaderboard as leaderboard, tournament as tournament
from scalinglab.course.oracle import (
    Oracle as Oracle,
    OracleError as OracleError,
    Prediction as Prediction,
    Score as Score,
    hidden_surface as hidden_surface,
)
