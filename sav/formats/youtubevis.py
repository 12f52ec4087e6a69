"""YouTube-VIS JSON: one entry a track, with a mask or null for every frame of the video.

Format: https://youtube-vos.org/dataset/vis. `instances.json` is a dataset with ground truth, its masks as
plain run lengths as the original has them; `results.json` is what a method hands in, with scores and
compressed RLE. Boxes and masks are kept, scores only as a track's mean, and in `results.json` alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from pycocotools import mask as coco_mask

from sav.data.scene import Scene
from sav.formats.coco import category_table
from sav.formats.target import Target
from sav.formats.text import json_text
from sav.formats.track_records import TrackRecords
from sav.formats.writer import AnnotationWriter


class YoutubeVisWriter(AnnotationWriter):
    """Writes `youtubevis/instances.json` and `youtubevis/results.json` for a video."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._instances = self._text_file("youtubevis/instances.json")
        self._results = self._text_file("youtubevis/results.json")
        self._records = TrackRecords()
        self._size_hw = target.video.size_hw if target.video else (0, 0)
        self._frames = 0
        self._instances.write('{"info": {"description": "Tracks by Segment Any Video"},\n"categories": ')
        self._instances.write(json_text(category_table(target)[:-1]))
        self._instances.write(',\n"videos": [{"file_names": [')

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        name = f"{self.target.title}/{self.target.file_name(scene)}"
        self._instances.write((", " if self._frames else "") + json_text(name))
        masks = scene.masks
        columns = zip(
            scene.track_ids.tolist(),
            scene.class_ids.tolist(),
            scene.scores.tolist(),
            masks.areas.tolist(),
            masks.boxes_xyxy.tolist(),
            masks.run_lengths,
            strict=True,
        )
        self._records.add(
            (track_id, (self._frames, class_id, score, _record(area, box, lengths)))
            for track_id, class_id, score, area, box, lengths in columns
            if area
        )
        self._frames += 1

    def _finish(self) -> None:
        height, width = self._size_hw
        video = f'"id": 1, "width": {width}, "height": {height}, "length": {self._frames}'
        self._instances.write(f'], {video}}}],\n"annotations": [')
        self._results.write("[")
        for number, track_id in enumerate(self._records.track_ids()):
            separator = ",\n" if number else "\n"
            self._write_instance(track_id, separator)
            self._write_result(track_id, separator)
        self._instances.write("]}\n")
        self._results.write("]\n")

    def _write_instance(self, track_id: int, separator: str) -> None:
        height, width = self._size_hw
        head = {
            "id": track_id,
            "video_id": 1,
            "category_id": self._records.last_class(track_id) + 1,
            "iscrowd": 0,
            "width": width,
            "height": height,
            "length": self._frames,
        }
        self._instances.write(separator + json.dumps(head)[:-1])
        self._write_list(self._instances, "areas", track_id, lambda area, box, lengths: area)
        self._write_list(self._instances, "bboxes", track_id, lambda area, box, lengths: box)
        self._write_list(self._instances, "segmentations", track_id, self._plain)
        self._instances.write("}")

    def _write_result(self, track_id: int, separator: str) -> None:
        head = {
            "video_id": 1,
            "category_id": self._records.last_class(track_id) + 1,
            "score": round(self._records.mean_score(track_id), 4),
        }
        self._results.write(separator + json.dumps(head)[:-1])
        self._write_list(self._results, "segmentations", track_id, self._compressed)
        self._results.write("}")

    def _write_list(self, file: TextIO, key: str, track_id: int, value: Callable[..., Any]) -> None:
        """One value for every frame of the video, null where the track has none, written as they come."""
        file.write(f', "{key}": [')
        shown = 0
        for frame, _, _, record in self._records.entries(track_id):
            file.write("null, " * (frame - shown) + json.dumps(value(*json.loads(record))))
            shown = frame + 1
            file.write(", " if shown < self._frames else "")
        file.write(", ".join(["null"] * (self._frames - shown)) + "]")

    def _plain(self, area: int, box: list[int], lengths: list[int]) -> dict[str, Any]:
        return {"size": list(self._size_hw), "counts": lengths}

    def _compressed(self, area: int, box: list[int], lengths: list[int]) -> dict[str, Any]:
        counts = coco_mask.frPyObjects(self._plain(area, box, lengths), *self._size_hw)["counts"]
        return {"size": list(self._size_hw), "counts": counts.decode("ascii")}


def _record(area: int, box_xyxy: Sequence[int], run_lengths: Sequence[int]) -> str:
    """A mask as it is kept until its track is written: its area, left, top, width and height, and runs."""
    x0, y0, x1, y1 = box_xyxy
    return json.dumps([area, [x0, y0, x1 - x0, y1 - y0], run_lengths])
