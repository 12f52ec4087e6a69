"""Links as they are in the repository become those of the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from tools.site.pages import ELSEWHERE, ROOT, outside_code, read

# [text](target) and ![text](target), and what HTML in a page points to.
_MARKDOWN = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_HTML = re.compile(r'\b(src|srcset|href)="([^"]+)"')
# Folders and files of the repository that a page tells of.
_TOLD_ON = {"examples": "python/examples.md"} | {file: page for page, file in ELSEWHERE.items()}
# Larger files are no part of the site.
_MOST_BYTES = 4_000_000
_SHOWN = {".gif", ".jpg", ".mp4", ".png", ".svg", ".webp", ".yaml"}


def is_foreign(target: str) -> bool:
    """Whether a link leads to another host, or to a program such as the mail's."""
    return bool(urlsplit(target).scheme)


def resolve(target: str, file: str) -> tuple[str, str]:
    """The file of the repository, and the anchor, to which a link in `file` leads."""
    path, _, anchor = target.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file, anchor


def published(file: str) -> bool:
    """Whether a file that is linked stands on the site as it is."""
    path = ROOT / file
    return path.suffix in _SHOWN and path.is_file() and path.stat().st_size <= _MOST_BYTES


def place_of(file: str) -> str | None:
    """Where on the site a file of the repository is; None where it is not there."""
    if file in _TOLD_ON:
        return _TOLD_ON[file]
    if file.startswith("docs/") and (ROOT / file).is_file():
        return file.removeprefix("docs/")
    return file if published(file) else None


def title_of(file: str) -> str:
    """The first heading of a page."""
    first = next(line for line in outside_code(read(file)) if line.startswith("# "))
    return first[2:].strip()


def linked_files(text: str, file: str) -> set[str]:
    """The files outside docs/ that a page shows or links to, and that the site therefore takes in."""
    lines = "".join(outside_code(text))
    targets = [found[3] for found in _MARKDOWN.finditer(lines)]
    targets += [found[2] for found in _HTML.finditer(lines)]
    paths = {resolve(target, file)[0] for target in targets if not is_foreign(target)}
    return {path for path in paths if not path.startswith("docs/") and published(path)}


def relink(text: str, file: str, page: str) -> str:
    """A page's text, with links that hold on the site.

    Args:
        text: Markdown.
        file: Where it stands in the repository.
        page: Where it stands on the site.
    """

    def moved(target: str) -> str | None:
        if is_foreign(target):
            return target
        path, anchor = resolve(target, file)
        place = place_of(path)
        if place is None:
            return None
        relative = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return relative + (f"#{anchor}" if anchor else "")

    def markdown(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        words = _MARKDOWN.sub(markdown, words)
        place = moved(target)
        if place is None:
            return words
        if words.endswith(".md"):  # the name of a file, where a page has a title
            words = title_of(resolve(target, file)[0])
        return f"{mark}[{words}]({place})"

    def html(found: re.Match[str]) -> str:
        place = moved(found[2]) or found[2]
        return f'{found[1]}="{re.sub(r"[.]md(?=#|$)", ".html", place)}"'

    return _outside_code(text, lambda line: _HTML.sub(html, _MARKDOWN.sub(markdown, line)))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with its lines changed, those of code blocks as they were."""
    pieces = re.split(r"(^[ ]*```.*?^[ ]*```[ ]*$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(piece if place % 2 else change(piece) for place, piece in enumerate(pieces))
