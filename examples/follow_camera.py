"""Follow objects in a camera's frames as they come, without delay: who is where, frame by frame.

python examples/follow_camera.py TestImages/street.mp4 --yolo model/demo_yolo.pt --sam model/demo_sam.pth
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # not needed after `pip install .`

from sav import DetectionConfig, SavError, Segmenter


def main(argv: list[str] | None = None) -> None:
    """Print a line an object and frame: its number for life, its class, where the middle of its mask is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("camera", help="a camera's number, a stream's address or a video")
    parser.add_argument("--yolo", default="model/yolov8n.pt", help="the detector (default: %(default)s)")
    parser.add_argument("--sam", default="model/mobile_sam.pt", help="the SAM (default: %(default)s)")
    parser.add_argument("--frames", type=int, help="stop after so many")
    parser.add_argument("--imgsz", type=int, default=640, help="side in the detector (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps or auto (default)")
    args = parser.parse_args(argv)

    camera = cv2.VideoCapture(int(args.camera) if args.camera.isdigit() else args.camera)
    if not camera.isOpened():  # what cannot be opened fails before models are fetched
        raise FileNotFoundError(f"{args.camera} cannot be opened as a camera or video")
    segmenter = Segmenter.load(
        args.yolo, args.sam, device=args.device, detect=DetectionConfig(imgsz=args.imgsz)
    )

    # One tracking a camera. It remembers who was there, and hands out each frame's scene at once.
    tracking = segmenter.start_tracking(frame_rate=camera.get(cv2.CAP_PROP_FPS) or 30)
    while True:
        has_frame, image = camera.read()
        if not has_frame:
            break
        # A scene keeps the array itself: of a driver that fills it anew hand in a copy.
        scene = tracking(np.asarray(image, np.uint8))
        for thing, (x, y) in zip(scene, scene.masks.centroids_xy, strict=True):
            what = f"{thing.class_name} {thing.id}" + (" (doubtful)" if thing.is_doubtful else "")
            print(f"{float(scene.frame.time):7.3f} s: {what} at {x:.0f}, {y:.0f}")
        if scene.frame.index + 1 == args.frames:
            break
    camera.release()


if __name__ == "__main__":
    try:
        main()
    except (SavError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
