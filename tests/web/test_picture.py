"""A picture on the page: selecting, adding, removing, and what is shown of it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from sav.data.masks import Masks
from sav.data.types import Frame
from sav.errors import SettingError
from sav.web.picture import Picture, row_at, shown
from tests.stubs import picture

SIZE_HW = (40, 60)


def square(y0, x0, y1, x1):
    mask = np.zeros(SIZE_HW, bool)
    mask[y0:y1, x0:x1] = True
    return mask


@pytest.fixture
def found(make_scene):
    """A large dog with a small person on it, and a region beside them."""
    objects = np.stack([square(0, 0, 20, 20), square(5, 5, 10, 10)])
    return Picture(make_scene(objects, square(0, 30, 40, 60)[None], class_ids=[1, 0]))


def test_a_click_means_the_smallest_object_there_then_a_region_then_nothing(found):
    assert row_at(found.scene, 7, 7) == 1
    assert row_at(found.scene, 15.9, 15.9) == 0
    assert row_at(found.scene, 45, 20) == 2
    assert row_at(found.scene, 25, 35) is None


def test_what_is_selected_is_what_is_wanted_and_without_a_selection_that_is_all(found):
    assert len(found.wanted.objects) == 2 and len(found.wanted.regions) == 1
    chosen = found.toggled(1)
    assert chosen.wanted.class_names == ["person"] and len(chosen.wanted.regions) == 0
    assert len(chosen.toggled(2).wanted.regions) == 1
    assert len(chosen.toggled(1).wanted.objects) == 2
    assert len(chosen.none_chosen().wanted.objects) == 2
    for row in (-1, 3):
        with pytest.raises(SettingError, match="no such object"):
            found.toggled(row)


def test_what_is_pointed_at_is_added_under_a_known_or_a_new_name_and_selected_alone(found):
    masks = Masks.from_dense(square(30, 0, 35, 5)[None])
    known = found.toggled(0).with_masks(masks, masks.boxes_xyxy, " dog ")
    assert known.wanted.class_names == ["dog"] and known.wanted.track_ids.tolist() == [3]
    new = known.with_masks(masks, masks.boxes_xyxy, "Straßenbahn 電車")
    assert new.scene.class_names == ["dog", "person", "dog", "Straßenbahn 電車"]
    assert new.scene.class_ids.tolist() == [1, 0, 1, 2] and len(new.scene.regions) == 1
    for name in ("", "  ", "x" * 61, "a\0b"):
        with pytest.raises(SettingError, match="a name"):
            found.with_masks(masks, masks.boxes_xyxy, name)


def test_what_is_pointed_at_stays_beside_what_is_found_later_under_its_class(found, make_scene):
    masks = Masks.from_dense(np.stack([square(30, 0, 35, 5), square(0, 50, 5, 60)]))
    pointed = found.with_masks(masks, masks.boxes_xyxy, "dog").with_masks(
        masks[:1], masks.boxes_xyxy[:1], "lamp"
    )
    pointed = pointed.none_chosen().toggled(2).without_chosen()
    other = make_scene(square(8, 8, 9, 9)[None], square(0, 30, 40, 60)[None], class_ids=[0])
    later = pointed.with_found(replace(other, categories={0: "cat", 7: "dog"}))
    assert later.scene.class_names == ["cat", "dog", "lamp"] and later.scene.class_ids.tolist() == [0, 7, 8]
    assert later.scene.track_ids.tolist() == [1, 2, 3] and later.is_pointed.tolist() == [False, True, True]
    assert later.scene.objects.masks.areas.tolist() == [1, 50, 25] and not later.chosen.any()
    assert len(later.with_found(found.scene).scene.objects) == 4
    assert found.with_found(other).scene.objects.ids.tolist() == other.objects.ids.tolist()


def test_a_picture_in_which_nothing_was_looked_for_takes_what_is_pointed_at():
    empty = Picture.untouched(Frame(picture(), name="a.jpg"))
    assert empty.rows == 0 and row_at(empty.scene, 3, 3) is None and empty.table() == []
    masks = Masks.from_dense(np.ones((1, 60, 80), bool))
    assert empty.with_masks(masks, masks.boxes_xyxy, "all").scene.class_names == ["all"]


def test_what_is_removed_is_gone_and_the_others_keep_their_numbers(found):
    left = found.toggled(0).toggled(2).without_chosen()
    assert left.scene.track_ids.tolist() == [2] and len(left.scene.regions) == 0 and not left.chosen.any()


def test_the_table_has_a_row_for_each_object_and_region(found):
    rows = found.toggled(1).table()
    assert [(row["number"], row["name"], row["area"], row["chosen"]) for row in rows] == [
        ("1", "dog", 400, False),
        ("2", "person", 25, True),
        ("", "unlabelled", 1200, False),
    ]
    assert rows[0]["box"] == [0, 0, 20, 20]


def test_a_large_picture_is_shown_smaller_and_a_small_one_as_it_is():
    large = cv2.imdecode(np.frombuffer(shown(np.zeros((300, 6000, 3), np.uint8)), np.uint8), 1)
    small = cv2.imdecode(np.frombuffer(shown(np.zeros((30, 60, 3), np.uint8)), np.uint8), 1)
    assert large.shape == (102, 2048, 3) and small.shape == (30, 60, 3)
