import json

import pytest

from sav.errors import EvaluationError
from sav.evaluate.coco import read_coco
from tests.evaluate.conftest import SIZE_HW, thing


def test_objects_are_listed_by_picture(coco):
    crowd = thing("dog", 1, 2, 4, 8, iscrowd=1, track_id=7)
    read = read_coco(coco({"x/a.jpg": [thing("person", 0, 0, 5, 5), crowd], "b.png": []}))
    assert read.class_names == {"person", "dog", "unlabelled"}
    assert list(read.pictures) == ["a", "b"] and len(read.pictures["b"].rles) == 0
    objects = read.pictures["a"]
    assert objects.size_hw == SIZE_HW and objects.class_names.tolist() == ["person", "dog"]
    assert objects.boxes_xyxy.tolist() == [[0, 0, 5, 5], [1, 2, 4, 8]]
    assert objects.ignored.tolist() == [False, True]
    assert objects.track_ids.tolist() == [-1, 7]


def test_a_frame_that_is_known_by_its_number_is_called_as_our_formats_call_it(coco):
    read = read_coco(coco({"street.mp4": []}, frame_index=12))
    assert list(read.pictures) == ["street_000012"]
    assert read.pictures["street_000012"].frame_number == 13


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no lists of images, annotations, categories"),
        ('{"images": [], "annotations": {}, "categories": []}', "no lists of"),
        ('{"images": [1], "annotations": [], "categories": []}', "is not COCO instances JSON"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "an entry has no 'file_name'"),
        ('{"images": [], "annotations": [{"image_id": 3}], "categories": []}', "annotations of image 3"),
        ('{"images": [], "annotations": [], "categories": [{"id": "x", "name": "y"}]}', "is not COCO"),
    ],
)
def test_what_is_no_coco_file_is_named_with_the_reason(content, reason, tmp_path):
    path = tmp_path / "coco.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EvaluationError, match=reason) as caught:
        read_coco(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"category_id": 99}, "category 99"),
        ({"bbox": [1, 2]}, "is not COCO"),
        ({"segmentation": {"size": list(SIZE_HW), "counts": "99"}}, "the mask of annotation 0 is none"),
        ({"segmentation": []}, "the mask of annotation 0 is none: it is empty"),
    ],
)
def test_an_object_that_cannot_be_is_named_with_the_reason(change, reason, coco):
    path = coco({"a.jpg": [thing("dog", 0, 0, 5, 5)]})
    content = json.loads(path.read_text())
    content["annotations"][0] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(EvaluationError, match=reason):
        read_coco(path)


@pytest.mark.parametrize(
    "image", [{"height": 0}, {"width": -3}, {"width": 10**9}, {"frame_index": -1}, {"frame_index": 10**12}]
)
def test_a_picture_that_cannot_be_is_named(image, coco):
    with pytest.raises(EvaluationError, match="no picture is as image 5 is said to be"):
        read_coco(coco({"a.jpg": []}, **image))


def test_two_pictures_of_one_name_cannot_be_told_apart(coco):
    with pytest.raises(EvaluationError, match="two pictures are called a"):
        read_coco(coco({"a.jpg": [], "a.png": []}))
