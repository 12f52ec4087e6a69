import numpy as np
import pytest
from PIL import Image

from tools.training.checking import (
    BROKEN,
    CUT,
    EMPTY,
    MISSING,
    OTHER_SIZE,
    SMALL,
    TRAILING,
    UnfitPictureError,
    check_shape,
    picture_size,
)


def picture(path, size=(40, 30), **saving):
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path, **saving)
    return path


def refused(path):
    with pytest.raises(UnfitPictureError) as caught:
        picture_size(path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.webp"])
def test_a_sound_picture_tells_its_size(tmp_path, name):
    assert picture_size(picture(tmp_path / name)) == (40, 30)


def test_a_picture_that_is_turned_by_its_exif_is_measured_as_it_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert picture_size(picture(tmp_path / "a.jpg", exif=exif)) == (30, 40)


def test_each_defect_has_its_reason(tmp_path):
    whole = picture(tmp_path / "a.jpg").read_bytes()
    path = tmp_path / "b.jpg"
    assert refused(path) == MISSING
    for content, reason in (
        (b"", EMPTY),
        (b"no picture", BROKEN),
        (whole[: len(whole) // 2], CUT),
        (whole + b"\0", TRAILING),
    ):
        path.write_bytes(content)
        assert refused(path) == reason
    assert refused(picture(tmp_path / "c.png", (40, 9))) == SMALL


def test_what_is_sound_is_what_ultralytics_takes_without_writing_to_it(tmp_path):
    from sav.detectors.door import import_ultralytics

    check = import_ultralytics().data.utils.check_image
    for name in ("a.jpg", "a.png"):
        path = picture(tmp_path / name)
        before = path.read_bytes()
        message, (height, width) = check(str(path))
        assert not message and (width, height) == picture_size(path) and path.read_bytes() == before


def test_a_copy_in_another_size_is_taken_and_another_shape_is_not():
    check_shape((400, 300), (800, 600))
    check_shape((401, 300), (800, 600))
    for said in ((300, 400), (1200, 600), (0, 10)):
        with pytest.raises(UnfitPictureError, match=OTHER_SIZE):
            check_shape((400, 300), said)
