"""What a plain install leaves out: the extra that brings it is named when it is missed."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

#: The extras that the package itself makes use of, and what each is for.
EXTRAS = {
    "data": "A public table",
    "parquet": "A Parquet file",
    "parallel": "Work in parallel",
    "notebook": "A notebook's output",
}


@contextmanager
def needs(extra: str) -> Generator[None]:
    """Name the extra that brings a package which cannot be imported in this block.

    Raises
    ------
    ModuleNotFoundError
        With the package, the extra and the command that installs it.

    Examples
    --------
    >>> with needs("parquet"):
    ...     import files_that_nobody_has
    Traceback (most recent call last):
        ...
    ModuleNotFoundError: A Parquet file needs files_that_nobody_has, which is not installed: pip install
    'scalinglab[parquet]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", __package__):
            raise
        raise ModuleNotFoundError(
            f"{EXTRAS[extra]} needs {missing}, which is not installed: pip install 'scalinglab[{extra}]'",
            name=missing,
        ) from None


def in_notebook() -> bool:
    """Whether IPython runs this program, in a notebook or at its prompt."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
