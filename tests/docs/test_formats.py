"""docs/formats.md is true: its tables name what is written, its Python runs."""

import re

import pytest

from sav.commands import track
from sav.formats.registry import FORMATS, PICTURE_FORMATS, VIDEO_FORMATS
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line[1:-1].split("|")]
    for line in TEXT[TEXT.index("## What lands") : TEXT.index("Masks with holes")].splitlines()
    if line.startswith("| `")
]
OPENING, API = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_every_format_has_a_row():
    assert [row[0].strip("` ") for row in ROWS] == list(FORMATS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_the_table_names_is_written(work, row):
    name, pictures, video = row[0].strip("`"), row[1], row[2]
    for folder, cell in (("SegOut/annotations", pictures), ("video_test_annotations", video)):
        named = f"{pictures} {cell}" if cell.startswith("the same") else cell
        by_default = re.sub(r"\(or [^)]*\)", "", named)
        for file in re.findall(rf"`({name}[/.][^`]*)`", by_default):
            pattern = re.sub("NAME|NUMBER|CLASS", "*", file).rstrip("/")
            assert list((work / folder).glob(pattern)), file


def test_no_format_writes_what_the_table_does_not_name(work):
    for folder in ("SegOut/annotations", "video_test_annotations"):
        for path in (work / folder).glob("[!.]*"):
            assert path.stem in FORMATS


def test_the_defaults_are_the_named_ones():
    assert (
        f"The default is `{PICTURE_FORMATS[0]}` for pictures, `{' '.join(VIDEO_FORMATS)}` for video" in TEXT
    )


def test_the_lines_that_open_the_files_run(work, monkeypatch):
    monkeypatch.chdir(work)
    found: dict = {}
    exec(OPENING, found)
    assert len(found["coco"].anns) == len(found["rows"]) > 0
    assert found["mot"].shape[1] == 10
    assert len(found["mots"]) == len(found["mot"])
    assert found["tracks"][0]["length"] == 2
    assert set(found["ids"].ravel()) - {0} <= {track["id"] for track in found["tracks"]}
    assert found["objects"][0].shape == (*found["ids"].shape, 4)


@pytest.mark.long
def test_the_python_api_runs_as_written(work, monkeypatch, capsys):
    monkeypatch.chdir(work)
    exec(API, found := {})
    assert len(capsys.readouterr().out.splitlines()) == 3
    scene = found["scene"]
    table = TEXT[TEXT.index("| of a scene") :]
    for expression in re.findall(r"`(scene[^`]*)`", table):
        if "supervision" not in expression:
            assert eval(expression, {"scene": scene}) is not None


def test_files_named_on_the_command_lines_are_there(work):
    commands = TEXT[TEXT.index("On the command line:") : TEXT.index("In Python:")]
    paths = re.findall(r"(?:SegOut|video_test)[\w/.]+", commands)
    assert len(paths) == 4
    assert all((work / path).exists() for path in paths)


def test_the_flags_are_those_of_track(capsys):
    with pytest.raises(SystemExit):
        track.main(["--help"])
    usage = capsys.readouterr().out
    flags = re.findall(r"^\| `(--\w+)`", TEXT, re.M)
    assert len(flags) == 5
    assert all(flag in usage for flag in flags)
