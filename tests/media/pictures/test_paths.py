"""Paths on disk are in the order of a list of them, each once."""

import os
import random
from pathlib import Path

from sav.media.pictures import find_pictures
from sav.media.pictures.paths import PathList, in_order


def test_paths_are_in_the_order_of_sorted():
    chance = random.Random(0)
    names = ["a", "B", "a b", "a-b", "é", "\U0001f98a", "\ue000", os.fsdecode(b"\xe9"), "a.jpg", "10", "9"]
    for _ in range(200):
        paths = [Path(*chance.choices(names, k=chance.randrange(1, 4))) for _ in range(8)]
        assert [*map(Path, in_order(map(str, paths)))] == sorted(paths)


def test_each_path_is_there_once_where_it_came_first():
    paths = PathList([Path("b"), Path("a"), Path("./b")])
    paths.extend([Path("c/d"), Path("a")])
    assert list(paths) == [Path("b"), Path("a"), Path("c/d")]
    assert paths[-1] == Path("c/d") and len(paths) == 3
    assert Path("c/d") in paths and Path("c") not in paths


def test_folders_are_found_in_the_order_in_which_they_are_given(tmp_path):
    for name in ("q/b.jpg", "q/a.jpg", "p/a.jpg", "p/b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_pictures([str(tmp_path / "q"), str(tmp_path / "p"), str(tmp_path / "q" / "a.jpg")])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["q/a.jpg", "q/b.jpg", "p/a.jpg"]
