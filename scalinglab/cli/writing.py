"""What a command writes, whole or not at all, how it was called, and how far it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import click


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


@contextmanager
def progress_bar(label: str, steps: int) -> Generator[Callable[[str], object]]:
    """A bar on a terminal's standard error; the function it gives is told what each step is as it begins."""
    if not sys.stderr.isatty():  # nobody is waiting
        yield str
        return
    with click.progressbar(
        length=steps, label=label, file=sys.stderr, show_eta=False, item_show_func=lambda word: word
    ) as bar:
        begun = 0

        def begin(word: str) -> None:
            nonlocal begun
            bar.update(min(begun, 1), word)
            begun += 1

        yield begin
        bar.update(1)
