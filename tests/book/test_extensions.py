"""What the book's extensions make of a page, without the book: paper, launch buttons, contents."""

import functools
import inspect
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


def test_what_is_worked_out_once_is_the_same_and_is_wrapped_once():
    quick, calls = extension("quick"), []

    def settings(kind):
        calls.append(kind)
        return SimpleNamespace(kind=kind, names=[])

    owner = SimpleNamespace(settings=settings)
    quick.once(owner, "settings", quick.copied)
    wrapped = owner.settings
    quick.once(owner, "settings", quick.copied)
    assert owner.settings is wrapped
    owner.settings("a").names.append("of the first block alone")
    assert owner.settings("a") == SimpleNamespace(kind="a", names=[])
    assert owner.settings("b").kind == "b"
    assert calls == ["a", "b"]


def test_a_parser_without_states_that_no_line_leads_to_reads_the_same(monkeypatch):
    from docutils.core import publish_doctree
    from docutils.parsers.rst.states import RSTState
    from docutils.statemachine import StateMachine

    lean, made = extension("lean"), set()
    grid = "====  ====\na     b\n====  ====\n"
    text = (
        f"A\n=\n\n- one\n\n  1. two\n\n:field: *three*\n\n.. note:: four\n\n{grid}\nB\n=\n\nterm\n   five\n"
    )
    expected = publish_doctree(text).pformat()
    assert all(
        f"<{kind}" in expected for kind in ("enumerated_list", "note", "table", "definition", "section")
    )
    missing = lean.States.__missing__

    def noted(states, name):
        made.add(name)
        return missing(states, name)

    monkeypatch.setattr(lean.States, "__missing__", noted)
    monkeypatch.setattr(RSTState, "nested_sm_cache", [])  # parsers are kept for their next use
    monkeypatch.setattr(StateMachine, "add_states", lean.add_states)
    monkeypatch.setattr(StateMachine, "runtime_init", lean.begin_run)
    assert publish_doctree(text).pformat() == expected
    assert {"Body", "BulletList", "Text"} <= made
    assert "LineBlock" not in made


def test_defaults_are_spelled_as_the_source_spells_them():
    from scalinglab import IsoflopDesign

    def far(one, /, two=1e3, six=6.0, *rest, three=(1_000, "é"), four, five=1_0, **more):
        """Has parameters of every kind."""

    @functools.wraps(far)
    def near(*given, **named):
        """Has those of another."""

    spell = extension("defaults").spell_defaults
    for function in (far, near):
        spell(None, function, False)
        shown = '(one, /, two=1e3, six=6.0, *rest, three=(1_000, "é"), four, five=1_0, **more)'
        assert str(inspect.signature(function)) == shown
    spell(None, IsoflopDesign.__init__, True)  # no source: a decorator wrote it
    spell(None, len, False)
    assert inspect.signature(IsoflopDesign).parameters["points"].default == IsoflopDesign.points


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
