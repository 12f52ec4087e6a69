import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import supervision
from pycocotools.coco import COCO

from sav.data.types import UNLABELLED
from tests.formats.conftest import AWKWARD, NAMES, REGION, VIDEO


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
    assert found[-1]["score"] == pytest.approx(0.99)
    assert [annotation["doubtful"] for annotation in found] == [False, False, True, False, False]
    assert [image["stem"] for image in coco.imgs.values()] == ["bild_ü", "b"]


def test_tracks_are_written_for_video(save, awkward_video):
    table = json.loads((save("coco", awkward_video[:1], VIDEO) / "coco.json").read_text())
    assert [annotation["track_id"] for annotation in table["annotations"]] == [3, 7, 300, 9]


def test_every_object_has_the_detectors_box_and_an_empty_mask_has_no_other(save, awkward_scene):
    scene = awkward_scene(regions=True)
    boxes = [[4.25, 5, 21, 20.5], [0, 0, 60, 40], [10, 10, 25.5, 30], [29, 29, 29, 32]]
    scene = replace(scene, objects=replace(scene.objects, boxes_xyxy=np.array(boxes, np.float32)))
    *found, region = json.loads((save("coco", [scene]) / "coco.json").read_text())["annotations"]
    assert [one["detector_bbox"] for one in found] == [
        [4.25, 5, 16.75, 15.5], [0, 0, 60, 40], [10, 10, 15.5, 20], [29, 29, 1, 3]
    ]  # fmt: skip
    assert [one["bbox"] for one in found] == [
        [5, 5, 15, 15],
        [0, 0, 60, 40],
        [10, 10, 15.5, 20],
        [30, 30, 1, 1],
    ]
    assert "detector_bbox" not in region
    assert region["bbox"] == [20, 20, 40, 10]


def test_a_region_without_pixels_is_left_out(save, make_scene):
    scene = make_scene(AWKWARD[:1], AWKWARD, class_ids=[0], categories=NAMES)
    assert len(COCO(str(save("coco", [scene]) / "coco.json")).anns) == 4


@pytest.mark.parametrize("is_video", [False, True])
def test_torchvision_finds_the_pictures_and_every_box_has_a_size(
    save, awkward_scene, awkward_video, is_video
):
    from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2

    scenes = awkward_video if is_video else [awkward_scene(0, "a.jpg"), awkward_scene(1, "b.jpg")]
    folder = save(["coco", "yolo"], scenes, VIDEO if is_video else None)
    dataset = CocoDetection(str(folder / "yolo" / "images"), str(folder / "coco.json"))
    wrapped = wrap_dataset_for_transforms_v2(dataset, target_keys=["boxes", "masks", "labels"])
    assert len(wrapped) == len(scenes)
    for (picture, target), scene in zip(wrapped, scenes, strict=True):
        assert picture.size == (60, 40)
        assert (target["masks"].numpy() == scene.masks.dense()).all()
        assert (target["labels"].numpy() == scene.class_ids + 1).all()
        assert (target["boxes"][:, 2:] > target["boxes"][:, :2]).all()


@pytest.mark.parametrize("is_video", [False, True])
def test_supervision_reads_it_beside_the_pictures(save, awkward_scene, awkward_video, is_video):
    scenes = awkward_video if is_video else [awkward_scene(0, "a.jpg"), awkward_scene(1, "b.jpg")]
    folder = save(["coco", "yolo"], scenes, VIDEO if is_video else None)
    dataset = supervision.DetectionDataset.from_coco(
        str(folder / "yolo" / "images"), str(folder / "coco.json"), force_masks=True
    )
    assert dataset.classes == [*NAMES.values(), UNLABELLED]
    read = sorted((Path(path).name, found) for path, _, found in dataset)
    for (_, found), scene in zip(read, scenes, strict=True):
        assert (found.mask == scene.masks.dense()).all()
        assert (found.class_id == scene.class_ids).all()
        assert (found.area >= 0).all() and (found.box_area > 0).all()


def test_classes_of_one_name_stay_two_for_readers_that_go_by_name(save, make_scene):
    categories = {0: "dog", 1: "Dog", 2: "dog", 3: UNLABELLED}
    scene = make_scene(AWKWARD, class_ids=[2, 0, 1, 3], categories=categories)
    folder = save(["coco", "yolo"], [scene], categories=categories)
    coco = COCO(str(folder / "coco.json"))
    assert [coco.cats[one["category_id"]]["name"] for one in coco.anns.values()] == [
        "dog (2)", "dog", "Dog", UNLABELLED
    ]  # fmt: skip
    assert all(coco.getCatIds(catNms=[cat["name"]]) == [number] for number, cat in coco.cats.items())
    dataset = supervision.DetectionDataset.from_coco(
        str(folder / "yolo" / "images"), str(folder / "coco.json")
    )
    assert dataset.annotations[dataset.image_paths[0]].class_id.tolist() == [2, 0, 1, 3]


def test_no_pictures_make_a_file_that_loads(save):
    coco = COCO(str(save("coco", []) / "coco.json"))
    assert coco.getImgIds() == coco.getAnnIds() == []
    assert len(coco.getCatIds()) == len(NAMES) + 1
