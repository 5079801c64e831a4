"""Inspects the built book: its files, without a browser."""

import functools
import json
import os
import re
import tomllib
from urllib.parse import unquote, urlsplit

import pytest
from pages import ADDED, CHAPTERS, HEAVY, PAGES, ROOT, by_class, prose, soup, tags

from scalinglab.laws import PUBLISHED_EXPONENTS

#: What no reader should meet: roles that nobody resolved, dollars that do not stand before a number, Python's
#: own words for an object.
RAW = re.compile(
    r"\{(?:doc|cite:?\w*|ref|eq|numref|prf:ref|math|func|term|nb-download)\}|:cite:|\]\(\.\./"
    r"|\$(?!\d)|np\.float64|<scalinglab|object at 0x"
)
#: Classes of what went wrong.
WRONG = ("stderr", "traceback", "error", "system-message")
#: Tags that load a file, and by which attribute.
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
HOSTS = (b"unpkg", b"jsdelivr", b"cdnjs", b"googleapis")


@pytest.fixture(scope="session")
def articles(site):
    return {page: soup(site, page).article for page in PAGES}


@pytest.fixture(scope="session")
def classes(site):
    """Of every page the tags of its article, by class."""
    return {page: by_class(site, page) for page in PAGES}


@pytest.fixture(scope="session")
def chapters(classes):
    return {page: classes[page] for page in CHAPTERS}


@pytest.fixture(scope="session")
def anchors(site):
    """Of every page, also those that the builder adds, the names that a link can lead to."""
    return {
        str(site / f"{page}.html"): {has["id"] for _, has in tags(site, page) if "id" in has}
        for page in PAGES + ADDED
    }


@pytest.mark.skipif("SCALINGLAB_SITE" in os.environ, reason="SCALINGLAB_SITE names a site built before")
def test_the_book_builds_without_a_warning(build):
    assert build.returncode == 0, build.said[-6000:]


def test_the_toc_lists_every_page_there_is():
    sources = {
        p.relative_to(ROOT).with_suffix("").as_posix()
        for pattern in ("book/**/*.md", "notebooks/*.md")  # problem sets are editions of their own
        for p in ROOT.glob(pattern)
    }
    assert sources == set(PAGES)


class TestPages:
    def test_have_a_title_and_no_error(self, articles, classes):
        assert not [page for page, one in articles.items() if not one.h1.get_text(strip=True)]
        assert not [(page, name) for page, found in classes.items() for name in WRONG if found[name]]
        raised = "Traceback (most recent call last)"
        shown = {page: [one.get_text() for one in found["cell_output"]] for page, found in classes.items()}
        assert not [page for page, texts in shown.items() if raised in "".join(texts)]

    def test_show_no_raw_markup_and_no_raw_numbers(self, articles, classes):
        assert not [(page, raw[0]) for page, one in articles.items() if (raw := RAW.search(prose(one)))]
        for page, found in classes.items():
            for printed in (one for output in found["cell_output"] for one in output(["p", "li", "td"])):
                assert not re.search(r"\bnan\b|\binf\b", printed.get_text(" ")), (page, printed)

    def test_have_alternative_text_for_every_picture(self, site):
        for page in PAGES:
            pictures = [has for tag, has in tags(site, page) if tag == "img" or has.get("role") == "img"]
            bare = [has for has in pictures if not (has.get("alt") or has.get("aria-label", "")).strip()]
            assert not bare, page

    def test_have_drawings_that_hold_their_own_parts(self, site):
        for page in PAGES:
            for drawing in HEAVY.finditer((site / f"{page}.html").read_text(encoding="utf-8")):
                if drawing[2] == "svg":
                    named = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing[0]))
                    assert named <= set(re.findall(r' id="([^"]+)"', drawing[0])), (page, drawing[1])

    def test_ask_nothing_of_another_host(self, site):
        for page in PAGES:
            loaded = [one for one in tags(site, page) if "canonical" not in one[1].get("rel", ())]
            addresses = [has.get(LOADS[tag], "") for tag, has in loaded if tag in LOADS]
            assert not [address for address in addresses if urlsplit(address).netloc], page

    def test_are_not_heavy_and_name_no_host_of_scripts(self, site):
        for page in PAGES:
            text = (site / f"{page}.html").read_bytes()
            assert len(text) < 1_500_000, page
            assert not [host for host in HOSTS if host in text], page


class TestChapters:
    def test_open_with_a_question_and_close_with_a_take_away(self, chapters):
        for page, found in chapters.items():
            assert "?" in found["question"][0].get_text(), page
            assert "Take-away" in [one.get_text(strip=True) for one in found["admonition-title"]], page

    def test_have_a_captioned_figure_and_a_numbered_equation_or_theorem(self, articles, chapters):
        for page, found in chapters.items():
            assert [one for one in found["figure"] if one.name == "svg" and one.find_parent("figure")], page
            assert all(one.get_text(strip=True) for one in articles[page]("figcaption")), page
            assert found["math"], page

    def test_have_explorers_that_work_alone(self, site, chapters):
        for page, found in chapters.items():
            text = (site / f"{page}.html").read_bytes()
            sizes = list(map(len, re.findall(rb'<figure[^>]* class="explorer".*?</figure>', text, re.DOTALL)))
            assert 0 < len(sizes) == len(found["explorer"]), page
            assert max(sizes) < 150_000, page
            for explorer in found["explorer"]:
                self.works_alone(explorer)

    @staticmethod
    def works_alone(explorer):
        parts, frames = json.loads(explorer.find("script", type="application/json").string)
        slider = explorer.find("input", type="range")
        assert int(slider["max"]) == len(frames) - 1 >= 3
        pictures = ["\n".join(parts[k] for k in frame[2]) for frame in frames]
        sentences = [frame[1] for frame in frames]
        assert len(set(pictures)) > len(frames) / 2
        assert len(set(zip(pictures, sentences, strict=True))) == len(frames)
        assert all(picture.startswith("<svg") for picture in pictures)
        assert all(sentence.strip() for sentence in sentences)
        assert explorer.find("label", attrs={"for": slider["id"]}).get_text(strip=True)

    def test_have_exercises_with_folded_solutions(self, chapters):
        for page, found in chapters.items():
            folded = [one for one in found["solution"] if "dropdown" in one["class"]]
            assert len(folded) == len(found["exercise"]) >= 2, page

    def test_check_their_claims(self):
        sources = {page: (ROOT / f"{page}.md").read_text(encoding="utf-8") for page in CHAPTERS}
        assert not [page for page, text in sources.items() if not re.search(r"^assert ", text, re.M)]


def test_links_reach_their_files_and_anchors(site, anchors):
    """What a page links, shows or loads is there: pages with their anchors, pictures, scripts, downloads."""
    is_file = functools.cache(os.path.isfile)
    lost = []
    for page in PAGES + ADDED:
        here = site / f"{page}.html"
        for address in {has[one] for _, has in tags(site, page) for one in ("href", "src") if one in has}:
            target = urlsplit(address)
            if target.scheme or target.netloc:
                continue
            path = os.path.normpath(here.parent / unquote(target.path)) if target.path else str(here)
            named = path.endswith(".html") and unquote(target.fragment)
            if not is_file(path) or (named and named not in anchors.get(path, ())):
                lost.append((page, address))
    assert not lost


def test_stylesheets_reach_their_files_and_no_other_host(site):
    for sheet in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.S)
        for quoted, bare, imported in re.findall(
            r"""url\(\s*(?:["']([^"']*)["']|([^)"'\s]*))\s*\)|@import\s*["']([^"']*)""", text
        ):
            target = urlsplit(quoted or bare or imported)
            assert not target.netloc, (sheet, target)
            if not target.scheme and target.path:
                assert (sheet.parent / unquote(target.path)).is_file(), (sheet, target.path)


def test_formulas_need_no_network(site):
    assert (site / "_static/mathjax/tex-chtml.js").is_file()
    assert list((site / "_static/mathjax/output/chtml/fonts/woff-v2").glob("*.woff"))


def test_words_of_readers_belong_to_pages_and_each_to_one():
    words = tomllib.loads((ROOT / "book/search.toml").read_text(encoding="utf-8"))
    assert {place.partition("#")[0] for place in words} <= set(PAGES)
    phrases = [phrase for listed in words.values() for phrase in listed]
    assert len(phrases) == len({phrase.lower() for phrase in phrases})


def test_sections_that_readers_words_name_are_there(anchors, site):
    for place in tomllib.loads((ROOT / "book/search.toml").read_text(encoding="utf-8")):
        page, _, anchor = place.partition("#")
        assert not anchor or anchor in anchors[str(site / f"{page}.html")], place


def test_every_reference_is_cited():
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"), re.M)
    pages = "".join((ROOT / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)
    pages = pages.replace("{{", "{").replace("}}", "}")
    # pages of the reference cite by the package's docstrings
    files = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scalinglab").rglob("*.py"))
    cited = {
        key.strip()
        for group in re.findall(r"\{cite:\w+\}`([^`]+)`", pages) + re.findall(r":cite:\w+:`([^`]+)`", files)
        for key in group.split(",")
    }
    # the chapter on published surfaces cites every pair by what the package knows of it
    cited = {key for key in cited if not key.startswith("{one.")}
    cited |= {key for one in PUBLISHED_EXPONENTS for key in (one.key, one.collected) if key}
    assert set(keys) == cited


def test_icons_are_letters_of_a_font_that_is_there(site):
    """No page waits for the theme's script that draws them."""
    assert (site / "_static/scripts/fontawesome.js").stat().st_size < 200
    sheet = (site / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    for font in re.findall(r"url\(([^)]*/fa-solid-[^)]*)\)", sheet):
        assert (site / "_static/styles" / font).is_file()
    words = [has["class"] for page in PAGES for _, has in tags(site, page) if "class" in has]
    named = [set(one.split() if isinstance(one, str) else one) for one in words]
    used = {name for one in named if one & {"fas", "fa-solid"} for name in one if name.startswith("fa-")}
    used -= {"fa-solid", "fa-lg"}
    assert {"fa-bars", "fa-magnifying-glass", "fa-sun"} <= used
    assert not [name for name in used if f".{name}:before" not in sheet]
