"""The pages of the book, from its table of contents, and the code that stands on them."""

import builtins
import dis
import functools
import gc
import importlib.util
import re
import types
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import yaml
from bs4 import BeautifulSoup, NavigableString, Tag

ROOT = Path(__file__).parents[1]
#: Reads YAML, by the library in C where there is one.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def _files(entry):
    """Every file at or below an entry of the table of contents."""
    if isinstance(entry, list):
        return [file for one in entry for file in _files(one)]
    own = [entry[key] for key in ("root", "file") if key in entry]
    return own + [file for key in ("parts", "chapters", "sections") for file in _files(entry.get(key, []))]


#: Pages that we write, without their suffix.
PAGES = _files(TOC)
#: Those with code that is run.
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
#: Pages that the builder adds.
ADDED = ["genindex", "prf-prf", "search"]

BLOCK = re.compile(
    r"^:::\{solution\}[^\n]*\n.*?^:::$|^```\{code-cell\}[^\n]*\n.*?^```$", re.MULTILINE | re.DOTALL
)
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


#: What most of a built page is: drawings, code in colours, programs.
HEAVY = re.compile(r"(<(svg|pre|script)\b[^>]*>)(.*?)(</\2>)", re.DOTALL)
#: A word of code in a span that says nothing.
WRAPPED = re.compile(r'<span class="pre">([^<]*)</span>')


def light(found):
    """A drawing with nothing but its words, code without its colours, a program as it stands."""
    opening, kind, inside, closing = found.groups()
    if kind == "svg":
        inside = re.sub(r"<!--.*?-->|<style.*?</style>|<[^>]*>", " ", inside, flags=re.DOTALL)
    elif kind == "pre":
        inside = re.sub(r"</?span[^>]*>", "", inside)
    return opening + inside + closing


@functools.cache
def parts(site, page):
    """A built page without its shapes and colours: its article, and what stands around that."""
    text = HEAVY.sub(light, (site / f"{page}.html").read_text(encoding="utf-8"))
    before, opening, rest = text.partition("<article")
    inside, closing, after = rest.rpartition("</article>")
    return WRAPPED.sub(r"\1", opening + inside + closing), before + after


@functools.cache
def soup(site, page):
    """The article of a built page, read once for all who look at it: nobody may change it."""
    gc.disable()
    try:
        return BeautifulSoup(parts(site, page)[0], "html.parser")
    finally:
        gc.freeze()  # it stays to the end: who looks for rubbish need not look here, as often as a tree grows
        gc.enable()


class Opened(HTMLParser):
    """Every tag of a text, and no tree of them."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.tags.append((name, {key: value or "" for key, value in attributes}))


@functools.cache
def tags(site, page):
    """Every tag of a built page, around its article and within: a name and its attributes."""
    inside = [(one.name, one.attrs) for one in soup(site, page).descendants if isinstance(one, Tag)]
    return Opened(parts(site, page)[1]).tags + inside


@functools.cache
def by_class(site, page):
    """The tags of a built page's article by class, in its order; no tags of a class that it has not."""
    found = defaultdict(list)
    for tag in soup(site, page).article.descendants:
        if isinstance(tag, Tag):
            for name in tag.get("class", ()):
                found[name].append(tag)
    return found


def words(tag):
    """The text in a tag, its pieces one space apart."""
    return " ".join(tag.get_text(" ").split())


def prose(tag):
    """The text in a tag without code, scripts and formulas."""
    pieces, rest = [], [tag]
    while rest:
        one = rest.pop()
        if isinstance(one, Tag):
            if one.name not in ("pre", "code", "script", "style") and "math" not in one.get("class", ()):
                rest += reversed(one.contents)
        elif type(one) is NavigableString:
            pieces.append(one)
    return " ".join(pieces)


@functools.cache
def source(page):
    """The text of a page as we write it."""
    return (ROOT / f"{page}.md").read_text(encoding="utf-8")


@functools.cache
def extension(name):
    """An extension by which the book is built, as a module."""
    spec = importlib.util.spec_from_file_location(f"book_{name}", ROOT / f"book/_ext/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cell(NamedTuple):
    """A cell: the line of the page where it opens, its metadata, its code; a published solution has none."""

    line: int
    head: dict | None
    code: str


@functools.cache
def cells(text):
    """The cells and the published solutions of a page, in its order."""
    found = []
    for block in BLOCK.finditer(text):
        line = 1 + text.count("\n", 0, block.start())
        body = block[0].split("\n", 1)[1].rsplit("\n", 1)[0] + "\n"
        if block[0].startswith(":::"):
            if solved := CODE.findall(body):
                found.append(Cell(line, None, "\n".join(solved)))
            continue
        head = re.match(r"---\n(.*?)^---\n|((?::[^\n]*\n)*)", body, re.MULTILINE | re.DOTALL)
        options = head[1] or re.sub("^:", "", head[2] or "", flags=re.MULTILINE)
        found.append(Cell(line, yaml.load(options, LOADER) or {}, body[head.end() :]))
    return found


def globals_of(code):
    """Global names that a program needs from outside, and those that it binds."""
    free, bound, later = set(), set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL") and step.argval not in bound:
            free.add(step.argval)
        elif step.opname in ("STORE_NAME", "STORE_GLOBAL"):
            bound.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            later |= globals_of(inner)[0]  # read when it is called, after the rest of the cell
    return (free | later - bound) - set(dir(builtins)), bound
