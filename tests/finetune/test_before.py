import numpy as np
import pytest
import torch

from tools.finetune import before
from tools.finetune.before import measure_before
from tools.training.boxes import Boxes
from tools.training.listing import Truth
from tools.training.scoring import Found

BOXES = Boxes.from_xywh([(1, 1, 30, 30), (40, 1, 30, 30)], [0, 1])


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measures a detector of other classes, which finds the two true boxes under ids of its own."""
    Truth.of([("a/b.jpg", (80, 60), BOXES)]).save(tmp_path)

    def measure(theirs, ids):
        ids = np.array(ids, np.int64)
        found = Found(
            np.zeros(len(ids), np.int64),
            BOXES.xyxy.astype(np.float32)[: len(ids)],
            ids,
            np.ones(len(ids), np.float32),
        )
        monkeypatch.setattr(before, "read_class_names", lambda path: theirs)
        monkeypatch.setattr(before, "detect", lambda *given: found)
        return measure_before(tmp_path / "a.pt", tmp_path, ["Bus", "my dog"], torch.device("cpu"), 64)

    return measure


def test_classes_are_the_same_that_are_called_the_same(measured):
    measures, by_class = measured({0: "dog", 7: "bus"}, [7, 0])
    assert by_class == {"Bus": pytest.approx(1), "my dog": 0} and measures["AP"] == pytest.approx(0.5)


@pytest.mark.parametrize("ids", [[], [0, 0]])
def test_a_class_that_is_not_found_counts_as_not_found(measured, ids):
    measures, by_class = measured({0: "dog", 7: "bus"}, ids)
    assert by_class == {"Bus": 0, "my dog": 0} and measures["AP"] == 0


def test_a_detector_of_other_classes_alone_is_not_measured(measured):
    assert measured({0: "cat"}, [0]) is None
