"""Segment and follow every object in a video: YOLOv8 finds it, a tracker knows it again, SAM cuts it out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from sav import cli
from sav.config import VIDEO_DETECTION


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = cli.Parser(description=__doc__)
    parser.add_argument("--video_path", default="video.mp4", metavar="SOURCE",
                        help="a video, a folder of numbered pictures, a camera's number, or an RTSP or HTTP"
                             " address (default: %(default)s)")  # fmt: skip
    parser.add_argument("--save_path", default="video_test.mp4", metavar="FILE",
                        help="the MP4 to write (default: %(default)s)")  # fmt: skip
    cli.add_model_flags(parser, VIDEO_DETECTION)
    cli.add_save_flags(parser, for_video=True)
    parser.add_argument("--tracker", default="botsort", metavar="NAME",
                        help="botsort, bytetrack, or a YAML file with ultralytics' tracker keys"
                             " (default: %(default)s)")  # fmt: skip
    parser.add_argument("--start", metavar="WHEN",
                        help="first frame: its number, or seconds (12.5s), or a time (00:01:30)")  # fmt: skip
    parser.add_argument("--end", metavar="WHEN", help="first frame that is not wanted, likewise")
    parser.add_argument("--stride", type=cli.positive, default=1, metavar="N",
                        help="take every Nth frame (default: %(default)s)")  # fmt: skip
    parser.add_argument("--batch", type=cli.positive, metavar="N",
                        help="frames that the models take at once; 1 has the least delay"
                             " (default: 4 on a GPU, 1 on a CPU or from a camera)")  # fmt: skip
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Check the paths and open the video, load the models once, and go through the frames."""
    from sav.annotations.formats import resolve_formats
    from sav.media.reader import open_video
    from sav.media.save_path import check_save_path
    from sav.trackers import make_tracker

    formats = resolve_formats(args.save, for_video=True)
    save_path = check_save_path(args.save_path, args.video_path)
    with open_video(args.video_path, args.start, args.end, args.stride) as reader:
        tracker = make_tracker(args.tracker, frame_rate=float(reader.frame_rate))

        from sav.segment import Segmenter
        from sav.video_run import segment_video

        segmenter = Segmenter.load(
            yolo_checkpoint=args.yolo_checkpoint,
            sam_checkpoint=args.sam_checkpoint,
            device=args.device,
            detect=cli.detection_config(args),
            masks=cli.mask_config(args),
            offline=args.offline,
            precision=args.precision,
            compiled=args.compile,
        )
        options = cli.save_options(args)
        return segment_video(
            reader, segmenter, tracker, save_path, args.batch, formats, options, cli.conclude
        ).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)


if __name__ == "__main__":
    script()
