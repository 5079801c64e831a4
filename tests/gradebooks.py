"""Gradebooks for tests, which are many and small.

nbgrader commits after every cell, opens the gradebook anew for every step, and starts a program to hear what
the form of a new one is called. Here no commit waits for a disk, a gradebook that is opened again remembers
the statements it has compiled, and the form has any name: only who converts old gradebooks asks for it.
"""

import contextlib
import functools
import sqlite3

import nbgrader.api
import pytest


def careless(*place, **settings):
    """A connection whose file need not survive a crash of the machine."""
    connection = sqlite3.connect(*place, **settings)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@contextlib.contextmanager
def quick_gradebooks():
    """While this lasts gradebooks are quick; what it gives takes further patches, undone with its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", lambda: "new")
        patch.setattr(nbgrader.api, "create_engine", functools.cache(nbgrader.api.create_engine))
        patch.setattr(sqlite3.dbapi2, "connect", careless)
        yield patch
