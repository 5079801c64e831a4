"""Names of students: what is refused, what looks alike, and how foreign text is shown."""

from __future__ import annotations

import re
import unicodedata

#: Longest name, in characters.
LONGEST_NAME = 60

#: Letters that look like these Latin ones, small.
_LOOK_ALIKE = str.maketrans("авгеёкмнорстухіјѕԁԛԝαβεικνορτυχ", "abreekmhopctyxijsdqwabeikvoptux")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


def refused(name: str) -> str:
    """Why a text is no name; empty if it is one."""
    if len(name) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} characters"
    if not name.isprintable():
        return "a name has letters and spaces, and no control or direction characters"
    if not key(name):
        return "a name has letters"
    if re.search(r"^\s*[=+\-@]", name):
        return "a name begins with a letter"
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in name if letter.isalpha()}
    if len(scripts.intersection(_SCRIPTS)) > 1:
        return "a name is written in one alphabet"
    return ""


def key(name: str) -> str:
    """What two spellings of one name have in common, for instance ``Ada Lovelace`` and ``ada_lovelace``."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).casefold()))


def outline(name: str) -> str:
    """What a reader takes a name for: letters of other alphabets as the Latin ones they look like."""
    return key(name).translate(_LOOK_ALIKE)


def shown(text: str, longest: int = 200) -> str:
    """A text that can be printed on one line: what cannot is replaced, what is too long cut."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def in_a_sheet(text: object) -> object:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if isinstance(text, str) and text.lstrip()[:1] in tuple("=+-@") else text
