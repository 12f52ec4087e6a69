import json

import numpy as np
import pytest

from sav.errors import SettingError
from tools.objects365 import annotations
from tools.objects365.annotations import CROWD, FAKE, REFLECTED, read_categories, spread


def write(path, images, boxes, order=("images", "annotations", "categories")):
    content = {
        "images": [{"id": number, "file_name": name, "width": 8, "height": 6} for number, name in images],
        "annotations": boxes,
        "categories": [{"id": 1, "name": "Person"}],
        "licenses": [{"name": "annotations"}],
    }
    path.write_text(json.dumps({"info": {}, **{name: content[name] for name in order}}), encoding="utf-8")
    return path


def box(image, category=1, bbox=(1, 2, 3.25, 4), **more):
    return {"image_id": image, "category_id": category, "bbox": bbox, **more}


@pytest.mark.parametrize(
    "order", [("images", "annotations", "categories"), ("categories", "annotations", "images")]
)
def test_pictures_and_their_boxes_come_to_the_same_bucket_whatever_the_order_of_the_file(
    tmp_path, monkeypatch, order
):
    monkeypatch.setattr(annotations, "_JSON_PER_BUCKET", 300)
    monkeypatch.setattr(annotations, "_ROWS", 2)
    boxes = [box(number % 7, bbox=(number, 0, 1, 1)) for number in range(40)]
    source = write(
        tmp_path / "a.json", [(number, f"images/v1/patch0/{number}.jpg") for number in range(7)], boxes, order
    )
    made = spread(source, tmp_path / "state")
    assert made.count > 3
    seen = []
    for bucket in range(made.count):
        rows = made.boxes(bucket)
        assert (np.diff(rows["picture"]) >= 0).all() and len(rows) == made.box_count(bucket)
        pictures = [number for number, *_ in made.pictures(bucket)]
        assert set(rows["picture"].tolist()) <= set(pictures)
        seen += rows["xywh"][:, 0].tolist()
    assert sorted(seen) == list(range(40))


def test_flags_and_fractions_are_kept(tmp_path):
    rows = [box(1, iscrowd=1), box(1, isfake=1, isreflected=1, bbox=[0.123456, 1, 2, 3])]
    made = spread(write(tmp_path / "a.json", [(1, "a.jpg")], rows), tmp_path / "state").boxes(0)
    assert made["flags"].tolist() == [CROWD, FAKE | REFLECTED] and made["xywh"][1, 0] == 0.123456


def test_what_is_no_box_has_no_size_and_stays_with_its_picture(tmp_path):
    rows = [box(1, bbox=None), box(1, bbox=[1, 2, 3]), {"image_id": 1}, box("?", bbox=[1, 2, 3, 4])]
    made = spread(write(tmp_path / "a.json", [(1, "a.jpg")], rows), tmp_path / "state").boxes(0)
    assert made["picture"].tolist() == [-1, 1, 1, 1] and made["category"].tolist() == [1, 1, 1, 0]
    assert not made["xywh"][1:].any()


def test_of_pictures_with_one_name_all_but_the_first_are_told(tmp_path):
    source = write(tmp_path / "a.json", [(5, "v1/a.jpg"), (3, "b.jpg"), (1, "v2/a.jpg")], [])
    assert spread(source, tmp_path / "state").twice == {1}
    source = write(tmp_path / "a.json", [(5, "a.jpg"), (3, "b.jpg"), (5, "c.jpg")], [])
    assert spread(source, tmp_path / "state").twice == {5}


def test_spreading_again_does_nothing_unless_the_file_is_another(tmp_path):
    source = write(tmp_path / "a.json", [(1, "a.jpg")], [box(1)])
    first = spread(source, tmp_path / "state")
    stamp = (tmp_path / "state" / "boxes-000.bin").stat().st_mtime_ns
    assert spread(source, tmp_path / "state") == first
    assert (tmp_path / "state" / "boxes-000.bin").stat().st_mtime_ns == stamp
    write(source, [(1, "a.jpg")], [box(1), box(1)])
    assert spread(source, tmp_path / "state").box_count(0) == 2


@pytest.mark.parametrize("content", ['{"images": [{"id": 1, "file', "no json", ""])
def test_a_file_that_breaks_off_is_an_error_and_nothing_counts_as_done(tmp_path, content):
    source = tmp_path / "zhiyuan.json"
    source.write_text(content, encoding="utf-8")
    for read in (lambda: spread(source, tmp_path / "state"), lambda: read_categories(source)):
        with pytest.raises(SettingError, match=r"zhiyuan\.json is no whole JSON file"):
            read()
    assert not (tmp_path / "state" / "plan.json").exists()


def test_values_that_none_can_have_are_no_class_and_no_fault(tmp_path):
    rows = [
        box(True),
        box(1, category=2**40),
        box(1, category="7"),
        box(1, bbox=[1e308, 1e308, 1e308, 1e308]),
    ]
    made = spread(write(tmp_path / "a.json", [(1, "a.jpg")], rows), tmp_path / "state").boxes(0)
    assert made["category"].tolist() == [1, 0, 0, 1]


def test_what_is_no_annotation_at_all_is_an_error(tmp_path):
    with pytest.raises(SettingError, match="among its annotations"):
        spread(write(tmp_path / "a.json", [(1, "a.jpg")], ["text"]), tmp_path / "state")


def test_an_image_without_a_name_is_an_error(tmp_path):
    source = tmp_path / "a.json"
    source.write_text('{"images": [{"id": 1, "width": 3, "height": 4}]}', encoding="utf-8")
    with pytest.raises(SettingError, match="file_name"):
        spread(source, tmp_path / "state")
