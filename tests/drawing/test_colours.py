import numpy as np
import pytest

from sav.drawing.colours import colours, readable_on

# What is seen of linear RGB with full colour vision, and of those who lack a cone (Machado et al. 2009).
VISION = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(bgr: np.ndarray) -> np.ndarray:
    rgb = bgr[:, ::-1] / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(rgb @ np.transpose(to_lms)) @ np.transpose(to_lab) * 100


def test_a_colour_depends_on_its_id_alone():
    assert (colours([7, 10**12])[0] == colours([7])[0]).all()
    assert (colours(np.array([3, 7]))[1] == colours([7])[0]).all()
    assert (colours([3, 7], soft=True)[1] == colours([7], soft=True)[0]).all()
    assert colours([]).shape == colours([], soft=True).shape == (0, 3)
    assert colours([0, -5]).shape == (2, 3)


def test_neighbouring_ids_have_colours_far_apart():
    strong = colours(range(1, 200)).astype(int)
    assert np.abs(np.diff(strong, axis=0)).max(axis=1).min() > 60
    assert len(np.unique(strong[:60], axis=0)) == 60


@pytest.mark.parametrize("vision", VISION)
def test_the_first_ids_are_told_apart_whatever_colours_one_sees(vision):
    seen = oklab(np.clip(linear(colours(range(1, 62))) @ np.transpose(VISION[vision]), 0, 1))
    distances = np.linalg.norm(seen[:, None] - seen, axis=-1)
    assert np.diag(distances, 1)[:19].min() > 19
    assert np.diag(distances, 2)[:18].min() > 13
    assert np.diag(distances, 1).min() > 10.8
    for count, least in ((8, 14), (12, 10.8), (20, 6.8)):
        assert distances[:count, :count][np.triu_indices(count, 1)].min() > least


def test_text_can_be_read_on_every_colour():
    for bgr in (colours(range(60)), colours(range(60), soft=True)):
        luminance = [linear(colour) @ [0.2126, 0.7152, 0.0722] + 0.05 for colour in (bgr, readable_on(bgr))]
        assert (np.maximum(*luminance) / np.minimum(*luminance)).min() >= 4.5
