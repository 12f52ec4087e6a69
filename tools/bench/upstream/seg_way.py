"""One picture upstream's way.

    python -m tools.bench.upstream.seg_way YOLO SAM SIZE DEVICE PICTURE FOLDER

Detect, prompt with all boxes at once, then everything; both of segment_anything's classes encode the picture.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tools.bench.upstream.loading import load


def main(yolo: str, sam: str, size: str, device: str, picture: str, folder: str) -> None:
    detector, model = load(yolo, sam, size, device)

    import cv2
    import numpy as np
    from pycocotools import mask as coco_mask
    from segment_anything import SamAutomaticMaskGenerator

    image = cv2.imread(picture)
    if image is None:
        raise ValueError(f"{picture} is no picture that OpenCV reads")
    image_rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    boxes = detector.predict(image, device=device, verbose=False)[0].boxes
    labelled = masks_in_boxes(model, image_rgb, boxes.xyxy)
    everything = SamAutomaticMaskGenerator(model).generate(image_rgb)

    out = Path(folder)
    plain = [one["segmentation"] for one in sorted(everything, key=lambda one: -one["area"])]
    cv2.imwrite(str(out / "sam.jpg"), painted(image, plain))
    cv2.imwrite(str(out / "our.jpg"), painted(painted(image, plain), labelled))
    cv2.imwrite(str(out / "mask.png"), painted(np.zeros_like(image), labelled))
    rles = [coco_mask.encode(np.asfortranarray(mask)) for mask in labelled.view(np.uint8)]
    masks = [{**rle, "counts": rle["counts"].decode()} for rle in rles]
    report = {"masks": masks, "everything": len(everything), "gpu_mib": gpu_peak()}
    (out / "report.json").write_text(json.dumps(report))


def masks_in_boxes(model: Any, image_rgb: Any, boxes_xyxy: Any) -> Any:
    """`(N, H, W)` bool."""
    import numpy as np
    from segment_anything import SamPredictor

    if not len(boxes_xyxy):
        return np.zeros((0, *image_rgb.shape[:2]), bool)
    predictor = SamPredictor(model)
    predictor.set_image(image_rgb)
    scaled = predictor.transform.apply_boxes_torch(boxes_xyxy.to(model.device), image_rgb.shape[:2])
    masks, _, _ = predictor.predict_torch(None, None, scaled, multimask_output=False)
    return masks[:, 0].cpu().numpy()


def painted(image: Any, masks: Any) -> Any:
    """The picture with each mask blended into it in a random colour."""
    import numpy as np

    drawn, colours = image.copy(), np.random.default_rng(0)
    for mask in masks:
        drawn[mask] = (0.6 * drawn[mask] + 0.4 * colours.integers(0, 256, 3)).astype(np.uint8)
    return drawn


def gpu_peak() -> float:
    """MiB."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_initialized() else 0.0


if __name__ == "__main__":
    main(*sys.argv[1:])
