"""Which page of the site is made of which file: each text stands in the repository once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Pages that are files from outside docs/.
ELSEWHERE = {
    "index.md": "README.md",
    "zh.md": "README.zh-CN.md",
    "checkpoints.md": "model/README.md",
    "benchmarks.md": "tools/bench/README.md",
    "world.md": "tools/world/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}


def file_of(page: str) -> str:
    """The file in the repository that a page is of."""
    return ELSEWHERE.get(page, f"docs/{page}")


def read(file: str) -> str:
    """The text of a file in the repository."""
    return (ROOT / file).read_text(encoding="utf-8")


def outside_code(text: str) -> Iterator[str]:
    """The lines of a page that are no code."""
    inside = False
    for line in text.splitlines(keepends=True):
        is_fence = line.lstrip().startswith("```")
        if not inside and not is_fence:
            yield line
        inside ^= is_fence
