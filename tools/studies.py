"""Examine every public study and store what was found; print what differs from the stored run.

``python tools/studies.py [file]`` opens the tables of ``scalinglab.studies.PUBLIC_STUDIES``, fetched once or
read from the folder that ``SCALINGLAB_DATA`` names, and writes ``book/stored/studies.json``. Numbers are
rounded to five digits, which every optimiser that has arrived agrees on; a file whose numbers differ from the
new ones by a thousandth at most is left as it is, with its date, so that a second run changes nothing.
"""

import datetime
import json
import math
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STORED = ROOT / "book" / "stored" / "studies.json"

#: Digits that are stored, and the relative and absolute difference of two numbers that are taken to be equal.
DIGITS, RELATIVE, ABSOLUTE = 5, 1e-3, 1e-6

#: Chance of the bootstraps: the same draws in every run, for each study its own.
SEED = 20260323

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def plain(value: Any) -> Any:
    """A value as JSON holds it: numbers rounded, null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def differences(old: Any, new: Any, where: str = "") -> Iterator[str]:
    """Where two stored values differ, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            place = f"{where}, {key}" if where else str(key)
            if key not in new:
                yield f"{place}: no longer there"
            elif key not in old:
                yield f"{place}: new"
            else:
                yield from differences(old[key], new[key], place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{where}, {place}")
    elif not same(old, new):
        yield f"{where}: {old} is now {new}"


def same(old: Any, new: Any) -> bool:
    """Whether two values agree: numbers to a thousandth, sentences in words and about in numbers."""
    if type(old) in (int, float) and type(new) in (int, float):
        return math.isclose(old, new, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    if isinstance(old, str) and isinstance(new, str) and old != new:
        if NUMBER.sub("#", old) != NUMBER.sub("#", new):
            return False
        pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
        return all(math.isclose(float(one), float(other), rel_tol=0.02) for one, other in pairs)
    return bool(old == new)


def today() -> str:
    """The day, or that of SOURCE_DATE_EPOCH."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if seconds is None:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).date().isoformat()


def run() -> dict[str, Any]:
    """Examine every study."""
    import numpy as np

    from scalinglab.studies import PUBLIC_STUDIES

    found: dict[str, Any] = {}
    for study in PUBLIC_STUDIES:
        print(f"{study.name} ...", file=sys.stderr, flush=True)
        found[study.name] = plain(study.examined(np.random.default_rng(SEED)))
    tables = {study["table"]: study.pop("sha256") for study in found.values()}
    versions = {name: version(name) for name in ("scalinglab", "numpy", "scipy")}
    return {
        "date": today(),
        "versions": {"python": platform.python_version(), **versions},
        "tables": tables,
        "studies": found,
    }


def keep(path: Path, new: dict[str, Any], old: dict[str, Any], compared: Iterable[str]) -> None:
    """Say what differs from the stored run, and write the new one if anything does."""
    was, now = ({key: one.get(key) for key in compared} for one in (old, new))
    changed = list(differences(was, now))
    if old:
        print("\n".join(changed) or f"Nothing differs from the stored run of {old['date']}.")
    if changed or not old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"wrote {path}")


def stored(path: Path) -> dict[str, Any]:
    """The run that is stored, empty if there is none."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def main(path: Path) -> None:
    """Run, compare, and write what is new."""
    keep(path, run(), stored(path), ("tables", "studies"))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else STORED)
    except (OSError, ModuleNotFoundError) as error:  # a table is not at hand
        sys.exit(f"make studies: {error}")
