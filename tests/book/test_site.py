"""Inspects the built book: its files, without a browser."""

import json
import os
import re
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from pages import ADDED, CHAPTERS, PAGES, ROOT

RAW_ROLE = re.compile(
    r"\{(?:doc|cite:?\w*|ref|eq|numref|prf:ref|math|func|term|nb-download)\}|:cite:|\]\(\.\./"
)


@pytest.fixture(scope="session")
def soups(site):
    return {
        page: BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        for page in PAGES + ADDED
    }


@pytest.fixture(scope="session")
def anchors(site, soups):
    """Of every page, also those that the builder adds, the names that a link can lead to."""
    return {site / f"{page}.html": {tag["id"] for tag in soup.select("[id]")} for page, soup in soups.items()}


def article(soup):
    return soup.select_one("article")


def prose(soup):
    """Text of a page without code, scripts and formulas."""
    body = BeautifulSoup(str(article(soup)), "html.parser")
    for tag in body.select("pre, code, script, .math, style"):
        tag.decompose()
    return body.get_text(" ")


@pytest.mark.skipif("SCALINGLAB_SITE" in os.environ, reason="SCALINGLAB_SITE names a site built before")
def test_the_book_builds_without_a_warning(build):
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-6000:]


def test_the_toc_lists_every_page_there_is():
    sources = {
        p.relative_to(ROOT).with_suffix("").as_posix()
        for pattern in ("book/**/*.md", "notebooks/*.md")  # problem sets are editions of their own
        for p in ROOT.glob(pattern)
    }
    assert sources == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
class TestPage:
    def test_is_built_with_a_title(self, soups, page):
        assert article(soups[page]).h1.get_text(strip=True)

    def test_shows_no_error(self, soups, page):
        body = article(soups[page])
        assert not body.select(".output.stderr, .output.traceback, .cell_output .error, .system-message")
        shown = " ".join(output.get_text() for output in body.select(".cell_output"))
        assert "Traceback (most recent call last)" not in shown

    def test_shows_no_raw_markup(self, soups, page):
        text = prose(soups[page])
        assert not RAW_ROLE.search(text), RAW_ROLE.search(text)
        assert "$" not in re.sub(r"\$\d", "", text)  # dollars stand before a number

    def test_numbers_are_printed_as_numbers(self, soups, page):
        assert not re.search(r"np\.float64|<scalinglab|object at 0x", prose(soups[page]))
        for printed in article(soups[page]).select(".cell_output :is(p, li, td)"):
            assert not re.search(r"\bnan\b|\binf\b", printed.get_text(" ")), printed

    def test_has_every_picture_with_alternative_text(self, site, soups, page):
        for image in soups[page].select("img"):
            assert image.get("alt", "").strip(), image
            if not image["src"].startswith("data:"):
                assert (site / page).parent.joinpath(unquote(image["src"])).resolve().is_file(), image["src"]

    def test_asks_nothing_of_another_host(self, soups, page):
        for tag in soups[page].select("script[src], link[href], img[src], iframe[src], source[src]"):
            if tag.name == "link" and "canonical" in tag.get("rel", []):
                continue
            assert not urlsplit(tag.get("src") or tag["href"]).netloc, tag

        assert not re.search(r"unpkg|jsdelivr|cdnjs|googleapis", str(soups[page]))

    def test_links_reach_their_anchors(self, site, soups, anchors, page):
        here = site / f"{page}.html"
        for link in soups[page].select("a[href]"):
            target = urlsplit(link["href"])
            if target.scheme or target.netloc:
                continue
            path = (here.parent / unquote(target.path)).resolve() if target.path else here
            assert path.is_file(), link["href"]
            if target.fragment and path.suffix == ".html":
                assert unquote(target.fragment) in anchors[path], link["href"]

    def test_is_not_heavy(self, site, page):
        assert (site / f"{page}.html").stat().st_size < 1_500_000


@pytest.mark.parametrize("page", CHAPTERS)
class TestChapter:
    def test_opens_with_a_question_and_closes_with_a_take_away(self, soups, page):
        body = article(soups[page])
        assert "?" in body.select_one(".question").get_text()
        assert "Take-away" in [title.get_text(strip=True) for title in body.select(".admonition-title")]

    def test_has_a_captioned_figure_and_a_numbered_equation_or_theorem(self, soups, page):
        body = article(soups[page])
        assert body.select("figure img")
        assert all(caption.get_text(strip=True) for caption in body.select("figure figcaption"))
        assert body.select(".math")

    def test_has_an_explorer_that_works_alone(self, soups, page):
        (explorer,) = article(soups[page]).select(".explorer")
        assert len(str(explorer)) < 150_000
        frames = json.loads(explorer.select_one('script[type="application/json"]').string)
        slider = explorer.select_one("input[type=range]")
        assert int(slider["max"]) == len(frames) - 1 >= 5
        assert len({picture for _, picture, _ in frames}) > len(frames) / 2
        assert len({(picture, sentence) for _, picture, sentence in frames}) == len(frames)
        assert all(
            picture.startswith("data:image/webp") and sentence.strip() for _, picture, sentence in frames
        )
        assert explorer.find("label", attrs={"for": slider["id"]}).get_text(strip=True)

    def test_has_exercises_with_folded_solutions(self, soups, page):
        body = article(soups[page])
        assert len(body.select(".exercise")) >= 2
        assert len(body.select(".solution.dropdown")) == len(body.select(".exercise"))

    def test_checks_its_claims(self, page):
        source = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        assert re.search(r"^assert ", source, re.M)


def test_a_link_checker_finds_every_file(site, tmp_path):
    """Links of pages, pictures and style sheets; anchors are looked up above, in a hundredth of the time."""
    # the program's own start would make a root user nobody, who may not read a clone
    start = (
        "from linkcheck.command import linkchecker; linkchecker.drop_privileges = lambda: None; "
        "linkchecker.linkchecker()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", start, "--no-status", "-o", "text", (site / "index.html").as_uri()],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    checked = re.search(r"(\d+) links? in \d+ URLs? checked\. .* (\d+) errors? found", answer.stdout)
    assert checked is not None, answer.stdout + answer.stderr
    assert int(checked[1]) > len(PAGES)
    assert (answer.returncode, checked[2]) == (0, "0"), answer.stdout


def test_formulas_need_no_network(site):
    assert (site / "_static/mathjax/tex-chtml.js").is_file()
    assert list((site / "_static/mathjax/output/chtml/fonts/woff-v2").glob("*.woff"))


def test_stylesheets_ask_nothing_of_another_host(site):
    for sheet in site.rglob("*.css"):
        assert not re.search(
            r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")
        ), sheet


def test_every_reference_is_cited():
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book/references.bib").read_text(encoding="utf-8"), re.M)
    pages = "".join((ROOT / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)
    cited = {
        key.strip()
        for group in re.findall(r"\{cite:\w+\}`([^`]+)`", pages.replace("{{", "{").replace("}}", "}"))
        for key in group.split(",")
    }
    assert set(keys) == cited
