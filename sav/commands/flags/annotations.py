"""Flags that say which annotation files are written, and how."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sav.commands.arguments import Parser, Several, listed, one_of, whole
from sav.config import CUTOUT_VIDEOS, MATTES, VIDEO_ENCODERS, SaveOptions
from sav.formats.registry import ALL, PICTURE_FORMATS, VIDEO_FORMATS, format_names

# More than any disk, memory or tracker could hold.
MOST_IDS = 1_000_000_000


def add_save_flags(parser: Parser, for_video: bool, has_default: bool = True) -> None:
    """Flags that say which annotation files to write, and how."""
    default = VIDEO_FORMATS if for_video else PICTURE_FORMATS
    group = parser.add_argument_group("annotation files")
    group.add_argument("--save", nargs="+", action="extend", metavar="FORMAT", required=not has_default,
                       help=f"{', '.join(format_names(for_video))}, or {ALL}"
                            + f" (default: {' '.join(default)})" * has_default)  # fmt: skip
    parser.set_defaults(formats_if_open=default if has_default else ())
    group.add_argument("--overwrite", action="store_true",
                       help="replace also files that this program did not write, or that were changed"
                            " since")  # fmt: skip
    if not for_video:
        return
    options = SaveOptions()
    group.add_argument("--yolo_track_ids", action="store_true",
                       help="end each line of yolo's labels with the track id, as ultralytics does; not for"
                            " training")  # fmt: skip
    group.add_argument("--cutout_ids", nargs="+", action=Several, type=listed(whole(1, MOST_IDS)),
                       metavar="ID",
                       help="track ids of the objects that cutout cuts out (default: all)")  # fmt: skip
    group.add_argument("--cutout_matte", type=one_of(MATTES), default=options.cutout_matte, metavar="KIND",
                       help="cutout's matte as one grey MP4 (mp4), or as a PNG a frame (png)"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--cutout_video", type=one_of(CUTOUT_VIDEOS), default=options.cutout_video,
                       metavar="CODEC",
                       help="cutout's video as ProRes 4444 (prores), or as VP9 with alpha (vp9)"
                            " (default: %(default)s)")  # fmt: skip


def add_encoder_flag(group: argparse._ActionsContainer) -> None:
    """The flag that says who encodes MP4s."""
    group.add_argument("--video_encoder", type=one_of(VIDEO_ENCODERS), default=SaveOptions().video_encoder,
                       metavar="ENCODER",
                       help="what encodes MP4s: x264 on the CPU, nvenc on an NVIDIA GPU that has an encoder,"
                            " or auto for the faster (default: %(default)s)")  # fmt: skip


def formats(args: argparse.Namespace) -> Sequence[str]:
    """The names of the annotation formats that are wanted."""
    wanted = [name.strip().lower() for text in args.save or () for name in text.split(",")]
    return [name for name in wanted if name] or args.formats_if_open


def save_options(args: argparse.Namespace) -> SaveOptions:
    """What is wished of single formats, out of track.py's parsed flags."""
    ids = tuple(args.cutout_ids or ())
    return SaveOptions(args.yolo_track_ids, ids, args.cutout_matte, args.cutout_video, args.video_encoder)


def idle_flags(args: argparse.Namespace, formats: Sequence[str]) -> list[str]:
    """Lines about track.py's flags that do nothing, since the format that they are for is not written."""
    given = {
        "cutout": {
            "--cutout_ids": args.cutout_ids,
            "--cutout_matte": args.cutout_matte != SaveOptions().cutout_matte,
            "--cutout_video": args.cutout_video != SaveOptions().cutout_video,
        },
        "yolo": {"--yolo_track_ids": args.yolo_track_ids},
    }
    return [
        f"{flag} does nothing without --save {name}"
        for name, flags in given.items()
        if name not in formats
        for flag, is_given in flags.items()
        if is_given
    ]
