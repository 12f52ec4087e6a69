"""Words from the command line to the files: what they say is found, named, kept, and gone on with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from sav import Segmenter
from sav.commands import seg, track
from sav.config import DetectionConfig
from sav.errors import SettingError
from sav.media.pictures import write_picture
from tests.detectors.models import save, tiny_model
from tests.detectors.tiny_text import save_clip, text_model, words_model


@pytest.fixture(scope="session")
def saved_detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A YOLO-World with its text model beside it, to be left as it is."""
    folder = tmp_path_factory.mktemp("model")
    save_clip(text_model(), folder / "ViT-B-32.pt")
    return save(words_model("WorldDetect"), folder / "world.pt")


@pytest.fixture
def detector(saved_detector: Path, tmp_path: Path) -> Path:
    """The same for a test alone."""
    return copytree(saved_detector.parent, tmp_path / "model") / saved_detector.name


@pytest.fixture
def run(detector: Path, tiny_sam_file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "ultralytics.nn.text_model", None)  # it would install a package
    models = [
        "--sam_checkpoint",
        tiny_sam_file,
        "--yolo_checkpoint",
        detector,
        "--device",
        "cpu",
        "--offline",
    ]
    kept = ["--conf", "0", "--max_det", "3", "--iou", "1", "--duplicate_iou", "1"]
    return lambda main, *more: main([str(word) for word in (*models, *kept, *more)])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        image = np.random.default_rng(number).integers(0, 255, (60, 80, 3), np.uint8)
        write_picture(folder / f"{number}.png", image)
    return folder


def coco(folder: Path) -> dict[str, Any]:
    return dict(json.loads(next(folder.rglob("coco.json")).read_text()))


def names(saved: dict[str, Any]) -> list[str]:
    return [category["name"] for category in saved["categories"]]


def test_pictures_have_masks_named_by_words_and_a_second_run_needs_no_text_model(
    run, pictures, detector, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    flags = [
        "--img_path",
        pictures,
        "--save_dir",
        out,
        "--labelled_only",
        "--words",
        "red bus,",
        "dog",
        "on a leash",
    ]
    assert run(seg.main, *flags) == 0
    saved = coco(out)
    assert names(saved)[:2] == ["red bus", "dog on a leash"]
    assert len(saved["annotations"]) == 6
    assert len([*detector.parent.glob("ViT-B-32.words-*.safetensors")]) == 1

    detector.with_name("ViT-B-32.pt").unlink()
    monkeypatch.setitem(sys.modules, "open_clip", None)
    assert run(seg.main, *flags, "--resume") == 0
    assert "2 pictures" in capsys.readouterr().out and coco(out) == saved

    assert run(seg.main, *flags[:-3], "cat", "--resume") == 2
    assert "get it from https" in (said := capsys.readouterr().err) and said.count("\n") == 1


@pytest.mark.long
def test_a_resumed_run_with_other_words_begins_anew(run, pictures, tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--img_path", pictures, "--save_dir", out, "--labelled_only"]
    assert run(seg.main, *flags, "--words", "dog, cat") == 0
    assert run(seg.main, *flags, "--words", "dog, bus", "--resume") == 0
    assert names(coco(out))[:2] == ["dog", "bus"]


@pytest.mark.long
def test_a_video_has_tracks_named_by_words_of_which_classes_choose(run, pictures, tmp_path):
    out = tmp_path / "out.mp4"
    flags = [
        "--video_path",
        pictures,
        "--save_path",
        out,
        "--end",
        "3",
        "--words",
        "red bus, dog",
        "--classes",
        "DOG",
    ]
    assert run(track.main, *flags, "--tracker", "bytetrack", "--slices", "64x64") == 0
    assert out.exists()
    saved = coco(tmp_path)
    assert names(saved)[:2] == ["red bus", "dog"]
    assert {one["category_id"] for one in saved["annotations"]} <= {2}


@pytest.mark.long
def test_a_video_goes_on_with_its_own_words_alone(run, pictures, tmp_path, capsys):
    flags = ["--video_path", pictures, "--save_path", tmp_path / "out.mp4", "--words"]
    assert run(track.main, *flags, "red bus, dog") == 0
    assert run(track.main, *flags, "red bus, dog", "--resume") == 0
    capsys.readouterr()
    assert run(track.main, *flags, "cat", "--resume") == 2
    assert "has --words red bus, dog, this one cat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--words", "dog, Dog"], "words name 'dog' twice"),
        (["--words", " , "], "there is no word"),
        (["--text_checkpoint", "x.pt"], "tells what --words mean, and there are none"),
        (["--words", "dog", "--boxes", "x.json"], "give --words or --boxes, not both"),
        (["--words", "dog, red bus", "--classes", "red buss"], "the nearest is 'red bus'"),
        (["--words", "dog", "--text_checkpoint", "none.pt"], "no checkpoint at none.pt"),
    ],
)
@pytest.mark.parametrize("command", [seg, track])
def test_what_cannot_be_is_one_line_before_anything_is_loaded(run, capsys, monkeypatch, command, flags, said):
    monkeypatch.setattr(Segmenter, "load", None)
    try:
        status = run(command.main, *flags)
    except SystemExit as ended:
        status = ended.code
    error = capsys.readouterr().err
    assert status == 2 and said in error and error.count("\n") == 1


def test_a_detector_of_fixed_classes_is_answered_with_those_that_take_words(
    run, detector, capsys, monkeypatch
):
    monkeypatch.setattr(Segmenter, "load", None)
    save(tiny_model(), detector)
    assert run(seg.main, "--words", "dog") == 2
    assert "knows fixed classes (person, dog, bus); for words take a YOLO-World" in capsys.readouterr().err


def test_from_python_words_are_a_text_or_a_list(detector, tiny_sam_file, pictures):
    detect = DetectionConfig(conf=0, max_det=2)
    for words in ("red bus, dog", ["red bus", "dog"]):
        segmenter = Segmenter.load(
            detector, tiny_sam_file, words=words, device="cpu", detect=detect, regions=False
        )
        assert segmenter.categories == {0: "red bus", 1: "dog"}
        assert segmenter.settings(for_video=False)["words"] == ["red bus", "dog"]
        assert len(segmenter.settings(for_video=True)["text_model"]) == 64
    assert len(segmenter(pictures / "0.png").objects) == 2
    plain = Segmenter.load(detector, tiny_sam_file, device="cpu", regions=False)
    assert "words" not in plain.settings(for_video=False)
    with pytest.raises(SettingError, match="not both"):
        Segmenter.load(None, tiny_sam_file, words="dog", boxes="x.json")


@pytest.mark.parametrize("parse", [seg.parse, track.parse])
def test_a_preset_names_a_detector_that_takes_words_where_there_are_some(parse):
    assert parse(["--words", "dog"]).yolo_checkpoint == "model/yolov8x-worldv2.pt"
    assert parse(["--words", "dog", "--preset", "light"]).yolo_checkpoint == "model/yolov8s-worldv2.pt"
    assert parse(["--words", "dog", "--yolo_checkpoint", "x.pt"]).yolo_checkpoint == "x.pt"
    assert parse([]).words == ()
