"""The page *Notation* against the chapters: what it lists is used; what changes in a chapter is listed."""

import functools
import re
from collections import defaultdict

from pages import CHAPTERS, source

GREEK = (
    "alpha|beta|gamma|delta|Delta|epsilon|varepsilon|eta|kappa|lambda|mu|nu|omega|phi|varphi|psi|rho|sigma|"
    "tau|theta|xi|ell"
)
SYMBOL = rf"((?:\\(?:{GREEK})|[A-Za-z])(?![A-Za-z])(?:_(?:\{{\w+\}}|\w))?)"
#: A sentence that gives a letter its meaning: "put $x = ...", "let $x$ be ...", "there are $n$ runs".
INTRODUCED = re.compile(
    rf"\b(?:[Pp]ut|[Ll]et|[Ww]rite|[Cc]all|[Ww]ith|[Tt]ake|[Ww]here|In|and)\s+\${SYMBOL}"
    rf"(?:\s*=\s*([^$,;:]+)|\$\s+(?:be|is|for|stand)\b\s+([^.,;:]{{0,40}}))"
    rf"|\b(?:of|on|are|for|[Ll]et|at)\s+\${SYMBOL}\$\s+(?:equally spaced |independent )?"
    r"((?:runs|sizes|points|budgets|values)\b)"
)
#: Introduced twice in different words, and yet the same thing.
SAME = {
    "certificate": {"y"},
    "comparison": {"h"},
    "data_runs_out": {"U"},
    "envelope": {"n"},
    "isoflop": {"n"},
    "off_centre": {"u_0"},
    "sweep": {r"\kappa"},
    "uncertainty": {"r"},
}
PAGE = source("book/notation")


def words_of(chapter):
    return re.sub(r"^```.*?^```$", "", source(chapter), flags=re.DOTALL | re.MULTILINE)


@functools.cache
def formulas(chapter):
    found = re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", words_of(chapter), re.DOTALL)
    return " ".join(one or other for one, other in found)


def uses(chapter, symbol):
    """Whether the formulas of a chapter have a letter, whatever its index."""
    letter = re.match(SYMBOL, symbol)[1].split("_")[0]
    return re.search(rf"(?<![\\A-Za-z]){re.escape(letter)}(?![A-Za-z])", formulas(chapter)) is not None


def symbols(cell):
    return [one[1] for piece in re.findall(r"\$([^$]+)\$", cell) for one in re.finditer(SYMBOL, piece)]


def rows(text):
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if re.match(r"\| *\$", line)]


def chapters_of(text):
    return re.findall(r"\{doc\}`\.\./(notebooks/\w+)`", text)


def section(title):
    return re.search(rf"^## {title}$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]


TWO_MEANINGS = section("Letters with two meanings")
WITHIN = [row for row in rows(TWO_MEANINGS) if len(row) == 4]
ACROSS = [row for row in rows(TWO_MEANINGS) if len(row) == 3]


def test_the_tables_are_read():
    assert len(WITHIN) >= 3
    assert len(ACROSS) >= 10
    assert len(rows(PAGE)) > 80


def test_letters_with_two_meanings_are_used_where_the_page_says():
    for row in (*WITHIN, *ACROSS):
        letters, places = symbols(row[0]), chapters_of(" ".join(row[1:]))
        assert letters, row
        assert places, row
        without = [chapter for chapter in places if not any(uses(chapter, letter) for letter in letters)]
        assert not without, (letters, without)


def test_letters_of_a_chapter_stand_in_its_formulas():
    asked = 0
    for title in re.findall(r"^## (.+)$", PAGE, re.MULTILINE):
        text = section(title)
        lead = text.split("\n| symbol")[0]
        if not (owners := chapters_of(lead)) or "belong" not in lead:
            continue
        firsts = [symbol for row in rows(text) for symbol in symbols(row[0])[:1]]
        unused = [symbol for symbol in firsts if not any(uses(chapter, symbol) for chapter in owners)]
        assert not unused, (title, unused)
        asked += len(firsts)
    assert asked > 20


def changed(chapter):
    """The letters that a chapter gives different meanings, each with those."""
    meanings = defaultdict(set)
    for found in INTRODUCED.finditer(words_of(chapter)):
        symbol = re.sub(r"_\{?[ijkt]\}?$", "", found[1] or found[4])
        meaning = " ".join((found[2] or found[3] or found[5]).split())
        if not re.match(r"[\d.\\]*\d", meaning) and not meaning.startswith((r"\alpha", r"\beta")):
            meanings[symbol].add(meaning)
    return {symbol: said for symbol, said in meanings.items() if len(said) > 1}


def test_letters_that_change_within_a_chapter_are_listed():
    for chapter in CHAPTERS:
        found = changed(chapter)
        listed = {symbol for row in WITHIN if chapter in chapters_of(row[1]) for symbol in symbols(row[0])}
        assert found.keys() - listed == SAME.get(chapter.split("/")[-1], set()), (chapter, found)
