"""What MkDocs calls (its documentation: hooks): pages made of files outside docs/, and links between all."""

from __future__ import annotations

from typing import Any

from mkdocs.structure.files import File, Files

from tools.site.links import linked_files, relink
from tools.site.pages import README, ROOT, split_readme, texts


def on_config(config: Any) -> Any:
    """Put a page for each section of README where the navigation says `guide/`."""
    texts.cache_clear()
    guide = split_readme((ROOT / README).read_text(encoding="utf-8"))[1]
    pages = [{section.title: section.page} for section in guide]
    config.nav = [
        {name: pages if place == "guide/" else place} for one in config.nav for name, place in one.items()
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside docs/, and the pictures that they show."""
    for page, (text, _) in texts().items():
        files.append(File.generated(config, page, content=text))
    pages = [(file.content_string, _file_of(file.src_uri)) for file in files.documentation_pages()]
    for file in sorted(set().union(*(linked_files(*page) for page in pages))):
        files.append(File.generated(config, file, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Have links lead to where things are on the site."""
    place = page.file.src_uri
    return relink(markdown, _file_of(place), place)


def _file_of(page: str) -> str:
    """The file in the repository that a page is of."""
    return texts()[page][1] if page in texts() else f"docs/{page}"
