"""Gradebooks for tests, which are many and small.

nbgrader commits after every cell, opens the gradebook anew for every step, and starts a program to hear what
the form of a new one is called. Here no commit waits for a disk, a gradebook that is opened again remembers
the statements it has compiled, and the form has any name: only who converts old gradebooks asks for it. The
schema of nbgrader's marks is itself judged once, and not anew for every cell.
"""

import contextlib
import functools
import json
import sqlite3
from types import SimpleNamespace

import nbgrader.api
import pytest
from jsonschema.validators import validator_for
from nbgrader.nbgraderformat import common


def careless(*place, **settings):
    """A connection whose file need not survive a crash of the machine."""
    connection = sqlite3.connect(*place, **settings)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@functools.cache
def sound(schema):
    """What judges by a schema, given as text, that is sound."""
    schema = json.loads(schema)
    judge = validator_for(schema)
    judge.check_schema(schema)
    return judge(schema)


def validate(thing, schema):
    """Raise what ``jsonschema.validate`` would."""
    sound(json.dumps(schema)).validate(thing)


@contextlib.contextmanager
def quick_gradebooks():
    """While this lasts gradebooks are quick; what it gives takes further patches, undone with its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", lambda: "new")
        patch.setattr(nbgrader.api, "create_engine", functools.cache(nbgrader.api.create_engine))
        patch.setattr(sqlite3.dbapi2, "connect", careless)
        patch.setattr(common, "jsonschema", SimpleNamespace(validate=validate))
        yield patch
