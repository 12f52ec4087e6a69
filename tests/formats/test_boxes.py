import numpy as np

from sav.formats.boxes import corner_and_size, solid_boxes


def written(*box: float) -> list[float]:
    return solid_boxes(np.array([box], np.float32), (40, 60)).tolist()[0]


def test_an_ordinary_box_stays_as_it_is_to_the_hundredth():
    assert written(1.234, 2, 30.5, 40) == [1.23, 2, 30.5, 40]


def test_boxes_are_cut_to_the_picture():
    assert written(-5, -5, 100, 100) == [0, 0, 60, 40]


def test_a_box_without_width_or_height_gets_a_pixel():
    assert written(5, 5, 5, 9) == [5, 5, 6, 9]
    assert written(0, 40, 10, 40) == [0, 39, 10, 40]
    assert written(70, 50, 80, 60) == [59, 39, 60, 40]
    assert written(5.5, 5, 5.501, 9) == [5, 5, 6, 9]
    assert written(5.9, 5, 6.1, 9) == [5, 5, 7, 9]


def test_no_two_corners_give_a_box_without_width_or_height():
    corners = np.random.default_rng(0).uniform(-70, 70, (2000, 4)).astype(np.float32)
    boxes = np.array(corner_and_size(solid_boxes(corners, (40, 60))))
    assert (boxes[:, 2:] >= 1).all()
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= (60 + 1e-9, 40 + 1e-9)).all()


def test_no_boxes_are_no_boxes():
    assert corner_and_size(solid_boxes(np.zeros((0, 4), np.float32), (40, 60))) == []
