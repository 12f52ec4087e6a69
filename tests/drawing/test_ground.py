"""Objects that are not to be known by anybody, and what is no object made plain."""

import numpy as np
import pytest

from sav import DrawConfig
from sav.drawing import overlay
from tests.drawing.test_overlay import changed, disc, grown

NOTHING = {"masks": False, "contours": False, "boxes": False, "labels": False, "regions": False}


@pytest.mark.parametrize("how", ["blur", "black"])
def test_objects_and_a_thin_edge_are_hidden_and_all_else_stays(picture, make_scene, how):
    mask, image = disc((60, 80), 40), picture.copy()
    drawn = overlay(make_scene(mask[None], image=picture), DrawConfig(**NOTHING, hide=how))
    assert (picture == image).all()
    assert not changed(drawn, picture)[~grown(mask, 4)].any()
    assert changed(drawn, picture)[mask].mean() > 0.98
    if how == "black":
        assert not drawn[grown(mask, 1)].any()


def test_no_detail_of_a_blurred_object_is_left_however_large_it_is(make_scene):
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    for radius in (10, 50, 250):
        mask = disc((300, 400), radius, (600, 800))
        drawn = overlay(make_scene(mask[None], image=noise), DrawConfig(**NOTHING, hide="blur"))
        inside = drawn[mask].astype(float)
        assert inside.std() < 0.45 * noise[mask].std()
        cells = (np.abs(np.diff(drawn.astype(int), axis=1)).sum(axis=-1) > 60)[mask[:, 1:]]
        assert cells.mean() < 0.02


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_objects_is_hidden(picture, make_scene, count):
    masks = np.stack([disc((60, 40 + 30 * number), 12) for number in range(count)] or [np.zeros((120, 160))])
    scene = make_scene(masks[:count].astype(bool), image=picture)
    drawn = overlay(scene, DrawConfig(**NOTHING, hide="black"))
    assert (drawn == 0).all(axis=-1)[scene.masks.union()].all()
    assert changed(drawn, picture).any() == bool(count)


@pytest.mark.parametrize("mask", [np.zeros((120, 160), bool), disc((20, 20), 10)])
def test_where_a_mask_is_in_doubt_the_box_is_hidden_too(picture, make_scene, mask):
    scene = make_scene(mask[None], image=picture)
    scene.boxes_xyxy[0] = (89.5, 40, 170, 110)
    drawn = overlay(scene, DrawConfig(**NOTHING, hide="black"))
    assert not drawn[40:110, 89:].any()
    assert not drawn[mask].any()
    assert not changed(drawn, picture)[:, 40:85].any()


def test_a_box_beside_the_picture_is_nothing_to_hide(picture, make_scene):
    scene = make_scene(np.zeros((1, 120, 160), bool), image=picture)
    scene.boxes_xyxy[0] = (200, 10, 300, 40)
    assert (overlay(scene, DrawConfig(**NOTHING, hide="blur")) == picture).all()


def test_what_is_no_object_becomes_plain(picture, make_scene):
    mask, region = disc((60, 80), 40), disc((10, 10), 8)
    scene = make_scene(mask[None], region[None], image=picture)
    drawn = overlay(scene, DrawConfig(**NOTHING, background=(10, 200, 30)))
    assert (drawn[mask] == picture[mask]).all()
    assert (drawn[~mask] == (10, 200, 30)).all()
    both = overlay(scene, DrawConfig(**NOTHING, background=(10, 200, 30), hide="black"))
    assert not both[mask].any()
    assert (both[~mask] == (10, 200, 30)).all()


def test_what_is_drawn_lies_on_what_is_hidden(picture, make_scene):
    scene = make_scene(disc((60, 80), 40)[None], image=picture)
    drawn = overlay(scene, DrawConfig(hide="black", opacity=1, contours=False, labels=False))
    assert drawn[60, 80].any()


@pytest.mark.parametrize(
    "wrong",
    [{"hide": "pixels"}, {"background": (0, 0, 256)}, {"background": (1, 2)}, {"background": (-1, 0, 0)}],
)
def test_ways_to_hide_and_colours_that_there_are_not_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DrawConfig(**wrong)
