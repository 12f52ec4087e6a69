"""A video upstream's way.

    python -m tools.bench.upstream.track_way YOLO SAM SIZE DEVICE VIDEO FOLDER FRAMES IMGSZ BOXES

Frame after frame: detect and track, prompt SAM with the tracks' boxes, draw, write. With BOXES above 0 the
detector and tracker do their work, but the prompts are that many boxes of the generated video.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.bench.inputs import moving_boxes
from tools.bench.upstream.loading import load
from tools.bench.upstream.seg_way import gpu_peak, masks_in_boxes, painted


def main(
    yolo: str, sam: str, size: str, device: str, video: str, folder: str, frames: str, imgsz: str, boxes: str
) -> None:
    detector, model = load(yolo, sam, size, device)

    import cv2
    import numpy as np
    import torch

    out = Path(folder)
    capture = cv2.VideoCapture(video)
    size_wh = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    rate = capture.get(cv2.CAP_PROP_FPS)
    writer = cv2.VideoWriter(str(out / "out.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), rate, size_wh)
    unions = []
    # Without lap ultralytics' trackers do nothing; what they take is little.
    follow: Any = detector.predict
    if find_spec("lap"):
        follow = partial(detector.track, persist=True, tracker="botsort.yaml")
    for index in range(int(frames)):
        found, image = capture.read()
        if not found:
            break
        tracks = follow(image, conf=0.1, imgsz=int(imgsz), device=device, verbose=False)[0].boxes
        prompts, names = tracks.xyxy, _names(tracks)
        if int(boxes):
            prompts = torch.from_numpy(moving_boxes(index, int(boxes), image.shape[:2]))
            names = [f"Id {number}" for number in range(int(boxes))]
        masks = masks_in_boxes(model, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), prompts)
        writer.write(_labelled(painted(image, masks), prompts, names))
        unions.append(np.packbits(masks.any(axis=0)))
    writer.release()
    np.savez(out / "unions.npz", unions=np.array(unions), size_hw=size_wh[::-1])
    (out / "report.json").write_text(json.dumps({"gpu_mib": gpu_peak()}))


def _names(tracks: Any) -> list[str]:
    ids = tracks.id.tolist() if tracks.id is not None else [0] * len(tracks)
    return [f"Id {number:.0f}" for number in ids]


def _labelled(drawn: Any, boxes: Any, names: list[str]) -> Any:
    import cv2

    for (x0, y0, x1, y1), name in zip(boxes.int().tolist(), names, strict=True):
        cv2.rectangle(drawn, (x0, y0), (x1, y1), (0, 255, 0), 2)
        cv2.putText(drawn, name, (x0, max(20, y0)), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return drawn


if __name__ == "__main__":
    main(*sys.argv[1:])
