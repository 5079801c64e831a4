"""Lint the code of every page as a script, all pages by one run of ruff."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Rules that a notebook breaks by its nature: values shown, late imports, long sentences.
IGNORED = "B018,B905,D,E303,E402,E501,E703,I001,SIM300,W291,W293,W391"
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.M | re.S)


def script(page: str) -> str:
    """The code of a page at the lines where it stands; all else is left out."""
    lines: list[str] = []
    for cell in CELL.finditer(page):
        lines += [""] * (page.count("\n", 0, cell.start()) + 1 - len(lines))
        code = cell.group().splitlines()[1:-1]
        options = code.index("---", 1) + 1 if code[:1] == ["---"] else 0
        while code[options : options + 1] and code[options].startswith(":"):
            options += 1
        lines += ["" if k < options or line.startswith(("%", "!")) else line for k, line in enumerate(code)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the pages with cells as scripts into a folder that vanishes, and lint it."""
    with tempfile.TemporaryDirectory() as folder:
        for room in ("notebooks", "notebooks/problems", "book"):
            for page in sorted((ROOT / room).glob("*.md")):
                text = page.read_text(encoding="utf-8")
                if "{code-cell}" in text:
                    place = Path(folder, page.relative_to(ROOT)).with_suffix(".md.py")
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(script(text), encoding="utf-8")
        ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--quiet", "--no-cache"]
        settings = ["--config", str(ROOT / "pyproject.toml"), "--ignore", IGNORED]
        sys.exit(subprocess.run([*ruff, *settings, "."], cwd=folder).returncode)


if __name__ == "__main__":
    main()
