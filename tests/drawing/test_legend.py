import numpy as np
import pytest

from sav import DrawConfig
from sav.drawing import Painter, colours, overlay
from sav.drawing.legend import make_legend, place_legend
from sav.drawing.steady import Memory
from sav.drawing.visible import Visible

BARE = {"masks": False, "contours": False, "labels": False, "boxes": False}
SIZE_HW = (240, 320)


@pytest.fixture
def scene_of(make_scene):
    """A scene of small squares, one of each of the given classes, the first of them at a corner."""

    def make(class_ids, corner_xy=(150, 110), categories=None, size_hw=SIZE_HW, **more):
        masks = np.zeros((len(class_ids), *size_hw), bool)
        for place, mask in enumerate(masks):
            y, x = (corner_xy[1] + place // 40, corner_xy[0] + place % 40) if place else corner_xy[::-1]
            mask[y : y + 3, x : x + 3] = True
        names = categories or {number: f"class {number}" for number in set(class_ids)}
        return make_scene(masks, class_ids=class_ids, categories=names, **more)

    return make


def lines(legend):
    """How many lines it has: stretches of rows with colours."""
    rows = legend.bars.any(axis=(1, 2)).astype(int)
    return int((np.diff(rows, prepend=0) == 1).sum())


def test_a_legend_has_a_line_for_each_class_with_the_colours_of_its_objects(scene_of):
    legend = make_legend(scene_of([0, 1, 0, 2]), DrawConfig())
    assert lines(legend) == 3
    first, second, third = (colours([1, 3]), colours([2]), colours([4]))
    shown = np.unique(legend.bars.reshape(-1, 3), axis=0).tolist()
    wanted = np.maximum(np.concatenate([first, second, third]), 1).tolist()
    assert sorted(map(tuple, shown)) == sorted({(0, 0, 0), *map(tuple, wanted)})
    assert not (legend.letters.astype(bool) & legend.bars.any(axis=-1)).any()


def test_where_there_is_not_room_for_all_classes_the_rare_ones_are_counted_in_one_line(scene_of):
    few = make_legend(scene_of([*range(40), 7, 7, 30]), DrawConfig())
    assert few.letters.shape[0] <= 0.6 * SIZE_HW[0]
    assert 3 < lines(few) < 40


def test_a_legend_takes_the_corner_where_it_hides_least(scene_of):
    for corner, is_right, is_low in [((10, 10), 1, 0), ((300, 10), 0, 0), ((150, 110), 1, 0)]:
        scene = scene_of([0], corner)
        x0, y0, x1, y1 = place_legend(make_legend(scene, DrawConfig()), Visible(scene.masks), Memory())
        assert (x1 == SIZE_HW[1], y1 == SIZE_HW[0]) == (is_right, is_low)
        assert (x0 == 0, y0 == 0) == (not is_right, not is_low)


def test_a_legend_of_a_video_does_not_leave_its_corner_for_what_passes(scene_of):
    memory, corners = Memory(), []
    for x in (150, 290, 295, 300, 150):
        scene = scene_of([0], (x, 10))
        legend = make_legend(scene, DrawConfig())
        corners.append(place_legend(legend, Visible(scene.masks), memory).tolist())
    assert corners == [corners[0]] * 5


def test_labels_keep_off_the_legend(scene_of):
    scene = scene_of([0], (295, 2))
    alone = overlay(scene, DrawConfig(**BARE, legend=True))
    both = overlay(scene, DrawConfig(**{**BARE, "labels": True}, legend=True))
    legend = make_legend(scene, DrawConfig())
    place = place_legend(legend, Visible(scene.masks), Memory()).astype(int)
    x0, y0, x1, y1 = place
    assert (both[y0:y1, x0:x1] == alone[y0:y1, x0:x1]).all()
    assert (both != alone).any()


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 200), (200, 3), (30, 40)])
def test_pictures_of_any_size_have_one(scene_of, size_hw):
    scene = scene_of([0, 1], (0, 0), size_hw=size_hw)
    assert Painter(DrawConfig(legend=True))(scene).shape == (*size_hw, 3)


def test_no_objects_need_no_legend(make_scene, picture):
    scene = make_scene(np.zeros((0, 120, 160), bool), image=picture)
    assert (overlay(scene, DrawConfig(legend=True)) == picture).all()


def test_names_of_any_alphabet_are_cut_to_a_part_of_the_picture(scene_of):
    names = {0: "行人" * 90, 1: "سيارة إسعاف", 2: "a\nb"}
    legend = make_legend(scene_of([0, 1, 2], categories=names), DrawConfig())
    assert legend.letters.shape[1] < 0.6 * SIZE_HW[1]
