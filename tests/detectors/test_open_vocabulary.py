"""Detectors that are told what to find: as ultralytics tells them, with the same text model."""

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.network import load_network
from sav.detectors.suppression import CLASS, candidates
from sav.detectors.text import encode
from sav.detectors.words import Vocabulary
from sav.detectors.yolo import YoloDetector
from sav.errors import CheckpointError
from tests.detectors.models import random_model, save, tiny_model
from tests.detectors.tiny_text import (
    Normalized,
    text_model,
    traced,
    ultralytics_text_models,
    words_model,
)

__all__ = ["ultralytics_text_models"]
CPU = torch.device("cpu")
WORDS = ("red bus", "dog on a leash", "Person", "street lamp")


def random_vocabulary(words=WORDS, width=512):
    vectors = np.random.default_rng(0).normal(size=(len(words), width)).astype(np.float32)
    return Vocabulary(tuple(words), vectors / np.linalg.norm(vectors, axis=1, keepdims=True), "")


@pytest.mark.parametrize("head", ["WorldDetect", "YOLOEDetect"])
def test_a_detector_that_is_told_words_is_as_ultralytics_makes_it(tmp_path, head, ultralytics_text_models):
    is_world = head == "WorldDetect"
    text, script = text_model(is_quick=is_world), tmp_path / "x.ts"
    traced(Normalized(text)).save(str(script))
    ultralytics_text_models(text, script)
    path = save(words_model(head), tmp_path / "yolo.pt")

    theirs = torch.load(path, weights_only=False)["model"].float().eval()
    if is_world:
        theirs.set_classes(list(WORDS))
    else:
        theirs.set_classes(list(WORDS), theirs.get_text_pe(list(WORDS)))
    vocabulary = Vocabulary(WORDS, encode(WORDS, script, is_quick=is_world), "")
    network = load_network(path, vocabulary=vocabulary)

    assert network.names == dict(enumerate(WORDS)) and network.class_count == len(WORDS)
    told = "txt_feats" if is_world else "pe"
    assert torch.allclose(getattr(network.module, told), getattr(theirs, told), atol=1e-6)
    picture = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        wanted = theirs.fuse(verbose=False)(picture)[0]
        assert wanted.shape[1] == 4 + len(WORDS)
        assert torch.allclose(network(picture), wanted, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize(
    "yaml",
    [
        "yolov8n-world.yaml",
        "yolov8n-worldv2.yaml",
        "yoloe-v8s.yaml",
        "yoloe-11s-seg.yaml",
        "yoloe-26n-seg.yaml",
    ],
)
def test_every_architecture_that_can_be_told_finds_what_was_said(tmp_path, yaml):
    path = save(random_model(yaml), tmp_path / "yolo.pt")
    words = [f"thing {number}" for number in range(90)]  # more than it was made with
    detector = YoloDetector(path, CPU, DetectionConfig(0.0, 1.0), vocabulary=random_vocabulary(words))
    assert detector.categories == dict(enumerate(words))
    noise = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    few = YoloDetector(path, CPU, DetectionConfig(0.0, 1.0), vocabulary=random_vocabulary(words[7:9]))
    assert len(detector([noise])[0]) > 3
    assert set(few([noise])[0].class_ids.tolist()) <= {0, 1}


def test_one_that_was_told_before_can_be_told_anew(tmp_path):
    model = words_model("YOLOEDetect")
    model.set_classes(["a", "b"], torch.nn.functional.normalize(torch.rand(1, 2, 512), dim=-1))
    path = save(model, tmp_path / "yolo.pt")
    assert load_network(path).names == {0: "a", 1: "b"}
    assert load_network(path, vocabulary=random_vocabulary()).names == dict(enumerate(WORDS))


@pytest.mark.parametrize(("head", "told"), [("WorldDetect", "txt_feats"), ("YOLOEDetect", "pe")])
def test_what_was_said_goes_where_the_model_goes(tmp_path, head, told):
    path = save(words_model(head), tmp_path / "yolo.pt")
    detector = YoloDetector(path, torch.device("meta"), vocabulary=random_vocabulary())
    assert getattr(detector._network.module, told).is_meta


def fused(model):
    model.model[-1].fuse(torch.rand(1, 3, 512))
    return model


def with_another_adapter(model):
    model.model[-1].reprta = torch.nn.Upsample(scale_factor=10**6)
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (tiny_model, "knows fixed classes"),
        (lambda: fused(words_model("YOLOEDetect")), "knows fixed classes"),
        (lambda: with_another_adapter(words_model("YOLOEDetect")), "a Upsample in its adapter"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(tmp_path, model, said):
    path = save(model(), tmp_path / "yolo.pt")
    with pytest.raises(CheckpointError, match=said):
        load_network(path, vocabulary=random_vocabulary())


@pytest.mark.parametrize("head", ["WorldDetect", "YOLOEDetect"])
def test_vectors_of_another_width_are_refused(tmp_path, head):
    path = save(words_model(head), tmp_path / "yolo.pt")
    with pytest.raises(CheckpointError, match="wants words as 512 numbers, where the text model gives 256"):
        load_network(path, vocabulary=random_vocabulary(width=256))


@pytest.mark.parametrize(("head", "names"), [("WorldDetect", [2, 0]), ("YOLOEDetect", [2])])
def test_of_words_for_one_object_a_yoloe_keeps_the_surest_as_in_ultralytics(tmp_path, head, names):
    path = save(words_model(head), tmp_path / "yolo.pt")
    detector = YoloDetector(path, CPU, vocabulary=random_vocabulary())
    box = [50.0, 40.0, 30.0, 20.0]
    table = torch.tensor([[[*box, 0.8, 0, 0, 0], [*box, 0, 0, 0.9, 0]]]).mT  # (1, 4 + words, boxes)
    assert detector._kept(candidates(table, 4, False), 1)[:, CLASS].tolist() == names
