"""The pictures of the README, out of what our own commands wrote: pictures side by side, a video as a loop.

    python -m tools.pictures side_by_side OUT.jpg PICTURE PICTURE ...
    python -m tools.pictures loop OUT.webp VIDEO --start 2s --end 7s

Each shrinks its quality until the file is small enough for a page.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from sav.data.types import Image
from sav.files import whole_file
from sav.media.pictures import read_picture
from sav.media.reader import open_video

_QUALITIES = (90, 85, 80, 75, 70, 60, 50, 40, 30)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    beside = commands.add_parser("side_by_side", help="pictures of one size beside each other, as a JPEG")
    loop = commands.add_parser("loop", help="a stretch of a video that begins anew for ever, as a WebP")
    for command, width, kilobytes in ((beside, 1200, 250), (loop, 720, 3000)):
        command.add_argument("out", type=Path)
        command.add_argument("--width", type=int, default=width, help="in pixels (default: %(default)s)")
        command.add_argument("--kilobytes", type=int, default=kilobytes, help="most (default: %(default)s)")
    beside.add_argument("pictures", type=Path, nargs="+")
    beside.add_argument("--gap", type=int, default=6, help="pixels between two (default: %(default)s)")
    loop.add_argument("video")
    for when in ("--start", "--end"):
        loop.add_argument(when, help="as in track.py")
    return parser.parse_args(argv)


def side_by_side(images: Sequence[Image], width: int, gap: int) -> Image:
    """Pictures in a row that is so many pixels wide, with white between them."""
    each = (width - gap * (len(images) - 1)) // len(images)
    shrunk = [_shrunk(image, each) for image in images]
    white = np.full((shrunk[0].shape[0], gap, 3), 255, np.uint8)
    row = [part for image in shrunk for part in (white, image)]
    return np.concatenate(row[1:], axis=1)


def write_smallest(path: Path, kilobytes: int, encoded: Callable[[int], bytes]) -> None:
    """Write the best quality that is at most so large.

    Raises:
        SystemExit: There is none.
    """
    for quality in _QUALITIES:
        content = encoded(quality)
        if len(content) <= 1000 * kilobytes:
            with whole_file(path) as staged:
                staged.write_bytes(content)
            print(f"{path}: {len(content) / 1000:.0f} kB, quality {quality}")
            return
    raise SystemExit(f"{path} would be larger than {kilobytes} kB: take less of it, or a smaller --width")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command."""
    args = parse(argv)
    if args.command == "side_by_side":
        row = _pillow(side_by_side([read_picture(path) for path in args.pictures], args.width, args.gap))
        write_smallest(args.out, args.kilobytes, lambda quality: _jpeg(row, quality))
        return 0

    with open_video(args.video, args.start, args.end) as reader:
        frames = [_pillow(_shrunk(frame.image, args.width)) for frame in reader]
        milliseconds = round(1000 / reader.frame_rate)
    write_smallest(args.out, args.kilobytes, lambda quality: _webp(frames, milliseconds, quality))
    return 0


def _shrunk(image: Image, width: int) -> Image:
    height = round(image.shape[0] * width / image.shape[1])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _pillow(image: Image) -> Pillow.Image:
    return Pillow.fromarray(np.ascontiguousarray(image[..., ::-1]))


def _jpeg(picture: Pillow.Image, quality: int) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True, subsampling=0)
    return file.getvalue()


def _webp(frames: Sequence[Pillow.Image], milliseconds: int, quality: int) -> bytes:
    file = BytesIO()
    first, *others = frames
    first.save(file, "WEBP", save_all=True, append_images=others, duration=milliseconds, loop=0,
               quality=quality, method=4)  # fmt: skip
    return file.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
