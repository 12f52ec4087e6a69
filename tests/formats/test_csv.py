import csv

import numpy as np
import pytest

from sav.data.types import UNLABELLED
from tests.formats.conftest import NAMES, VIDEO


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_an_object_with_everything_but_the_mask(save, awkward_scene):
    folder = save("csv", [awkward_scene(regions=True)])
    ring, pieces, empty, pixel, region = read(folder / "csv" / "objects.csv")
    assert ring == {
        "name": "bild_ü.jpg", "frame": "0", "seconds": "", "track_id": "1", "class_id": "0",
        "class": "person", "score": "0.9000", "left": "5.00", "top": "5.00", "right": "20.00",
        "bottom": "20.00", "area": "216", "centroid_x": "12.08", "centroid_y": "12.08",
        "doubtful": "false", "stem": "bild_ü",
    }  # fmt: skip
    assert pieces["class"] == pixel["class"] == NAMES[1]
    assert (pieces["centroid_x"], pieces["centroid_y"]) == ("29.50", "19.50")
    assert (empty["area"], empty["centroid_x"], empty["doubtful"]) == ("0", "", "true")
    assert (region["class"], region["track_id"], region["score"]) == (UNLABELLED, "", "0.9900")
    assert not (folder / "csv" / "tracks.csv").exists()


def test_pandas_knows_the_types_of_its_columns(save, awkward_scene):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(save("csv", [awkward_scene(regions=True)]) / "csv" / "objects.csv")
    assert [str(table[name].dtype) for name in ("score", "area", "doubtful")] == ["float64", "int64", "bool"]
    assert table["doubtful"].sum() == 1


def test_a_video_has_a_summary_of_each_track(save, awkward_video):
    folder = save("csv", awkward_video, VIDEO)
    assert [row["seconds"] for row in read(folder / "csv" / "objects.csv")][::4] == [
        "0.000000", "0.040000", "0.080000", "0.120000"
    ]  # fmt: skip
    tracks = {row["track_id"]: row for row in read(folder / "csv" / "tracks.csv")}
    assert list(tracks) == ["3", "7", "9", "300"]
    assert tracks["7"] == {
        "track_id": "7", "class_id": "1", "class": NAMES[1], "first_frame": "0", "last_frame": "3",
        "frames": "3", "seconds_on_screen": "0.120000", "path_length": "0.00",
    }  # fmt: skip
    assert tracks["3"]["seconds_on_screen"] == "0.160000"


def test_the_path_is_as_long_as_the_centroid_moves(save, make_scene):
    scenes = []
    for index, (top, left) in enumerate([(0, 0), (3, 4), (3, 14)]):
        mask = np.zeros((1, 40, 60), bool)
        mask[0, top : top + 5, left : left + 5] = True
        scenes.append(make_scene(mask, categories=NAMES, index=index, is_tracked=True))
    (track,) = read(save("csv", scenes, VIDEO) / "csv" / "tracks.csv")
    assert track["path_length"] == "15.00"
