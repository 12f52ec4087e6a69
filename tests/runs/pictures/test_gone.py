"""Pictures of earlier runs that are no longer there: told of, and taken out where that is asked for."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sav.errors import DONE
from sav.formats.registry import format_names
from sav.media.pictures import list_pictures, write_picture
from sav.runs.events import Note
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from tests.runs.stored_runs import seen, segmenter
from tests.stubs import picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number, name in enumerate("abcd"):
        write_picture(tmp_path / "in" / f"{name}.png", picture(number))
    return tmp_path / "in"


def run(pictures: Path, out: Path, **more: Any) -> list[str]:
    """The notes of a run."""
    notes: list[str] = []
    plan = plan_pictures(list_pictures(pictures), out, format_names(False), regions=False, **more)
    report = run_pictures(
        plan, segmenter(), lambda event: notes.append(event.line) if isinstance(event, Note) else None
    )
    assert report.status == DONE
    return notes


@pytest.mark.parametrize("more", [{}, {"resume": True}])
def test_they_are_told_of_and_taken_out_where_that_is_asked_for(
    pictures: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    assert run(pictures, out) == []
    (pictures / "b.png").unlink()
    (pictures / "c.png").rename(pictures / "e.png")
    told = run(pictures, out, **more)[-1]
    assert told == (
        f"2 pictures of earlier runs are no longer at their place ({pictures}/b.png, {pictures}/c.png):"
        " the data set still tells of them; --drop_gone takes them out, with the results"
    )
    coco = out / "annotations" / "coco.json"
    assert len(json.loads(coco.read_text())["images"]) == 5

    mine = out / "annotations" / "labelme" / "b.json"
    mine.write_text("mine")
    assert run(pictures, out, drop_gone=True, **more)[-1].endswith(
        "taken out, with the results; what was changed by hand stays, with what belongs to it"
    )
    run(pictures, tmp_path / "one")
    labelled = out / "annotations" / "labelme" / "b.jpg"  # without it nobody could go on correcting
    stay = {"annotations/labelme/b.json": b"mine", "annotations/labelme/b.jpg": labelled.read_bytes()}
    assert seen(out) == {**seen(tmp_path / "one"), **stay}
    assert not any("no longer" in line for line in run(pictures, out, **more))


def test_where_the_whole_folder_is_gone_nothing_is_taken_out(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(pictures, out)
    (tmp_path / "other").mkdir()
    (pictures / "a.png").rename(tmp_path / "other" / "z.png")
    pictures.rename(tmp_path / "away")
    assert "4 pictures of earlier runs" in run(tmp_path / "other", out)[-1]
    told = run(tmp_path / "other", out, drop_gone=True)[-1]
    assert told.startswith("4 pictures of earlier runs (") and "whole folder is not there" in told
    assert (out / "our" / "b_our.jpg").exists()
    pictures.mkdir()
    assert "taken out" in run(tmp_path / "other", out, drop_gone=True)[-1]
    assert not (out / "our" / "b_our.jpg").exists()


def test_of_a_disk_that_fails_nothing_is_taken_out(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(pictures, out)
    (pictures / "b.png").rename(tmp_path / "b.png")
    look = os.lstat

    def fails(path: str | Path, **more: Any) -> os.stat_result:
        if str(path).endswith("in/b.png"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return look(path, **more)

    monkeypatch.setattr(os, "lstat", fails)
    assert run(pictures, out, drop_gone=True) == []
    assert (out / "our" / "b_our.jpg").exists()
