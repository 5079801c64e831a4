"""What a file holds: unpacked by its first bytes, decoded by its mark."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from scalinglab._arrays import shortened

#: First bytes of packed files, and what unpacks them.
PACKED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}


def name_of(path: Any) -> str:
    """What a message calls a file."""
    if isinstance(path, (str, os.PathLike)):
        said = os.fspath(path)
        return PurePath(said if isinstance(said, str) else os.fsdecode(said)).name or "the file"
    return "the file"


def unpacked(path: Any, name: str) -> bytes | str:
    """All that a path, an address or an open file holds, unpacked."""
    try:
        content = _read(path)
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"Runs.read_csv: path is {shortened(path)}, which cannot be read ({shortened(error)})."
        ) from None
    if isinstance(content, str):
        return content
    if not isinstance(content, (bytes, bytearray)):
        raise ValueError(f"Runs.read_csv: path is {shortened(path)}, which cannot be read; give a file.")
    content = bytes(content)
    try:
        for mark, unpack in PACKED.items():
            if content.startswith(mark):
                return unpack(content)
        if content.startswith(b"PK\x03\x04"):
            return _zipped(content, name)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise ValueError(
            f"Runs: {name} is packed, and broken ({shortened(error)}); pack it anew, or give the table."
        ) from None
    return content


def _read(path: Any) -> Any:
    if hasattr(path, "read"):
        return path.read()
    if isinstance(path, str) and path.startswith(("http://", "https://")):
        from urllib.request import urlopen

        with urlopen(path) as answer:
            return answer.read()
    with open(os.fspath(path), "rb") as file:
        return file.read()


def _zipped(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        inside = [one for one in folder.namelist() if not one.endswith("/")]
        if "[Content_Types].xml" in inside:
            raise ValueError(f"Runs: {name} is a workbook; save its sheet as CSV, and read that.")
        if len(inside) != 1:
            raise ValueError(f"Runs: {name} packs {len(inside)} files; unpack it, and read the table itself.")
        return folder.read(inside[0])


def text_of(content: bytes | str, name: str) -> str:
    """The text of a file: UTF-16 where a mark says so, else UTF-8, else Latin-1, which only names feel."""
    if isinstance(content, str):
        text = content.removeprefix("\ufeff")
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    if "\x00" in text:
        raise ValueError(f"Runs: {name} is no text table; save it as CSV in UTF-8, JSON Lines or Parquet.")
    return text
