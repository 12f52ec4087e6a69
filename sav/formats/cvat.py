"""CVAT XML 1.1: for images, exact masks picture by picture; for video, a polygon a frame in each track.

Format: https://docs.cvat.ai/docs/other/xml_format. CVAT has no tracks of masks, so a video's masks become
polygons along the pixels' edges, pieces and holes joined into one ring by bridges without width. Empty masks
have no place in it; a track's class is the one that it ends with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sav.data.instances import Instances
from sav.data.polygons import Ring, joined, outlines
from sav.data.scene import Scene
from sav.data.types import UNLABELLED_ID, BoolArray
from sav.formats.target import Target
from sav.formats.text import xml_attribute, xml_text
from sav.formats.track_records import Entry, TrackRecords
from sav.formats.writer import AnnotationWriter

_SCORE = (
    "<attributes><attribute><name>score</name><mutable>True</mutable><input_type>text</input_type>"
    "<default_value></default_value><values></values></attribute></attributes>"
)


class CvatImagesWriter(AnnotationWriter):
    """Writes `cvat.xml` in the form "CVAT for images 1.1"."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._file = self._text_file("cvat.xml")
        self._file.write(_head(target, "annotation", list(target.names)))
        self._pictures = 0

    def write(self, scene: Scene) -> None:
        """Add one picture, its objects and its regions."""
        height, width = scene.size_hw
        name = xml_attribute(self.target.file_name(scene))
        self._file.write(f'<image id="{self._pictures}" name={name} width="{width}" height="{height}">\n')
        self._pictures += 1
        self._file.writelines(self._masks(scene.instances))
        self._file.write("</image>\n")

    def _masks(self, instances: Instances) -> Iterator[str]:
        cells = zip(
            instances.class_ids.tolist(), instances.scores.tolist(), instances.masks.crops(), strict=True
        )
        for class_id, score, (crop, (rows, columns)) in cells:
            if crop.size:
                label = xml_attribute(self.target.names[class_id])
                yield (
                    f'<mask label={label} source="auto" occluded="0" rle="{_rle(crop)}"'
                    f' left="{columns.start}" top="{rows.start}"'
                    f' width="{crop.shape[1]}" height="{crop.shape[0]}" z_order="0">'
                    f"{_score(score if class_id != UNLABELLED_ID else None)}</mask>\n"
                )

    def _finish(self) -> None:
        self._file.write("</annotations>\n")


class CvatVideoWriter(AnnotationWriter):
    """Writes `cvat.xml` in the form "CVAT for video 1.1"."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._file = self._text_file("cvat.xml")
        self._records = TrackRecords()
        self._frames = 0

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        columns = zip(
            scene.track_ids.tolist(),
            scene.class_ids.tolist(),
            scene.scores.tolist(),
            outlines(scene.masks),
            strict=True,
        )
        self._records.add(
            (track_id, (self._frames, class_id, score, _points(rings)))
            for track_id, class_id, score, rings in columns
            if rings
        )
        self._frames += 1

    def _finish(self) -> None:
        height, width = self.target.video.size_hw if self.target.video else (0, 0)
        size = (
            f"<size>{self._frames}</size>"
            f"<original_size><width>{width}</width><height>{height}</height></original_size>"
        )
        self._file.write(_head(self.target, "interpolation", self.target.class_ids, size))
        for track_id in self._records.track_ids():
            label = xml_attribute(self.target.names[self._records.last_class(track_id)])
            self._file.write(f'<track id="{track_id}" label={label} source="auto">\n')
            self._file.writelines(self._polygons(self._records.entries(track_id)))
            self._file.write("</track>\n")
        self._file.write("</annotations>\n")

    def _polygons(self, entries: Iterable[Entry]) -> Iterator[str]:
        """A polygon for each frame, and where the object is gone, one that says so: CVAT fills gaps."""
        last: Entry | None = None
        for entry in entries:
            if last is not None and entry[0] > last[0] + 1:
                yield _polygon(last[0] + 1, last, is_outside=True)
            yield _polygon(entry[0], entry)
            last = entry
        if last is not None and last[0] + 1 < self._frames:
            yield _polygon(last[0] + 1, last, is_outside=True)


def _polygon(frame: int, entry: Entry, is_outside: bool = False) -> str:
    return (
        f'<polygon frame="{frame}" outside="{is_outside:d}" occluded="0" keyframe="1"'
        f' points="{entry[3]}" z_order="0">{_score(entry[2])}</polygon>\n'
    )


def _points(rings: Sequence[Ring]) -> str:
    """The points of one ring out of several."""
    ring = joined(rings)
    # One template takes half the time of a text a point.
    return ("%d,%d;" * len(ring))[:-1] % tuple(ring.ravel().tolist())


def _score(score: float | None) -> str:
    """The attribute with a score; nothing in it for a region."""
    return f'<attribute name="score">{"" if score is None else f"{score:.4f}"}</attribute>'


def _head(target: Target, mode: str, class_ids: Iterable[int], size: str = "") -> str:
    names = [xml_text(target.names[class_id]) for class_id in class_ids]
    labels = "".join(f"<label><name>{name}</name>{_SCORE}</label>\n" for name in names)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><mode>{mode}</mode>{size}<labels>\n{labels}</labels></task></meta>\n"
    )


def _rle(crop: BoolArray) -> str:
    """Lengths of the runs of 0 and 1 in turn, along the rows of the crop."""
    flat = np.zeros(crop.size + 1, np.bool_)
    flat[1:].reshape(crop.shape)[:] = crop
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return str(np.diff(edges, prepend=0, append=crop.size).tolist())[1:-1]
