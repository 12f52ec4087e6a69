"""What the command lines share: their flags, their checks, and how they end."""

from __future__ import annotations

import argparse
import difflib
import os
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from sav import interrupts
from sav.annotations.formats import ALL, PICTURE_FORMATS, VIDEO_FORMATS, format_names
from sav.config import (
    CUTOUT_VIDEOS,
    MATTES,
    PICTURE_DETECTION,
    PRECISIONS,
    DetectionConfig,
    MaskConfig,
    SaveOptions,
)
from sav.console import DONE, FAILED, steady_streams, tell, tell_error


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a mistake with one line, and a forgotten `--` with the flag."""

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Parse, and explain what is left over."""
        parsed, extra = self.parse_known_args(args, namespace)
        if extra:
            self.error(self._explain(extra))
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with status 2."""
        self.exit(FAILED, f"error: {message} (see --help)\n")

    def _explain(self, extra: Sequence[str]) -> str:
        flags = {option.lstrip("-"): option for action in self._actions for option in action.option_strings}
        for word in extra:
            bare = word.lstrip("-").partition("=")[0].replace("-", "_")
            if bare in flags:
                return f"'{word}' is not understood; did you mean {flags[bare]}?"
        for word in extra:
            close = difflib.get_close_matches(word.lstrip("-").partition("=")[0], flags, n=1)
            if word.startswith("-") and close:
                return f"there is no flag '{word}'; did you mean {flags[close[0]]}?"
        return f"'{extra[0]}' belongs to no flag"


def add_model_flags(parser: argparse.ArgumentParser, defaults: DetectionConfig = PICTURE_DETECTION) -> None:
    """Flags that say which models to run, on what, and what the detector keeps."""
    parser.add_argument(
        "--sam_checkpoint",
        default="model/sam_vit_h_4b8939.pth",
        metavar="FILE",
        help="any segment_anything ViT checkpoint (default: %(default)s)",
    )
    parser.add_argument(
        "--yolo_checkpoint",
        default="model/yolov8x.pt",
        metavar="FILE",
        help="any ultralytics detection checkpoint (default: %(default)s)",
    )
    parser.add_argument("--offline", action="store_true", help="never download a missing official checkpoint")
    parser.add_argument(
        "--device",
        default="auto",
        help="auto (CUDA, then MPS, then CPU), cuda, cuda:1, mps or cpu (default: auto)",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="float32: segment_anything's masks to the last pixel; auto: the fastest that shows no "
        "difference; bfloat16, float16: SAM's encoder in that precision (default: auto)",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile SAM's encoder with torch.compile: a minute or more at start, then faster frames",
    )
    parser.add_argument(
        "--conf",
        type=share,
        default=defaults.conf,
        metavar="SCORE",
        help="lowest score of a detection (default: %(default)s)",
    )
    parser.add_argument(
        "--iou",
        type=share,
        default=defaults.iou,
        metavar="IOU",
        help="overlap above which the weaker of two boxes goes (default: %(default)s)",
    )
    parser.add_argument(
        "--imgsz",
        type=positive,
        default=defaults.imgsz,
        metavar="PIXELS",
        help="long side of the picture inside the detector (default: %(default)s)",
    )
    parser.add_argument(
        "--max_det",
        type=positive,
        default=defaults.max_det,
        metavar="N",
        help="most detections in a picture (default: %(default)s)",
    )
    parser.add_argument(
        "--duplicate_iou",
        type=share,
        default=MaskConfig().duplicate_iou,
        metavar="IOU",
        help="of objects of one class whose masks overlap by more than this, one stays; 1 keeps all"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        default=(),
        metavar="CLASS",
        help="names or ids of the classes to keep (default: all)",
    )


def add_save_flags(parser: argparse.ArgumentParser, for_video: bool) -> None:
    """Flags that say which annotation files to write, and how."""
    default = VIDEO_FORMATS if for_video else PICTURE_FORMATS
    known = ", ".join(format_names(for_video))
    parser.add_argument(
        "--save",
        nargs="+",
        default=default,
        metavar="FORMAT",
        help=f"annotation files to write: {known}, or {ALL} (default: {' '.join(default)})",
    )
    if not for_video:
        return
    options = SaveOptions()
    parser.add_argument(
        "--yolo_track_ids",
        action="store_true",
        help="end each line of yolo's labels with the track id, as ultralytics does; not for training",
    )
    parser.add_argument(
        "--cutout_ids",
        nargs="+",
        type=positive,
        default=options.cutout_ids,
        metavar="ID",
        help="track ids of the objects that cutout cuts out (default: all)",
    )
    parser.add_argument(
        "--cutout_matte",
        choices=MATTES,
        default=options.cutout_matte,
        help="cutout's matte as one grey MP4, or as a PNG a frame (default: %(default)s)",
    )
    parser.add_argument(
        "--cutout_video",
        choices=CUTOUT_VIDEOS,
        default=options.cutout_video,
        help="cutout's video as ProRes 4444, or as VP9 with alpha (default: %(default)s)",
    )


def save_options(args: argparse.Namespace) -> SaveOptions:
    """What is wished of single formats, out of track.py's parsed flags."""
    return SaveOptions(args.yolo_track_ids, tuple(args.cutout_ids), args.cutout_matte, args.cutout_video)


def detection_config(args: argparse.Namespace) -> DetectionConfig:
    """The detector's settings out of parsed flags."""
    return DetectionConfig(args.conf, args.iou, args.imgsz, args.max_det, tuple(args.classes))


def mask_config(args: argparse.Namespace) -> MaskConfig:
    """What is done with masks, out of parsed flags."""
    return MaskConfig(args.duplicate_iou)


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


class Report(Protocol):
    """How a run ended."""

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""

    @property
    def problem(self) -> str:
        """What ended the run before all was done; empty if nothing did."""


def conclude(report: Report) -> None:
    """Say how a run ended; where Ctrl-C ended it, end the program with it, whatever its threads are at."""
    if report.problem:
        tell_error(report.problem)
    tell(report)
    if interrupts.heard():
        interrupts.leave(report.status)


def guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command; what the user can mend becomes one line and status 2."""
    # torch reads it at its first large tensor: fresh memory then comes in pages of 2 MiB, not of 4 KiB.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Of what is odd in a picture Pillow warns by lines of code; what cannot be read, the reader says itself.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return run(args)
    except (OSError, ValueError) as error:
        tell_error(error)
    except KeyboardInterrupt:
        tell_error("interrupted, nothing is saved")
    return FAILED


def script(main: Callable[[], int]) -> NoReturn:
    """Run `main` as a program: Ctrl-C is heard at any moment, and no stream that fails stops the work."""
    with steady_streams(), interrupts.handled():
        try:
            status = main()
        except SystemExit as ended:  # argparse's
            status = int(ended.code or DONE)
        interrupts.leave(status)
