import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from sav.sam.model import ChunkSizes, SamModel
from tests.conftest import random_sam

CPU = torch.device("cpu")
BOXES = np.array([[10, 20, 80, 90], [0, 0, 160, 120], [50.5, 60.2, 70.1, 99.9]], np.float32)


def upstream(sam, picture, boxes, points=None) -> np.ndarray:
    predictor = SamPredictor(sam)
    predictor.set_image(np.ascontiguousarray(picture[..., ::-1]))
    scaled = predictor.transform.apply_boxes_torch(torch.from_numpy(boxes), picture.shape[:2])
    labels = None
    if points is not None:
        points = predictor.transform.apply_coords_torch(torch.from_numpy(points), picture.shape[:2])[:, None]
        labels = torch.ones(points.shape[:2])
    return predictor.predict_torch(points, labels, scaled, multimask_output=False)[0][:, 0].numpy()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_box_prompts_give_the_masks_of_upstreams_predictor(picture, count):
    model = SamModel(random_sam(), CPU)
    masks = model.masks_from_boxes(model.embed([picture])[0], BOXES[:count])
    assert masks.size_hw == (120, 160)
    assert len(masks) == count
    if count:
        assert (masks.dense() == upstream(model.sam, picture, BOXES[:count])).all()


def test_box_prompts_in_small_chunks_give_the_same_masks(picture):
    sam, boxes = random_sam(), np.repeat(BOXES, 5, axis=0)
    chunked = SamModel(sam, CPU, chunks=ChunkSizes(prompts=2, logits_bytes=1))
    masks = chunked.masks_from_boxes(chunked.embed([picture])[0], boxes).dense()
    assert (masks != upstream(sam, picture, boxes)).mean() < 1e-4


@pytest.mark.parametrize("shape", [(2, 3000), (3000, 1), (1, 1)])
def test_thin_pictures_have_masks(shape):
    model = SamModel(random_sam(), torch.device("cpu"))
    embedding = model.embed([np.full((*shape, 3), 90, np.uint8)])[0]
    masks = model.masks_from_boxes(embedding, np.array([[0, 0, shape[1], shape[0]]], np.float32))
    assert masks.size_hw == shape
    assert len(masks) == 1


def test_sam_sees_rgb(picture, monkeypatch):
    model, seen = SamModel(random_sam(), CPU), []
    monkeypatch.setattr(model.sam.image_encoder, "forward", lambda pixels: seen.append(pixels) or pixels)
    blue = np.zeros_like(picture)
    blue[..., 0] = 255
    model.embed([blue])
    shown = seen[0] * model.sam.pixel_std + model.sam.pixel_mean
    assert torch.allclose(shown[0, :, 10, 10], torch.tensor([0.0, 0.0, 255.0]), atol=1e-3)


def test_the_picture_is_embedded_once_for_boxes_and_everything(picture, monkeypatch):
    from sav.config import EverythingConfig
    from sav.sam.everything import segment_everything

    model, runs = SamModel(random_sam(), CPU), []
    encode = model.sam.image_encoder.forward
    monkeypatch.setattr(model.sam.image_encoder, "forward", lambda pixels: runs.append(1) or encode(pixels))
    embedding = model.embed([picture])[0]
    model.masks_from_boxes(embedding, BOXES)
    segment_everything(model, embedding, EverythingConfig(points_per_side=4))
    assert len(runs) == 1
