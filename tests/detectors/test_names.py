"""Class names: which are taken, how they are found, and how they are read without torch."""

import subprocess
import sys

import pytest
import torch

from sav.detectors.names import checked_names, read_class_names, resolve_classes
from sav.errors import CheckpointError
from tests.conftest import DEMO_YOLO, ROOT

COCO_LIKE = {0: "person", 1: "bicycle", 2: "traffic light", 7: "Truck"}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ({0: "person", 1: "dog"}, {0: "person", 1: "dog"}),
        (["person", "dog"], {0: "person", 1: "dog"}),
        ({1: "dog", 0: "person"}, {0: "person", 1: "dog"}),
        ({"0": "a", "1": "b"}, {0: "a", 1: "b"}),
        ([1, False, 2.5], {0: "1", 1: "False", 2: "2.5"}),
        (["dog\r", " 犬 ", "père Noël"], {0: "dog", 1: "犬", 2: "père Noël"}),
        (["dog", "dog"], {0: "dog", 1: "dog"}),
        (["x" * 200], {0: "x" * 200}),
    ],
)
def test_names_that_a_model_may_have(names, wanted):
    assert checked_names(names) == wanted


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (None, "no table of class names"),
        ({}, "no table of class names"),
        ("dog", "no table of class names"),
        (dict.fromkeys(range(100_001), "a"), "no table of class names"),
        ({1: "dog"}, "not numbered from 0 to 0"),
        ({0: "a", 2: "b"}, "not numbered from 0 to 1"),
        ({0: "a", -1: "b"}, "not numbered"),
        ({0: "a", "0": "b"}, "not numbered"),
        ({0: "a", 10**30: "b"}, "not numbered"),
        ({"a": "dog"}, "ids are no numbers"),
        ({0.5: "dog"}, "ids are no numbers"),
        ({True: "dog"}, "ids are no numbers"),
        (["x" * 300], "300 letters"),
        (["犬" * 100], "100 letters"),
        (["a\nb"], "line break or control character"),
        (["a\x00b"], "line break or control character"),
        (["a\u2028b"], "line break or control character"),
        (["a\x1b[31mb"], "line break or control character"),
        (["a\ud800b"], "line break or control character"),
        (["  "], "without a name"),
        ([""], "without a name"),
        ([None], "no word"),
        ([["dog"]], "no word"),
        ([10**400], "no word"),
    ],
)
def test_names_that_are_none_are_refused_in_one_line(names, words):
    with pytest.raises(ValueError, match=words) as caught:
        checked_names(names)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_classes_are_found_by_name_in_any_case_or_by_id():
    assert resolve_classes(["Truck", "PERSON", "1", "person", 2], COCO_LIKE) == [0, 1, 2, 7]
    assert resolve_classes([], COCO_LIKE) is None


def test_a_name_comes_before_an_id():
    assert resolve_classes(["1"], {0: "1", 1: "0"}) == [0]
    assert resolve_classes([1], {0: "1", 1: "0"}) == [1]


def test_a_name_stands_for_all_classes_that_are_called_so():
    assert resolve_classes(["dog"], {0: "dog", 1: "cat", 2: "dog", 3: "Dog"}) == [0, 2]
    assert resolve_classes(["DOG"], {0: "dog", 1: "cat", 2: "dog"}) == [0, 2]


def test_a_name_that_could_be_two_is_answered_with_both():
    with pytest.raises(ValueError, match=r"'DOG' could be 'dog' \(0\) or 'Dog' \(2\)"):
        resolve_classes(["DOG"], {0: "dog", 1: "cat", 2: "Dog"})
    assert resolve_classes(["Dog"], {0: "dog", 1: "cat", 2: "Dog"}) == [2]


def test_an_unknown_class_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="no class 'trafic lite'; the nearest is 'traffic light'"):
        resolve_classes(["trafic lite"], COCO_LIKE)


@pytest.mark.parametrize("item", ["99", 99, -1, "9" * 5000])
def test_an_unknown_class_id_is_answered_with_the_range(item):
    with pytest.raises(ValueError, match="ids go from 0 to 7") as caught:
        resolve_classes([item], COCO_LIKE)
    assert len(str(caught.value)) < 200


def test_names_are_read_from_a_file_without_torch():
    script = (
        "import sys; from pathlib import Path; from sav.detectors.names import read_class_names\n"
        f"print(*read_class_names(Path({str(DEMO_YOLO)!r})).values())\n"
        "assert not {'torch', 'ultralytics', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[:2] == ["person", "bicycle"]


def test_a_file_that_must_be_loaded_to_tell_gives_no_names(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "yolo.pt")
    assert read_class_names(tmp_path / "yolo.pt") is None
    torch.save({"model": torch.nn.Identity()}, tmp_path / "yolo.pt")
    assert read_class_names(tmp_path / "yolo.pt") is None
    model = torch.nn.Identity()
    model.names = {0: "a\nb"}
    torch.save({"model": model}, tmp_path / "yolo.pt")
    with pytest.raises(
        CheckpointError, match=r"yolo\.pt cannot be used as a detector: it has a class name with"
    ):
        read_class_names(tmp_path / "yolo.pt")
    with pytest.raises(CheckpointError, match="No such file"):
        read_class_names(tmp_path / "nowhere.pt")
