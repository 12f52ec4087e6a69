"""Pages that stand elsewhere in the repository, and links that hold on the site."""

import pytest

pytest.importorskip("pymdownx")

from tools.site.links import linked_files, relink
from tools.site.pages import README, one_level_up, sections, split_readme

TEXT = """# Title

Words.

## Try it

```bash
## no heading
```

## Pictures

{}

### Which

## Licence

Mine.
""".format("word " * 50)


def test_readme_is_cut_at_its_headings_and_not_within_code():
    assert [section.title for section in sections(TEXT)] == ["", "Try it", "Pictures", "Licence"]
    assert "".join(section.text for section in sections(TEXT)) == TEXT


def test_the_first_page_has_the_first_section_and_the_short_ones():
    front, guide = split_readme(TEXT)
    assert [section.title for section in guide] == ["Pictures"]
    assert "# Title" in front and "## Try it" in front and "## Licence" in front
    assert guide[0].anchors == {"pictures", "which"}


def test_a_section_is_a_page_with_a_title():
    page = one_level_up(split_readme(TEXT)[1][0].text)
    assert page.startswith("# Pictures\n") and "\n## Which\n" in page


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("[a](docs/formats.md#names)", "[a](../formats.md#names)"),
        ("[a](model/README.md)", "[a](../checkpoints.md)"),
        ("[model/README.md](model/README.md)", "[Checkpoints](../checkpoints.md)"),
        ("![a](docs/street.jpg)", "![a](../street.jpg)"),
        ("[![a](docs/street.jpg)](docs/web.md)", "[![a](../street.jpg)](../web.md)"),
        ('<img src="docs/street.jpg">', '<img src="../street.jpg">'),
        ('<a href="docs/web.md">', '<a href="../web.html">'),
        ("[a](https://b.org/c.md)", "[a](https://b.org/c.md)"),
        ("[a](tests/formats) and [b](examples)", "a and [b](../python/examples.md)"),
        ("[a](#video)", "[a](video.md#video)"),
        ("[a](TestImages/dogs.jpg)", "[a](../TestImages/dogs.jpg)"),
        ("```\n[a](docs/formats.md)\n```", "```\n[a](docs/formats.md)\n```"),
    ],
)
def test_links_of_readme_lead_to_the_pages_of_the_site(text, moved):
    assert relink(text, README, "guide/pictures.md") == moved


def test_a_page_of_docs_leads_out_of_its_folder_to_the_site_too():
    assert relink("[a](../tools/bench/README.md#every-kind-of-sam)", "docs/how.md", "how.md") == (
        "[a](benchmarks.md#every-kind-of-sam)"
    )


def test_pictures_that_are_shown_are_taken_along():
    text = "![a](TestImages/dogs.jpg) [b](examples/sure_sav.yaml) ![c](docs/street.jpg) [d](tests)"
    assert linked_files(text, README) == {"TestImages/dogs.jpg", "examples/sure_sav.yaml"}
