import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
HEAD = """---
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
STYLE = """```{code-cell} ipython3
from matplotlib import pyplot as plt

from scalinglab import plotting

plotting.use_style()
```

"""
FIGURE = """```{code-cell} ipython3
---
mystnb:
  figure: {caption: A line., name: fig-line}
  image: {alt: A line rises.}
---
DRAW
```
"""
LINE = "plt.plot([0, 1], [0, 1])\nplt.xlabel('compute');"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("figures", ROOT / "tools/figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(folder, *parts):
    path = folder / "page.md"
    path.write_text(HEAD + "".join(parts))
    return path


def test_a_captioned_figure_is_written_as_svg_and_pdf(tool, tmp_path):
    plain = "```{code-cell} ipython3\nplt.plot([1, 2]);\n```\n\n"
    written = tool.write([page(tmp_path, STYLE, plain, FIGURE.replace("DRAW", LINE))], tmp_path / "out")
    assert written == ["fig-line"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "captions.md", "fig-line.pdf", "fig-line.svg",
    ]  # fmt: skip
    assert "<svg" in (tmp_path / "out/fig-line.svg").read_text()
    pdf = (tmp_path / "out/fig-line.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile2" in pdf  # letters, not outlines
    captions = (tmp_path / "out/captions.md").read_text()
    assert "**fig-line**: A line." in captions
    assert "In words: A line rises." in captions


def test_a_caption_without_a_picture_is_an_error(tool, tmp_path):
    notebook = tool.jupytext.read(page(tmp_path, FIGURE.replace("DRAW", "1 + 1")))
    told = nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)
    (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [told]
    with pytest.raises(ValueError, match="fig-line has a caption and draws no picture"):
        list(tool.figures(notebook))


def test_a_cell_that_fails_is_an_error(tool, tmp_path):
    with pytest.raises(Exception, match="ZeroDivisionError"):
        tool.write([page(tmp_path, FIGURE.replace("DRAW", "1 / 0"))], tmp_path)


def test_every_named_figure_of_the_book_is_on_a_page_that_is_run(tool):
    listed = "".join(path.read_text(encoding="utf-8") for path in tool.pages().values())
    everywhere = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("book", "notebooks")
        for path in (ROOT / folder).glob("*.md")
    )
    names = re.findall(r"^    name: (fig-[\w-]+)", everywhere, re.MULTILINE)
    assert len(names) > 40
    assert len(names) == len(set(names))
    assert set(names) <= set(re.findall(r"^    name: (fig-[\w-]+)", listed, re.MULTILINE))
