"""What a page in Markdown is made of, as far as tests want to know."""

import re
from collections import Counter

_FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
_CODE = re.compile(r"`([^`\n]+)`")


def blocks(page: str, language: str = "") -> list[str]:
    """The insides of fenced blocks, of one language or all."""
    fenced = re.findall(r"^```([^\n]*)\n(.*?)^```$", page, re.M | re.S)
    return [inside for of, inside in fenced if language in ("", of)]


def commands(page: str) -> list[str]:
    """The lines of its `bash` blocks."""
    return [line for block in blocks(page, "bash") for line in block.splitlines()]


def without_blocks(page: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page)


def sections(page: str) -> list[tuple[int, str, str]]:
    """Level, title and text of what stands under each heading, fenced blocks left out."""
    parts = re.split(r"^(#+) (.*)$", without_blocks(page), flags=re.M)[1:]
    return [(len(marks), title, text) for marks, title, text in zip(*[iter(parts)] * 3, strict=True)]


def inline_code(text: str) -> Counter[str]:
    """What stands between single backticks, and how often."""
    return Counter(_CODE.findall(text))


def tables(page: str) -> list[list[list[str]]]:
    """Each table's rows of cells, without the line of dashes."""
    rows = r"(?:^\|.*\|$\n?)+"
    return [
        [_cells(line) for line in table.splitlines() if set(line) - set("|-")]
        for table in re.findall(rows, page, re.M)
    ]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def links(page: str) -> list[str]:
    """Where links and pictures lead, in order."""
    return re.findall(r"\]\(([^)\s]+)\)", page)


def pictures(page: str) -> list[tuple[str, str]]:
    """Each picture's text and file."""
    return re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", page)
