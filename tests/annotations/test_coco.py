import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.annotations.coco import UNLABELLED, CocoWriter

NAMES = {0: "person", 1: 'dog, "große" 犬'}


def blob(*slices) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


RING = blob((slice(5, 20), slice(5, 20)))
RING[9:12, 9:12] = False
PIECES = blob((slice(0, 4), slice(0, 4)), (slice(36, 40), slice(56, 60)))
EMPTY = blob()


def test_pycocotools_loads_the_file_and_decodes_every_mask(tmp_path, make_scene):
    objects, regions = np.stack([RING, PIECES, EMPTY]), np.stack([blob((slice(20, 30), slice(20, 60)))])
    scene = make_scene(objects, regions, class_ids=[0, 1, 0], categories=NAMES, name="bild_ü.jpg")
    with CocoWriter(tmp_path / "annotations" / "coco.json", NAMES) as writer:
        writer.write(scene)
        writer.write(make_scene(np.zeros((0, 40, 60), bool), categories=NAMES, name="b.jpg"))
    coco = COCO(str(tmp_path / "annotations" / "coco.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["bild_ü.jpg", "b.jpg"]
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert coco.getAnnIds(imgIds=[2]) == []
    for annotation, mask in zip(found, [*objects, *regions], strict=True):
        assert (coco.annToMask(annotation) == mask).all()
        assert annotation["area"] == mask.sum()
    names = [coco.cats[annotation["category_id"]]["name"] for annotation in found]
    assert names == ["person", NAMES[1], "person", UNLABELLED]
    assert found[0]["bbox"] == [5, 5, 15, 15]
    assert found[0]["score"] == pytest.approx(0.9)
    assert "track_id" not in found[0]


def test_tracks_are_written_for_video(tmp_path, make_scene):
    with CocoWriter(tmp_path / "coco.json", NAMES, with_tracks=True) as writer:
        writer.write(make_scene(np.stack([RING, PIECES]), track_ids=[7, 3]))
    assert [a["track_id"] for a in json.loads((tmp_path / "coco.json").read_text())["annotations"]] == [7, 3]


def test_no_pictures_make_a_file_that_loads(tmp_path):
    with CocoWriter(tmp_path / "coco.json", NAMES):
        pass
    coco = COCO(str(tmp_path / "coco.json"))
    assert coco.getImgIds() == coco.getAnnIds() == []
    assert len(coco.getCatIds()) == 3


def test_the_same_scenes_make_the_same_bytes_and_replace_the_file(tmp_path, make_scene):
    scene, contents = make_scene(np.stack([RING, PIECES])), []
    for _ in range(2):
        with CocoWriter(tmp_path / "coco.json", NAMES) as writer:
            writer.write(scene)
        contents.append((tmp_path / "coco.json").read_bytes())
    assert contents[0] == contents[1]
    assert [path.name for path in tmp_path.iterdir()] == ["coco.json"]


def test_the_file_appears_only_when_it_is_whole(tmp_path, make_scene):
    with CocoWriter(tmp_path / "coco.json", NAMES) as writer:
        writer.write(make_scene(np.stack([RING])))
        assert not (tmp_path / "coco.json").exists()
    assert (tmp_path / "coco.json").exists()


def test_what_was_written_before_an_error_is_kept(tmp_path, make_scene):
    with pytest.raises(KeyboardInterrupt), CocoWriter(tmp_path / "coco.json", NAMES) as writer:
        writer.write(make_scene(np.stack([RING])))
        raise KeyboardInterrupt
    assert len(COCO(str(tmp_path / "coco.json")).getAnnIds()) == 1
