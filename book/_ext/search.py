"""Sphinx extension: pages are found by the words people use, and results quote them from disk, too.

``book/search.toml`` lists words of readers by page, or by page and section; the search treats each as an
entry of an index that names this very page. What a page says is kept as text beside the site's scripts, one
small file a page: from the file system no page may read another, but each may load a script.
"""

import json
import tomllib
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError

WORDS = Path(__file__).parents[1] / "search.toml"
SPOKEN = (nodes.title, nodes.paragraph, nodes.caption, nodes.term)


def add_words(app):
    """Give the index of the search the words of ``search.toml``."""
    if app.builder.format != "html" or app.builder.indexer is None:
        return []
    indexer = app.builder.indexer
    for place, phrases in tomllib.loads(WORDS.read_text(encoding="utf-8")).items():
        page, _, anchor = place.partition("#")
        if page not in app.env.all_docs:
            raise ExtensionError(f"search.toml names the page {page}, which does not exist.")
        entries = [(phrase.lower(), anchor, "main") for phrase in phrases]
        indexer._index_entries[page] = sorted({*indexer._index_entries.get(page, ()), *entries})
        for word in {word for phrase in phrases for word in indexer.lang.split(phrase)}:
            if indexer.lang.word_filter(word.lower()):
                indexer._mapping.setdefault(indexer.lang.stem(word.lower()), set()).add(page)
    return []


def spoken(doctree):
    """The sentences of a page: no code, no formulas set apart, nothing that only a table holds."""
    parts = doctree.findall(lambda node: isinstance(node, SPOKEN))
    return "\n".join(" ".join(part.astext().split()) for part in parts)


def keep_text(app, pagename, templatename, context, doctree):
    """Write what a page says into a script of its own."""
    if doctree is None or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", "said", f"{pagename}.js")
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([pagename, spoken(doctree)], ensure_ascii=False)
    target.write_text(f"said({text[1:-1]});\n", encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.connect("html-collect-pages", add_words)
    app.connect("html-page-context", keep_text)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
