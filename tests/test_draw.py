import numpy as np
import pytest

from sav.draw import colours, draw_everything, draw_masks, draw_semantic


def disc(centre, radius, size_hw=(120, 160)) -> np.ndarray:
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def test_a_colour_depends_on_its_id_alone():
    assert (colours([7, 10**12])[0] == colours([7])[0]).all()
    assert (colours(np.array([3, 7]))[1] == colours([7])[0]).all()
    assert colours([]).shape == (0, 3)


def test_neighbouring_ids_have_colours_far_apart():
    strong = colours(range(1, 200)).astype(int)
    assert np.abs(np.diff(strong, axis=0)).max(axis=1).min() > 60
    assert len(np.unique(strong[:30], axis=0)) == 30


def test_only_the_pixels_of_masks_and_labels_change(picture, make_scene):
    scene = make_scene(np.stack([disc((60, 80), 50)]))
    changed = (draw_semantic(picture, scene) != picture).any(axis=-1)
    assert changed[disc((60, 80), 50)].mean() > 0.95
    assert not changed[~disc((60, 80), 50)].any()


def test_small_masks_lie_over_large_ones(make_scene):
    scene = make_scene(np.stack([disc((60, 80), 10), disc((60, 80), 50)]))
    painted = draw_masks(scene)
    assert painted[60, 80].tolist() == colours([1])[0].tolist()
    assert painted[60, 45].tolist() == colours([2])[0].tolist()
    assert painted[0, 0].tolist() == [0, 0, 0]


def test_objects_lie_over_regions_and_a_region_keeps_its_colour(picture, make_scene):
    scene = make_scene(np.stack([disc((60, 30), 20)]), np.stack([disc((60, 120), 20)]))
    assert draw_masks(scene)[60, 120].tolist() == colours([0], soft=True)[0].tolist()
    labelled, plain = draw_semantic(picture, scene), draw_everything(picture, scene)
    assert (labelled[60, 120] == plain[60, 120]).all()
    assert (plain[60, 30] == picture[60, 30]).all()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_objects_is_drawn_and_the_picture_stays_as_it_was(picture, make_scene, count):
    before = picture.copy()
    scene = make_scene(np.stack([disc((60, 40 * i + 30), 12) for i in range(3)])[:count])
    drawn = draw_semantic(picture, scene)
    assert drawn.shape == picture.shape
    assert (picture == before).all()
    assert (drawn != picture).any() == (count > 0)


def test_an_empty_mask_draws_nothing(picture, make_scene):
    scene = make_scene(np.zeros((1, 120, 160), bool))
    assert (draw_semantic(picture, scene) == picture).all()
