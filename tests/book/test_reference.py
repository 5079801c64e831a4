"""The reference pages: complete, linked both ways, and light; pages that promise something of their own."""

import ast
import importlib
import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from pages import PAGES, ROOT, by_class, extension, prose, soup as read, tags, words

import scalinglab
from scalinglab import data_card
from scalinglab._text import typeset
from scalinglab.data import catalogue

API = sorted(path.stem for path in (ROOT / "book/api").glob("*.md"))
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))
CARDS = sorted(path.stem for path in (Path(scalinglab.__file__).parent / "data/tables").glob("*.toml"))


def curly(text):
    """A text with one kind of quotation marks."""
    return " ".join(re.sub("[‘’]", "'", text).split())


def title_of(chapter):
    return re.search(r"^# (.+)$", (ROOT / f"notebooks/{chapter}.md").read_text(encoding="utf-8"), re.M)[1]


@pytest.fixture(scope="module")
def api(site):
    return {page: read(site, f"book/api/{page}") for page in API}


@pytest.fixture(scope="module")
def classes(site):
    """Of every page of the reference the tags by class."""
    return {page: by_class(site, f"book/api/{page}") for page in API}


def entries(tags):
    """Those of the tags that are entries: what is offered, each with its signature."""
    return [one for one in tags if one.name == "dl" and "py" in one.get("class", ())]


def below(tags, *names):
    """The tags with these names that stand right below some tags."""
    return [one for tag in tags for one in tag(names, recursive=False)]


def anchors(listed):
    """The names by which entries are linked."""
    return [dt["id"] for dt in below(listed, "dt") if dt.has_attr("id")]


def stub(package):
    """Names that the stub of the package, or of one of its folders, offers."""
    path = ROOT / package.replace(".", "/") / "__init__.pyi"
    if not path.exists():
        return []
    return [alias.name for node in ast.parse(path.read_text(encoding="utf-8")).body for alias in node.names]


def layers():
    """Folders of the package, the lowest first, as the contract in pyproject.toml lists them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (listed,) = [one["layers"] for one in settings["tool"]["importlinter"]["contracts"] if "layers" in one]
    names = [name.strip() for layer in reversed(listed) for name in re.split("[:|]", layer)]
    return [name for name in names if (ROOT / "scalinglab" / name).is_dir()]


def line_of(page):
    """The folder and the files that a page's line asks for."""
    text = (ROOT / f"book/api/{page}.md").read_text(encoding="utf-8")
    return re.search(r"^% api: (.+)$", text, re.M)[1].split()


class TestPackage:
    def test_every_offered_name_is_documented_once_under_its_shortest_path(self, api, classes):
        top = stub("scalinglab")
        offered = {f"scalinglab.{name}" for name in top}
        for room in layers():
            offered |= {f"scalinglab.{room}.{name}" for name in stub(f"scalinglab.{room}") if name not in top}
        shown = [name for found in classes.values() for name in anchors(entries(found["py"]))]
        sections = {one["id"] for soup in api.values() for one in soup("section") if one.has_attr("id")}
        for path in offered:
            assert shown.count(path) == 1 or path.rpartition(".")[2] in sections, path
        assert len(shown) == len(set(shown))

    def test_every_folder_has_a_page_and_every_page_a_folder(self, api):
        assert set(api) == set(layers())
        for page in api:
            room, *files = line_of(page)
            assert room == page
            assert len(files) == len(set(files))
            for file in files:
                assert (ROOT / f"scalinglab/{room}/{file}.py").is_file(), f"book/api/{page}.md names {file}"

    def test_folders_stand_in_the_order_of_their_layers(self, api, site):
        overview = read(site, "book/api")
        order = [dt.get_text(strip=True) for dt in overview.select("article .api-contents dl > dt")]
        assert order == layers()
        listed = [page.rpartition("/")[2] for page in PAGES if page.startswith("book/api/")]
        assert listed == layers()
        for room, soup in api.items():
            said = importlib.import_module(f"scalinglab.{room}").__doc__.strip()
            for words_of_room in (words(soup.select_one("article")), words(overview.select_one("article"))):
                assert curly(said) in curly(words_of_room)

    def test_names_in_docstrings_lead_somewhere(self, classes):
        foreign = ("joblib.", "pandas.", "numpy.", "scipy.", "matplotlib.")
        for page, found in classes.items():
            for code in (one for one in found["xref"] if one.name == "code" and "py" in one["class"]):
                name = code.get_text()
                assert code.find_parent("a") or name.startswith(foreign), (page, name)

    def test_parameters_described_together_stand_together(self, classes):
        for page, found in classes.items():
            for listed in below(below(found["field-list"], "dd"), "ul"):
                said = [words(item).partition("–")[2].strip() for item in below([listed], "li")]
                twice = [one for one, after in pairwise(said) if one and one == after]
                assert not twice, (page, twice)

    def test_a_page_can_be_scrolled(self, classes):
        """What follows the first words of an entry is folded, and says what it holds."""
        for page, found in classes.items():
            for fold in found["api-fold"]:
                assert words(fold.summary), page
            outer = [
                one
                for one in entries(found["function"] + found["class"])
                if "section" in (one.parent.name, one.parent.name == "details" and one.parent.parent.name)
            ]
            assert outer or page == "cli"
            for part in below([one.find("dd", recursive=False) for one in outer], "dl", "p"):
                assert not {"field-list", "py", "rubric"} & set(part.get("class", ())), page

    def test_entries_of_a_crowded_page_are_folded_by_file(self, classes):
        for page, found in classes.items():
            open_ones = [one for one in entries(found["py"]) if one.parent.name == "section"]
            assert len(open_ones) <= 80, (page, len(open_ones))
            for fold in (one for one in found["api-members"] if one.parent.name == "section"):
                names = [name.rpartition(".")[2] for name in anchors(entries(below([fold], "dl")))]
                assert words(fold.summary) == ", ".join(names)

    def test_every_parameter_of_a_listed_signature_is_described(self, classes):
        for page, found in classes.items():
            for entry in entries(found["function"]):
                fields = [one for one in entry("dl") if "field-list" in one.get("class", ())]
                heads = {words(dt).rstrip(": "): dt for dt in below(fields, "dt")}
                if "Parameters" not in heads:
                    continue
                listed = heads["Parameters"].find_next_sibling("dd")
                described = {strong.get_text().lstrip("*") for strong in listed("strong")}
                names = {one.get_text() for one in entry.dt.select(".sig-param > .n:first-child")}
                assert names - {"*", "/"} <= described, (page, entry.dt["id"], names - described)

    def test_chapters_are_linked_where_a_docstring_names_them(self, api):
        titles = {title_of(chapter): chapter for chapter in CHAPTERS}
        links = {link.get("href", "") for soup in api.values() for link in soup("a")}
        assert sum("notebooks/" in link for link in links) > 10
        for soup in api.values():
            assert not [one for one in soup("em") if words(one) in titles]

    def test_nothing_is_left_raw(self, api):
        for soup in api.values():
            assert not re.search(r":\w+:`|\\(?:frac|alpha|sum|text)|``|\*\*\w+\*\*", prose(soup.article))

    def test_no_page_is_heavy(self, site):
        for page in API:
            assert (site / f"book/api/{page}.html").stat().st_size < 1_500_000


class TestGlossary:
    def test_every_term_is_linked_from_a_chapter_and_defined_there(self, site):
        glossary = read(site, "book/glossary")
        terms = {dt["id"] for dt in glossary.select("dl.glossary dt[id]")}
        assert len(terms) > 40
        linked = {}
        for chapter in CHAPTERS:
            for link in read(site, f"notebooks/{chapter}").select("a[href*='glossary.html#term-']"):
                linked[link["href"].partition("#")[2]] = link
        assert terms == set(linked)
        assert all(len(link.get("title", "")) > 20 for link in linked.values())

    def test_terms_stand_in_the_order_of_the_alphabet(self, site):
        names = [
            words(dt).rstrip("#").strip().lower()
            for dt in read(site, "book/glossary").select("dl.glossary dt")
        ]
        assert names == sorted(names)


class TestData:
    @pytest.mark.parametrize("name", CARDS)
    def test_the_whole_card_is_shown_beside_its_figure(self, site, name):
        page = read(site, "book/data")
        shown = curly(words(page.select_one("article")))
        one = data_card(name)
        plain = {"source": one.source, "calibration": one.calibration, "precision": one.precision}
        for text in (*plain.values(), *one.caveats, *one.columns.values(), one.sha256[:16]):
            assert curly(typeset(text)) in shown, text
        assert page.select_one(f"#fig-data-{name} svg[role=img]")

    def test_the_cards_of_public_tables_are_shown_before_anything_is_fetched(self, site):
        shown = curly(words(read(site, "book/data").select_one("article")))
        for name, one in catalogue().items():
            for text in (name, one.title, one.source, one.licence, one.fitted, *one.caveats, one.sha256[:16]):
                assert curly(typeset(text)) in shown, (name, text)

    def test_the_cards_are_those_of_the_files(self):
        assert CARDS == ["chinchilla", "llama3"]
        for name in CARDS:
            path = ROOT / f"scalinglab/data/tables/{name}.toml"
            assert tomllib.loads(path.read_text(encoding="utf-8"))["rows"] == data_card(name).rows


def test_each_departure_names_its_source_and_where_it_is_shown(site):
    page = read(site, "book/corrections")
    for section in page.select("article section section section, article section section"):
        if section.find("section") is None:
            assert section.select("a[href*='notebooks/'], a[href*='book/'], a[href$='.html']"), words(
                section
            )[:80]
    for section in page.select("article > section > section"):
        assert section.select("a[href*='bibliography']"), words(section)[:80]


def test_every_leaf_of_the_decision_tree_rests_on_a_chapter(site):
    tree = read(site, "book/which_method").select_one(".decision-tree")
    leaves = [item for item in tree.select("li") if item.find("ul") is None]
    assert len(leaves) >= 8
    last = "go on to the checks"
    assert all(leaf.select("a[href*='notebooks/']") or last in words(leaf) for leaf in leaves)


def test_the_site_stays_below_twenty_five_megabytes(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 25e6


def test_letters_with_two_meanings_are_named(site):
    tables = read(site, "book/notation").select("table")
    letters = words(tables[-1])
    for letter in (r"\rho", r"\kappa", r"\delta"):
        assert letter in letters


class TestFrontPage:
    def test_minutes_are_those_of_the_chapters(self, site):
        stated = extension("comforts").chapter_minutes()
        assert set(stated) == set(CHAPTERS)
        cards = [words(one) for one in read(site, "book/intro").select(".sd-card")]
        assert f"About {stated['isoflop'] + stated['vertex_shift']} minutes" in cards[0]
        assert f"All {len(CHAPTERS)} chapters" in cards[2]
        assert f"About {round(sum(stated.values()) / 60)} hours" in cards[2]

    def test_the_weekend_adds_up(self, site):
        stated = extension("comforts").chapter_minutes()
        weekend = read(site, "book/intro").select(".sd-card")[1]
        chapters = [re.search(r"notebooks/(\w+)\.html", link["href"])[1] for link in weekend.select("a")]
        assert len(chapters) == len(set(chapters)) >= 6
        assert f"About {round(sum(stated[chapter] for chapter in chapters) / 60)} hours" in words(weekend)

    def test_the_headline_is_one_computed_sentence(self, site):
        (headline,) = [
            strong
            for strong in read(site, "book/intro").select(".cell_output strong")
            if "perfect runs" in words(strong)
        ]
        assert re.search(r"\d+\s?% too large", words(headline))
        assert words(headline).endswith(".")


class TestNotebooks:
    def test_the_executed_notebook_is_offered(self, site):
        for chapter in CHAPTERS:
            (link,) = [
                has["href"]
                for tag, has in tags(site, f"notebooks/{chapter}")
                if tag == "a" and has.get("href", "").endswith(".ipynb")
            ]
            file = site / "notebooks" / link
            notebook = json.loads(file.read_text(encoding="utf-8"))
            code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            outputs = [output["output_type"] for cell in code for output in cell["outputs"]]
            assert len(outputs) > 5, chapter
            assert "error" not in outputs, chapter
            assert file.stat().st_size < 1_000_000, chapter

    def test_no_button_starts_them_without_a_public_address(self, site):
        assert "mybinder" not in (site / "notebooks/vertex_shift.html").read_text(encoding="utf-8")


def test_print_has_its_stylesheet(site):
    page = (site / "notebooks/vertex_shift.html").read_text(encoding="utf-8")
    assert "print.css" in page
    assert "@media print" in (site / "_static/print.css").read_text(encoding="utf-8")
