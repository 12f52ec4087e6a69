"""Milliseconds of the processor that files of each format take: `python -m tools.bench.formats`.

Ten ellipses in 1080p, known by their run lengths, as `export` and the end of a run over pictures have them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from sav.data.counted import CountedMasks, MaskMeasures
from sav.data.scene import Scene
from sav.formats.registry import format_names, writer_class
from sav.formats.target import Target
from sav.media.video import VideoInfo
from tools.bench.options import Options
from tools.bench.stages.drawing import make_scene

_SIZE_HW, _OBJECTS = (1080, 1920), 10
_RATE = Fraction(25)


def stored_scenes(is_tracked: bool) -> Callable[[int], Scene]:
    """What makes the scene of a number, of whose masks nothing is worked out yet but what is stored."""
    known = replace(make_scene(Options(Path(), size_hw=_SIZE_HW), _OBJECTS), is_tracked=is_tracked)
    boxes, measures = known.masks.boxes_xyxy, MaskMeasures.of(known.masks)

    def scene(number: int) -> Scene:
        frame = replace(known.frame, index=number, name=f"{number:06d}.jpg", time=number / _RATE)
        masks = CountedMasks(_SIZE_HW, boxes, measures)
        return replace(known, frame=frame, objects=replace(known.objects, masks=masks))

    return scene


def milliseconds(name: str, for_video: bool, count: int, clock: Callable[[], float]) -> float:
    """Of a scene, the end of the file included."""
    scene = stored_scenes(for_video)
    video = VideoInfo(_SIZE_HW, _RATE, 1 / _RATE, "video.mp4") if for_video else None
    with tempfile.TemporaryDirectory() as folder:
        begun = clock()
        writer = writer_class(name, for_video)(Target(Path(folder), scene(0).categories, video))
        for number in range(count):
            writer.write(scene(number))
        writer.close()
        return (clock() - begun) / count * 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table, a row a format, the least of some runs."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.formats", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FORMAT", help="rows (default: all)")
    parser.add_argument("--count", type=int, default=100, help="pictures or frames")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args(argv)
    print("| format | ms a picture | ms a frame |\n|---|---|---|")
    for name in args.names or format_names(for_video=True):
        cells = [
            f"{min(milliseconds(name, kind, args.count, time.process_time) for _ in range(args.runs)):.2f}"
            if name in format_names(kind)
            else ""
            for kind in (False, True)
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
