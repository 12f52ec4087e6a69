import json

import numpy as np
import pytest
import yaml
from PIL import Image

from sav.errors import SettingError
from tools.finetune.sources import read


def picture(path, size=(40, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(path)


def yolo(folder, splits=("train", "val"), lines="0 0.5 0.5 0.5 0.5\n", description=True):
    for split in splits:
        for number in range(2):
            picture(folder / "images" / split / f"{split}{number}.jpg")
            label = folder / "labels" / split / f"{split}{number}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(lines if number == 0 else "")
    if description:
        content = {split: f"images/{split}" for split in splits} | {"names": ["cat", "dog"]}
        (folder / "data.yaml").write_text(yaml.safe_dump(content))
    else:
        (folder / "classes.txt").write_text("cat\ndog\n")
    return folder


def coco(path, names, folder="", categories=((3, "cat"), (7, "dog"))):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [
            {"id": number, "file_name": f"{folder}{name}", "width": 40, "height": 20}
            for number, name in enumerate(names)
        ],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 7, "bbox": [10, 5, 20, 10], "iscrowd": 0}
            for number in range(len(names))
        ],
        "categories": [{"id": number, "name": name} for number, name in categories],
    }
    path.write_text(json.dumps(content))
    return path


def boxes_of(source):
    return [sample.boxes.xyxy.tolist() for sample in source.train]


@pytest.mark.parametrize("description", [True, False])
def test_yolo_s_form_is_read_with_a_description_or_by_its_folders(tmp_path, description):
    source = read(yolo(tmp_path, description=description))
    assert source.names == ("cat", "dog") and len(source.train) == len(source.val) == 2
    assert boxes_of(source) == [[[10, 5, 30, 15]], []]
    assert read(yolo(tmp_path, splits=("train",), description=description)).val == [] or not description


def test_polygons_become_the_boxes_around_them(tmp_path):
    source = read(yolo(tmp_path, lines="1 0.25 0.25 0.75 0.25 0.75 0.75\n"))
    assert boxes_of(source)[0] == [[10, 5, 30, 15]] and source.train[0].boxes.class_ids.tolist() == [1]


def test_a_description_may_name_lists_several_folders_and_roboflow_s_odd_ones(tmp_path):
    yolo(tmp_path)
    (tmp_path / "list.txt").write_text("images/train/train1.jpg\n")
    for told in (["images/val", "list.txt"], "../images/train"):
        (tmp_path / "data.yaml").write_text(yaml.safe_dump({"train": told, "names": {0: "cat", 1: "dog"}}))
        source = read(tmp_path / "data.yaml")
        assert len(source.train) == (3 if isinstance(told, list) else 2) and source.val == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.5", "neither"),
        ("cat 0.5 0.5 0.5 0.5", "no numbers"),
        ("2 0.5 0.5 0.5 0.5", "0 to 1"),
        ("0.5 1 1 1 1", "neither"),
    ],
)
def test_a_label_that_is_none_is_named_with_its_line(tmp_path, line, said):
    with pytest.raises(SettingError, match=rf"train0\.txt, line 2: .*{said}"):
        read(yolo(tmp_path, lines=f"1 0.5 0.5 0.1 0.1\n{line}\n"))


def test_coco_s_form_is_read_and_classes_without_objects_are_left_out(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    source = read(coco(tmp_path / "annotations" / "mine.json", ["a.jpg", "gone.jpg"]))
    assert source.names == ("dog",) and "cat" in source.notes[0]
    assert [sample.path for sample in source.train] == [tmp_path / "images" / "a.jpg", None]
    assert boxes_of(source) == [[[10, 5, 30, 15]]] * 2


def test_a_file_for_validation_has_the_classes_of_training(tmp_path):
    train = coco(tmp_path / "train.json", ["a.jpg"])
    val = coco(tmp_path / "val.json", ["b.jpg"], categories=((7, "dog"),))
    assert [sample.told for sample in read(train, val=val).val] == ["b.jpg"]
    assert [sample.told for sample in read(tmp_path).val] == ["b.jpg"]
    with pytest.raises(SettingError, match="wolf"):
        read(train, val=coco(tmp_path / "other.json", ["b.jpg"], categories=((7, "wolf"),)))


def test_an_export_of_roboflow_is_found_in_its_folders(tmp_path):
    for split in ("train", "valid"):
        picture(tmp_path / split / f"{split}.jpg")
        coco(tmp_path / split / "_annotations.coco.json", [f"{split}.jpg"])
    source = read(tmp_path)
    assert source.train[0].path and source.val[0].path


def test_pictures_are_looked_for_where_the_flag_says(tmp_path):
    picture(tmp_path / "far" / "away" / "a.jpg")
    file = coco(tmp_path / "a.json", ["a.jpg"], folder="some/where/")
    assert read(file, images=tmp_path / "far" / "away").train[0].path
    with pytest.raises(SettingError, match="no folder"):
        read(file, images=tmp_path / "nowhere")


@pytest.mark.parametrize("what", ["nothing", "text", "empty", "list", "names"])
def test_what_is_none_of_the_forms_is_one_line_that_says_so(tmp_path, what):
    path = {
        "nothing": tmp_path / "no",
        "text": tmp_path / "a.txt",
        "list": tmp_path / "a.json",
        "names": tmp_path / "a.yaml",
    }.get(what, tmp_path)
    if what == "text":
        path.write_text("")
    elif what == "list":
        path.write_text("[1]")
    elif what == "names":
        path.write_text("train: images\n")
    with pytest.raises(SettingError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
