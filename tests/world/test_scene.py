from dataclasses import replace

import numpy as np
import pytest

from tools.world.camera import Camera
from tools.world.dataset import boxes_of, min_pixels, truth_of, yolo_label
from tools.world.render import render
from tools.world.scene import CLASSES, WEATHER, Scene, make_scene, make_sky
from tools.world.shapes import Entity, Material, Sketch

SMALL = (240, 160)


def _box(x, z, half, high, track_id=0):
    sketch = Sketch()
    sketch.box("side", -half, half, 0, high, Material((10, 200, 30)))
    return Entity("car", tuple(sketch.faces), x, z, labelled=True, track_id=track_id)


def _plain_scene(*entities):
    sky = make_sky(np.random.default_rng(0), "clear")
    return Scene(Camera(200, 100, 100.0, 50.0, 0.0, 2.0, 0.0), sky, entities, 1)


def test_the_same_seed_gives_the_same_bytes():
    first, second = (render(make_scene(5, SMALL)) for _ in range(2))
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.part_map.tobytes() == second.part_map.tobytes()


def test_different_seeds_give_different_scenes():
    pictures = {render(make_scene(seed, SMALL)).picture.tobytes() for seed in range(4)}
    assert len(pictures) == 4


def test_a_scene_looks_the_same_at_any_size():
    small, large = (render(make_scene(6, size)) for size in (SMALL, (480, 320)))
    assert (small.entity_map == large.entity_map[::2, ::2]).mean() > 0.97


def test_masks_are_exact_for_a_shape_of_known_outline():
    # At 10 m and 100 px of focal length a metre is 10 px; the eye is 2 m high, the horizon at row 50.
    rendered = render(_plain_scene(_box(0.0, 10.0, 2.0, 3.0)))
    rows, columns = np.nonzero(rendered.entity_map)
    assert abs(columns.min() - 80) <= 1 and abs(columns.max() - 119) <= 1
    assert abs(rows.min() - 40) <= 1 and abs(rows.max() - 69) <= 1


def test_a_nearer_thing_hides_a_farther_one_and_masks_stay_disjoint():
    hidden, front = _box(0.0, 20.0, 2.0, 3.0), _box(1.0, 10.0, 1.0, 1.0)
    both = render(_plain_scene(hidden, front))
    alone = render(_plain_scene(front))
    assert np.array_equal(both.entity_map == 2, alone.entity_map == 1)
    assert ((both.entity_map == 1) & (alone.entity_map == 1)).sum() == 0


def test_weather_changes_the_picture_but_no_mask():
    scene = make_scene(7, SMALL, "clear")
    night = replace(scene, sky=make_sky(np.random.default_rng(1), "night"))
    day_render, night_render = render(scene), render(night)
    assert np.array_equal(day_render.part_map, night_render.part_map)
    assert night_render.picture.mean() < 0.7 * day_render.picture.mean()


def test_the_picture_shows_a_thing_where_its_mask_is():
    rendered = render(_plain_scene(_box(0.0, 10.0, 2.0, 3.0)))
    inside = rendered.entity_map == 1
    green_share = rendered.picture[..., 1] > rendered.picture[..., 0].astype(int) + 60
    assert (inside == green_share).mean() > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_every_part_lies_on_its_thing(seed):
    scene = make_scene(seed, SMALL)
    truth = truth_of(scene, render(scene), min_pixels(SMALL))
    owner = np.concatenate([[0], truth.part_things + 1])
    assert np.array_equal(owner[truth.part_map], truth.thing_map)
    seen = np.bincount(truth.thing_map.ravel(), minlength=len(truth.thing_names) + 1)[1:]
    assert (seen >= min_pixels(SMALL)).all()


@pytest.mark.long
def test_every_class_and_every_weather_occurs():
    names = {e.name for seed in range(30) for e in make_scene(seed, SMALL).entities if e.labelled}
    assert names == set(CLASSES.values())
    assert {make_scene(seed, SMALL).sky.weather for seed in range(60)} == set(WEATHER)


def test_a_bus_has_windows_doors_and_wheels():
    seeds = (s for s in range(50) if any(e.name == "bus" for e in make_scene(s, SMALL).entities))
    bus = next(e for e in make_scene(next(seeds), SMALL).entities if e.name == "bus")
    parts = {(f.part, f.number) for f in bus.faces}
    assert {"body", "window", "door", "wheel"} <= {part for part, _ in parts}
    assert sum(part == "window" for part, _ in parts) >= 4


def test_boxes_of_a_map_are_tight():
    label_map = np.zeros((10, 12), np.uint16)
    label_map[2:5, 3:9] = 1
    label_map[7, 11] = 2
    assert boxes_of(label_map, 2).tolist() == [[3, 2, 9, 5], [11, 7, 12, 8]]


def test_yolo_labels_list_named_things_alone():
    scene = make_scene(3, SMALL)
    truth = truth_of(scene, render(scene), min_pixels(SMALL))
    rows = [line.split() for line in yolo_label(truth).splitlines()]
    assert len(rows) == truth.labelled.sum()
    values = np.array([row[1:] for row in rows], float)
    assert ((values > 0) & (values <= 1)).all()
