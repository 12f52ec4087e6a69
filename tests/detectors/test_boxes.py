"""Boxes of somebody else's: read in each form, and given to the pictures and frames that they are of."""

import json
from fractions import Fraction

import numpy as np
import pytest

from sav import BoxFile, DetectionConfig, Frame
from sav.errors import BoxesError, SettingError

ALL = DetectionConfig(conf=0.0)
IMAGE = np.zeros((60, 80, 3), np.uint8)


def frame(name="", index=0):
    return Frame(IMAGE, index, name, Fraction(index, 25))


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def found(boxes, name="", index=0):
    (detections,) = boxes.in_frames([frame(name, index)])
    columns = detections.boxes_xyxy, detections.scores, detections.class_ids
    return [
        (box, round(score, 2), class_id)
        for box, score, class_id in zip(*(c.tolist() for c in columns), strict=True)
    ]


def result(image_id, bbox, score=0.5, category_id=3, **more):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score, **more}


def test_results_in_coco_form_are_known_by_names_and_numbers(tmp_path):
    results = [
        result("a", [1, 2, 10, 20]),
        result("a", [5, 5, 5, 5], 0.9),
        result(139, [0, 0, 8, 8]),
        result(7, [0, 0, 9, 9], file_name="sub/b.jpg"),
    ]
    boxes = BoxFile(write(tmp_path / "results.json", results), ALL)
    assert boxes.categories == {3: "class 3"}
    assert found(boxes, "a.png") == [([5, 5, 10, 10], 0.9, 3), ([1, 2, 11, 22], 0.5, 3)]
    assert found(boxes, "b.jpg") == [([0, 0, 9, 9], 0.5, 3)]
    assert found(boxes, "000000000139.jpg") == [([0, 0, 8, 8], 0.5, 3)]
    assert found(boxes, "c.jpg") == []


def test_a_data_set_in_coco_form_names_its_classes_which_are_numbered_from_0(tmp_path):
    table = {
        "images": [{"id": 1, "file_name": "x/a.jpg"}, {"id": 2, "file_name": "clip.mp4", "frame_index": 4}],
        "categories": [{"id": 9, "name": "dog"}, {"id": 2, "name": "bus"}, {"id": 10, "name": "unlabelled"}],
        "annotations": [
            {"image_id": 1, "category_id": 9, "bbox": [0, 0, 10, 10]},
            {"image_id": 1, "category_id": 10, "bbox": [0, 0, 10, 10]},
            {"image_id": 1, "category_id": 2, "bbox": [0, 0, 10, 10], "iscrowd": 1},
            {"image_id": 2, "category_id": 2, "bbox": [1, 1, 2, 2], "detector_bbox": [0, 0, 4, 4]},
        ],
    }
    boxes = BoxFile(write(tmp_path / "coco.json", table), ALL)
    assert boxes.categories == {0: "bus", 1: "dog"}
    assert found(boxes, "a.jpg") == [([0, 0, 10, 10], 1, 1)]
    assert found(boxes, "clip_000004") == [([0, 0, 4, 4], 1, 0)]


def test_motchallenge_text_is_known_by_the_frames_numbers_of_the_source(tmp_path):
    text = "1,-1,10,10,20,20,0.5,-1,-1,-1\n1,-1,70,50,20,20,0.9,-1,-1,-1\n12,-1,0,0,5,5,1,-1,-1,-1\n"
    boxes = BoxFile(write(tmp_path / "det.txt", text), ALL)
    first = [([70, 50, 80, 60], 0.9, 0), ([10, 10, 30, 30], 0.5, 0)]  # inside the picture, the surest first
    assert boxes.categories == {0: "object"}
    assert found(boxes, "clip_000000") == found(boxes, "000001.jpg") == found(boxes, index=0) == first
    assert found(boxes, "clip_000011", index=3) == [([0, 0, 5, 5], 1, 0)]
    assert found(boxes, index=1) == []


def test_motchallenge_text_may_have_classes_and_scores_of_any_size(tmp_path, caplog):
    truth = BoxFile(write(tmp_path / "gt.txt", "1,1,0,0,5,5,1,7,0.5\n"), ALL)
    assert (truth.categories, found(truth)) == ({7: "class 7"}, [([0, 0, 5, 5], 1, 7)])
    raw = BoxFile(write(tmp_path / "raw.txt", "1,-1,0,0,5,5,-1\n1,-1,0,0,6,6,3\n1,-1,0,0,7,7,1\n"), ALL)
    assert [score for _, score, _ in found(raw)] == [1, 0.5, 0]
    assert "scores go from -1 to 3" in caplog.text


def test_yolo_labels_are_shares_with_names_beside_them(tmp_path):
    labels = tmp_path / "labels"
    labels.mkdir()
    write(labels / "a.txt", "1 0.5 0.5 0.5 0.5 0.75\n0 0.0 0.0 0.5 0.0 0.5 0.5\n\n")
    write(labels / "my clip_3.txt", "0 0.5 0.5 1 1\n")
    assert BoxFile(labels).categories == {0: "class 0", 1: "class 1"}
    write(tmp_path / "dataset.yaml", "names: [dog, bus]")
    boxes = BoxFile(labels)
    assert boxes.categories == {0: "dog", 1: "bus"}
    assert found(boxes, "a.png") == [([0, 0, 40, 30], 1, 0), ([20, 15, 60, 45], 0.75, 1)]
    assert found(boxes, "my_clip_000002") == [([0, 0, 80, 60], 1, 0)]


def test_boxes_without_a_pixel_in_their_picture_are_left_out_and_told(tmp_path, caplog):
    results = [result("a", [-500, -500, 400, 400]), result("a", [5, 5, 0, 9]), result("a", [0, 0, 9, 9])]
    boxes = BoxFile(write(tmp_path / "r.json", results), ALL)
    assert found(boxes, "a.jpg") == [([0, 0, 9, 9], 0.5, 3)]
    (told,) = caplog.messages
    assert told == "a.jpg: 2 boxes without a pixel in it left out: [-500.0, -500.0, -100.0, -100.0]"


def test_what_is_kept_is_chosen_by_score_class_and_number(tmp_path):
    results = [result("a", [0, 0, 5 + n, 5], 0.1 * n, category_id=n % 2) for n in range(1, 8)]
    boxes = BoxFile(write(tmp_path / "r.json", results))
    assert [score for _, score, _ in found(boxes, "a.jpg")] == [0.7, 0.6, 0.5, 0.4, 0.3]
    few = boxes.with_config(DetectionConfig(classes="class 1", max_det=2))
    assert [(score, class_id) for _, score, class_id in found(few, "a.jpg")] == [(0.7, 1), (0.5, 1)]
    with pytest.raises(SettingError, match="no class 'dog'"):
        boxes.with_config(DetectionConfig(classes="dog"))


@pytest.mark.parametrize(
    "content", ["[]", "", '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}]}']
)
def test_no_boxes_are_no_error(tmp_path, content):
    path = write(tmp_path / ("b.json" if content else "b.txt"), content)
    assert found(BoxFile(path), "a.jpg") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.json", "{", "no boxes that can be read: Expecting"),
        ("b.json", "7", "neither a list of results nor a data set"),
        ("b.json", [{"image_id": 1, "category_id": 1}], "has no 'bbox'"),
        ("b.json", [result(1, [0, 0, 1])], "cannot reshape"),
        ("b.json", [result(1, [0, 0, 1, 1], 7)], "a score is not from 0 to 1"),
        ("b.json", [result(1, [0, 0, 1, float("nan")])], "infinite or no number"),
        ("b.json", ["a"], "has no boxes that can be read"),
        (
            "b.json",
            {"images": [], "categories": [], "annotations": [result(1, [0, 0, 1, 1])]},
            "no such category",
        ),
        ("b.txt", "hello", "could not convert"),
        ("b.txt", "1,2,3\n", "frame,id,left,top,width,height"),
        ("b.txt", "0,1,0,0,1,1,1\n", "which count from 1"),
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_one_line(tmp_path, name, content, message):
    with pytest.raises(BoxesError, match=message) as told:
        BoxFile(write(tmp_path / name, content))
    assert str(told.value).startswith(str(tmp_path / name)) and len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    "line", ["1 0.5 0.5", "x 0.5 0.5 1 1", "0.5 0.5 0.5 1 1", "-1 0.5 0.5 1 1", "0 nan 0 1 1"]
)
def test_a_label_file_of_something_else_is_named(tmp_path, line):
    write(tmp_path / "a.txt", line)
    with pytest.raises(BoxesError, match=r"a\.txt is no YOLO label file"):
        BoxFile(tmp_path)


def test_a_file_that_is_not_there_is_told_with_what_may_be_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*boxes\.json: name COCO's JSON"):
        BoxFile(tmp_path / "boxes.json")


def test_a_folder_without_labels_says_where_they_may_be(tmp_path):
    (tmp_path / "labels").mkdir()
    with pytest.raises(BoxesError, match=r"no label file .*: name .*labels"):
        BoxFile(tmp_path)
    write(tmp_path / "classes.txt", "dog\n")
    write(tmp_path / "labels" / "a.txt", "4 0.5 0.5 1 1")
    with pytest.raises(BoxesError, match="class 4, but names for 1 classes"):
        BoxFile(tmp_path / "labels")


def test_boxes_of_other_pictures_are_told(tmp_path):
    boxes = BoxFile(
        write(tmp_path / "b.json", [result("a", [0, 0, 1, 1]), result("clip_000003", [0, 0, 1, 1])])
    )
    boxes.check_pictures(["b.jpg", "a.jpg"])
    boxes.check_video("clip.mp4")
    with pytest.raises(BoxesError, match=r"no boxes for b\.jpg: it tells of a, clip_000003$"):
        boxes.check_pictures(["b.jpg", "c.jpg"])
    with pytest.raises(BoxesError, match=r"no boxes for other\.mp4"):
        boxes.check_video("other.mp4")


def test_pixels_alone_are_not_enough(tmp_path):
    with pytest.raises(TypeError, match="in_frames"):
        BoxFile(write(tmp_path / "b.json", "[]"))([IMAGE])
