"""Sphinx extension: nothing is worked out twice that stays the same throughout a build.

It changes no page. Plugins of the bibliography are looked up once each and not at every citation; the
contents at the side of every page are made of titles from the beginning, not of all headings; and memory is
not searched for what has no owner, as nearly all that a build makes lives to its end.
"""

import functools
import gc

import sphinx.builders.html
from sphinx import addnodes
from sphinxcontrib.bibtex.domain import pybtex


def remember_plugins():
    """Look a plugin of pybtex up once: each time it reads what all installed packages offer."""
    if not hasattr(pybtex.plugin._load_entry_point, "cache_info"):
        pybtex.plugin._load_entry_point = functools.cache(pybtex.plugin._load_entry_point)


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

    @functools.wraps(original)
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
    found = sphinx.builders.html.global_toctree_for_doc
    if not hasattr(found, "__wrapped__"):
        sphinx.builders.html.global_toctree_for_doc = contents_of_titles(found)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
