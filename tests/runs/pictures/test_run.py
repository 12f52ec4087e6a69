"""Runs over folders as users have them: no picture ends one."""

import os

import numpy as np
import pytest
from torch import OutOfMemoryError

from sav.errors import DONE, FAILED, PARTLY_DONE
from sav.formats.registry import PICTURE_FORMATS, resolve_formats
from sav.media.pictures import list_pictures, read_picture, write_picture
from sav.runs.pictures.plan import plan_pictures
from sav.segmenter import Segmenter
from tests.runs.stored_runs import done
from tests.stubs import StubDetector, StubSam, picture


def run(folder, out, sam=None, formats=PICTURE_FORMATS, **options):
    segmenter = Segmenter(StubDetector(boxes_xyxy=[(0, 0, 2, 1)]), sam or StubSam(), regions=False)
    return done(plan_pictures(list_pictures(folder), out, formats, **options), segmenter)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "pictures"
    path.mkdir()
    write_picture(path / "a.png", picture())
    return path


def test_every_format_finds_names_for_long_odd_and_equal_names(folder, tmp_path):
    content = (folder / "a.png").read_bytes()
    for name in ("a.jpg", "m" * 240 + ".png", "香" * 80 + ".png", os.fsdecode(b"caf\xe9.png")):
        (folder / name).write_bytes(content)
    report = run(folder, tmp_path / "out", formats=resolve_formats(["all"], for_video=False))
    assert (report.done, report.status) == (5, DONE)
    for where, count in (
        ("our", 5),
        ("mask", 5),
        ("annotations/labelme", 10),
        ("annotations/yolo/labels", 5),
    ):
        assert len(list((tmp_path / "out" / where).iterdir())) == count
    for path in (tmp_path / "out").rglob("*"):
        path.name.encode()


@pytest.mark.parametrize("shape", [(1, 3000), (2, 70_000), (70_000, 2), (1, 2)])
def test_thin_and_wide_pictures_are_done_in_every_format(folder, tmp_path, shape):
    write_picture(folder / "thin.png", np.full((*shape, 3), 90, np.uint8))
    assert run(folder, tmp_path / "out", formats=resolve_formats(["all"], for_video=False)).status == DONE
    kind = "png" if max(shape) > 65_500 else "jpg"
    for result in (f"our/thin_our.{kind}", "mask/thin_mask.png", f"annotations/labelme/thin.{kind}"):
        assert read_picture(tmp_path / "out" / result).shape[:2] == shape


def test_what_cannot_be_read_is_named_and_the_others_are_done(folder, tmp_path, capsys):
    os.mkfifo(folder / "b_pipe.jpg")
    (folder / "c_link.jpg").symlink_to("nowhere")
    (folder / "c_loop.jpg").symlink_to("c_loop.jpg")
    (folder / "c_long.jpg").symlink_to("n" * 300)
    (folder / "d_text.jpg").write_text("words")
    (folder / "._a.png").write_bytes(b"\0\5\x16\7")
    write_picture(folder / "e_large.png", np.zeros((101, 100, 3), np.uint8))
    write_picture(folder / "f.png", picture(1))
    report = run(folder, tmp_path / "out", max_megapixels=0.01)
    assert (report.done, report.wanted, report.status) == (2, 8, PARTLY_DONE)
    said = capsys.readouterr().err
    for name in ("b_pipe.jpg", "c_link.jpg", "c_loop.jpg", "c_long.jpg", "d_text.jpg", "e_large.png"):
        assert said.count(name) == 1
    assert "101" in said
    assert (tmp_path / "out" / "our" / "f_our.jpg").exists()


def test_a_picture_that_may_not_be_seen_is_named_and_the_others_are_done(
    folder, tmp_path, capsys, monkeypatch
):
    write_picture(folder / "b.png", picture(1))
    stat, opened = os.stat, open

    def forbidden(real):
        def see(path, *arguments, **more):
            if str(path).endswith("a.png"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **more)

        return see

    monkeypatch.setattr(os, "stat", forbidden(stat))
    monkeypatch.setattr("builtins.open", forbidden(opened))
    report = run(folder, tmp_path / "out")
    monkeypatch.undo()
    assert (report.done, report.status) == (1, PARTLY_DONE)
    assert "a.png cannot be opened: Permission denied" in capsys.readouterr().err


def test_a_picture_that_goes_before_its_turn_is_named(folder, tmp_path, capsys):
    write_picture(folder / "b.png", picture(1))
    plan = plan_pictures(list_pictures(folder), tmp_path / "out", PICTURE_FORMATS)
    (folder / "a.png").unlink()
    segmenter = Segmenter(StubDetector(), StubSam(), regions=False)
    assert done(plan, segmenter).status == PARTLY_DONE
    assert "a.png cannot be opened: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "b.png cannot be segmented: there is not enough memory"),
        (OutOfMemoryError("CUDA"), "b.png: the GPU has not enough memory; take a smaller"),
    ],
)
def test_a_picture_that_memory_does_not_hold_is_named_and_the_others_are_done(
    folder, tmp_path, capsys, error, words
):
    class SmallSam(StubSam):
        def embed(self, images_bgr):
            if images_bgr[0].shape[0] > 100:
                raise error
            return super().embed(images_bgr)

    write_picture(folder / "b.png", np.zeros((200, 200, 3), np.uint8))
    write_picture(folder / "c.png", picture(1))
    report = run(folder, tmp_path / "out", SmallSam())
    assert (report.done, report.status) == (2, PARTLY_DONE)
    assert words in capsys.readouterr().err


def test_where_nothing_can_be_done_nothing_is_left(folder, tmp_path):
    assert run(folder, tmp_path / "out", max_megapixels=0.001).status == FAILED
    assert not (tmp_path / "out").exists()
