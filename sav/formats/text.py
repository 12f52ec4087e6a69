"""Names as each kind of file can hold them: what it has no place for becomes U+FFFD.

Class names come out of checkpoints and file names from anywhere, so any character may be in them: line
breaks, control characters, halves of surrogate pairs (how Python spells a file name that is no UTF-8).
"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_REPLACEMENT = "\ufffd"
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_BREAKS = re.compile("\r\n|[\t-\r\x1c-\x1e\x85\u2028\u2029]")
_RARE_BREAKS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Made once: `json.dumps` makes one for every call.
_to_json = json.JSONEncoder(ensure_ascii=False).encode
# https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# https://yaml.org/spec/1.2.2/#51-character-set, and what it takes for a line break; JSON escapes the rest.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# What spreadsheets take for a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"['\s]*[=+\-@＝＋－＠]|['\s]*[\t\r\n]")


def json_text(table: Any, indent: int | None = None) -> str:
    """JSON in UTF-8, which holds every name; a half of a surrogate pair is written as `\\udc80`."""
    text = _to_json(table) if indent is None else json.dumps(table, ensure_ascii=False, indent=indent)
    return text if text.isascii() else _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def yaml_text(name: str) -> str:
    """A quoted scalar of YAML that gives the name back."""
    text = json.dumps(_SURROGATES.sub(_REPLACEMENT, name), ensure_ascii=False)
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def xml_text(name: str) -> str:
    """The name as an element's text."""
    return escape(_NOT_XML.sub(_REPLACEMENT, name), {"\r": "&#13;"})


def xml_attribute(name: str) -> str:
    """The name as an attribute's value, with its quotes."""
    return quoteattr(_NOT_XML.sub(_REPLACEMENT, name))


def one_line(name: str) -> str:
    """The name as a line of a plain list; a line break or tabulator becomes a blank."""
    return _CONTROLS.sub(_REPLACEMENT, _LINE_BREAKS.sub(" ", name))


def csv_cell(name: str) -> str:
    """The name as a cell; what a spreadsheet would run as a formula gets an apostrophe before it."""
    held = _RARE_BREAKS.sub(" ", _SURROGATES.sub(_REPLACEMENT, name)).replace("\0", _REPLACEMENT)
    return f"'{held}" if _FORMULA.match(held) else held


def file_part(name: str, most_bytes: int) -> str:
    """The name as a part of a file's name: letters, digits and `_`, no more bytes of UTF-8; may be empty."""
    part = re.sub(r"\W+", "_", name).strip("_")
    return part.encode()[: max(0, most_bytes)].decode(errors="ignore")
