"""YouTube-VIS JSON: one entry a track, with a mask or null for every frame of the video.

Format: https://youtube-vos.org/dataset/vis. `instances.json` is a dataset with ground truth, its masks as
plain run lengths as the original has them; `results.json` is what a method hands in, with scores and
compressed RLE. Boxes and masks are kept, scores only as a track's mean, and in `results.json` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from pycocotools import mask as coco_mask

from sav.annotations.coco import category_table
from sav.annotations.spool import Entry, TrackSpool
from sav.annotations.target import Target
from sav.annotations.writer import AnnotationWriter
from sav.scene import Scene


class YoutubeVisWriter(AnnotationWriter):
    """Writes `youtubevis/instances.json` and `youtubevis/results.json` for a video."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._instances = self._text_file("youtubevis/instances.json")
        self._results = self._text_file("youtubevis/results.json")
        self._spool = TrackSpool()
        self._files.callback(self._spool.close)
        self._size_hw = target.video.size_hw if target.video else (0, 0)
        self._frames = 0
        self._instances.write('{"info": {"description": "Tracks by Segment Any Video"},\n"categories": ')
        json.dump(category_table(target)[:-1], self._instances, ensure_ascii=False)
        self._instances.write(',\n"videos": [{"file_names": [')

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        name = f"{self.target.title}/{self.target.stem(scene)}.jpg"
        self._instances.write((", " if self._frames else "") + json.dumps(name, ensure_ascii=False))
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
        for track_id, class_id, score, area, (x0, y0, x1, y1), lengths in columns:
            if area:
                record = json.dumps([area, [x0, y0, x1 - x0, y1 - y0], lengths])
                self._spool.add(track_id, (self._frames, class_id, score, record))
        self._frames += 1

    def _finish(self) -> None:
        height, width = self._size_hw
        video = f'"id": 1, "width": {width}, "height": {height}, "length": {self._frames}'
        self._instances.write(f'], {video}}}],\n"annotations": [')
        self._results.write("[")
        for number, (track_id, entries) in enumerate(self._spool.tracks()):
            self._write_track(track_id, entries, separator=",\n" if number else "\n")
        self._instances.write("]}\n")
        self._results.write("]\n")

    def _write_track(self, track_id: int, entries: Iterable[Entry], separator: str) -> None:
        """Both files' entry of one track, whose frames are the only thing in memory."""
        height, width = self._size_hw
        category = self._spool.last_class(track_id) + 1
        areas, boxes, plain, compressed = zip(*self._frame_by_frame(entries), strict=True)
        instance = {
            "id": track_id,
            "video_id": 1,
            "category_id": category,
            "iscrowd": 0,
            "width": width,
            "height": height,
            "length": self._frames,
            "areas": areas,
            "bboxes": boxes,
            "segmentations": plain,
        }
        result = {
            "video_id": 1,
            "category_id": category,
            "score": round(self._spool.mean_score(track_id), 4),
            "segmentations": compressed,
        }
        _append(self._instances, separator, instance)
        _append(self._results, separator, result)

    def _frame_by_frame(self, entries: Iterable[Entry]) -> Iterator[tuple[Any, Any, Any, Any]]:
        """Area, box, plain and compressed mask for every frame of the video; None where there is no mask."""
        height, width = self._size_hw
        shown = 0
        for frame_index, _, _, record in entries:
            yield from [(None, None, None, None)] * (frame_index - shown)
            area, box, lengths = json.loads(record)
            plain = {"size": [height, width], "counts": lengths}
            counts = coco_mask.frPyObjects(plain, height, width)["counts"].decode("ascii")
            yield area, box, plain, {"size": [height, width], "counts": counts}
            shown = frame_index + 1
        yield from [(None, None, None, None)] * (self._frames - shown)


def _append(file: TextIO, separator: str, item: dict[str, Any]) -> None:
    file.write(separator)
    json.dump(item, file)
