from dataclasses import replace

import numpy as np
import pytest

import sav
from sav import DrawConfig, Frame, Instances


def masks(count: int) -> np.ndarray:
    dense = np.zeros((count, 10, 20), bool)
    for column, mask in enumerate(dense):
        mask[2:8, 3 * column : 3 * column + 2] = True
    return dense


@pytest.mark.parametrize("objects", [0, 2])
@pytest.mark.parametrize("regions", [0, 1, 3])
def test_objects_and_regions_are_tables_of_one_kind(make_scene, objects, regions):
    scene = make_scene(masks(objects), masks(regions))
    assert scene.instances == Instances.concatenate(scene.size_hw, [scene.objects, scene.regions])
    assert len(scene.instances) == objects + regions
    assert [row.class_name for row in scene.regions] == ["unlabelled"] * regions
    assert (len(scene[:1]), len(scene[:1].regions)) == (min(objects, 1), regions)


def test_the_objects_columns_have_short_names(make_scene):
    scene = make_scene(masks(2), masks(3), class_ids=[1, 0], track_ids=[7, 9])
    assert scene.masks is scene.objects.masks
    assert scene.boxes_xyxy is scene.objects.boxes_xyxy
    assert (scene.scores.tolist(), scene.class_ids.tolist()) == ([np.float32(0.9), 0.5], [1, 0])
    assert (scene.track_ids.tolist(), scene.class_names) == ([7, 9], ["dog", "person"])
    assert [(row.id, row.class_name) for row in scene] == [(7, "dog"), (9, "person")]


@pytest.mark.parametrize("name", ["objects", "regions", "everything"])
def test_tables_about_another_picture_are_refused(make_scene, name):
    with pytest.raises(ValueError, match=rf"a frame of \(10, 20\) cannot have {name} of \(9, 9\)"):
        replace(make_scene(masks(1)), **{name: Instances.empty((9, 9))})


def test_no_class_has_the_id_of_regions(make_scene):
    with pytest.raises(ValueError, match="no class can have the id -1"):
        make_scene(masks(0), categories={-1: "sky"})


def test_a_scene_is_drawn_by_a_function(make_scene):
    scene = replace(make_scene(masks(2)), frame=Frame(np.full((10, 20, 3), 90, np.uint8)))
    assert (sav.overlay(scene) == scene.overlay()).all()
    bare = DrawConfig(labels=False)
    assert (sav.overlay(scene, bare) == scene.overlay(bare)).all()
    assert (sav.overlay(scene, bare) != scene.frame.image).any()
