"""README.md and README.zh-CN.md say the same: what is no language is alike in both, section by section."""

import re
from itertools import chain, pairwise

import pytest

from tests import markdown
from tests.conftest import ROOT

LANGUAGES = {"README.md": "English", "README.zh-CN.md": "简体中文"}
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in LANGUAGES)
PAIRS = list(zip(markdown.sections(ENGLISH), markdown.sections(CHINESE), strict=False))
IDS = [english[1] for english, _ in PAIRS]


def numbers(text: str) -> list[str]:
    """The numbers in a text, but for those that are parts of names."""
    return sorted(re.findall(r"(?<![\w.])\d+(?:\.\d+)*(?!\w)", text, re.ASCII))


def without_switch(page: str) -> str:
    """A page without the line that leads to the other language."""
    return "\n".join(line for line in page.splitlines() if " | " not in line or line.startswith("|"))


def test_each_has_a_line_at_the_top_that_leads_to_the_other():
    for name, page in zip(LANGUAGES, (ENGLISH, CHINESE), strict=True):
        switch = [other if file == name else f"[{other}]({file})" for file, other in LANGUAGES.items()]
        assert page.splitlines()[2] == " | ".join(switch)


def test_headings_have_the_same_levels_in_the_same_order():
    levels = [[level for level, _, _ in markdown.sections(page)] for page in (ENGLISH, CHINESE)]
    assert levels[0] == levels[1]
    numbered = [re.findall(r"^### (\d+)\.", page, re.M) for page in (ENGLISH, CHINESE)]
    assert numbered[0] == numbered[1]


def test_commands_and_code_are_the_same_word_for_word():
    assert markdown.blocks(ENGLISH)
    assert markdown.blocks(ENGLISH) == markdown.blocks(CHINESE)


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=IDS)
def test_a_section_has_the_same_code_links_and_numbers_in_its_sentences(english, chinese):
    english, chinese = without_switch(english[2]), without_switch(chinese[2])
    assert markdown.inline_code(english) == markdown.inline_code(chinese)
    assert sorted(markdown.links(english)) == sorted(markdown.links(chinese))
    assert numbers(english) == numbers(chinese)


def test_tables_have_the_same_shape_and_cells_of_code():
    tables = markdown.tables(ENGLISH), markdown.tables(CHINESE)
    assert len(tables[0]) == len(tables[1]) > 0
    for english, chinese in zip(*tables, strict=True):
        assert [len(row) for row in english] == [len(row) for row in chinese]
        for one, other in zip(chain(*english), chain(*chinese), strict=True):
            assert markdown.inline_code(one) == markdown.inline_code(other)
            assert markdown.links(one) == markdown.links(other)
            assert numbers(one) == numbers(other), (one, other)


def test_pictures_are_the_same_and_have_texts_of_their_language():
    english, chinese = markdown.pictures(ENGLISH), markdown.pictures(CHINESE)
    assert [file for _, file in english] == [file for _, file in chinese] != []
    assert all(text.isascii() and len(text) > 20 for text, _ in english)
    assert all(len(re.findall(r"[\u4e00-\u9fff]", text)) > 10 for text, _ in chinese)


def test_chinese_sentences_have_chinese_punctuation():
    prose = "".join(text for _, _, text in markdown.sections(without_switch(CHINESE)))
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)
    assert (
        re.findall(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?(][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?!\w)", prose) == []
    )


def test_no_line_of_chinese_is_broken_for_that_would_be_shown_as_a_blank():
    lines = markdown.without_blocks(CHINESE).splitlines()
    broken = [pair for pair in pairwise(lines) if all(line and line[0] not in "#|!" for line in pair)]
    assert broken == []
