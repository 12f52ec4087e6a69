"""Cut every dog out of a picture: one PNG a dog, transparent around it.

python examples/cut_out_dogs.py TestImages/dogs.jpg Dogs --yolo model/demo_yolo.pt --sam model/demo_sam.pth
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # not needed after `pip install .`

from sav import DetectionConfig, SavError, Segmenter
from sav.media.pictures import read_picture


def main(argv: list[str] | None = None) -> list[Path]:
    """Write the PNGs and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of", default="dog", metavar="CLASS", help="what to cut out (default: dog)")
    parser.add_argument("--yolo", default="model/yolov8x.pt")
    parser.add_argument("--sam", default="model/sam_vit_h_4b8939.pth")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)

    image = read_picture(Path(args.picture))  # what cannot be read fails before models are fetched
    # The detector looks for dogs alone, and SAM is not asked for what has no name: both save time.
    config = DetectionConfig(classes=(args.of,))
    segmenter = Segmenter.load(args.yolo, args.sam, device=args.device, detect=config, regions=False)
    scene = segmenter(image)

    args.folder.mkdir(parents=True, exist_ok=True)
    written = []
    # Masks are kept small: each is a crop, with the rows and columns of the picture that it covers.
    for number, (mask, where) in enumerate(scene.masks.crops(), start=1):
        if not mask.any():
            continue
        cutout = cv2.cvtColor(scene.frame.image[where], cv2.COLOR_BGR2BGRA)
        cutout[..., 3] = mask.astype(np.uint8) * 255
        path = args.folder / f"{args.of}_{number}.png"
        cv2.imwrite(str(path), cutout)
        written.append(path)
        print(f"{path}, score {scene.scores[number - 1]:.2f}, {mask.sum()} pixels")
    return written


if __name__ == "__main__":
    try:
        main()
    except (SavError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
