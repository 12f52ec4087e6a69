import numpy as np
from pycocotools.coco import COCO

from tools.world.coco import COCO_IDS, CocoTruth
from tools.world.dataset import min_pixels, truth_of
from tools.world.render import render
from tools.world.scene import make_scene

SIZE = (240, 160)


def _truth(seed):
    scene = make_scene(seed, SIZE)
    return truth_of(scene, render(scene), min_pixels(SIZE))


def test_pycocotools_reads_back_the_same_masks(tmp_path):
    truths = [_truth(seed) for seed in (11, 12)]
    coco = CocoTruth()
    for i, truth in enumerate(truths):
        coco.add(f"{i}.jpg", truth, regions=True)
    coco.write(tmp_path / "truth.json")
    objects, regions = COCO(tmp_path / "truth.json"), COCO(tmp_path / "truth_regions.json")
    for image, truth in zip(objects.dataset["images"], truths, strict=True):
        annotations = objects.loadAnns(objects.getAnnIds(imgIds=image["id"]))
        expected = np.flatnonzero(truth.labelled)
        assert [a["category_id"] for a in annotations] == [COCO_IDS[truth.thing_names[i]] for i in expected]
        for annotation, thing in zip(annotations, expected, strict=True):
            assert np.array_equal(objects.annToMask(annotation) > 0, truth.thing_map == thing + 1)
            assert annotation["area"] == (truth.thing_map == thing + 1).sum()
        covered = sum(
            regions.annToMask(a).sum() for a in regions.loadAnns(regions.getAnnIds(imgIds=image["id"]))
        )
        assert covered > 0


def test_parts_name_the_object_that_they_belong_to(tmp_path):
    coco = CocoTruth()
    coco.add("a.jpg", _truth(11), regions=True)
    coco.write(tmp_path / "t.json")
    objects, regions = COCO(tmp_path / "t.json"), COCO(tmp_path / "t_regions.json")
    owned = [a for a in regions.dataset["annotations"] if "object_id" in a]
    assert owned
    for part in owned:
        whole = objects.annToMask(objects.anns[part["object_id"]])
        assert (regions.annToMask(part) <= whole).all()


def test_a_video_s_annotations_carry_track_ids(tmp_path):
    truth = _truth(11)
    numbered = truth.__class__(
        **{**vars(truth), "track_ids": np.where(truth.labelled, np.arange(len(truth.labelled)) + 1, 0)}
    )
    coco = CocoTruth()
    coco.add("v.mp4", numbered, regions=False, frame_index=4)
    coco.write(tmp_path / "v.json")
    read = COCO(tmp_path / "v.json")
    assert read.dataset["images"][0]["frame_index"] == 4
    assert all(a["track_id"] > 0 for a in read.dataset["annotations"])
    assert not (tmp_path / "v_regions.json").exists()
