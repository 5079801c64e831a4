"""What a command writes, whole or not at all, and how it was called."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def command_line() -> str:
    """The command that runs, as one would type it."""
    words = (f'"{word}"' if set(word) & set(" *()") else word for word in sys.argv[1:])
    return " ".join(["scalinglab", *words])
