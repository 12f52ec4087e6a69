import csv
import io
import json
from xml.etree import ElementTree

import pytest
import yaml

from sav.formats.text import (
    csv_cell,
    file_part,
    json_text,
    one_line,
    xml_attribute,
    xml_text,
    yaml_text,
)  # fmt: skip

PLAIN = ["person", "dog, große", "say \"x\" & <y> 'z'", "犬 \U0001f415", "a" * 300, "", " blanks ", "C:\\dir"]
BREAKS = ["a\nb", "a\r\nb", "a\rb", "a\tb", "a\x0bb\x0cb", "a\x1cb\x85b\u2028b\u2029b"]
CONTROLS = ["a\x00b", "a\x07b\x1b[31m", "a\x7fb\x80b\x9fb", "\ufeffa", "a\ufffeb\uffff"]
LONE = ["a\ud800b", "a\udc80b"]
FORMULAS = ["=1+1", "+1", "-1", "@x", "  =1", "'=1", "\t=1", "\r1", "＝1"]


@pytest.mark.parametrize("name", PLAIN + BREAKS + CONTROLS + LONE + FORMULAS)
def test_json_gives_every_name_back(name):
    assert json.loads(json_text({"a": [name]}).encode("utf-8")) == {"a": [name]}


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize("name", PLAIN + BREAKS + CONTROLS + FORMULAS)
def test_yaml_gives_names_back(name, loader):
    assert yaml.load(f"names:\n  0: {yaml_text(name)}\n".encode(), loader)["names"] == {0: name}


@pytest.mark.parametrize("name", PLAIN + BREAKS[:4] + FORMULAS)
def test_xml_gives_names_back(name):
    root = ElementTree.fromstring(f"<a b={xml_attribute(name)}>{xml_text(name)}</a>".encode())
    assert root.get("b") == name
    assert (root.text or "") == name


@pytest.mark.parametrize("name", BREAKS + CONTROLS + LONE)
def test_what_xml_has_no_place_for_is_replaced_alike_in_attribute_and_text(name):
    root = ElementTree.fromstring(f"<a b={xml_attribute(name)}>{xml_text(name)}</a>".encode())
    assert root.get("b") == root.text
    assert [len(root.text), root.text[0], root.text[-1]] == [len(name), *(
        "\ufffd" if end in "\ufffe\uffff" else end for end in (name[0], name[-1])
    )]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN + BREAKS[:4] + CONTROLS[1:] + FORMULAS)
def test_a_table_gives_names_back_and_holds_no_formula(name):
    file = io.StringIO(newline="")
    csv.writer(file).writerow([csv_cell(name), "next"])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert row == [f"'{name}" if name in FORMULAS else name, "next"]
    assert row[0].strip()[:1] not in tuple("=+-@＝")


@pytest.mark.parametrize("name", PLAIN + BREAKS + CONTROLS + LONE + FORMULAS)
def test_a_line_is_one_line_to_every_reader(name):
    line = one_line(name)
    assert len(f"{line}|".splitlines()) == 1
    assert len(line.encode("utf-8")) > 0 or name == ""
    if name in PLAIN:
        assert line == name


def test_each_break_is_a_blank_and_each_control_character_a_replacement():
    assert [one_line(name) for name in ("a\r\nb", "a\tb", "a\x00b", "a\udc80b")] == [
        "a b", "a b", "a\ufffdb", "a\ufffdb"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "part"),
    [("a/../b", "a_b"), ("..", ""), ("犬" * 40, "犬" * 20), ("CON", "CON"), ("\ud800", ""), ("a b!", "a_b")],
)
def test_a_part_of_a_file_name_holds_letters_and_digits_in_bounds(name, part):
    assert file_part(name, 60) == part
    assert file_part(name, -3) == ""
