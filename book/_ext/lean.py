"""Sphinx extension: nothing is made that no page shows.

It changes no page. Left out are the places of definitions in source files, comments that state types (the
package has none), messages for those who mend Sphinx, the states of a parser that no line leads to, and, at
the end, the search of memory for what may be freed: all of it may.
"""

import atexit
import gc
import logging

from docutils import statemachine
from sphinx.ext.autodoc import type_comment
from sphinx.pycode.parser import Parser


class States(dict):
    """The states of a parser, each made when a line first leads to it."""

    def __init__(self, machine, kinds):
        super().__init__()
        self.machine, self.kinds = machine, {kind.__name__: kind for kind in kinds}

    def __missing__(self, name):
        state = self[name] = self.kinds[name](self.machine, self.machine.debug)
        if self.machine.runs:
            state.runtime_init()
        return state


def add_states(machine, kinds):
    """Give a parser its states."""
    machine.runs, machine.states = False, States(machine, kinds)


def begin_run(machine):
    """Prepare the states that are there; the others are prepared as they are made."""
    machine.runs = True
    for state in machine.states.values():
        state.runtime_init()


def setup(app):
    """Register with Sphinx."""
    atexit.register(gc.freeze)
    if app.verbosity <= 0:
        logging.getLogger("sphinx").setLevel(logging.INFO)
    statemachine.StateMachine.add_states = add_states
    statemachine.StateMachine.runtime_init = begin_run
    type_comment.get_type_comment = lambda *_: None
    Parser.parse_definition = lambda _: None
    return {"parallel_read_safe": True, "parallel_write_safe": True}
