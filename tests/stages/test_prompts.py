"""Masks where somebody points or draws a box: those of SAM's own predictor."""

import numpy as np
import pytest
from segment_anything import SamPredictor

from sav import Segmenter
from sav.errors import SettingError
from sav.sam.load import load_sam
from sav.stages.prompts import Prompts
from tests.conftest import DEMO_SAM
from tests.stubs import StubDetector


@pytest.fixture(scope="module")
def sam():
    import torch

    return load_sam(DEMO_SAM, torch.device("cpu"))


@pytest.fixture(scope="module")
def picture():
    rows, columns = np.mgrid[:120, :160]
    image = np.stack([rows * 2, columns, ((rows // 15 + columns // 20) % 2) * 200], axis=-1)
    return image.astype(np.uint8)


@pytest.fixture(scope="module")
def predictor(sam, picture):
    made = SamPredictor(sam.sam)
    made.set_image(picture[..., ::-1].copy())
    return made


@pytest.mark.long
def test_a_point_gets_the_mask_that_the_predictor_scores_best(sam, picture, predictor):
    points = np.array([[30.0, 40.0], [100.5, 60.25], [159.0, 119.0]])
    masks = Segmenter(StubDetector(), sam).prompts(picture).at_points(points)
    for mask, point in zip(masks, points, strict=True):
        three, scores, _ = predictor.predict(point[None], np.ones(1), multimask_output=True)
        np.testing.assert_array_equal(mask, three[scores.argmax()])


def test_a_box_gets_the_mask_of_the_predictor(sam, picture, predictor):
    box = np.array([20.0, 15.0, 90.0, 80.0])
    (mask,) = Prompts(sam, picture).in_boxes([box])
    (expected,), _, _ = predictor.predict(box=box, multimask_output=False)
    np.testing.assert_array_equal(mask, expected)


def test_nothing_asked_is_nothing_found_and_places_outside_are_refused(sam, picture):
    prompts = Prompts(sam, picture)
    assert len(prompts.at_points([])) == 0 and len(prompts.in_boxes([])) == 0
    for places in ([[161, 5]], [[-1, 5]], [[np.nan, 5]]):
        with pytest.raises(SettingError, match="160x120 pixels"):
            prompts.at_points(places)
    with pytest.raises(SettingError, match="right and bottom"):
        prompts.in_boxes([[5, 5, 5, 9]])
