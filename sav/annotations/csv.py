"""Tables for spreadsheets and pandas: a row an object and frame, and in a video a row a track.

UTF-8, comma-separated, quoted where needed (RFC 4180), lengths in pixels. The masks themselves have no place
in it. An empty mask has the area 0 and no centroid; an unlabelled region has neither id nor score.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sav.annotations.target import UNLABELLED, Target
from sav.annotations.writer import AnnotationWriter
from sav.masks import Masks
from sav.scene import Scene

_OBJECT_COLUMNS = (
    "name", "frame", "seconds", "track_id", "class_id", "class", "score",
    "left", "top", "right", "bottom", "area", "centroid_x", "centroid_y",
)  # fmt: skip
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
    centroid: tuple[float, float] | None = None

    def move(self, centroid: tuple[float, float] | None) -> None:
        """Go on to the next centroid, if there is one."""
        if centroid and self.centroid:
            self.path_length += math.dist(centroid, self.centroid)
        self.centroid = centroid or self.centroid


class CsvWriter(AnnotationWriter):
    """Writes `csv/objects.csv`, and for a video `csv/tracks.csv`; only the summary is kept in memory."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._objects = csv.writer(self._text_file("csv/objects.csv"), lineterminator="\n")
        self._objects.writerow(_OBJECT_COLUMNS)
        self._tracks: dict[int, _Track] = {}
        self._shown: list[int] = []
        self._time = Fraction(0)

    def write(self, scene: Scene) -> None:
        """Add one picture's or frame's objects and regions."""
        frame = scene.frame
        where = [frame.name, frame.index, f"{float(frame.time):.6f}" if self.target.video else ""]
        centroids = _centroids(scene.masks)
        columns = zip(
            scene.track_ids.tolist(),
            scene.class_ids.tolist(),
            scene.class_names,
            scene.scores.tolist(),
            scene.boxes_xyxy.tolist(),
            scene.masks.areas.tolist(),
            centroids,
            strict=True,
        )
        for track_id, class_id, name, score, box, area, centroid in columns:
            self._objects.writerow(
                [
                    *where,
                    track_id,
                    class_id,
                    name,
                    f"{score:.4f}",
                    *_decimals(box),
                    area,
                    *_decimals(centroid),
                ]
            )
        self._write_regions(where, scene.regions)
        if self.target.video:
            self._sum_up(scene, centroids)

    def _write_regions(self, where: list[Any], regions: Masks) -> None:
        columns = zip(regions.boxes_xyxy.tolist(), regions.areas.tolist(), _centroids(regions), strict=True)
        for box, area, centroid in columns:
            row = ["", "", UNLABELLED, "", *_decimals(box), area, *_decimals(centroid)]
            self._objects.writerow([*where, *row])

    def _sum_up(self, scene: Scene, centroids: list[tuple[float, float] | None]) -> None:
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
        table = csv.writer(self._text_file("csv/tracks.csv"), lineterminator="\n")
        table.writerow(_TRACK_COLUMNS)
        for track_id, track in sorted(self._tracks.items()):
            name = self.target.categories[track.class_id]
            seconds, length = f"{float(track.seconds):.6f}", f"{track.path_length:.2f}"
            life = [track.first_frame, track.last_frame, track.frames]
            table.writerow([track_id, track.class_id, name, *life, seconds, length])


def _centroids(masks: Masks) -> list[tuple[float, float] | None]:
    points = zip(masks.centroids_xy.tolist(), masks.areas.tolist(), strict=True)
    return [(point[0], point[1]) if area else None for point, area in points]


def _decimals(numbers: Any) -> list[str]:
    return [f"{number:.2f}" for number in numbers] if numbers else ["", ""]
