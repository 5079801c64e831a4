"""Files of public tables: from a folder, the user's cache or the net, and verified."""

from __future__ import annotations

import hashlib
import os
from os import PathLike
from pathlib import Path, PurePosixPath

from scalinglab._arrays import shortened
from scalinglab.data.cards import DataCard

#: Environment variable that names a folder with copies of the files.
FOLDER = "SCALINGLAB_DATA"


def file_of(card: DataCard, folder: str | PathLike[str] | None = None) -> Path:
    """Path of the file of a public table, its content verified."""
    given = folder if folder is not None else os.environ.get(FOLDER) or None
    if given is not None:
        return _copy(card, given, "folder" if folder is not None else FOLDER)
    raise FileNotFoundError(
        f"open_runs: {card.name!r} lies at {card.url}; save it in a folder, and give folder=."
    )


def _copy(card: DataCard, folder: str | PathLike[str], said: str) -> Path:
    """A copy of the file in a folder of the user's."""
    if not isinstance(folder, (str, PathLike)):
        raise ValueError(f"open_runs: folder is {shortened(folder)}; give the path of a folder.")
    names = (card.file, PurePosixPath(card.path).name)
    for name in names:
        path = Path(os.fsdecode(folder)) / name
        if path.is_file():
            _verify(card, path)
            return path
    raise FileNotFoundError(
        f"open_runs: {said} is {shortened(os.fsdecode(folder))}, which holds neither {names[0]} nor "
        f"{names[1]}; save {card.url} there, or leave {said} out to have the file fetched."
    )


def _verify(card: DataCard, path: Path) -> None:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise OSError(
            f"open_runs: {path} is not the file that the catalogue knows as {card.name!r}: it has "
            f"{len(content):,} bytes for {card.bytes:,}, or other ones. Save {card.url} in its place; if it "
            "was changed on purpose, read it with read_runs()."
        )
