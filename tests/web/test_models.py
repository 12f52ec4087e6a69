"""Which checkpoints there are to choose from, and that one pair of them is in memory."""

import shutil
from pathlib import Path

import pytest

from sav.errors import CheckpointError, SettingError
from sav.web.config import WebConfig
from sav.web.models import Checkpoints, LoadedModels, list_checkpoints
from tests.conftest import DEMO_SAM, DEMO_YOLO
from tests.detectors.models import save
from tests.detectors.tiny_text import words_model
from tests.web.conftest import StubModels


def test_files_are_told_by_what_is_in_them_and_others_are_left_out(tmp_path):
    shutil.copy(DEMO_SAM, tmp_path / "b.pt")
    shutil.copy(DEMO_YOLO, tmp_path / "a.pth")
    (tmp_path / "c.pt").write_bytes(b"nothing of the kind")
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "folder.pt").mkdir()
    found = list_checkpoints(tmp_path)
    assert [*found.detectors] == ["a.pth"] and found.sams == ("b.pt",)
    assert "dog" in found.detectors["a.pth"].values()
    assert found.usual == ("a.pth", "b.pt")


def test_a_folder_without_one_of_them_is_an_error_that_says_which(tmp_path):
    with pytest.raises(CheckpointError, match="no detector and no SAM"):
        list_checkpoints(tmp_path)
    shutil.copy(DEMO_SAM, tmp_path)
    with pytest.raises(CheckpointError, match="no detector in"):
        list_checkpoints(tmp_path)


def test_the_best_pair_that_is_there_is_chosen_at_first():
    sams = ("mobile_sam.pt", "other.pth", "sam2.1_hiera_small.pt")
    there = Checkpoints({"mine.pt": {}, "yolov8m.pt": {}, "yolov8n.pt": {}}, sams, Path())
    assert there.usual == ("yolov8m.pt", "sam2.1_hiera_small.pt")


def test_one_pair_is_in_memory_and_loaded_once(monkeypatch):
    there = Checkpoints({"a": {}, "b": {}}, ("s",))
    models, loaded = StubModels(there), []
    load = models._load
    monkeypatch.setattr(models, "_load", lambda *names: loaded.append(names) or load(*names))
    for detector in ("a", "a", "b", "a"):
        models.segmenter(detector, "s")
    assert loaded == [("a", "s", ()), ("b", "s", ()), ("a", "s", ())]
    with pytest.raises(SettingError):
        models.segmenter("c", "s")


def test_words_go_to_detectors_that_take_them_and_load_them_anew(monkeypatch):
    there = Checkpoints({"fixed": {}, "open": {}}, ("s",), take_words=frozenset({"open"}))
    models, loaded = StubModels(there), []
    load = models._load
    monkeypatch.setattr(models, "_load", lambda *names: loaded.append(names) or load(*names))
    for detector, words in (
        ("open", " red  bus, dog"),
        ("open", "red bus,dog"),
        ("open", ""),
        ("fixed", "dog"),
    ):
        models.segmenter(detector, "s", words)
    assert loaded == [("open", "s", ("red bus", "dog")), ("open", "s", ()), ("fixed", "s", ())]
    with pytest.raises(SettingError, match="twice"):
        models.segmenter("open", "s", "dog, Dog")


def test_which_detectors_take_words_is_told_by_their_files(tmp_path):
    shutil.copy(DEMO_SAM, tmp_path)
    shutil.copy(DEMO_YOLO, tmp_path)
    save(words_model("WorldDetect"), tmp_path / "world.pt")
    found = list_checkpoints(tmp_path)
    assert {*found.detectors} == {"demo_yolo.pt", "world.pt"} and found.take_words == {"world.pt"}


@pytest.mark.long
def test_the_demo_models_load_and_find(tmp_path):
    import cv2

    from tests.conftest import ROOT

    models = LoadedModels(list_checkpoints(ROOT / "model"), WebConfig(device="cpu"))
    segmenter = models.segmenter("demo_yolo.pt", "demo_sam.pth")
    scene = segmenter(cv2.imread(str(ROOT / "TestImages" / "dogs.jpg")))
    assert "dog" in scene.class_names
