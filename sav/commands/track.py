"""Segment and follow every object in a video: YOLOv8 finds it, a tracker knows it again, SAM cuts it out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, place, whole
from sav.config import MAX_FRAME_MEGAPIXELS, MAX_PICTURE_MEGAPIXELS, VIDEO_DETECTION

# More frames than the longest video has, and more than any GPU takes at once.
_MOST_FRAMES, _LARGEST_BATCH = 1_000_000_000, 1024


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--video_path", description=__doc__)
    group = parser.add_argument_group("video and results")
    group.add_argument("--video_path", type=place, default="video.mp4", metavar="SOURCE",
                       help="a video, a folder of numbered pictures, a camera's number, or an RTSP or HTTP"
                            " address (default: %(default)s)")  # fmt: skip
    group.add_argument("--save_path", type=place, default="video_test.mp4", metavar="FILE",
                       help="the MP4 to write (default: %(default)s)")  # fmt: skip
    group.add_argument("--start", metavar="WHEN",
                       help="first frame: its number, or seconds (12.5s), or a time (00:01:30)")  # fmt: skip
    group.add_argument("--end", metavar="WHEN", help="first frame that is not wanted, likewise")
    group.add_argument("--stride", type=whole(1, _MOST_FRAMES), default=1, metavar="N",
                       help="take every Nth frame (default: %(default)s)")  # fmt: skip
    flags.add_model_flags(parser)
    group = parser.add_argument_group("tracking")
    group.add_argument("--tracker", type=place, default="botsort", metavar="NAME",
                       help="botsort, bytetrack, or a YAML file with ultralytics' tracker keys"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--batch", type=whole(1, _LARGEST_BATCH), metavar="N",
                       help="frames that the models take at once; 1 has the least delay"
                            " (default: 4 on a GPU, 1 on a CPU or from a camera)")  # fmt: skip
    flags.add_detection_flags(parser, VIDEO_DETECTION)
    flags.add_save_flags(parser, for_video=True)
    limits = f"{MAX_FRAME_MEGAPIXELS:g}, {MAX_PICTURE_MEGAPIXELS:g} in a folder of pictures"
    flags.add_general_flags(parser, limits)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Check the paths and open the video, load the models once, and go through the frames."""
    from sav.checkpoints import check_checkpoints
    from sav.commands.preflight import check_classes, check_device
    from sav.formats.registry import resolve_formats
    from sav.media.addresses import local_path
    from sav.media.save_path import check_save_path
    from sav.media.selection import Selection
    from sav.runs.video_results import VideoResults
    from sav.trackers.config import load_config

    formats = resolve_formats(flags.formats(args), for_video=True)
    Selection.parse(args.start, args.end, args.stride)
    load_config(args.tracker)
    check_device(args.device)
    yolo_file, _ = check_checkpoints([args.yolo_checkpoint, args.sam_checkpoint], args.offline)
    check_classes(args.classes or (), yolo_file)
    save_path = check_save_path(args.save_path, args.video_path)
    results = VideoResults(save_path, formats, args.overwrite, local_path(args.video_path))

    from sav.media.opening import ReaderConfig
    from sav.media.reader import open_video

    limits = ReaderConfig(max_megapixels=args.max_megapixels)
    with open_video(args.video_path, args.start, args.end, args.stride, limits) as reader:
        from sav.runs.video import segment_video
        from sav.trackers import make_tracker

        tracker = make_tracker(args.tracker, frame_rate=float(reader.frame_rate))
        segmenter = cli.load_models(args)
        options = flags.save_options(args)
        return segment_video(reader, segmenter, tracker, results, args.batch, options, cli.conclude).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
