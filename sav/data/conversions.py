"""Scenes for other programs: supervision, pandas, JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas
    import supervision

    from sav.data.scene import Scene


def rows(scene: Scene) -> list[dict[str, Any]]:
    """A row an object: where it was seen, id, class, score, the detector's box, the mask's area in pixels."""
    columns = zip(
        scene.track_ids.tolist(),
        scene.class_ids.tolist(),
        scene.class_names,
        scene.scores.tolist(),
        scene.boxes_xyxy.tolist(),
        scene.masks.areas.tolist(),
        scene.doubtful.tolist(),
        strict=True,
    )
    where = {"name": scene.frame.name, "frame": scene.frame.index, "seconds": float(scene.frame.time)}
    return [
        {
            **where,
            "track_id": track_id,
            "class_id": class_id,
            "class": name,
            "score": score,
            **dict(zip(("left", "top", "right", "bottom"), box, strict=True)),
            "area": area,
            "doubtful": is_doubtful,
        }
        for track_id, class_id, name, score, box, area, is_doubtful in columns
    ]


_COLUMNS = (
    "name", "frame", "seconds", "track_id", "class_id", "class", "score",
    "left", "top", "right", "bottom", "area", "doubtful",
)  # fmt: skip


def to_pandas(scene: Scene) -> pandas.DataFrame:
    """The objects as a table; see `rows`.

    Raises:
        ImportError: If the package pandas is not installed.
    """
    import pandas

    return pandas.DataFrame(rows(scene), columns=list(_COLUMNS))


def to_json(scene: Scene) -> str:
    """The frame and its objects, masks as COCO's run-length encodings."""
    height, width = scene.size_hw
    frame = {
        "name": scene.frame.name,
        "frame": scene.frame.index,
        "seconds": float(scene.frame.time),
        "height": height,
        "width": width,
    }
    objects = [
        {**{key: value for key, value in row.items() if key not in frame}, "segmentation": rle}
        for row, rle in zip(rows(scene), scene.masks.rles(), strict=True)
    ]
    return json.dumps({**frame, "objects": objects}, ensure_ascii=False)


def to_supervision(scene: Scene) -> supervision.Detections:
    """The objects as `supervision.Detections`, with dense masks and `class_name` in its `data`.

    Raises:
        ImportError: If the package supervision is not installed.
    """
    import supervision

    return supervision.Detections(
        xyxy=scene.boxes_xyxy.copy(),
        mask=scene.masks.dense(),
        confidence=scene.scores.copy(),
        class_id=scene.class_ids.copy(),
        tracker_id=scene.track_ids.copy(),
        data={"class_name": np.array(scene.class_names, dtype=np.str_)},
    )
