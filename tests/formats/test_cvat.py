import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from sav.data.types import UNLABELLED
from tests.formats.conftest import NAMES, PIECES, PIXEL, REGION, RING, SIZE_HW, VIDEO

# What https://docs.cvat.ai/docs/other/xml_format asks of each element.
ATTRIBUTES = {
    "image": {"id", "name", "width", "height"},
    "mask": {"label", "source", "occluded", "rle", "left", "top", "width", "height", "z_order"},
    "track": {"id", "label", "source"},
    "polygon": {"frame", "outside", "occluded", "keyframe", "points", "z_order"},
}
PARENTS = {"image": "annotations", "mask": "image", "track": "annotations", "polygon": "track"}


def parsed(folder) -> ElementTree.Element:
    """The file, checked against CVAT's documented form."""
    root = ElementTree.parse(folder / "cvat.xml").getroot()
    assert root.findtext("version") == "1.1"
    labels = [label.findtext("name") for label in root.iterfind("meta/task/labels/label")]
    for parent in root.iter():
        for element in parent:
            if element.tag in ATTRIBUTES:
                assert set(element.keys()) == ATTRIBUTES[element.tag]
                assert parent.tag == PARENTS[element.tag]
                assert element.get("label", labels[0]) in labels
    return root


def unpacked(mask: ElementTree.Element) -> np.ndarray:
    """A mask element at the picture's size: runs of 0 and 1 in turn, row by row inside its box."""
    runs = [int(run) for run in mask.get("rle").split(", ")]
    values = itertools.chain.from_iterable([i % 2] * run for i, run in enumerate(runs))
    left, top, width, height = (int(mask.get(key)) for key in ("left", "top", "width", "height"))
    dense = np.zeros(SIZE_HW, bool)
    dense[top : top + height, left : left + width] = np.array(list(values), bool).reshape(height, width)
    return dense


def rasterised(polygon: ElementTree.Element) -> np.ndarray:
    points = [float(number) for pair in polygon.get("points").split(";") for number in pair.split(",")]
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([points], *SIZE_HW))).astype(bool)


def test_pictures_have_exact_masks_with_their_labels(save, awkward_scene):
    root = parsed(save("cvat", [awkward_scene(regions=True), awkward_scene(1, "b & c.jpg")]))
    first, second = root.findall("image")
    assert (first.get("id"), first.get("name"), first.get("width"), first.get("height")) == (
        "0", "bild_ü.jpg", "60", "40"
    )  # fmt: skip
    assert second.get("name") == "b & c.jpg"
    masks = first.findall("mask")
    assert [mask.get("label") for mask in masks] == ["person", NAMES[1], NAMES[1], UNLABELLED]
    for found, mask in zip(masks, (RING, PIECES, PIXEL, REGION), strict=True):
        assert (unpacked(found) == mask).all()
    assert float(masks[0].findtext("attribute[@name='score']")) == pytest.approx(0.9)


def test_a_video_has_tracks_of_polygons_that_end_where_the_object_is_gone(save, awkward_video):
    root = parsed(save("cvat", [*awkward_video, awkward_video[3][:1]], VIDEO))
    assert root.findtext("meta/task/size") == "5"
    assert root.findtext("meta/task/original_size/width") == "60"
    tracks = {track.get("id"): track for track in root.iterfind("track")}
    assert list(tracks) == ["3", "7", "9"]
    assert tracks["7"].get("label") == NAMES[1]
    shown = {
        name: [(int(one.get("frame")), one.get("outside")) for one in track.findall("polygon")]
        for name, track in tracks.items()
    }
    assert shown["3"] == [(i, "0") for i in range(5)]
    assert shown["7"] == [(0, "0"), (1, "0"), (2, "1"), (3, "0"), (4, "1")]
    assert shown["9"] == [(0, "0"), (1, "0"), (2, "0"), (3, "0"), (4, "1")]


def test_pieces_and_holes_survive_in_a_polygon(save, awkward_video):
    root = parsed(save("cvat", awkward_video[:1], VIDEO))
    for track, mask in zip(root.iterfind("track"), (RING, PIECES, PIXEL), strict=True):
        assert (rasterised(track.find("polygon")) == mask).all()


@pytest.mark.parametrize("is_video", [False, True])
def test_datumaro_reads_the_file(save, awkward_scene, awkward_video, tmp_path, is_video):
    datumaro = pytest.importorskip("datumaro")
    from sav.media.pictures import write_picture

    scenes = awkward_video[:2] if is_video else [awkward_scene(0, "a.png"), awkward_scene(1, "b.png")]
    folder = save("cvat", scenes, VIDEO if is_video else None)
    for index, scene in enumerate(scenes):
        name = f"frame_{index:06d}.png" if is_video else scene.frame.name
        (folder / "images").mkdir(exist_ok=True)
        write_picture(folder / "images" / name, scene.frame.image)
    dataset = datumaro.Dataset.import_from(str(folder), "cvat")
    names = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    assert names[:3] == list(NAMES.values())
    for item in dataset:
        found = list(item.annotations)
        assert [names[annotation.label] for annotation in found] == ["person", NAMES[1], NAMES[1]]
        if is_video:
            assert [annotation.attributes["track_id"] for annotation in found] == [3, 7, 9]
        else:
            for annotation, mask in zip(found, (RING, PIECES, PIXEL), strict=True):
                assert (annotation.image.astype(bool) == mask).all()
