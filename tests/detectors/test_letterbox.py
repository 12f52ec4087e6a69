"""Pictures made ready on the device are those that ultralytics makes ready with OpenCV."""

import numpy as np
import pytest
import torch

from sav.detectors.door import import_ultralytics
from sav.detectors.letterbox import Letterbox
from sav.picture_graphs import PictureGraphs

SIZES = [(120, 200), (200, 120), (1, 1), (4, 300), (37, 1000), (108, 192), (97, 131), (64, 96), (400, 300)]


def picture_of(size_hw):
    """Noise over a slope: both what rounding makes of it, and where it lies, can be seen."""
    noise = np.random.default_rng(0).integers(0, 120, (*size_hw, 3))
    slope = np.linspace(0, 130, size_hw[1])[None, :, None]
    return (noise + slope).astype(np.uint8)


@pytest.mark.parametrize("size_hw", SIZES)
@pytest.mark.parametrize("side", [96, 224])
def test_a_picture_lies_where_ultralytics_has_it_and_hardly_a_pixel_differs_by_a_grey_level(size_hw, side):
    image = picture_of(size_hw)
    theirs = import_ultralytics().data.augment.LetterBox(side, auto=True, stride=32)
    wanted = theirs(image=image)[..., ::-1].astype(int)
    batch = Letterbox.of(size_hw, side, 32)([torch.from_numpy(image)] * 2, torch.float32, PictureGraphs())
    found = (batch * 255).round().permute(0, 2, 3, 1).numpy().astype(int)
    assert found.shape == (2, *wanted.shape)
    assert np.abs(found - wanted).max() <= 1
    assert (found[0] != wanted).mean() < 0.02


def test_a_picture_that_fits_is_the_same_to_the_last_bit():
    image = picture_of((64, 96))
    batch = Letterbox.of((64, 96), 96, 32)([torch.from_numpy(image)], torch.float32, PictureGraphs())
    assert torch.equal(batch[0], torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1) / 255)
