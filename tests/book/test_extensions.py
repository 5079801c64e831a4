"""What the book's extensions make of a page, without the book: paper, launch buttons, contents."""

import os
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup
from pages import extension, words


def test_launch_buttons_hang_on_one_key():
    configure = extension("comforts").configure
    off = SimpleNamespace(myst_substitutions={}, public_repository="", html_theme_options={})
    configure(None, off)
    assert not off.html_theme_options
    on = SimpleNamespace(
        myst_substitutions={}, public_repository="https://github.com/a/b", html_theme_options={}
    )
    configure(None, on)
    assert on.html_theme_options["repository_url"] == "https://github.com/a/b"
    assert on.html_theme_options["launch_buttons"]["binderhub_url"]


def test_contents_of_titles_keep_what_hangs_below_a_title():
    from docutils import nodes
    from sphinx import addnodes

    def entry(*below):
        return nodes.list_item(
            "", addnodes.compact_paragraph(), *(nodes.bullet_list("", one) for one in below)
        )

    headings = nodes.bullet_list("", entry(nodes.list_item("", addnodes.compact_paragraph())))
    hung = nodes.bullet_list("", entry(addnodes.toctree()))
    titles_of = extension("quick").titles_of
    assert [len(titles_of(one)[0]) for one in (headings, hung)] == [1, 2]
    assert isinstance(titles_of(hung)[0][1][0], addnodes.toctree)
    assert len(headings[0]) == 2  # the page's own contents keep every heading


class TestPaper:
    def test_a_table_keeps_its_cells_and_spans(self):
        html = (
            "<table><thead><tr><th></th><th colspan=2>both</th></tr><tr><th></th><th>x</th><th>y</th>"
            "</tr></thead><tbody><tr><th>row</th><td>1</td><td>2</td></tr></tbody></table>"
        )
        built = extension("paper").table(BeautifulSoup(html, "html.parser").table)
        assert [entry.astext() for entry in built.findall(lambda node: node.tagname == "entry")] == [
            "", "both", "", "x", "y", "row", "1", "2",
        ]  # fmt: skip
        spans = [entry.get("morecols") for entry in built.findall(lambda node: node.tagname == "entry")]
        assert spans[1] == 1

    def test_an_explorer_becomes_its_middle_frame(self, tmp_path, monkeypatch):
        from PIL import Image

        from scalinglab.course import Explorer

        def draw(value):
            plt.plot([0, value])
            return f"The line ends at {value}."

        monkeypatch.setenv("SCALINGLAB_STATIC", "paper")
        shown = Explorer(draw, [1, 2, 3], "end", "A line that rises to the value chosen.")._repr_mimebundle_()
        tag = BeautifulSoup(shown["text/html"], "html.parser").figure
        path = extension("paper").still(tag, tmp_path)
        with Image.open(path) as picture:
            assert picture.size[0] > 1000
        assert [words(part) for part in (tag.label, tag.output, tag.figcaption)] == [
            "end", "2", "The line ends at 2.",
        ]  # fmt: skip


def test_a_page_waits_for_its_outputs_and_says_when_there_are_none(tmp_path, monkeypatch):
    notebooks, program = extension("notebooks"), tmp_path / "execute.py"
    program.write_text(
        "import os\nprint('kept a.md')\nprint('ran b.md in', os.environ['OMP_NUM_THREADS'], 's')\n"
    )
    monkeypatch.setattr(notebooks, "EXECUTE", program)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    running = notebooks.Running(tmp_path)
    running.wait_for("b.md")
    running.wait_for("a.md")
    assert running.ready == {"a.md", "b.md"}
    with pytest.raises(notebooks.ExtensionError, match=r"c\.md has no outputs"):
        running.wait_for("c.md")
    running.end(failed=None)
    assert running.process.returncode == 0


def test_notebooks_that_run_for_paper_draw_for_paper(tmp_path, monkeypatch):
    import execute

    async def nothing(folder):
        return []

    monkeypatch.setattr(execute, "run_all", nothing)
    monkeypatch.setattr("sys.argv", ["execute.py", str(tmp_path)])
    monkeypatch.setenv("MPLBACKEND", "agg")
    for asked, drawn in (("paper", "paper"), ("", "1")):
        monkeypatch.setenv("SCALINGLAB_STATIC", asked)
        if not asked:
            monkeypatch.delenv("SCALINGLAB_STATIC")
        execute.main()
        assert os.environ["SCALINGLAB_STATIC"] == drawn
        assert "MPLBACKEND" not in os.environ
