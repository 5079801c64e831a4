"""Bad calls, many in one test: those that are not refused in the words they should be are named together."""

import re


def not_refused(cases, error=ValueError):
    """Of cases, each a call and a pattern, those whose error does not match, with what came instead."""
    missed = []
    for call, words in cases:
        try:
            came = call()
        except error as told:
            if re.search(words, str(told)):
                continue
            came = told
        missed.append((words, came))
    return missed
