"""Count the objects in a video by class: each one once, however long it stays in the picture.

python examples/count_objects.py TestImages/street.mp4 --yolo model/demo_yolo.pt --sam model/demo_sam.pth
"""

from __future__ import annotations

import argparse
from collections import Counter

from sav import Segmenter


def main(argv: list[str] | None = None) -> Counter[str]:
    """Print the classes, the most frequent first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("--yolo", default="model/yolov8x.pt")
    parser.add_argument("--sam", default="model/sam_vit_h_4b8939.pth")
    parser.add_argument("--end", help="where to stop: a frame's number, or seconds (12.5s)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)

    segmenter = Segmenter.load(args.yolo, args.sam, device=args.device)

    # A scene is all that is known of one frame. Its track_ids stay with the objects from frame to frame, so
    # a dictionary from id to name holds each object once. A later name is the better one: it comes from a
    # vote over all frames so far.
    names: dict[int, str] = {}
    for scene in segmenter.track(args.video, end=args.end):
        names.update(zip(scene.track_ids.tolist(), scene.class_names, strict=True))

    counts = Counter(names.values())
    for name, count in counts.most_common():
        print(f"{count:4} {name}")
    return counts


if __name__ == "__main__":
    main()
