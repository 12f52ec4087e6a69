"""Pictures written whole, as JPEG where a JPEG can hold them."""

import numpy as np
import pytest

from sav.media.pictures import read_picture, write_picture


def test_pictures_are_written_whole_and_the_same_every_time(tmp_path, picture):
    write_picture(tmp_path / "bild_ü.png", picture)
    assert (read_picture(tmp_path / "bild_ü.png") == picture).all()
    write_picture(tmp_path / "one.jpg", picture)
    write_picture(tmp_path / "two.jpg", picture)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bild_ü.png", "one.jpg", "two.jpg"]


@pytest.mark.parametrize("shape", [(1, 65_501), (70_000, 2), (2, 1_200_000)])
def test_a_picture_too_large_for_a_jpeg_becomes_a_png(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    path = write_picture(tmp_path / "a.jpg", image)
    assert path == tmp_path / "a.png"
    assert list(tmp_path.iterdir()) == [path]
    assert (read_picture(path) == image).all()


def test_a_picture_that_a_jpeg_just_holds_stays_one(tmp_path):
    path = write_picture(tmp_path / "a.jpg", np.zeros((3, 65_500, 3), np.uint8))
    assert path == tmp_path / "a.jpg"
    assert read_picture(path).shape == (3, 65_500, 3)
