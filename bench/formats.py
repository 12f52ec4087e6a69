"""Annotations: a run that saves every format at once, against one that saves the default, on the demo video.

    python -m bench.formats [--frames 60] [--repeats 3] [--imgsz 640] [--device cpu] [--json OUT]

The runs take turns in one process and on the same loaded models; the ratio is that of the fastest runs, since
whatever else the machine does only ever adds time. Writing alone is timed on the way.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sav.annotations.formats import VIDEO_FORMATS, format_names
from sav.annotations.saving import Annotations
from sav.config import VIDEO_DETECTION
from sav.media.reader import open_video
from sav.segment import Segmenter
from sav.trackers import make_tracker
from sav.video_run import segment_video

LIMIT = 1.3


class WritingTime:
    """The seconds that annotation files take, added up over a run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        for name in ("write", "__exit__"):
            setattr(Annotations, name, self._timed(getattr(Annotations, name)))

    def _timed(self, method):
        def timed(*arguments):
            start = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, default=Path("TestImages/street.mp4"))
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args(argv)
    measured = measure(args)
    ratio = measured["all"]["seconds"] / measured["default"]["seconds"]
    print(f"{platform.processor() or platform.machine()}, {args.device}, torch {torch.__version__}")
    print(f"{args.video.name}, {args.frames} frames, fastest of {args.repeats} runs each")
    for name, formats in (("default", VIDEO_FORMATS), ("all", format_names(True))):
        run = measured[name]
        print(f"{name:8} {run['seconds']:7.2f} s, of it writing {run['writing']:6.2f} s;", end=" ")
        print(f"peak memory {run['peak_mib']:.0f} MiB; {' '.join(formats)}")
    print(f"every format / default: {ratio:.3f} (wanted: at most {LIMIT})")
    if args.json:
        args.json.write_text(json.dumps({**measured, "ratio": ratio}, indent=1) + "\n")
    return 0


def measure(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    config = replace(VIDEO_DETECTION, imgsz=args.imgsz)
    segmenter = Segmenter("model/demo_yolo.pt", "model/demo_sam.pth", args.device, config)
    writing = WritingTime()
    run(segmenter, args.video, 3, VIDEO_FORMATS, writing)
    best: dict[str, dict[str, float]] = {}
    for _ in range(args.repeats):
        for name, formats in (("default", VIDEO_FORMATS), ("all", format_names(True))):
            seconds = run(segmenter, args.video, args.frames, formats, writing)
            # The peak is the whole process's so far, so it is the first run of a kind that tells.
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
            found = {"seconds": seconds, "writing": writing.seconds, "peak_mib": peak}
            before = best.setdefault(name, found)
            if seconds < before["seconds"]:
                best[name] = {**found, "peak_mib": before["peak_mib"]}
    return best


def run(
    segmenter: Segmenter, video: Path, frames: int, formats: Sequence[str], writing: WritingTime
) -> float:
    """Seconds from the opened video to the last file in place."""
    writing.seconds = 0.0
    with tempfile.TemporaryDirectory() as folder, open_video(video, end=frames) as reader:
        tracker = make_tracker("botsort", frame_rate=float(reader.frame_rate))
        start = time.perf_counter()
        report = segment_video(reader, segmenter, tracker, Path(folder) / "out.mp4", formats=formats)
        seconds = time.perf_counter() - start
        if report.frames != frames:
            raise ValueError(f"{video} gave {report.frames} frames, not {frames}; ask for fewer")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
