import numpy as np
import pytest
import torch
from segment_anything import SamAutomaticMaskGenerator

from sav.config import EverythingConfig
from sav.device import EXACT, choose_precision
from sav.media.pictures import read_picture
from sav.sam.everything import point_grid, segment_everything
from sav.sam.fast.on_device import DeviceEnlarger
from sav.sam.load import load_sam
from sav.sam.model import ChunkSizes, SamModel
from tests.conftest import DEMO_SAM, ROOT, cases, random_sam

CPU = torch.device("cpu")


def half_a_street() -> np.ndarray:
    """A demo picture at half its size, a quarter of the work."""
    picture = read_picture(sorted((ROOT / "TestImages").glob("*.jpg"))[0])
    return np.ascontiguousarray(picture[::2, ::2])


def upstream(sam, picture, config: EverythingConfig) -> np.ndarray:
    generator = SamAutomaticMaskGenerator(
        sam,
        points_per_side=config.points_per_side,
        pred_iou_thresh=config.predicted_iou_threshold,
        stability_score_thresh=config.stability_threshold,
        box_nms_thresh=config.nms_threshold,
    )
    found = [mask["segmentation"] for mask in generator.generate(picture[..., ::-1])]
    return np.stack(found) if found else np.zeros((0, *picture.shape[:2]), bool)


@cases(
    ("predicted_iou", "stability", "nms", "least"),
    [(0.001, 0.1, 1.1, 50), (0, 0, 0.7, 10), (0, 0, 1.1, 432), (0, 0.3, 1.1, 250)],
    quick=2,
)
def test_the_masks_are_upstreams_pixel_for_pixel(picture, predicted_iou, stability, nms, least):
    config = EverythingConfig(12, 64, predicted_iou, stability, nms_threshold=nms)
    model = SamModel(random_sam(), CPU)
    ours = segment_everything(model, model.embed([picture])[0], config).masks.dense()
    wanted = upstream(model.sam, picture, config)
    assert len(wanted) >= least
    assert ours.shape == wanted.shape
    assert (ours == wanted).all()


def test_the_masks_do_not_depend_on_the_chunks(picture):
    config = EverythingConfig(6, 64, 0.0, 0.0, nms_threshold=1.1)
    sam = random_sam()
    whole, bits = (SamModel(sam, CPU, chunks=ChunkSizes(logits_bytes=size)) for size in (2**30, 1))
    one = segment_everything(whole, whole.embed([picture])[0], config)
    other = segment_everything(bits, bits.embed([picture])[0], config)
    assert (one.masks.dense() == other.masks.dense()).all()


@pytest.mark.long
def test_the_demo_model_on_a_street_agrees_with_upstream():
    picture = half_a_street()
    model = load_sam(DEMO_SAM, CPU)
    config = EverythingConfig(8, predicted_iou_threshold=0.2, stability_threshold=0.0)
    ours = segment_everything(model, model.embed([picture])[0], config).masks.dense()
    wanted = upstream(model.sam, picture, config)
    assert len(wanted) > 5
    assert ours.shape == wanted.shape
    assert (ours == wanted).all()


@pytest.mark.slow
def test_vit_b_agrees_with_upstream(picture):
    from segment_anything import build_sam_vit_b

    torch.manual_seed(0)
    model = SamModel(build_sam_vit_b(), CPU)
    config = EverythingConfig(8, 64, 0.0, 0.0, nms_threshold=1.1)
    ours = segment_everything(model, model.embed([picture])[0], config).masks.dense()
    wanted = upstream(model.sam, picture, config)
    assert len(wanted) == 192
    assert (ours == wanted).all()


def test_the_grid_has_the_centres_of_its_cells():
    assert point_grid(2).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]


@pytest.mark.long
def test_auto_costs_nothing_that_one_can_see():
    picture = half_a_street()
    config = EverythingConfig(8, predicted_iou_threshold=0.2, stability_threshold=0.0, nms_threshold=1.1)
    auto = choose_precision("auto", CPU)
    models = [load_sam(DEMO_SAM, CPU, precision) for precision in (EXACT, auto)]
    found = [segment_everything(model, model.embed([picture])[0], config) for model in models]
    exact, fast = (instances.masks.dense() for instances in found)
    assert abs(len(exact) - len(fast)) <= 0.02 * len(exact)
    exact, fast = (masks[masks.any(axis=(1, 2))].astype(np.float32) for masks in (exact, fast))
    assert len(exact) > 20
    shared = np.einsum("ahw,bhw->ab", exact, fast, optimize=True)
    joined = exact.sum((1, 2))[:, None] + fast.sum((1, 2)) - shared
    best = (shared / joined).max(axis=1)
    assert best.mean() >= (0.9999 if auto.dtype == torch.float32 else 0.99)


def test_the_share_that_is_done_comes_batch_by_batch(picture):
    model = SamModel(random_sam(), CPU)
    shares: list[float] = []
    config = EverythingConfig(points_per_side=6, points_per_batch=9)
    segment_everything(model, model.embed([picture])[0], config, shares.append)
    assert sorted(shares) == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("predicted_iou", "stability", "nms"), [(0, 0, 1.1), (0.001, 0.1, 0.7), (1e9, 0, 0.7)]
)
def test_what_is_packed_on_the_device_is_the_same(picture, monkeypatch, predicted_iou, stability, nms):
    config = EverythingConfig(12, 64, predicted_iou, stability, nms_threshold=nms)
    model = SamModel(random_sam(), CPU)
    embedding = model.embed([picture])[0]
    wanted = segment_everything(model, embedding, config)
    monkeypatch.setattr(
        model,
        "enlarger",
        lambda embedding, channels: DeviceEnlarger(model.convention, embedding.size_hw, 2**24, channels),
    )
    shares: list[float] = []
    assert segment_everything(model, embedding, config, shares.append) == wanted
    assert (len(wanted) > 0) == (predicted_iou < 1e9)
    assert shares == [64 / 144, 128 / 144, 1.0]
