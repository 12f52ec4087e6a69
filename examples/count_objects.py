"""Count the objects in a video by class: each one once, however long it stays in the picture.

python examples/count_objects.py TestImages/street.mp4 --yolo model/demo_yolo.pt --sam model/demo_sam.pth
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # not needed after `pip install .`

from sav import DetectionConfig, SavError, Segmenter, open_video  # noqa: E402


def main(argv: list[str] | None = None) -> Counter[str]:
    """Print the classes, the most frequent first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("--yolo", default="model/yolov8x.pt")
    parser.add_argument("--sam", default="model/sam_vit_h_4b8939.pth")
    parser.add_argument("--tracker", default=str(ROOT / "examples" / "sure_sav.yaml"))
    parser.add_argument("--conf", type=float, help="lowest score of a detection (default: 0.1)")
    parser.add_argument("--imgsz", type=int, default=640, help="long side in the detector")
    parser.add_argument("--least_frames", type=int, default=5, help="shorter tracks do not count")
    parser.add_argument("--end", help="where to stop: a frame's number, or seconds (12.5s)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)

    video = open_video(args.video, end=args.end)  # what cannot be read fails before models are fetched
    detect = DetectionConfig(conf=args.conf, imgsz=args.imgsz)
    segmenter = Segmenter.load(args.yolo, args.sam, device=args.device, detect=detect)

    # An object's track id stays the same from frame to frame, so each id counts once. Its last name is the
    # best one: it comes from a vote over all frames so far.
    names: dict[int, str] = {}
    frames: Counter[int] = Counter()
    for scene in tqdm(segmenter.track(video, tracker=args.tracker), unit="frame"):
        ids = scene.track_ids.tolist()
        names.update(zip(ids, scene.class_names, strict=True))
        frames.update(ids)

    counts = Counter(names[number] for number, seen in frames.items() if seen >= args.least_frames)
    for name, count in counts.most_common():
        print(f"{count:4} {name}")
    return counts


if __name__ == "__main__":
    try:
        main()
    except (SavError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
