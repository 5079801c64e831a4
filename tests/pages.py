"""The pages of the book, from its table of contents."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def _files(entry):
    """Every file at or below an entry of the table of contents."""
    if isinstance(entry, list):
        return [file for one in entry for file in _files(one)]
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [file for key in ("parts", "chapters", "sections") for file in _files(entry.get(key, []))]


#: Pages that we write, without their suffix.
PAGES = _files(TOC)
#: Those with code that is run.
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
#: Pages that the builder adds.
ADDED = ["genindex", "prf-prf", "search"]
