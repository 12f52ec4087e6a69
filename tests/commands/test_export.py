"""`python -m sav export`: what is printed, and what is understood."""

import pytest

from sav.commands import export, track
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT
from tests.runs.stored_runs import picture_run, seen, video_run


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return video_run(tmp_path_factory.mktemp("video"), ["coco"])


def main(*arguments) -> int:
    return export.main([str(argument) for argument in arguments])


def test_formats_are_written_and_told(video, tmp_path, capsys):
    assert main(video, "--save", "mot,coco", "csv", "--save_dir", tmp_path / "new") == 0
    assert capsys.readouterr().out == f"6 frames, 2 objects in {tmp_path / 'new'}\n"
    assert sorted(seen(tmp_path / "new")) == ["coco.json", "csv/objects.csv", "csv/tracks.csv", "mot.txt"]


def test_pictures_are_told_too(tmp_path, capsys):
    run = picture_run(tmp_path, ["coco"])
    assert main(run, "--save", "cvat") == 0
    said = capsys.readouterr().out
    assert said == f"3 of 3 pictures: 6 labelled objects in {run / 'annotations'}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--save", "voc"], "there is no format 'voc'"),
        (["--save", "labelme"], "a.mp4 is gone"),
        (["--save", "coco", "--save_dir", __file__], "is a file; name a folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(video, capsys, arguments, line):
    (video.parent.parent / "in" / "a.mp4").unlink(missing_ok=True)
    assert main(video, *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert line in said
    assert said.count("\n") == 1


def test_a_place_without_a_run_is_told(tmp_path, capsys):
    assert main(tmp_path, "--save", "coco") == 2
    assert "has no store of a run" in capsys.readouterr().err
    assert main(tmp_path / "nowhere", "--save", "coco") == 2
    assert f"there is no {tmp_path / 'nowhere'}: give" in capsys.readouterr().err


def test_formats_must_be_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(tmp_path)
    assert "--save" in capsys.readouterr().err


def test_flags_of_formats_that_are_not_written_are_told(video, tmp_path, capsys):
    assert main(video, "--save", "mot", "--cutout_ids", "1", "--save_dir", tmp_path / "new") == 0
    assert "--cutout_ids does nothing without --save cutout" in capsys.readouterr().err


@pytest.mark.long
def test_what_real_models_found_is_told_again_byte_for_byte(tmp_path):
    flags = [
        "--sam_checkpoint",
        DEMO_SAM,
        "--yolo_checkpoint",
        DEMO_YOLO,
        "--device",
        "cpu",
        "--imgsz",
        "320",
    ]
    video = [
        "--video_path",
        ROOT / "TestImages" / "street.mp4",
        "--end",
        "4",
        "--save_path",
        tmp_path / "v.mp4",
    ]
    assert track.main([str(flag) for flag in [*video, *flags, "--save", "all"]]) == 0
    assert main(tmp_path / "v.mp4", "--save", "all", "--save_dir", tmp_path / "new") == 0
    assert seen(tmp_path / "new") == seen(tmp_path / "v_annotations")
