"""Sphinx extension: signatures show defaults as the source spells them.

``autodoc_preserve_defaults`` does the same, but looks for the end of every function and parses its text anew.
"""

import ast
import functools
import inspect
from pathlib import Path


class Spelled(str):
    """A default in the words of the source."""

    __repr__ = str.__str__


@functools.cache
def functions(file):
    """Lines of a file, and first line of each function -> its arguments."""
    text = Path(file).read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min(one.lineno for one in (node, *node.decorator_list))
            found[first] = node.args
    return text.splitlines(), found


def spelled(lines, default):
    """A default as it stands in its line, or in one line if it stands in several."""
    if default.lineno != default.end_lineno:
        return Spelled(ast.unparse(default))
    line = lines[default.lineno - 1].encode()
    return Spelled(line[default.col_offset : default.end_col_offset].decode())


def spell_defaults(app, function, bound):
    """Put the defaults of a function's source into its signature."""
    function = getattr(function, "__func__", function)
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or not Path(code.co_filename).is_file():
        return
    lines, known = functions(code.co_filename)
    arguments = known.get(code.co_firstlineno)
    if arguments is None:
        return
    places = [*arguments.posonlyargs, *arguments.args]
    given = [*zip(places[::-1], arguments.defaults[::-1], strict=False)]
    given += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    texts = {place.arg: spelled(lines, default) for place, default in given if default is not None}
    if texts:
        signature = inspect.signature(function)
        function.__signature__ = signature.replace(
            parameters=[
                one.replace(default=texts.get(one.name, one.default)) for one in signature.parameters.values()
            ]
        )


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-before-process-signature", spell_defaults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
