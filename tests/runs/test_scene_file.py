"""What is kept of a scene, and what becomes of it on a disk that forgets."""

import random
from pathlib import Path

import numpy as np
import pytest

from sav.errors import ResultsError
from sav.runs.scene_file import load_scene, save_scene
from sav.segmenter import Segmenter
from tests.stubs import StubDetector, StubSam, picture


@pytest.fixture
def kept(tmp_path):
    segmenter = Segmenter(StubDetector(), StubSam(), regions=False)
    save_scene(segmenter(picture()), tmp_path / "a.npz")
    return tmp_path / "a.npz"


def test_a_scene_is_read_back_as_it_was(kept):
    scene = load_scene(kept, 7)
    assert (scene.frame.index, scene.size_hw, scene.class_names) == (7, (60, 80), ["person", "person"])
    assert scene.masks.areas.tolist() == [400, 1200]


def test_any_damage_is_told_as_damage(kept):
    whole, chance = kept.read_bytes(), random.Random(7)
    damaged = [whole[:size] for size in range(0, len(whole), 41)]
    for _ in range(400):
        content, begin = bytearray(whole), chance.randrange(len(whole))
        for place in range(begin, min(len(whole), begin + chance.choice([1, 4, 40]))):
            content[place] = chance.randrange(256)
        damaged.append(bytes(content))
    told = 0
    for content in damaged:
        kept.write_bytes(content)
        try:
            load_scene(kept)
        except ResultsError as error:
            told += 1
            assert str(error) == f"{kept} is damaged: remove it, and segment its picture again"
    assert told > len(damaged) / 2


def test_an_array_in_place_of_a_scene_is_damage(kept):
    with kept.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ResultsError, match="damaged"):
        load_scene(kept)


def test_a_scene_that_is_gone_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_scene(Path(tmp_path / "nowhere.npz"))
