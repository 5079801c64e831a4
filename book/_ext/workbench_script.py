"""The modules of the workbench as one script that a browser loads from disk, too.

From the file system a browser loads no module; so the modules in ``book/_static/workbench`` are joined in the
order in which they import each other, without comments and blanks, and words that stand for variables only
are shortened.
"""

import re
from collections import Counter
from itertools import chain, product
from pathlib import Path
from string import ascii_letters

from pygments.lexers import JavascriptLexer
from pygments.token import Token

SOURCES = Path(__file__).parents[1] / "_static" / "workbench"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
#: Words of the language that are as short as short names, and what browsers offer by name.
RESERVED = {"as", "do", "if", "in", "of"}
GLOBAL = {
    "Float64Array",
    "Infinity",
    "NaN",
    "ResizeObserver",
    "clearTimeout",
    "document",
    "navigator",
    "setTimeout",
}
#: What stands before a brace that opens a block, and not an object.
BEFORE_BLOCKS = {")", "=>", "else", "try", "catch", "finally", ";", "{", "}", ""}


def source(name):
    """The text of a module."""
    return (SOURCES / f"{name}.js").read_text(encoding="utf-8")


def in_order(name, known=()):
    """Names of a module and of all it imports, each after those it imports."""
    found = list(known)
    for needed in IMPORT.findall(source(name)):
        if needed not in found:
            found = in_order(needed, found)
    return [*found, name]


def bundle(*offered):
    """All modules as one script that starts with the page; what is offered can be called as Workbench."""
    plain = "".join(
        re.sub(r"^export ", "", IMPORT.sub("", source(name)), flags=re.MULTILINE)
        for name in in_order("start")
    )
    plain += 'document.addEventListener("DOMContentLoaded", start);\n'
    if offered:
        plain += f"window.Workbench = {{ {', '.join(offered)} }};\n"
    return f'(function () {{"use strict";{tight(plain)}}})();\n'


def tight(script):
    """A script without comments and blanks, its long names short where they name no property."""
    words = [
        (kind, word)
        for kind, word in JavascriptLexer().get_tokens(script)
        if kind not in Token.Comment and kind not in Token.Text
    ]
    names = short_names(words)
    built, last = [], ("", "")
    for kind, word in words:
        put = names.get(word, word) if kind in Token.Name else word
        code = kind not in Token.String and last[0] not in Token.String
        apart = code and re.match(r"[\w$]{2}|\+\+|--", last[1][-1:] + put[:1])
        built.append(" " * bool(apart) + put)
        last = kind, put
    return "".join(built)


def short_names(words):
    """Short names for variables: for words that nowhere name a property, the frequent ones first."""
    used, properties, brackets = Counter(), set(), []
    padded = [("", ""), *words, ("", "")]
    for (_, before), (kind, word), (_, after) in zip(padded, words, padded[2:], strict=False):
        if kind in Token.Name:
            used[word] += len(word)
            shorthand = brackets[-1:] == ["{"] and before in ("{", ",") and after in (",", "}", "=")
            if before in (".", "?.") or after == ":" or shorthand or kind is not Token.Name.Other:
                properties.add(word)
        elif kind in Token.Punctuation or kind in Token.String.Interpol:
            if word in ("{", "(", "[", "${"):
                brackets.append("block" if word == "{" and before in BEFORE_BLOCKS else word)
            elif word in ("}", ")", "]"):
                brackets.pop()
    free = chain(ascii_letters, map("".join, product(ascii_letters, repeat=2)))
    short = (name for name in free if name not in used and name not in RESERVED)
    return {
        word: next(short) for word, _ in used.most_common() if word not in properties and word not in GLOBAL
    }
