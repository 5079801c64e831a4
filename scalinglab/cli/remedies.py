"""Remedies in the words of the command line: an option for each call of Python that a sentence names."""

from __future__ import annotations

import re
from dataclasses import replace

from scalinglab.data.runs import Runs
from scalinglab.reporting.answers import Answer

#: What a sentence says to somebody who writes Python, and what the option is.
OPTIONS = [
    (r"(?:columns|units)=\{[^}]*\}, on the command line ", ""),
    (r"drop_incomplete=True, on the command line ", ""),
    (r"^(?:Runs|Runs\.read_csv|Runs\.group|Runs\.from_frame): ", ""),
    (r"runs\.group\(rtol=([\d.e-]+)\)", r"--group \1"),
    (r"runs\.group\(budgets=\[\.\.\.\]\)", "--budgets 1e18,1e19 or the like"),
    (r"\b(best|mean)_of_repeats(?:\(runs\))?(?![\w(])", r"--repeats \1"),
    (r"\bfit_vpnls(?:\(runs\))?(?![\w(])", "--method VPNLS"),
    (r"\bleave C out(?! \()", "leave C out (--column C=)"),
    (r"(C stands in (.+?)) \([\d.e+]+ FLOPs\); multiply it by [\d.e+]+", r'\1; convert it (--unit "C=\2")'),
]


def in_options(sentence: str) -> str:
    """A sentence with the options that do what it asks for.

    Examples
    --------
    >>> in_options("group them, runs.group(rtol=0.05), or leave C out.")
    'group them, --group 0.05, or leave C out (--column C=).'
    """
    for pattern, option in OPTIONS:
        sentence = re.sub(pattern, option, sentence)
    return sentence


def with_options(runs: Runs) -> Runs:
    """The same runs, their notes in the words of the command line."""
    notes = tuple(map(in_options, runs.notes))
    return Runs(runs.N, runs.D, runs.L, runs.C, runs.extra, replace(runs.origin, notes=notes))


def answer_with_options(found: Answer) -> Answer:
    """The same answer, its sentences in the words of the command line."""
    screening = found.screening
    return replace(
        found,
        concerns=tuple(map(in_options, found.concerns)),
        refused={name: in_options(why) for name, why in found.refused.items()},
        screening=in_options(screening) if isinstance(screening, str) else screening,
    )
