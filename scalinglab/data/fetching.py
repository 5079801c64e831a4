"""Files of public tables: from a folder, the user's cache or the net, and verified."""

from __future__ import annotations

import hashlib
import os
from http.client import IncompleteRead
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from scalinglab._arrays import shortened
from scalinglab._extras import needs
from scalinglab.data.cards import DataCard

#: Environment variable that names a folder with copies of the files.
FOLDER = "SCALINGLAB_DATA"

#: Seconds without a sign of life after which a server is given up.
PATIENCE = 30


def file_of(card: DataCard, folder: str | PathLike[str] | None = None) -> Path:
    """Path of the file of a public table, its content verified.

    Raises
    ------
    OSError
        If it cannot be had; see :func:`open_runs`.
    """
    if folder is not None:
        return _copy(card, folder, "folder")
    if named := os.environ.get(FOLDER):
        return _copy(card, named, FOLDER)
    return _fetched(card)


def cache_folder() -> Path:
    """Where fetched files are kept: the user's cache."""
    with needs("data"):
        import pooch

    return Path(pooch.os_cache("scalinglab"))


def _copy(card: DataCard, folder: str | PathLike[str], said: str) -> Path:
    """A copy of the file in a folder of the user's."""
    if not isinstance(folder, (str, PathLike)):
        raise ValueError(f"open_runs: folder is {shortened(folder)}; give the path of a folder.")
    names = (card.file, PurePosixPath(card.path).name)
    places = [Path(os.fsdecode(folder)) / name for name in names]
    path = next(filter(os.path.isfile, places), None)
    if path is None:
        raise FileNotFoundError(
            f"open_runs: {said} is {shortened(os.fsdecode(folder))}, which holds neither {names[0]} nor "
            f"{names[1]}; save {card.url} there, or leave {said} out to have the file fetched."
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise OSError(
            f"open_runs: {path} is not the file that the catalogue knows as {card.name!r}: it has "
            f"{len(content):,} bytes for {card.bytes:,}, or other ones. Save {card.url} in its place; if it "
            "was changed on purpose, read it with read_runs()."
        )
    return path


def _fetched(card: DataCard) -> Path:
    """The file in the user's cache, fetched if it is not there or was changed."""
    with needs("data"):
        import pooch
    folder, seen = cache_folder(), _Seen(pooch.HTTPDownloader)
    try:
        return Path(
            pooch.retrieve(card.url, f"sha256:{card.sha256}", card.file, folder, downloader=seen.download)
        )
    except ValueError:  # the checksum
        what, cure = seen.other_file(card)
    except OSError as error:
        if not hasattr(error, "request"):  # what requests raises has one
            raise OSError(
                f"open_runs: {card.name!r} could not be kept in {folder} ({error.strerror or error}). Make "
                f"room for its {card.bytes:,} bytes there, or save {card.url} elsewhere and give folder=."
            ) from None
        what, cure = seen.trouble(card, error)
    raise ConnectionError(
        f"open_runs: {card.name!r} could not be fetched from {card.url}: {what}. {cure}; or save the file by "
        f"other means, and name its folder: folder=, or the environment variable {FOLDER}."
    )


class _Seen:
    """What was seen of a transfer, to say why it failed."""

    def __init__(self, downloader: Any) -> None:
        self.fetch = downloader(timeout=PATIENCE, hooks={"response": self._answer})
        self.bytes = 0
        self.asked = self.moved_to = ""

    def download(self, fname: str, action: Any, pooch: Any, **_: Any) -> None:
        """Fetch a file as pooch does, and remember how far that went."""
        self.asked = fname
        try:
            self.fetch(fname, action, pooch)
        finally:
            self.bytes = os.path.getsize(action)

    def _answer(self, answer: Any, *_: Any, **__: Any) -> None:
        self.moved_to = answer.url if answer.url != self.asked else ""

    def other_file(self, card: DataCard) -> tuple[str, str]:
        """What a wrong checksum means, and what to do."""
        what = f"what arrived is another file, of {self.bytes:,} bytes for {card.bytes:,}"
        if self.moved_to:
            return (
                f"{what}, after a redirect to {self.moved_to}",
                "Open the address in a browser: a network that asks for a login answers like this",
            )
        if self.bytes < card.bytes:
            return f"only {self.bytes:,} of {card.bytes:,} bytes arrived, or another file", "Try again"
        return what, "Try again without a proxy"

    def trouble(self, card: DataCard, error: OSError) -> tuple[str, str]:
        """What an error on the way means, and what to do."""
        answer = getattr(error, "response", None)
        if answer is not None:
            failed = f"the server answered {answer.status_code} {answer.reason}"
            what = failed if answer.status_code >= 400 else str(error).rstrip(".")
            return what, f"See in a browser whether https://github.com/{card.repository} is still there"
        root: BaseException = error
        while root.__context__ is not None:
            root = root.__context__
        if isinstance(root, IncompleteRead) or self.bytes:
            return f"the transfer broke off before all of its {card.bytes:,} bytes were here", "Try again"
        why = getattr(root, "strerror", None) or root
        return str(why).rstrip("."), "Connect to the net and try again"
