"""Detectors' files tell their text model, or that they know fixed classes."""

import pytest
import torch

from sav.detectors.text_models import text_model_of
from sav.errors import CheckpointError
from tests.detectors.models import random_model, save, tiny_model
from tests.detectors.tiny_text import words_model


def with_text_model(name):
    model = words_model("YOLOEDetect")
    model.text_model = name
    return model


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (lambda: words_model("WorldDetect"), "clip:ViT-B/32"),
        (lambda: words_model("YOLOEDetect"), "mobileclip:blt"),
        (lambda: with_text_model(None), "mobileclip:blt"),
        (lambda: with_text_model("mobileclip2:b"), "mobileclip2:b"),
        (lambda: words_model("YOLOEDetect", text_model="mobileclip2:b"), "mobileclip2:b"),
    ],
)
def test_a_detectors_file_tells_its_text_model(tmp_path, model, name):
    assert text_model_of(save(model(), tmp_path / "yolo.pt")).name == name


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (tiny_model, r"knows fixed classes \(person, dog, bus\); for words take a YOLO-World or YOLOE"),
        (lambda: tiny_model(classes=9), r"\(person, dog, bus, \.\.\.\)"),
        (lambda: with_text_model("siglip:so"), "the text model 'siglip:so', which is not known here"),
        (None, "holds no ultralytics model"),
    ],
)
def test_what_cannot_be_told_words_is_refused_in_one_line(tmp_path, model, said):
    path = tmp_path / "yolo.pt"
    if model is None:
        torch.save({"model": None}, path)
    else:
        save(model(), path)
    with pytest.raises(CheckpointError, match=said):
        text_model_of(path)


@pytest.mark.long
@pytest.mark.parametrize("yaml", ["yoloe-11s-seg-pf.yaml", "yolov8n-rtdetr.yaml", "yolov8n-obb.yaml"])
def test_a_vocabulary_of_its_own_is_fixed_too(tmp_path, yaml):
    with pytest.raises(CheckpointError, match="knows fixed classes"):
        text_model_of(save(random_model(yaml), tmp_path / "yolo.pt"))
