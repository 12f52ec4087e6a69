"""Tables for spreadsheets and pandas: a row an object and frame, and in a video a row a track.

UTF-8, comma-separated, quoted where needed (RFC 4180), lengths in pixels. The masks themselves have no place
in it. An empty mask has the area 0 and no centroid; an unlabelled region of a picture has no id, and as its
score how good SAM takes its mask to be. `doubtful` is that of `Instances`, and `stem` what files about the
picture are called. A name that a spreadsheet would take for a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TextIO

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import UNLABELLED_ID
from sav.formats.boxes import solid_boxes
from sav.formats.target import Target
from sav.formats.text import csv_cell
from sav.formats.writer import AnnotationWriter

_OBJECT_COLUMNS = (
    "name", "frame", "seconds", "track_id", "class_id", "class", "score",
    "left", "top", "right", "bottom", "area", "centroid_x", "centroid_y", "doubtful", "stem",
)  # fmt: skip
_Point = tuple[float, float]
_TRACK_COLUMNS = (
    "track_id", "class_id", "class", "first_frame", "last_frame", "frames", "seconds_on_screen", "path_length"
)  # fmt: skip


@dataclass
class _Track:
    """What is summed up of a track."""

    class_id: int
    first_frame: int
    last_frame: int
    frames: int = 0
    seconds: Fraction = Fraction(0)
    path_length: float = 0.0
    centroid: _Point | None = None

    def move(self, centroid: _Point | None) -> None:
        """Go on to the next centroid, if there is one."""
        if centroid and self.centroid:
            self.path_length += math.dist(centroid, self.centroid)
        self.centroid = centroid or self.centroid


class CsvWriter(AnnotationWriter):
    """Writes `csv/objects.csv`, and for a video `csv/tracks.csv`; only the summary is kept in memory."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._objects = _table(self._text_file("csv/objects.csv"))
        self._objects.writerow(_OBJECT_COLUMNS)
        self._names = {class_id: csv_cell(name) for class_id, name in target.names.items()}
        self._tracks: dict[int, _Track] = {}
        self._shown: list[int] = []
        self._time = Fraction(0)

    def write(self, scene: Scene) -> None:
        """Add one picture's or frame's objects and regions."""
        frame = scene.frame
        file_name = csv_cell(self.target.file_name(scene))
        where = [file_name, frame.index, f"{float(frame.time):.6f}" if self.target.video else ""]
        stem = csv_cell(self.target.stem(scene))
        centroids = _centroids(scene.masks)
        for table, points in ((scene.objects, centroids), (scene.regions, _centroids(scene.regions.masks))):
            self._objects.writerows([*where, *row, stem] for row in self._rows(table, points))
        if self.target.video:
            self._sum_up(scene, centroids)

    def _rows(self, instances: Instances, centroids: list[_Point | None]) -> Iterator[list[Any]]:
        columns = zip(
            instances.ids.tolist(),
            instances.class_ids.tolist(),
            instances.scores.tolist(),
            solid_boxes(instances.boxes_xyxy, instances.size_hw).tolist(),
            instances.masks.areas.tolist(),
            centroids,
            instances.doubtful.tolist(),
            strict=True,
        )
        for track_id, class_id, score, box, area, centroid, is_doubtful in columns:
            numbers = [track_id, class_id]
            if class_id == UNLABELLED_ID:
                numbers = [track_id if self.target.video else "", ""]
            if area or class_id != UNLABELLED_ID:
                about = [*numbers, self._names[class_id], f"{score:.4f}"]
                yield [*about, *_decimals(box), area, *_decimals(centroid), str(is_doubtful).lower()]

    def _sum_up(self, scene: Scene, centroids: list[_Point | None]) -> None:
        """Bring the tracks of the last frame up to this one's time, and then go on with this one's."""
        for track_id in self._shown:
            self._tracks[track_id].seconds += scene.frame.time - self._time
        self._time = scene.frame.time
        self._shown = scene.track_ids.tolist()
        index = scene.frame.index
        for track_id, class_id, centroid in zip(
            self._shown, scene.class_ids.tolist(), centroids, strict=True
        ):
            track = self._tracks.setdefault(track_id, _Track(class_id, index, index))
            track.class_id, track.last_frame = class_id, index
            track.frames += 1
            track.move(centroid)

    def _finish(self) -> None:
        if self.target.video is None:
            return
        for track_id in self._shown:
            self._tracks[track_id].seconds += 1 / self.target.video.frame_rate
        table = _table(self._text_file("csv/tracks.csv"))
        table.writerow(_TRACK_COLUMNS)
        for track_id, track in sorted(self._tracks.items()):
            name = self._names[track.class_id]
            seconds, length = f"{float(track.seconds):.6f}", f"{track.path_length:.2f}"
            life = [track.first_frame, track.last_frame, track.frames]
            table.writerow([track_id, track.class_id, name, *life, seconds, length])


class _Rows:
    """Ends rows with `\\n`; only with `\\r\\n` do the csv modules of all Pythons quote both."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> None:
        self._file.write(row.removesuffix("\r\n") + "\n")


def _table(file: TextIO) -> Any:
    return csv.writer(_Rows(file), lineterminator="\r\n")


def _centroids(masks: Masks) -> list[_Point | None]:
    points = zip(masks.centroids_xy.tolist(), masks.areas.tolist(), strict=True)
    return [(point[0], point[1]) if area else None for point, area in points]


def _decimals(numbers: Any) -> list[str]:
    return [f"{number:.2f}" for number in numbers] if numbers else ["", ""]
