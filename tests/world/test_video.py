import numpy as np
import pytest

from tools.world.coco import COCO_IDS
from tools.world.dataset import min_pixels, truth_of
from tools.world.render import render
from tools.world.video import make_clip

SIZE = (256, 144)


def _visible(clip, seconds):
    scene = clip.scene(seconds)
    truth = truth_of(scene, render(scene), min_pixels(SIZE))
    area = np.bincount(truth.thing_map.ravel(), minlength=len(truth.thing_names) + 1)[1:]
    return {int(t): int(a) for t, a in zip(truth.track_ids, area, strict=True) if t}


def test_a_clip_is_the_same_every_time():
    first, second = (render(make_clip(1, SIZE).scene(3.0)) for _ in range(2))
    assert first.picture.tobytes() == second.picture.tobytes()


def test_things_move_and_the_camera_turns():
    clip = make_clip(1, SIZE)
    first, second = clip.scene(0.0), clip.scene(2.0)
    assert first.camera.yaw != second.camera.yaw
    places = [{e.track_id: e.x for e in scene.entities if e.track_id} for scene in (first, second)]
    assert sum(places[0][i] != places[1][i] for i in places[0]) >= 8


@pytest.mark.long
def test_a_hidden_thing_comes_back_with_its_own_track_id():
    clip = make_clip(3_100_006, SIZE)
    frames = [_visible(clip, t) for t in np.arange(0, 10, 0.25)]
    returning = []
    for track_id in range(1, len(clip.actors) + 1):
        seen = np.flatnonzero([track_id in frame for frame in frames])
        if len(seen) and len(seen) < seen[-1] - seen[0] + 1:
            returning.append(clip.actors[track_id - 1].name)
    assert "person" in returning


def test_track_ids_keep_their_class_and_look():
    clip = make_clip(2, SIZE)
    by_id = {}
    for t in (0.0, 2.5, 5.0):
        for entity in clip.scene(t).entities:
            if entity.track_id:
                by_id.setdefault(entity.track_id, set()).add((entity.name, len(entity.faces)))
    assert all(len(looks) == 1 for looks in by_id.values())
    assert {name for looks in by_id.values() for name, _ in looks} <= set(COCO_IDS)
