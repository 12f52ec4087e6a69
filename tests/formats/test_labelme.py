import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from sav.data.types import UNLABELLED
from tests.formats.conftest import NAMES, PIECES, PIXEL, REGION, RING, VIDEO


def dense(shape: dict, mask: np.ndarray) -> np.ndarray:
    """A shape's mask in its place; the corners that labelme keeps are the first and last pixel."""
    (left, top), (right, bottom) = np.array(shape["points"], int)
    whole = np.zeros((40, 60), bool)
    whole[top : bottom + 1, left : right + 1] = mask
    return whole


def check(shapes, mask_of):
    assert [shape["label"] for shape in shapes] == ["person", NAMES[1], NAMES[1], UNLABELLED]
    assert [shape["group_id"] for shape in shapes] == [1, 2, 4, None]
    for shape, mask in zip(shapes, (RING, PIECES, PIXEL, REGION), strict=True):
        assert shape["shape_type"] == "mask"
        assert (dense(shape, mask_of(shape)) == mask).all()


def test_the_file_has_labelmes_form_and_every_mask(save, awkward_scene):
    folder = save("labelme", [awkward_scene(regions=True)]) / "labelme"
    table = json.loads((folder / "bild_ü.json").read_text(encoding="utf-8"))
    assert set(table) == {
        "version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth"
    }  # fmt: skip
    assert Image.open(folder / table["imagePath"]).size == (table["imageWidth"], table["imageHeight"])
    assert table["shapes"][0]["description"] == "score 0.9000"
    check(
        table["shapes"],
        lambda shape: np.array(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))) > 0,
    )


def test_a_doubtful_mask_is_flagged(save, make_scene):
    scene = make_scene(np.stack([RING, PIXEL]), boxes_xyxy=[[18, 18, 30, 30], [29.5, 29.5, 31, 31]])
    (path,) = (save("labelme", [scene]) / "labelme").glob("*.json")
    assert [shape["flags"]["doubtful"] for shape in json.loads(path.read_text())["shapes"]] == [True, False]


def test_labelmes_own_loader_reads_it(save, awkward_scene):
    labelme = pytest.importorskip("labelme")
    folder = save("labelme", [awkward_scene(regions=True)]) / "labelme"
    loaded = labelme.LabelFile(str(folder / "bild_ü.json"))
    check(loaded.shapes, lambda shape: shape["mask"])
    assert Image.open(io.BytesIO(loaded.image_data)).size == (60, 40)


def test_a_video_has_a_file_a_frame_with_track_ids(save, awkward_video):
    folder = save("labelme", awkward_video, VIDEO) / "labelme"
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    groups = [[shape["group_id"] for shape in table["shapes"]] for table in tables]
    assert groups == [[3, 7, 9], [3, 7, 9], [3, 9], [3, 7, 9]]
