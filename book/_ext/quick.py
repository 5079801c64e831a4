"""Sphinx extension: nothing is worked out twice that stays the same throughout a build.

It changes no page. Plugins of the bibliography are looked up once each and not at every citation, a word's
stem once and not on every page, a parser's settings once and not for every block, a style's classes once and
not for every listing; the contents at the side of every page are made of titles from the beginning, not of
all headings; and memory is not searched for what has no owner, as nearly all that a build makes lives to its
end.
"""

import copy
import functools
import gc

import sphinx.builders.html
from docutils import frontend, nodes
from sphinx import addnodes
from sphinx.highlighting import PygmentsBridge
from sphinx.search.en import SearchEnglish
from sphinxcontrib.bibtex.domain import pybtex


def remember_plugins():
    """Look a plugin of pybtex up once: each time it reads what all installed packages offer."""
    if not hasattr(pybtex.plugin._load_entry_point, "cache_info"):
        pybtex.plugin._load_entry_point = functools.cache(pybtex.plugin._load_entry_point)


def once(owner, name, wrap):
    """Wrap a function of another package, if an earlier build in this process has not."""
    found = getattr(owner, name)
    if not hasattr(found, "__wrapped__"):
        setattr(owner, name, functools.wraps(found)(wrap(found)))


def copied(original):
    """Wrap what makes settings: each caller gets a copy of the first."""
    first = functools.cache(original)
    return lambda *parts: copy.deepcopy(first(*parts))


def with_memory(original):
    """Wrap the beginning of an index of words: it works a stem out once."""

    def begin(self, options):
        original(self, options)
        self.stem = functools.cache(self.stem)

    return begin


@functools.cache
def formatter_of(kind, *options):
    """What writes listings of a kind."""
    return kind(**dict(options))


def formatter(_):
    """What writes listings, one for each set of options."""
    return lambda bridge, **options: formatter_of(
        bridge.formatter, *options.items(), *bridge.formatter_args.items()
    )


def titles_of(toc):
    """The headings of a page without those below its title, but with the contents that hang there."""
    slim = toc.deepcopy()
    for item in slim.children:
        if len(item) > 1:
            below = list(item.findall(addnodes.toctree))
            if below:
                item[1][:] = below
            else:
                item.pop(1)
    return slim


def contents_of_titles(original):
    """Wrap what makes the contents of all pages: it copies every heading, then drops all but titles."""
    known = {}

    def made(env, docname, builder, **settings):
        if not settings.get("titles_only"):
            return original(env, docname, builder, **settings)
        whole = env.tocs
        if known.get("of") is not whole:
            known.update(of=whole, slim={name: titles_of(toc) for name, toc in whole.items()})
        env.tocs = known["slim"]
        try:
            return original(env, docname, builder, **settings)
        finally:
            env.tocs = whole

    return made


def setup(app):
    """Register with Sphinx."""
    gc.disable()
    remember_plugins()
    # else each child is looked up by its number
    nodes.Element.__iter__ = lambda self: iter(self.children)
    once(frontend, "get_default_settings", copied)
    once(SearchEnglish, "__init__", with_memory)
    once(PygmentsBridge, "get_formatter", formatter)
    once(sphinx.builders.html, "global_toctree_for_doc", contents_of_titles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
