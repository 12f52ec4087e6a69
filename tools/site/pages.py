"""Which page of the site is made of which file: each text stands in the repository once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[2]

# Pages that are files from outside docs/, whole.
ELSEWHERE = {
    "checkpoints.md": "model/README.md",
    "benchmarks.md": "tools/bench/README.md",
    "world.md": "tools/world/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
README = "README.md"
# README's first section, and those with fewer words than this, stand on the first page.
_SHORT = 40

slug = slugify(case="lower")


@dataclass(frozen=True)
class Section:
    """A section of README, from one heading of the second level to the next.

    Attributes:
        title: Its heading; what stands before the first one has the title "".
        text: All of it, with its heading.
    """

    title: str
    text: str

    @property
    def page(self) -> str:
        """The page of the guide that it is."""
        return f"guide/{slug(self.title, '-')}.md"

    @property
    def anchors(self) -> set[str]:
        """The names under which its headings can be linked to."""
        return {slug(line.lstrip("# "), "-") for line in outside_code(self.text) if line.startswith("#")}


def outside_code(text: str) -> Iterator[str]:
    """The lines of a page that are no code."""
    inside = False
    for line in text.splitlines(keepends=True):
        fence = line.lstrip().startswith("```")
        if not inside and not fence:
            yield line
        inside ^= fence


def sections(readme: str) -> list[Section]:
    """The sections of README, in order."""
    starts = {line for line in outside_code(readme) if line.startswith("## ")}
    pieces = [""]
    for line in readme.splitlines(keepends=True):
        if line in starts:
            pieces.append("")
        pieces[-1] += line
    head, *others = pieces
    return [Section("", head), *(Section(piece.partition("\n")[0][3:], piece) for piece in others)]


def split_readme(readme: str) -> tuple[str, list[Section]]:
    """The first page, and the sections that are pages of the guide."""
    head, first, *others = sections(readme)
    short = [section for section in others if len(section.text.split()) < _SHORT]
    front = head.text + first.text + "".join(section.text for section in short)
    return front, [section for section in others if section not in short]


def one_level_up(text: str) -> str:
    """A section as a page of its own: `##` becomes `#`, `###` becomes `##`."""
    headings = {line for line in outside_code(text) if line.startswith("##")}
    return "".join(line[1:] if line in headings else line for line in text.splitlines(keepends=True))


@cache
def texts() -> dict[str, tuple[str, str]]:
    """Of each page that is not in docs/ its text, and the file in the repository that it is of."""
    readme = (ROOT / README).read_text(encoding="utf-8")
    front, guide = split_readme(readme)
    pages = {page: ((ROOT / file).read_text(encoding="utf-8"), file) for page, file in ELSEWHERE.items()}
    pages |= {section.page: (one_level_up(section.text), README) for section in guide}
    return pages | {"index.md": (front, README)}
