"""Regions that are followed through a video have ids in the files that have regions."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sav.data.types import FIRST_REGION_ID, UNLABELLED
from tests.formats.conftest import REGION, RING, VIDEO

ID = FIRST_REGION_ID + 5


@pytest.fixture
def folder(save, make_scene):
    scene = make_scene(RING[None], REGION[None], track_ids=[3], name="f", is_tracked=True)
    scene = replace(scene, regions=replace(scene.regions, ids=np.array([ID])))
    return save(["coco", "csv", "labelme", "png"], [scene], VIDEO)


def test_coco_has_their_ids(folder):
    thing, region = json.loads((folder / "coco.json").read_text())["annotations"]
    assert (thing["track_id"], region["track_id"]) == (3, ID)
    assert 0 < region["score"] <= 1


def test_csv_has_their_ids_and_no_tracks_of_them(folder):
    with (folder / "csv" / "objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["track_id"] for row in rows] == ["3", str(ID)]
    assert rows[1]["class"] == UNLABELLED
    with (folder / "csv" / "tracks.csv").open() as file:
        assert [row["track_id"] for row in csv.DictReader(file)] == ["3"]


def test_labelme_groups_by_their_ids(folder):
    shapes = json.loads((folder / "labelme" / "f.json").read_text())["shapes"]
    assert [shape["group_id"] for shape in shapes] == [3, ID]


def test_png_has_their_ids(folder):
    layer = np.array(Image.open(folder / "png" / "instances" / "f.png"))
    assert (layer[REGION & ~RING] == ID).all()
    assert (layer[RING] == 3).all()
