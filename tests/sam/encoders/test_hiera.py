"""SAM 2, held against ultralytics' predictor, and Meta's own where it is installed."""

import numpy as np
import pytest
import torch
from torch import nn

from sav.config import EverythingConfig
from sav.device import Precision
from sav.sam.conventions import SecondConvention
from sav.sam.encoders import hiera
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.everything import segment_everything
from sav.sam.fast.enlarge import CropEnlarger
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from tests.conftest import cases
from tests.sam.models import BOXES, SIDE, know_tiny_ones, masks_of, official, sam_2, ultralytics_predictor
from tests.sam.test_enlarge import blobs

CPU = torch.device("cpu")
SQUARE = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
POINTS = np.array([[20.0, 30.5], [100, 90], [5, 120]])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("sam_2") / "sam.pt"
    torch.save({"model": sam_2().state_dict()}, path)
    return path


@pytest.fixture
def load(saved, monkeypatch):
    know_tiny_ones(monkeypatch)
    return lambda *args: load_sam(saved, CPU, *args)


def predictor_for(model: SamModel, theirs: nn.Module, square: np.ndarray = SQUARE):
    """ultralytics' predictor, with the picture normalised as Meta does it: by rounding it is not the same."""
    predictor = ultralytics_predictor(theirs, square)
    pixels = model.convention.pixels([square], CPU)
    torch.testing.assert_close(predictor.preprocess([square]), pixels, rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        predictor.features = predictor.get_im_features(pixels)
    return predictor


@pytest.mark.parametrize("is_stable", [True, False])
@cases("count", [4, 1], quick=1)
def test_boxes_are_ultralytics_pixel_for_pixel(load, count, is_stable):
    model, theirs = load(), sam_2()
    if is_stable:
        for decoder in (model.sam.mask_decoder, theirs.sam_mask_decoder):
            decoder.dynamic_multimask_stability_thresh = 0.0
    embedding = model.embed([SQUARE])[0]
    masks = model.masks_from_boxes(embedding, BOXES[:count]).dense()
    wanted = masks_of(predictor_for(model, theirs), bboxes=BOXES[:count])
    assert 0.05 < wanted.mean() < 0.95
    assert (masks == wanted).all()


def test_points_are_ultralytics_pixel_for_pixel(load):
    model = load()
    embedding = model.embed([SQUARE])[0]
    logits, _ = model.decode_points(embedding, POINTS)
    found, _ = model.enlarged(logits, embedding, channels=1)
    predictor = predictor_for(model, sam_2())
    wanted = masks_of(predictor, points=POINTS, labels=np.ones(len(POINTS)), multimask_output=True)
    assert (found.dense() == wanted).all()


def test_no_boxes_have_no_masks(load, picture):
    model = load()
    assert len(model.masks_from_boxes(model.embed([picture])[0], BOXES[:0])) == 0


def test_several_pictures_of_any_shape_at_once_have_the_masks_of_each_alone(load, picture):
    model = load()
    together = model.embed([picture, SQUARE])
    for image, embedding in zip((picture, SQUARE), together, strict=True):
        masks = model.masks_from_boxes(embedding, BOXES).dense()
        assert masks.shape == (4, *image.shape[:2])
        assert (masks != model.masks_from_boxes(model.embed([image])[0], BOXES).dense()).mean() < 1e-3


def test_the_fast_decoder_gives_the_same_but_for_rounding(load, picture):
    exact, fast = load(), load(Precision(torch.float32))
    embedding = exact.embed([picture])[0]
    for outputs in (
        [model.decode_points(embedding, POINTS) for model in (exact, fast)],
        [(model._decode_boxes([embedding], [BOXES])[0], torch.zeros(0)) for model in (exact, fast)],
    ):
        (wanted, wanted_iou), (found, found_iou) = outputs
        torch.testing.assert_close(found_iou, wanted_iou, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.std()))


def test_half_precision_shows_no_difference(load, picture):
    exact, mixed = load(), load(Precision(torch.bfloat16))
    features = [model.embed([picture])[0].features for model in (exact, mixed)]
    for one, other in zip(
        (features[0].coarse, *features[0].fine), (features[1].coarse, *features[1].fine), strict=True
    ):
        assert other.dtype == torch.float32
        assert (one - other).std() < 0.03 * one.std()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size_hw", [(120, 160), (233, 131), (50, 50)])
def test_every_pixel_of_enlarged_masks_is_the_same(size_hw, channels, threads):
    given = SecondConvention(SIDE), size_hw, 2**20, channels
    logits = blobs(12)
    for stability in (None, Stability(0.3, 1.0)):
        (masks, kept), (wanted, wanted_kept) = (
            kind(*given).masks(logits, stability) for kind in (CropEnlarger, Enlarger)
        )
        assert (kept == wanted_kept).all()
        assert (masks.dense() == wanted.dense()).all()


def test_what_is_no_release_is_refused():
    with pytest.raises(ValueError, match=r"no release has 8 channels and blocks by stage of \(1, 1, 2, 1\)"):
        hiera.read(sam_2().image_encoder.state_dict(prefix="image_encoder."))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("sam2_t", marks=pytest.mark.long),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("sam2_s", "sam2_b", "sam2_l")),
    ],
)
def test_every_official_size_has_ultralytics_masks(tmp_path, name):
    theirs = official(name)
    torch.save({"model": theirs.state_dict()}, tmp_path / "sam.pt")
    model = load_sam(tmp_path / "sam.pt", CPU)
    square = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), np.uint8)
    masks = model.masks_from_boxes(model.embed([square])[0], 8 * BOXES).dense()
    wanted = masks_of(predictor_for(model, theirs, square), bboxes=8 * BOXES)
    assert 0.01 < wanted.mean() < 0.99
    assert (masks == wanted).all()


def meta_sam_2():
    """Meta's own package with the same weights, made by its own configuration; without it, a skip."""
    pytest.importorskip("sam2")
    from hydra import compose
    from hydra.utils import instantiate

    extra = "++model.sam_mask_decoder_extra_args.dynamic_multimask"
    config = compose(
        "configs/sam2/sam2_hiera_t.yaml",
        overrides=[
            f"{extra}_via_stability=true",
            f"{extra}_stability_delta=0.05",
            f"{extra}_stability_thresh=0.98",
            f"model.image_size={SIDE}",
            "model.image_encoder.trunk.embed_dim=8",
            "model.image_encoder.trunk.stages=[1,1,2,1]",
            "model.image_encoder.trunk.global_att_blocks=[3]",
            "model.image_encoder.neck.backbone_channel_list=[64,32,16,8]",
        ],
    )
    model = instantiate(config.model).eval()
    model.load_state_dict(sam_2().state_dict())
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(120, 160), (300, 97)])
def test_boxes_and_everything_are_metas(load, shape):
    theirs = meta_sam_2()
    from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    small = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    picture = np.repeat(np.repeat(small, 8, 0), 8, 1)[: shape[0], : shape[1]]
    picture_rgb = np.ascontiguousarray(picture[..., ::-1])
    sizes = [(SIDE // 4,) * 2, (SIDE // 8,) * 2, (SIDE // 16,) * 2]
    model = load()
    embedding = model.embed([picture])[0]

    predictor = SAM2ImagePredictor(theirs)
    predictor._bb_feat_sizes = sizes
    predictor.set_image(picture_rgb)
    assert torch.equal(embedding.features.coarse, predictor._features["image_embed"])
    wanted = predictor.predict(box=BOXES, multimask_output=False)[0][:, 0] > 0
    found = model.masks_from_boxes(embedding, BOXES).dense()
    # Its attention rounds otherwise than ultralytics'.
    assert (found != wanted).mean() < 1e-5

    generator = SAM2AutomaticMaskGenerator(
        theirs, 5, pred_iou_thresh=0.45, stability_score_thresh=0.3, box_nms_thresh=1.1
    )
    generator.predictor._bb_feat_sizes = sizes
    wanted = np.stack([one["segmentation"] for one in generator.generate(picture_rgb)])
    config = EverythingConfig(5, 64, 0.45, 0.3, nms_threshold=1.1)
    found = segment_everything(model, embedding, config).masks.dense()
    assert found.shape == wanted.shape and len(wanted) > 10
    assert (found != wanted).mean() < 1e-5
