"""Flags that say which models are run, and on what."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence

from sav.commands.arguments import Parser, one_of, place, whole
from sav.commands.flags.named import everything_config
from sav.config import PRECISIONS
from sav.errors import SettingError
from sav.presets import AUTO_PRESET, DEFAULT_PRESET, PRESET_NAMES, PRESETS, Preset
from sav.words import as_words

# What other programs call the precisions.
_PRECISIONS_ELSEWHERE = {
    "fp32": "float32", "full": "float32", "fp16": "float16", "half": "float16", "bf16": "bfloat16"
}  # fmt: skip
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


def parse_models(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse flags of seg.py or track.py; with `--preset auto` the models are still open."""
    args = parser.parse_args(argv)
    with _refused(parser, "--words"):
        args.words = as_words(" ".join(args.words)) if args.words else ()
    if args.text_checkpoint and not args.words:
        parser.error("--text_checkpoint tells what --words mean, and there are none")
    if args.everything and not (args.regions if "regions" in args else not args.labelled_only):
        mended = "add --regions" if "regions" in args else "leave out --labelled_only"
        parser.error(f"--everything tells how what has no name is looked for: {mended}")
    with _refused(parser, "--everything"):
        args.everything = everything_config(args.everything)
    if args.preset != AUTO_PRESET:
        fill_checkpoints(args, PRESETS[args.preset or DEFAULT_PRESET])
    return args


@contextlib.contextmanager
def _refused(parser: Parser, flag: str) -> Iterator[None]:
    """Have what is wrong with the values of a flag be told as argparse tells it."""
    try:
        yield
    except SettingError as error:
        parser.error(f"argument {flag}: {error}")


def fill_checkpoints(args: argparse.Namespace, preset: Preset) -> None:
    """Have the checkpoints that are not given be a preset's."""
    args.sam_checkpoint = args.sam_checkpoint or preset.sam_checkpoint
    detector = preset.words_checkpoint if args.words else preset.yolo_checkpoint
    args.yolo_checkpoint = args.yolo_checkpoint or detector
