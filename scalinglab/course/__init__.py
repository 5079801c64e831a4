"""Coursework: exercises that check themselves, and a budget of runs on a hidden surface."""

from scalinglab.course.answers import Question as Question, Verdict as Verdict, check as check
