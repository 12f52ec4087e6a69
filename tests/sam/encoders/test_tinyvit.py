"""MobileSAM, held against segment_anything's predictor and ultralytics' own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

from sav.config import EverythingConfig
from sav.device import Precision
from sav.sam.encoders import tinyvit
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from tests.sam.models import (
    BOXES,
    SIDE,
    know_tiny_ones,
    masks_of,
    mobile_sam,
    official,
    ultralytics_predictor,
)
from tests.sam.test_everything import upstream as upstream_everything
from tests.sam.test_model import upstream as upstream_boxes

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("mobile") / "sam.pt"
    torch.save(mobile_sam().state_dict(), path)
    return path


@pytest.fixture
def load(saved, monkeypatch):
    know_tiny_ones(monkeypatch)
    return lambda *args: load_sam(saved, CPU, *args)


def reference() -> Sam:
    """The same behind segment_anything's predictor, as MobileSAM's authors have it."""
    theirs = mobile_sam()
    grid = SIDE // 16
    prompts = PromptEncoder(256, (grid, grid), (SIDE, SIDE), 16)
    decoder = MaskDecoder(transformer_dim=256, transformer=TwoWayTransformer(2, 256, 8, 2048))
    sam = Sam(theirs.image_encoder, prompts, decoder)
    sam.load_state_dict(theirs.state_dict())
    return sam.eval()


@pytest.mark.parametrize("threads", [2], indirect=True)  # one rounds a few pixels of random weights otherwise
def test_boxes_and_everything_are_upstreams_pixel_for_pixel(load, picture, threads):
    model, sam = load(), reference()
    embedding = model.embed([picture])[0]
    masks = model.masks_from_boxes(embedding, BOXES).dense()
    assert (masks == upstream_boxes(sam, picture, BOXES)).all()
    config = EverythingConfig(4, 16, 0.0, 0.2, nms_threshold=1.1)
    found = segment_everything(model, embedding, config).masks.dense()
    wanted = upstream_everything(sam, picture, config)
    assert len(wanted) > 20
    assert found.shape == wanted.shape
    assert (found == wanted).all()


def test_masks_are_those_of_ultralytics_predictor(load):
    square = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    model, predictor = load(), ultralytics_predictor(mobile_sam(), square)
    embedding = model.embed([square])[0]
    masks = model.masks_from_boxes(embedding, BOXES).dense()
    assert (masks == masks_of(predictor, bboxes=BOXES)).all()
    points = np.array([[20.0, 30.5], [100, 90]])
    logits, _ = model.decode_points(embedding, points)
    found, _ = model.enlarged(logits, embedding, channels=1)
    wanted = masks_of(predictor, points=points, labels=np.ones(2), multimask_output=True)
    assert (found.dense() == wanted).all()


@pytest.mark.long
def test_faster_ways_show_no_difference(load, picture):
    exact, same, mixed = load(), load(Precision(torch.float32)), load(Precision(torch.bfloat16))
    one, other = (model.masks_from_boxes(model.embed([picture])[0], BOXES).dense() for model in (exact, same))
    assert (one != other).mean() < 1e-4
    features = [model.embed([picture])[0].features.coarse for model in (exact, mixed)]
    assert features[1].dtype == torch.float32
    assert (features[1] - features[0]).std() < 0.1 * features[0].std()


def test_sizes_are_read_from_shapes(monkeypatch):
    know_tiny_ones(monkeypatch)
    assert tinyvit.read(mobile_sam().state_dict()) == tinyvit.TinyVitArchitecture(
        embed_dims=(8, 8, 8, 320),
        depths=(1, 1, 1, 1),
        heads=(1, 1, 2, 4),
        window_sizes=(1, 7, 14, 7),
        mlp_ratio=4.0,
        image_size=SIDE,
    )


def test_windows_that_take_for_ever_are_refused(monkeypatch):
    sizes = replace(tinyvit.read(mobile_sam().state_dict()), window_sizes=(1, 7, 99, 7))
    with pytest.raises(ValueError, match="windows of 99"):
        sizes.check_plausible()


@pytest.mark.long
def test_the_official_size_has_ultralytics_masks(tmp_path):
    theirs = official("mobile_sam")
    torch.save(theirs.state_dict(), tmp_path / "sam.pt")
    model = load_sam(tmp_path / "sam.pt", CPU)
    square = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), np.uint8)
    embedding, predictor = model.embed([square])[0], ultralytics_predictor(theirs, square)
    assert torch.equal(embedding.features.coarse, predictor.features)
    masks = model.masks_from_boxes(embedding, 8 * BOXES).dense()
    wanted = masks_of(predictor, bboxes=8 * BOXES)
    assert 0.01 < wanted.mean() < 0.99
    # ultralytics' decoder adds in another order, which on some processors shows in a pixel of four million.
    assert (masks != wanted).mean() < 1e-6
