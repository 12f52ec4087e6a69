import cv2
import numpy as np
import pytest

from sav import DrawConfig
from sav.drawing import Painter, colours, draw_everything, draw_masks, overlay
from sav.looks import PARTS

BARE = DrawConfig(labels=False, boxes=False)


def disc(centre, radius, size_hw=(120, 160)) -> np.ndarray:
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


def changed(drawn: np.ndarray, image: np.ndarray) -> np.ndarray:
    return (drawn != image).any(axis=-1)


def test_only_pixels_of_masks_and_at_their_edges_change(picture, make_scene):
    mask = disc((60, 80), 50)
    drawn = overlay(make_scene(mask[None], image=picture), BARE)
    assert changed(drawn, picture)[mask].mean() > 0.99
    assert not changed(drawn, picture)[~grown(mask, 1)].any()


def test_an_outline_is_seen_on_a_ground_of_its_own_colour(make_scene):
    mask = disc((60, 80), 40)
    for track_id in range(1, 30):
        ground = np.broadcast_to(colours([track_id])[0], (120, 160, 3)).copy()
        drawn = overlay(make_scene(mask[None], image=ground, track_ids=[track_id]), BARE)
        at_edge = grown(mask, 1) & ~mask
        difference = np.abs(drawn.astype(int) - ground).sum(axis=-1)
        assert np.median(difference[at_edge]) > 90


def test_ragged_masks_have_smooth_outlines(make_scene):
    ragged = disc((60, 80), 40)
    specks = np.random.default_rng(0).random(ragged.shape) < 0.01
    ragged = (ragged | specks) & ~(ragged & specks)
    drawn = overlay(make_scene(ragged[None]), DrawConfig(labels=False, masks=False))
    smooth = overlay(make_scene(disc((60, 80), 40)[None]), DrawConfig(labels=False, masks=False))
    colour = colours([1])[0].astype(int)
    lines = [(np.abs(picture.astype(int) - colour).sum(axis=-1) < 60).sum() for picture in (drawn, smooth)]
    assert lines[0] < 1.5 * lines[1]


def test_the_edge_of_the_picture_is_no_outline(make_scene):
    mask = np.ones((1, 120, 160), bool)
    drawn = overlay(make_scene(mask), BARE)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1


def test_regions_are_much_fainter_than_objects(picture, make_scene):
    mask = disc((60, 80), 40)
    as_object = overlay(make_scene(mask[None], image=picture), BARE)
    none = np.zeros((0, 120, 160), bool)
    as_region = overlay(make_scene(none, mask[None], image=picture), BARE)
    inner = disc((60, 80), 30)
    differences = [
        np.abs(drawn.astype(int) - picture)[inner].mean() / np.abs(bgr - picture[inner].astype(int)).mean()
        for drawn, bgr in ((as_object, colours([1])[0]), (as_region, colours([0], soft=True)[0]))
    ]
    assert differences[1] < differences[0] / 2


def test_small_masks_lie_over_large_ones(make_scene):
    scene = make_scene(np.stack([disc((60, 80), 10), disc((60, 80), 50)]))
    painted = draw_masks(scene)
    assert painted[60, 80].tolist() == colours([1])[0].tolist()
    assert painted[60, 45].tolist() == colours([2])[0].tolist()
    assert painted[0, 0].tolist() == [0, 0, 0]


def test_objects_lie_over_regions_and_a_region_keeps_its_colour(picture, make_scene):
    scene = make_scene(np.stack([disc((60, 30), 20)]), np.stack([disc((60, 120), 20)]), image=picture)
    assert draw_masks(scene)[60, 120].tolist() == colours([0], soft=True)[0].tolist()
    labelled, plain = overlay(scene), draw_everything(scene)
    soft = colours([0], soft=True)[0].astype(int)
    for drawn in (labelled, plain):
        moved = (drawn[60, 120].astype(int) - picture[60, 120]) * (soft - picture[60, 120])
        assert (moved >= 0).all() and moved.any()
    assert (plain[60, 30] == picture[60, 30]).all()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("is_tracked", [False, True])
def test_any_number_of_objects_is_drawn_and_the_picture_is_left_alone(picture, make_scene, count, is_tracked):
    before = picture.copy()
    masks = np.stack([disc((60, 40 * i + 30), 12) for i in range(3)])[:count]
    drawn = overlay(make_scene(masks, image=picture, is_tracked=is_tracked))
    assert drawn.shape == picture.shape and drawn.dtype == np.uint8
    assert (picture == before).all()
    assert (drawn != picture).any() == (count > 0)


@pytest.mark.parametrize("is_tracked", [False, True])
def test_an_object_without_a_mask_shows_its_box_dashed_and_its_label(picture, make_scene, is_tracked):
    scene = make_scene(np.zeros((1, 120, 160), bool), image=picture, is_tracked=is_tracked)
    scene.boxes_xyxy[0] = (30, 40, 130, 110)
    box = (overlay(scene, DrawConfig(labels=False))[40:110, 30:130] == colours([1])[0]).all(axis=-1)
    for side in (box[0], box[-1], box[:, 0], box[:, -1]):
        assert 0.3 < side.mean() < 0.8
    assert not box[3:-3, 3:-3].any()
    assert changed(overlay(scene), picture)[20:40, 30:100].mean() > 0.5


def test_a_mask_far_outside_its_box_shows_the_box_dashed(make_scene):
    scene = make_scene(disc((30, 30), 20)[None])
    scene.boxes_xyxy[0] = (90, 40, 150, 110)
    drawn = overlay(scene, DrawConfig(labels=False))
    assert 0.3 < (drawn[40, 90:150] == colours([1])[0]).all(axis=-1).mean() < 0.8


def test_boxes_are_drawn_in_videos_and_where_they_are_asked_for(make_scene):
    for is_tracked, boxes, shown in [(0, None, 0), (1, None, 1), (0, True, 1), (1, False, 0)]:
        scene = make_scene(disc((60, 80), 30)[None], is_tracked=bool(is_tracked))
        drawn = overlay(scene, DrawConfig(labels=False, masks=False, contours=False, boxes=boxes))
        assert (drawn != 0).any() == bool(shown)
    assert (drawn[30, 50] == 0).all()


def test_boxes_beyond_the_picture_are_cut(make_scene):
    scene = make_scene(disc((60, 80), 30)[None])
    scene.boxes_xyxy[0] = (-1e6, -50, 1e9, 500)
    assert overlay(scene, DrawConfig(boxes=True)).shape == (120, 160, 3)


def test_everything_can_be_left_out(picture, make_scene):
    scene = make_scene(disc((60, 80), 30)[None], disc((20, 20), 9)[None], image=picture, is_tracked=True)
    parts = dict.fromkeys(PARTS, False)
    assert (overlay(scene, DrawConfig(**parts)) == picture).all()
    for part in parts:
        assert (overlay(scene, DrawConfig(**{**parts, part: True})) != picture).any()


def test_labels_are_shorter_without_ids_and_scores(make_scene):
    scene = make_scene(disc((60, 80), 5)[None], is_tracked=True)
    bare = overlay(scene, DrawConfig(labels=False))
    areas = [
        changed(overlay(scene, config), bare).sum()
        for config in (DrawConfig(), DrawConfig(scores=False), DrawConfig(ids=False, scores=False))
    ]
    assert areas[0] > areas[1] > areas[2] > 0


@pytest.mark.parametrize("wrong", [{"opacity": 1.5}, {"region_opacity": -0.1}, {"text_share": float("nan")}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DrawConfig(**wrong)


def test_the_same_scenes_give_the_same_pictures(picture, make_scene):
    scenes = [
        make_scene(
            np.stack([disc((60, 30 + i), 20), disc((50, 140 - i), 15)]), image=picture, is_tracked=True
        )
        for i in range(0, 96, 8)
    ]
    first, second = Painter(), Painter()
    assert all((first(scene) == second(scene)).all() for scene in scenes)


@pytest.mark.long
def test_text_grows_with_the_picture_and_shrinks_where_there_are_many_objects(make_scene):
    def plate_height(size_hw, count):
        masks = np.stack([disc((9 * (i % 40), 9 * (i // 40)), 2, size_hw) for i in range(count)])
        masks[0] = disc((size_hw[0] // 2, size_hw[1] // 2), 2, size_hw)
        scene = make_scene(masks, track_ids=[1] + [2] * (count - 1))
        drawn = overlay(scene, DrawConfig(masks=False, contours=False))
        return (drawn == colours([1])[0]).all(axis=-1).any(axis=1).sum()

    small, middle, large = (plate_height(size_hw, 1) for size_hw in ((180, 320), (720, 1280), (2160, 3840)))
    assert 11 <= small < middle < large
    assert plate_height((720, 1280), 150) < middle


def test_where_even_small_text_hides_too_much_the_scores_are_left_out(make_scene):
    masks = np.stack([disc((40 + 9 * i, 60 + 9 * i), 4, (150, 200)) for i in range(9)])
    scene = make_scene(masks, is_tracked=True)
    assert (overlay(scene) == overlay(scene, DrawConfig(scores=False))).all()
    few = scene[np.arange(9) < 2]
    assert (overlay(few) != overlay(few, DrawConfig(scores=False))).any()


@pytest.mark.parametrize("size_hw", [(1, 1), (2, 900), (900, 2), (8, 8)])
def test_pictures_of_any_shape_are_drawn(make_scene, size_hw):
    scene = make_scene(np.ones((2, *size_hw), bool), np.ones((1, *size_hw), bool))
    assert overlay(scene).shape == (*size_hw, 3)
    assert draw_everything(scene).shape == draw_masks(scene).shape == (*size_hw, 3)


@pytest.mark.parametrize(
    "name", ["", "\n", "a\nb\x00", "x" * 300, "行人", "سيارة إسعاف", "\ud800", "e" + "\u0301" * 90]
)
def test_no_class_name_breaks_a_picture(make_scene, name):
    scene = make_scene(disc((60, 80), 30)[None], categories={0: name})
    drawn = overlay(scene, DrawConfig(masks=False, contours=False))
    plate = (drawn == colours([1])[0]).all(axis=-1)
    assert 0 < plate.any(axis=0).sum() <= 0.75 * 160
