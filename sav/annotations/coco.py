"""COCO instances JSON: pictures or frames as images, masks as RLE; streamed, so memory stays flat.

Format: https://cocodataset.org/#format-data. A category's id is the detector's class id plus one, since zero
means background to some readers; unlabelled regions have a category of their own after the last class.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from sav.files import whole_file
from sav.masks import Masks
from sav.scene import Scene

UNLABELLED = "unlabelled"


class CocoWriter:
    """Writes one `coco.json` for a run.

    Args:
        path: The file to write.
        categories: Every class that the detector knows, id to name.
        with_tracks: Write each object's `track_id`; meant for video.
    """

    def __init__(self, path: Path, categories: Mapping[int, str], with_tracks: bool = False) -> None:
        self._with_tracks = with_tracks
        self._categories = categories
        self._unlabelled_id = max(categories, default=-1) + 2
        self._next_id = 1
        self._frames = 0
        self._stack = ExitStack()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._stack.enter_context(whole_file(path))
        self._file = self._stack.enter_context(partial.open("w", encoding="utf-8"))
        # Images come behind annotations in the file; they wait here, on disk, until all are known.
        self._images = self._stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
        self._file.write('{"info": {"description": "Instance masks by Segment Any Video"},\n')
        self._file.write('"categories": ' + json.dumps(self._category_table(), ensure_ascii=False))
        self._file.write(',\n"annotations": [')

    def __enter__(self) -> CocoWriter:
        return self

    def write(self, scene: Scene) -> None:
        """Add one picture or frame, its objects and its regions."""
        self._frames += 1
        height, width = scene.size_hw
        image = {"id": self._frames, "file_name": scene.frame.name, "height": height, "width": width}
        self._append(self._images, image, first=self._frames == 1)
        for annotation in self._objects(scene):
            numbered = {"id": self._next_id, "image_id": self._frames, **annotation}
            self._append(self._file, numbered, first=self._next_id == 1)
            self._next_id += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._stack:
            self._file.write('],\n"images": [')
            self._images.seek(0)
            shutil.copyfileobj(self._images, self._file)
            self._file.write("]}\n")

    def _category_table(self) -> list[dict[str, Any]]:
        table = [{"id": class_id + 1, "name": name} for class_id, name in sorted(self._categories.items())]
        return [*table, {"id": self._unlabelled_id, "name": UNLABELLED}]

    def _objects(self, scene: Scene) -> Iterator[dict[str, Any]]:
        columns = zip(
            scene.detections.class_ids.tolist(),
            scene.detections.scores.tolist(),
            scene.track_ids.tolist(),
            _shapes(scene.masks),
            strict=True,
        )
        for class_id, score, track_id, shape in columns:
            track = {"track_id": track_id} if self._with_tracks else {}
            yield {"category_id": class_id + 1, **track, "score": round(score, 4), **shape}
        for shape in _shapes(scene.regions):
            yield {"category_id": self._unlabelled_id, **shape}

    @staticmethod
    def _append(file: Any, item: dict[str, Any], first: bool) -> None:
        file.write(("\n" if first else ",\n") + json.dumps(item, ensure_ascii=False))


def _shapes(masks: Masks) -> Iterator[dict[str, Any]]:
    """Area, box and run-length encoding of each mask, as COCO has them: the box is the mask's own."""
    sizes = masks.boxes_xyxy[:, 2:] - masks.boxes_xyxy[:, :2]
    for area, corner, size, rle in zip(
        masks.areas.tolist(), masks.boxes_xyxy[:, :2].tolist(), sizes.tolist(), masks.rles(), strict=True
    ):
        yield {"area": area, "bbox": [*corner, *size], "iscrowd": 0, "segmentation": rle}
