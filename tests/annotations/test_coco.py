import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.annotations.target import UNLABELLED
from tests.annotations.conftest import AWKWARD, NAMES, REGION, VIDEO


def test_pycocotools_loads_the_file_and_decodes_every_mask(save, awkward_scene, make_scene):
    nothing = make_scene(np.zeros((0, 40, 60), bool), categories=NAMES, name="b.jpg", index=1)
    coco = COCO(str(save("coco", [awkward_scene(regions=True), nothing]) / "coco.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["bild_ü.jpg", "b.jpg"]
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert coco.getAnnIds(imgIds=[2]) == []
    for annotation, mask in zip(found, [*AWKWARD, REGION], strict=True):
        assert (coco.annToMask(annotation) == mask).all()
        assert annotation["area"] == mask.sum()
    names = [coco.cats[annotation["category_id"]]["name"] for annotation in found]
    assert names == ["person", NAMES[1], "car", NAMES[1], UNLABELLED]
    assert found[0]["bbox"] == [5, 5, 15, 15]
    assert found[0]["score"] == pytest.approx(0.9)
    assert "track_id" not in found[0]


def test_tracks_are_written_for_video(save, awkward_video):
    table = json.loads((save("coco", awkward_video[:1], VIDEO) / "coco.json").read_text())
    assert [annotation["track_id"] for annotation in table["annotations"]] == [3, 7, 300, 9]


def test_no_pictures_make_a_file_that_loads(save):
    coco = COCO(str(save("coco", []) / "coco.json"))
    assert coco.getImgIds() == coco.getAnnIds() == []
    assert len(coco.getCatIds()) == len(NAMES) + 1
