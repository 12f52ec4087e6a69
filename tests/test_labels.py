import itertools

import numpy as np
import pytest

from sav.draw import colours
from sav.labels import Layout, write_on_plate


def write_text(canvas, text, centre, bgr, size):
    plate = Layout(canvas.shape[:2]).place(text, centre, size)
    write_on_plate(canvas, text, plate, bgr, size)
    return plate


@pytest.mark.parametrize("centre", [(0, 0), (159, 0), (0, 119), (159, 119), (80, 60), (-50, 400)])
def test_a_label_is_whole_and_inside_the_picture(centre):
    canvas = np.zeros((120, 160, 3), np.uint8)
    write_text(canvas, "person", np.array(centre), colours([1])[0], 12)
    in_the_middle = np.zeros((120, 160, 3), np.uint8)
    write_text(in_the_middle, "person", np.array((80, 60)), colours([1])[0], 12)
    assert (canvas > 0).sum() == (in_the_middle > 0).sum() > 0


@pytest.mark.parametrize("text", ["", " ", "Straßenbahn", "автобус", 'a, "b"', "a very long name " * 20])
def test_any_text_fits_into_any_picture(text):
    for size_hw in [(120, 160), (8, 8), (1, 1)]:
        canvas = np.zeros((*size_hw, 3), np.uint8)
        write_text(canvas, text, np.array((0, 0)), colours([1])[0], 12)


def test_letters_of_another_alphabet_are_letters_not_boxes():
    drawn = []
    for text in ("ж", "ф"):
        canvas = np.zeros((60, 60, 3), np.uint8)
        write_text(canvas, text, np.array((30, 30)), np.array([255, 255, 255], np.uint8), 30)
        drawn.append(canvas)
    assert (drawn[0] != drawn[1]).any()


def test_a_text_gives_way_to_one_that_is_there():
    layout = Layout((120, 160))
    plates = [layout.place("person", np.array((80, 60)), 12) for _ in range(5)]
    rows = sorted((plate.top, plate.bottom) for plate in plates)
    assert all(above[1] <= below[0] for above, below in itertools.pairwise(rows))
    assert {plate.left for plate in plates} == {plates[0].left}


def test_a_text_goes_sideways_where_there_is_no_room_above_and_below():
    layout = Layout((120, 300))
    plates = [layout.place("person", np.array((150, 60)), 12) for _ in range(15)]
    covered = np.zeros((120, 300), int)
    for plate in plates:
        covered[plate.rows, plate.columns] += 1
    assert covered.max() == 1
    assert {plate.top for plate in plates[5:10]} == {plate.top for plate in plates[:5]}


def test_without_room_a_text_stays_where_it_belongs():
    layout = Layout((120, 60))
    plates = [layout.place("person", np.array((30, 60)), 12) for _ in range(7)]
    assert plates[5] == plates[6] == plates[0]
