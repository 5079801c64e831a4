"""What looks at pages shares one tab."""

import importlib
from pathlib import Path

import pytest
from sheets import Sheet


@pytest.fixture(scope="session")
def sheet(window):
    """A tab that goes from page to page."""
    return Sheet(window)


@pytest.fixture(scope="module")
def extension():
    """The book's extension, by the name of a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "book/_ext")
        yield importlib.import_module
