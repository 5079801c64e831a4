"""Outcomes on disk, a line each: what an interrupted comparison keeps and a repeated call takes up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from scalinglab._arrays import shortened
from scalinglab.data.runs import Runs
from scalinglab.fitting.methods import Method


def fingerprint(runs: Runs, name: str, method: Method) -> str:
    """Name a fit: the runs to the last bit, the method's label and the function behind it."""
    function = getattr(method, "__qualname__", type(method).__qualname__)
    digest = hashlib.sha256(f"{name}\n{getattr(method, '__module__', '')}.{function}\n".encode())
    for column in (runs.N, runs.D, runs.L, runs.C):
        digest.update(column.tobytes())
    return digest.hexdigest()[:32]


class OutcomeStore:
    """A file of JSON lines, one a fit; what it holds is known, what is added is written at once."""

    def __init__(self, path: str | PathLike[str]) -> None:
        if not isinstance(path, (str, PathLike)):
            raise ValueError(f"compare_methods: store is {shortened(path)}; give the path of a file.")
        self.path = Path(path)
        self.known: dict[str, Mapping[str, Any]] = {}
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
            self.path.open("a", encoding="utf-8").close()
        except (OSError, ValueError) as error:
            raise ValueError(
                f"compare_methods: store is {shortened(path)}, which cannot be opened ({shortened(error)})."
            ) from None
        whole, _, _ = text.rpartition("\n")  # what follows the last line's end was cut short
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                record = json.loads(line)
                self.known[record.pop("key")] = record
            except (ValueError, KeyError, AttributeError):
                raise ValueError(
                    f"compare_methods: line {number} of store {shortened(path)} is no outcome; give another "
                    "file, or take that line out."
                ) from None
        if whole != text.rstrip("\n"):
            self.path.write_text(whole + "\n" if whole else "", encoding="utf-8")

    def add(self, key: str, record: Mapping[str, Any]) -> None:
        """Write one outcome."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **record}) + "\n")
        self.known[key] = record
