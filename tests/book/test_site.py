"""Inspects the built book: its files, without a browser."""

import json
import os
import re
import tomllib
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import NavigableString, Tag
from pages import ADDED, CHAPTERS, PAGES, ROOT, soup

from scalinglab.laws import PUBLISHED_EXPONENTS

RAW_ROLE = re.compile(
    r"\{(?:doc|cite:?\w*|ref|eq|numref|prf:ref|math|func|term|nb-download)\}|:cite:|\]\(\.\./"
)


@pytest.fixture(scope="session")
def soups(site):
    return {page: soup(site, page) for page in PAGES + ADDED}


@pytest.fixture(scope="session")
def anchors(site, soups):
    """Of every page, also those that the builder adds, the names that a link can lead to."""
    return {
        (site / f"{page}.html").resolve(): {tag["id"] for tag in soup.select("[id]")}
        for page, soup in soups.items()
    }


def article(soup):
    return soup.select_one("article")


@pytest.fixture(scope="session")
def prose(soups):
    """Of every page the text without code, scripts and formulas."""
    return {page: " ".join(words_of(article(soups[page]))) for page in PAGES}


def words_of(tag):
    """The pieces of text in a tag, those in code, scripts and formulas left out."""
    for child in tag.children:
        if isinstance(child, Tag):
            if child.name not in ("pre", "code", "script", "style") and "math" not in child.get("class", ()):
                yield from words_of(child)
        elif type(child) is NavigableString:
            yield child


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


@pytest.mark.parametrize("page", PAGES)
class TestPage:
    def test_is_built_with_a_title_and_without_an_error(self, soups, page):
        body = article(soups[page])
        assert body.h1.get_text(strip=True)
        assert not body.select(".output.stderr, .output.traceback, .cell_output .error, .system-message")
        shown = " ".join(output.get_text() for output in body.select(".cell_output"))
        assert "Traceback (most recent call last)" not in shown

    def test_shows_no_raw_markup_and_no_raw_numbers(self, soups, prose, page):
        text = prose[page]
        assert not RAW_ROLE.search(text), RAW_ROLE.search(text)
        assert "$" not in re.sub(r"\$\d", "", text)  # dollars stand before a number
        assert not re.search(r"np\.float64|<scalinglab|object at 0x", text)
        for printed in article(soups[page]).select(".cell_output :is(p, li, td)"):
            assert not re.search(r"\bnan\b|\binf\b", printed.get_text(" ")), printed

    def test_has_alternative_text_for_every_picture(self, soups, page):
        for image in soups[page].select("img, [role=img]"):
            assert (image.get("alt") or image.get("aria-label", "")).strip(), image

    def test_asks_nothing_of_another_host(self, soups, page):
        for tag in soups[page].select("script[src], link[href], img[src], iframe[src], source[src]"):
            if tag.name == "link" and "canonical" in tag.get("rel", []):
                continue
            assert not urlsplit(tag.get("src") or tag["href"]).netloc, tag

    def test_is_not_heavy_and_names_no_host_of_scripts(self, site, page):
        text = (site / f"{page}.html").read_bytes()
        assert len(text) < 1_500_000
        assert not re.search(rb"unpkg|jsdelivr|cdnjs|googleapis", text)


@pytest.mark.parametrize("page", CHAPTERS)
class TestChapter:
    def test_opens_with_a_question_and_closes_with_a_take_away(self, soups, page):
        body = article(soups[page])
        assert "?" in body.select_one(".question").get_text()
        assert "Take-away" in [title.get_text(strip=True) for title in body.select(".admonition-title")]

    def test_has_a_captioned_figure_and_a_numbered_equation_or_theorem(self, soups, page):
        body = article(soups[page])
        assert body.select("figure svg.figure")
        assert all(caption.get_text(strip=True) for caption in body.select("figure figcaption"))
        assert body.select(".math")

    def test_has_an_explorer_that_works_alone(self, soups, page):
        explorers = article(soups[page]).select(".explorer")
        assert explorers
        for explorer in explorers:
            self.works_alone(explorer)

    @staticmethod
    def works_alone(explorer):
        assert len(str(explorer)) < 150_000
        parts, frames = json.loads(explorer.select_one('script[type="application/json"]').string)
        slider = explorer.select_one("input[type=range]")
        assert int(slider["max"]) == len(frames) - 1 >= 3
        pictures = ["\n".join(parts[k] for k in frame[2]) for frame in frames]
        assert len(set(pictures)) > len(frames) / 2
        assert len({(picture, frame[1]) for picture, frame in zip(pictures, frames, strict=True)}) == len(
            frames
        )
        assert all(
            picture.startswith("<svg") and frame[1].strip()
            for picture, frame in zip(pictures, frames, strict=True)
        )
        assert explorer.find("label", attrs={"for": slider["id"]}).get_text(strip=True)

    def test_has_exercises_with_folded_solutions(self, soups, page):
        body = article(soups[page])
        assert len(body.select(".exercise")) >= 2
        assert len(body.select(".solution.dropdown")) == len(body.select(".exercise"))

    def test_checks_its_claims(self, page):
        source = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        assert re.search(r"^assert ", source, re.M)


@pytest.mark.parametrize("page", PAGES + ADDED)
def test_links_reach_their_files_and_anchors(site, soups, anchors, page):
    """What a page links, shows or loads is there: pages with their anchors, pictures, scripts, downloads."""
    here = site / f"{page}.html"
    for tag in soups[page].select("[href], [src]"):
        address = tag.get("href") or tag.get("src") or ""
        target = urlsplit(address)
        if target.scheme or target.netloc:
            continue
        path = (here.parent / unquote(target.path)).resolve() if target.path else here
        assert path.is_file(), address
        if target.fragment and path.suffix == ".html":
            assert unquote(target.fragment) in anchors[path], address


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
        assert not anchor or anchor in anchors[(site / f"{page}.html").resolve()], place


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
