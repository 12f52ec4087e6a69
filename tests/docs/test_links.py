"""Pages that stand elsewhere in the repository, and links that hold on the site."""

import re

import pytest

from tests.conftest import ROOT
from tools.site.links import linked_files, relink
from tools.site.pages import ELSEWHERE


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("[a](docs/formats.md#names)", "[a](formats.md#names)"),
        ("[a](model/README.md)", "[a](checkpoints.md)"),
        ("[model/README.md](model/README.md)", "[Checkpoints](checkpoints.md)"),
        ("![a](docs/street.jpg)", "![a](street.jpg)"),
        ("[![a](docs/street.jpg)](docs/web.md)", "[![a](street.jpg)](web.md)"),
        ('<img src="docs/street.jpg">', '<img src="street.jpg">'),
        ('<a href="docs/web.md">', '<a href="web.html">'),
        ("[a](https://b.org/c.md)", "[a](https://b.org/c.md)"),
        ("[a](tests/formats) and [b](examples)", "a and [b](python/examples.md)"),
        ("[a](#video)", "[a](index.md#video)"),
        ("[a](TestImages/dogs.jpg)", "[a](TestImages/dogs.jpg)"),
        ("```\n[a](docs/formats.md)\n```", "```\n[a](docs/formats.md)\n```"),
    ],
)
def test_links_of_readme_lead_to_the_pages_of_the_site(text, moved):
    assert relink(text, "README.md", "index.md") == moved


def test_a_page_of_docs_leads_out_of_its_folder_to_the_site_too():
    assert relink("[a](../tools/bench/README.md#every-kind-of-sam)", "docs/how.md", "how.md") == (
        "[a](benchmarks.md#every-kind-of-sam)"
    )


def test_pictures_that_are_shown_are_taken_along():
    text = "![a](TestImages/dogs.jpg) [b](examples/sure_sav.yaml) ![c](docs/street.jpg) [d](tests)"
    assert linked_files(text, "README.md") == {"TestImages/dogs.jpg", "examples/sure_sav.yaml"}


def test_every_page_stands_once_in_the_navigation():
    named = re.findall(
        r"^ +- (?:[^:\n]+: )?(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M
    )
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")]
    assert sorted(named) == sorted([*pages, *ELSEWHERE])
