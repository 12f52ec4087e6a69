import itertools

import numpy as np
import pytest

from sav.data.masks import Masks
from sav.drawing.layout import place_plates
from sav.drawing.steady import Memory
from sav.drawing.visible import Visible, _looked_up

SIZE_HW = (240, 320)
PLATE = (60, 14)


def boxes_filled(boxes, size_hw=SIZE_HW):
    stack = np.zeros((len(boxes), *size_hw), bool)
    for mask, (x0, y0, x1, y1) in zip(stack, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    return Masks.from_dense(stack)


def place(boxes, memory=None, has_frame=True, ids=None, masks=None, size_hw=SIZE_HW, reserved=()):
    """The plates `(N, 4)` of objects that fill their boxes."""
    masks = boxes_filled(boxes, size_hw) if masks is None else masks
    sizes = np.tile(PLATE, (len(boxes), 1))
    placed = place_plates(
        Visible(masks),
        np.array(boxes, np.float32).reshape(-1, 4),
        sizes,
        np.full(len(boxes), has_frame),
        list(range(1, len(boxes) + 1)) if ids is None else ids,
        Memory() if memory is None else memory,
        np.array(reserved, np.float32).reshape(-1, 4),
    )
    return np.concatenate([placed.corners_xy, placed.corners_xy + sizes], axis=1), placed


def shared(first, second):
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    return int(np.maximum(high - low, 0).prod())


def random_boxes(count, size_hw, largest, seed=0):
    random = np.random.default_rng(seed)
    corners = (random.uniform(0, 1, (count, 2)) * (np.array(size_hw[::-1]) - largest)).astype(int)
    return np.concatenate([corners, corners + random.integers(10, largest, (count, 2))], axis=1).tolist()


def test_no_objects_need_no_places():
    plates, placed = place([])
    assert plates.shape == (0, 4)
    assert placed.is_apart.shape == (0,)


def test_a_plate_sits_on_the_corner_of_its_box_and_not_on_the_object():
    (plate,), placed = place([(100, 100, 200, 200)])
    assert plate.tolist() == [100, 86, 160, 100]
    assert not placed.is_apart.any()


@pytest.mark.parametrize("box", [(0, 0, 30, 30), (290, 210, 320, 240), (0, 0, 320, 240), (150, 0, 170, 240)])
def test_a_plate_is_whole_and_inside_the_picture(box):
    (plate,), _ = place([box])
    assert (plate[:2] >= 0).all()
    assert plate[2] <= SIZE_HW[1] and plate[3] <= SIZE_HW[0]


def test_a_small_object_is_not_covered_by_its_own_plate():
    for box in [(0, 0, 12, 12), (150, 100, 160, 110), (308, 228, 320, 240), (0, 228, 12, 240)]:
        (plate,), _ = place([box])
        assert shared(plate, np.array(box)) == 0


def test_the_name_of_a_thing_behind_is_not_on_the_thing_in_front():
    truck, pedestrian = (20, 60, 300, 200), (30, 40, 60, 180)
    plates, _ = place([truck, pedestrian])
    assert shared(plates[0], np.array(pedestrian)) == 0
    assert shared(plates[1], np.array(pedestrian)) == 0


def test_a_name_goes_onto_its_own_object_where_all_around_are_others():
    big = (90, 60, 230, 180)
    around = [(0, 0, 320, 59), (0, 60, 89, 180), (231, 60, 320, 180), (0, 181, 320, 240)]
    plates, _ = place([big, *around])
    assert shared(plates[0], np.array(big)) == PLATE[0] * PLATE[1]


@pytest.mark.parametrize("count", [2, 20, 60])
def test_plates_do_not_cover_each_other(count):
    plates, _ = place(random_boxes(count, (720, 1280), 120), size_hw=(720, 1280))
    assert all(shared(first, second) == 0 for first, second in itertools.combinations(plates, 2))


def test_more_plates_than_there_is_room_for_are_all_placed_inside():
    plates, _ = place([(100, 100, 110, 110)] * 100)
    assert (plates >= 0).all()
    assert (plates[:, 2] <= SIZE_HW[1]).all() and (plates[:, 3] <= SIZE_HW[0]).all()


def test_a_line_leads_to_an_object_whose_name_found_no_place_beside_it():
    plates, placed = place([(155, 115, 165, 125)] * 20)
    away = [
        max(160 - plate[2], plate[0] - 160, 120 - plate[3], plate[1] - 120) for plate in plates.astype(int)
    ]
    assert placed.is_apart[int(np.argmax(away))]
    assert (np.abs(placed.targets_xy[placed.is_apart] - [160, 120]) <= 1).all()


def test_an_object_without_pixels_gets_a_plate_beside_its_box():
    masks = Masks.from_dense(np.zeros((1, *SIZE_HW), bool))
    (plate,), placed = place([(100, 100, 200, 200)], masks=masks)
    assert plate.tolist() == [100, 86, 160, 100]
    assert not placed.is_apart.any()


def test_a_line_ends_on_what_is_seen_of_the_object():
    ring = np.zeros((1, *SIZE_HW), bool)
    ring[0, 100:200, 100:200] = True
    ring[0, 110:190, 110:190] = False
    middle = Visible(Masks.from_dense(ring)).middles(np.array([[100, 100, 200, 200]], np.float32))
    x, y = middle[0].astype(int)
    assert ring[0, y, x]


def test_a_label_keeps_its_side_while_its_object_moves():
    memory = Memory()
    offsets = set()
    for step in range(60):
        box = (20 + 3 * step, 100 + step, 80 + 3 * step, 140 + step)
        (plate,), _ = place([box], memory)
        offsets.add((int(plate[0]) - box[0], int(plate[1]) - box[1]))
    assert offsets == {(0, -14)}


def test_a_label_stays_when_something_passes_through_its_place_and_leaves_when_it_remains():
    memory, still = Memory(), (100, 100, 200, 200)
    (before,), _ = place([still], memory)
    for _ in range(2):
        for _ in range(5):
            plates, _ = place([still, (90, 60, 170, 99)], memory)
            assert (plates[0] == before).all()
        for _ in range(20):
            plates, _ = place([still], memory, ids=[1])
            assert (plates[0] == before).all()
    for _ in range(40):
        plates, _ = place([still, (90, 60, 170, 99)], memory)
    assert shared(plates[0], np.array((90, 60, 170, 99))) == 0


def test_a_label_that_has_moved_does_not_come_back_at_once():
    memory, still, other = Memory(), (100, 100, 200, 200), (90, 60, 170, 99)
    for _ in range(40):
        plates, _ = place([still, other], memory)
    assert shared(plates[0], np.array(other)) == 0
    (after,), _ = place([still], memory, ids=[1])
    assert (after == plates[0]).all()


def test_of_two_labels_that_meet_the_newer_one_gives_way():
    memory = Memory()
    for step in range(40):
        boxes = [(40 + 2 * step, 100, 80 + 2 * step, 140), (200 - 2 * step, 100, 240 - 2 * step, 140)]
        plates, _ = place(boxes, memory)
        assert shared(*plates) == 0
        assert plates[0].tolist() == [40 + 2 * step, 86, 100 + 2 * step, 100]


def test_only_so_many_labels_are_remembered(monkeypatch):
    monkeypatch.setattr("sav.drawing.steady._MOST_REMEMBERED", 3)
    memory = Memory()
    for track_id in range(1, 10):
        place([(100, 100, 200, 200)], memory, ids=[track_id])
    assert list(memory.places) == [7, 8, 9]
    assert sorted(memory.costs) == [7, 8, 9]


@pytest.mark.parametrize("count", [1, 4, 256, 257, 400])
def test_tables_are_looked_up_alike_for_few_and_for_many_objects(count):
    table = np.random.default_rng(0).random(count).astype(np.float32)
    owners = np.random.default_rng(1).integers(-1, count - 1, (20, 30), np.int32)
    assert np.array_equal(_looked_up(table, owners), table[owners])
