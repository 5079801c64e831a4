"""Lint the code of every page as a script, all pages by one run of ruff."""

import subprocess
import sys
import tempfile
from pathlib import Path

import jupytext

ROOT = Path(__file__).parents[1]
#: Rules that a notebook breaks by its nature: values shown, late imports, long sentences.
IGNORED = "B018,B905,D,E402,E501,E703,I001,SIM300"


def main() -> None:
    """Write the pages with cells as scripts into a folder that vanishes, and lint it."""
    pages = [
        page
        for folder in ("notebooks", "notebooks/problems", "book")
        for page in sorted((ROOT / folder).glob("*.md"))
        if "{code-cell}" in page.read_text(encoding="utf-8")
    ]
    with tempfile.TemporaryDirectory() as folder:
        for page in pages:
            script = Path(folder, page.relative_to(ROOT)).with_suffix(".md.py")
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(jupytext.writes(jupytext.read(page), "py:percent"), encoding="utf-8")
        ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--quiet", "--no-cache"]
        settings = ["--config", str(ROOT / "pyproject.toml"), "--ignore", IGNORED]
        sys.exit(subprocess.run([*ruff, *settings, "."], cwd=folder).returncode)


if __name__ == "__main__":
    main()
