"""What MkDocs calls (its documentation: hooks): pages made of files outside docs/, and links between all."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import File, Files

from tools.site.links import linked_files, relink
from tools.site.pages import ELSEWHERE, ROOT, file_of, read


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside docs/, and the pictures that they show."""
    for page, file in ELSEWHERE.items():
        files.append(File.generated(config, page, content=read(file)))
    pages = [(page.content_string, file_of(page.src_uri)) for page in files.documentation_pages()]
    for file in sorted(set().union(*(linked_files(*page) for page in pages))):
        files.append(File.generated(config, file, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Have links lead to where things are on the site."""
    return relink(markdown, file_of(page.file.src_uri), page.file.src_uri)
