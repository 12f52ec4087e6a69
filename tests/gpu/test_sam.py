"""SAM on a GPU: in float32 upstream's masks on the same GPU, in bfloat16 nearly those."""

import cv2
import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from sav.config import EverythingConfig
from sav.device import EXACT, Precision
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from tests.conftest import DEMO_SAM, ROOT, random_sam
from tools.bench.inputs import random_boxes

BOXES = np.array([[10, 20, 80, 90], [0, 0, 160, 120], [50.5, 60.2, 70.1, 99.9]], np.float32)


def test_in_float32_box_prompts_give_the_masks_of_upstreams_predictor_on_the_same_gpu(picture, cuda):
    model = SamModel(random_sam(), cuda, EXACT)
    masks = model.masks_from_boxes(model.embed([picture])[0], BOXES)

    predictor = SamPredictor(random_sam().to(cuda))
    predictor.set_image(np.ascontiguousarray(picture[..., ::-1]))
    boxes = predictor.transform.apply_boxes_torch(torch.from_numpy(BOXES).to(cuda), picture.shape[:2])
    theirs = predictor.predict_torch(None, None, boxes, multimask_output=False)[0][:, 0]
    assert (masks.dense() == theirs.cpu().numpy()).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_the_masks_of_boxes_are_nearly_those_of_float32(cuda, dtype):
    street = cv2.imread(str(ROOT / "TestImages" / "clear.jpg"))
    boxes = random_boxes(16, street.shape[:2])
    found = []
    for precision in (EXACT, Precision(dtype)):
        model = load_sam(DEMO_SAM, cuda, precision)
        found.append(model.masks_from_boxes(model.embed([street])[0], boxes))
    assert np.diag(found[0].iou_matrix(found[1])).mean() >= 0.99


def test_everything_on_a_gpu_is_what_it_is_on_a_cpu(picture, cuda):
    config = EverythingConfig(4, predicted_iou_threshold=0.0, stability_threshold=0.0, nms_threshold=1.1)
    found = []
    for device in (torch.device("cpu"), cuda):
        model = SamModel(random_sam(), device, EXACT)
        masks = segment_everything(model, model.embed([picture])[0], config).masks
        found.append(masks[masks.areas > 0])
    assert len(found[0]) == len(found[1]) > 0
    # Convolutions round to TF32 on a GPU, in upstream's SAM alike.
    assert found[0].iou_matrix(found[1]).max(axis=1).mean() >= 0.98
