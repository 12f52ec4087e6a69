"""The flags that both scripts have, and the settings that they stand for."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from sav import __version__
from sav.commands.arguments import Parser, above_zero, one_of, place, share, shorten, whole
from sav.config import (
    CUTOUT_VIDEOS,
    LARGEST_IMGSZ,
    MATTES,
    MOST_DETECTIONS,
    PRECISIONS,
    VIDEO_ENCODERS,
    DetectionConfig,
    MaskConfig,
    SaveOptions,
    as_words,
)
from sav.errors import SettingError
from sav.formats.registry import ALL, PICTURE_FORMATS, VIDEO_FORMATS, format_names
from sav.presets import AUTO_PRESET, DEFAULT_PRESET, PRESET_NAMES, PRESETS, Preset

if TYPE_CHECKING:
    from sav.stages.refine.config import RefineConfig

# What other programs call the precisions.
_PRECISIONS_ELSEWHERE = {
    "fp32": "float32", "full": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"
}  # fmt: skip
# More than any disk, memory or tracker could hold.
MOST_IDS = 1_000_000_000
# More than any cluster has GPUs.
_MOST_WORKERS = 100_000
# More than any GPU takes at once.
_LARGEST_BATCH = 1024


def add_model_flags(parser: Parser, items: str, or_where: str = "") -> None:
    """Flags that say which models to run, and on what; `or_where` adds to where they take one item."""
    group = parser.add_argument_group("models")
    add_sam_flag(group)
    parser.set_defaults(sam_checkpoint=None)  # a preset's, unless it is given
    group.add_argument("--yolo_checkpoint", type=place, metavar="FILE",
                       help="any ultralytics checkpoint for detection, segmentation, pose or oriented boxes"
                            f" (default: {PRESETS[DEFAULT_PRESET].yolo_checkpoint})")  # fmt: skip
    group.add_argument("--preset", type=one_of(PRESET_NAMES), metavar="NAME",
                       help="a detector and a SAM that suit each other: light (47 MB, for laptops), balanced,"
                            " best (the defaults), or auto, what suits this machine")  # fmt: skip
    group.add_argument("--words", nargs="+", metavar="WORDS",
                       help='what a YOLO-World or YOLOE checkpoint is to find, between commas: "red bus, dog'
                            ' on a leash" (without --yolo_checkpoint:'
                            f" {PRESETS[DEFAULT_PRESET].words_checkpoint})")  # fmt: skip
    group.add_argument("--text_checkpoint", type=place, metavar="FILE",
                       help="the text model that such a checkpoint was trained with (default: the official"
                            " one, in its folder)")  # fmt: skip
    group.add_argument("--boxes", type=place, metavar="FILE",
                       help="boxes of your own in place of a detector: COCO's JSON, MOTChallenge text, or a"
                            " folder of YOLO labels")  # fmt: skip
    group.add_argument("--trust_checkpoint", action="store_true",
                       help="run Python code in the detector's file, if its layers are of its own; only for"
                            " files of people whom you trust")  # fmt: skip
    add_computing_flags(group)
    group.add_argument("--compile", action="store_true",
                       help="compile SAM's encoder with torch.compile: a minute or more at start, then faster"
                            " frames; not done where it has faster kernels of ours (SAM on NVIDIA"
                            " GPUs)")  # fmt: skip
    group.add_argument("--batch", type=whole(1, _LARGEST_BATCH), metavar="N",
                       help=f"{items} that the models take at once"
                            f" (default: 4 on a GPU, 1 on a CPU{or_where})")  # fmt: skip


def add_sam_flag(group: argparse._ActionsContainer) -> None:
    """The flag that says which SAM to run."""
    default = PRESETS[DEFAULT_PRESET].sam_checkpoint
    group.add_argument("--sam_checkpoint", type=place, default=default, metavar="FILE",
                       help=f"any SAM, SAM 2 or MobileSAM checkpoint (default: {default})")  # fmt: skip


def fill_checkpoints(args: argparse.Namespace, preset: Preset) -> None:
    """Have the checkpoints that are not given be a preset's."""
    args.sam_checkpoint = args.sam_checkpoint or preset.sam_checkpoint
    detector = preset.words_checkpoint if args.words else preset.yolo_checkpoint
    args.yolo_checkpoint = args.yolo_checkpoint or detector


def parse_models(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse flags of `add_model_flags` among others; with `--preset auto` the models are still open."""
    args = parser.parse_args(argv)
    try:
        args.words = as_words(" ".join(args.words)) if args.words else ()
    except SettingError as error:
        parser.error(f"argument --words: {error}")
    if args.text_checkpoint and not args.words:
        parser.error("--text_checkpoint tells what --words mean, and there are none")
    if args.preset != AUTO_PRESET:
        fill_checkpoints(args, PRESETS[args.preset or DEFAULT_PRESET])
    return args


def add_computing_flags(group: argparse._ActionsContainer) -> None:
    """Flags that say where models come from and how they compute."""
    group.add_argument("--offline", action="store_true",
                       help="never download a missing official checkpoint")  # fmt: skip
    add_device_flags(group)


def add_device_flags(group: argparse._ActionsContainer) -> None:
    """Flags that say what models run on, and how they compute."""
    add_device_flag(group)
    group.add_argument("--precision", type=one_of(PRECISIONS, _PRECISIONS_ELSEWHERE), default=PRECISIONS[0],
                       metavar="NAME",
                       help="float32: the publisher's masks to the last pixel; auto: the fastest that"
                            " shows no difference; bfloat16, float16: SAM's encoder in that precision;"
                            " but for float32 a GPU's detector computes in half precision"
                            " (default: %(default)s)")  # fmt: skip


def add_device_flag(group: argparse._ActionsContainer) -> None:
    """The flag that says what models run on."""
    group.add_argument("--device", type=str.lower, default="auto", metavar="NAME",
                       help="auto (CUDA, then MPS, then CPU), cuda, cuda:1, mps or cpu"
                            " (default: %(default)s)")  # fmt: skip


def add_detection_flags(parser: Parser, defaults: DetectionConfig) -> None:
    """Flags that say what is kept of what the models find."""
    group = parser.add_argument_group("what is kept")
    group.add_argument("--classes", nargs="+", action="extend", metavar="CLASS",
                       help="names or ids of the classes to keep, between blanks or commas"
                            " (default: all)")  # fmt: skip
    group.add_argument("--conf", type=share, default=defaults.conf, metavar="SCORE",
                       help="lowest score of a detection, 0 to 1 (default: %(default)s)")  # fmt: skip
    group.add_argument("--iou", type=share, default=defaults.iou, metavar="IOU",
                       help="overlap above which the weaker of two boxes goes"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--imgsz", type=whole(1, LARGEST_IMGSZ), default=defaults.imgsz, metavar="PIXELS",
                       help="long side of the picture inside the detector; smaller ones are not enlarged"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--slices", type=_slices, metavar="WxH",
                       help="see large pictures in slices, too, for the sake of small objects: the width and"
                            " height of a slice, or auto, half of --imgsz; one smaller than it is enlarged to"
                            " it")  # fmt: skip
    group.add_argument("--slice_overlap", type=share, default=defaults.slice_overlap, metavar="SHARE",
                       help="share of its side by which a slice overlaps the next"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--max_det", type=whole(1, MOST_DETECTIONS), default=defaults.max_det, metavar="N",
                       help="most detections in a picture (default: %(default)s)")  # fmt: skip
    group.add_argument("--duplicate_iou", type=share, default=MaskConfig().duplicate_iou, metavar="IOU",
                       help="of objects of one class whose masks overlap by more than this, one stays; 1"
                            " keeps all (default: %(default)s)")  # fmt: skip


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
    group.add_argument("--cutout_ids", nargs="+", action="extend", type=whole(1, MOST_IDS), metavar="ID",
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


def add_general_flags(parser: Parser, limits: str) -> None:
    """Flags about the program itself; `limits` says what `--max_megapixels` is if it is not given."""
    group = parser.add_argument_group("general")
    group.add_argument("--max_megapixels", type=above_zero, metavar="N",
                       help="million pixels above which a picture or frame is refused"
                            f" (default: {limits})")  # fmt: skip
    add_program_flags(group)


def add_program_flags(group: argparse._ActionsContainer) -> None:
    """Flags that every command has."""
    group.add_argument("--debug", action="store_true", help="show where an error comes from")
    version = f"Segment Any Video {__version__} (Python {platform.python_version()})"
    group.add_argument("--version", action="version", version=version, help="show the version and exit")


def add_resume_flag(parser: Parser) -> None:
    """The flag that takes over what an earlier run has found."""
    parser.add_argument("--resume", action="store_true",
                        help="go on with a run that was ended, by whatever: what it found is taken"
                             " over")  # fmt: skip


def add_worker_flags(parser: Parser, items: str) -> None:
    """Flags that say how many workers share out the work, and where they are."""
    group = parser.add_argument_group("workers")
    group.add_argument("--workers", type=_workers, default=1, metavar="N",
                       help=f"how many workers share out {items}, each with models of its own on a GPU or a"
                            " group of cores; auto takes what this machine has"
                            " (default: %(default)s, or auto with --cluster)")  # fmt: skip
    group.add_argument("--cluster", metavar="ADDRESS",
                       help="have them on the machines of a Ray cluster: HOST:PORT, or auto on a node of"
                            " it")  # fmt: skip


def _workers(text: str) -> int | None:
    """A number of workers; None for as many as there is room for."""
    return None if text.strip().lower() == "auto" else whole(1, _MOST_WORKERS)(text)


def refine_config(words: Sequence[str]) -> RefineConfig:
    """How tracks are refined, out of words such as `smoothing=0.3`.

    Raises:
        SettingError: If there is no such setting, or it cannot have that value.
    """
    from sav.stages.refine.config import RefineConfig

    known = [field.name for field in fields(RefineConfig)]
    values: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in known:
            raise SettingError(f"there is no setting '{shorten(name)}' of refining; take {', '.join(known)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise SettingError(f"write {name}=NUMBER, not '{shorten(word)}'") from None
    return RefineConfig(**values)


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


def detection_config(args: argparse.Namespace) -> DetectionConfig:
    """The detector's settings out of parsed flags."""
    return DetectionConfig(
        conf=args.conf,
        iou=args.iou,
        imgsz=args.imgsz,
        max_det=args.max_det,
        classes=tuple(args.classes or ()),
        slices=args.slices,
        slice_overlap=args.slice_overlap,
    )


def _slices(text: str) -> str | tuple[int, int] | None:
    """`auto`, or a width and height.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    try:
        return DetectionConfig(slices=text).slices
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def mask_config(args: argparse.Namespace) -> MaskConfig:
    """What is done with masks, out of parsed flags."""
    return MaskConfig(args.duplicate_iou)
