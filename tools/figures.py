"""Every captioned figure of the book as SVG and PDF, for slides.

``python tools/figures.py`` runs the pages that the book lists and writes ``<name>.svg`` and ``<name>.pdf``
of every figure to ``_build/figures``, with ``captions.md``: name, caption and text for readers who do not
see it. Names of pages after the command run those alone.
"""

import argparse
import base64
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import jupytext
import yaml
from kernels import QuickManager
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "_build" / "figures"
#: Letters stay letters in a PDF, so that slides can be searched.
BOTH_KINDS = (
    "from matplotlib_inline.backend_inline import set_matplotlib_formats as f; f('svg', 'pdf')\n"
    "import matplotlib; matplotlib.rcParams['pdf.fonttype'] = 42"
)
KINDS = {"svg": "image/svg+xml", "pdf": "application/pdf"}


def pages() -> dict[str, Path]:
    """The pages of the book with figures, by name, in its order."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [contents["root"], *(entry["file"] for part in contents["parts"] for entry in part["chapters"])]
    found = {Path(file).name: ROOT / f"{file}.md" for file in files}
    return {name: path for name, path in found.items() if "\nmystnb:" in path.read_text(encoding="utf-8")}


def run(page: Path) -> NotebookNode:
    """The executed page, its pictures of both kinds; a cell that fails is an error."""
    notebook = jupytext.read(page)
    client = NotebookClient(
        notebook,
        kernel_manager_class=QuickManager,
        timeout=120,
        resources={"metadata": {"path": str(page.parent)}},
    )
    inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    with client.setup_kernel(env={**os.environ, **inline}):
        assert client.kc is not None
        for i, cell in enumerate(notebook.cells):
            client.execute_cell(cell, i)
            if cell.cell_type == "code" and "use_style" in cell.source:
                client.kc.execute(BOTH_KINDS, silent=True)
    executed: NotebookNode = notebook
    return executed


def figures(notebook: NotebookNode) -> Iterator[tuple[str, str, str, dict[str, bytes]]]:
    """Name, caption, alternative text and pictures of every captioned figure."""
    for cell in notebook.cells:
        about = cell.metadata.get("mystnb", {})
        if cell.cell_type != "code" or "name" not in about.get("figure", {}):
            continue
        name = about["figure"]["name"]
        outputs = [output.get("data", {}) for output in cell.outputs]
        pictures = {kind: data[mime] for kind, mime in KINDS.items() for data in outputs if mime in data}
        if set(pictures) != set(KINDS):
            raise ValueError(f"the cell of figure {name} has a caption and draws no picture.")
        alt = about.get("image", {}).get("alt", "")
        svg, pdf = pictures["svg"].encode(), base64.b64decode(pictures["pdf"])
        yield name, about["figure"].get("caption", ""), alt, {"svg": svg, "pdf": pdf}


def write(sources: Iterable[Path], folder: Path = FIGURES) -> list[str]:
    """Run pages and write their figures; returns the names."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    lines = ["# Figures", ""]
    for page in sources:
        lines += [f"## {page.stem}", ""]
        for name, caption, alt, pictures in figures(run(page)):
            if name in written:
                raise ValueError(f"two figures are called {name}.")
            for kind, content in pictures.items():
                (folder / f"{name}.{kind}").write_bytes(content)
            lines += [f"**{name}**: {caption}", "", f"In words: {alt}", ""]
            written.append(name)
        print(f"{page.stem}: {len(written)} figures so far", flush=True)
    (folder / "captions.md").write_text("\n".join(lines), encoding="utf-8")
    return written


def main() -> None:
    """Write the figures of the named pages, or of all."""
    parser = argparse.ArgumentParser(description="Write every figure of the book as SVG and PDF.")
    parser.add_argument("names", nargs="*", help="pages such as vertex_shift; all without a name")
    names = parser.parse_args().names or list(pages())
    unknown = [name for name in names if name not in pages()]
    if unknown:
        sys.exit(f"There is no page {', '.join(unknown)}; there are {', '.join(pages())}.")
    write([pages()[name] for name in names])
    print(f"They are in {FIGURES.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
