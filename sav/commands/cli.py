"""How the scripts run: models loaded, endings told, mistakes answered with one line."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from sav import interrupts
from sav.commands import flags
from sav.commands.console import DONE, FAILED, log_lines, steady_streams, tell, tell_error, tell_note

if TYPE_CHECKING:
    from sav.runs.report import Report
    from sav.segmenter import Segmenter


def conclude(report: Report) -> None:
    """Say how a run ended; where Ctrl-C ended it, end the program with it, whatever its threads are at."""
    if report.problem:
        tell_error(report.problem)
    tell(report)
    if interrupts.heard():
        interrupts.leave(report.status)


def load_models(args: argparse.Namespace, regions: bool = False) -> Segmenter:
    """The models that the flags name, on the device that they name; says if they are only a demo."""
    from sav.checkpoints import demo_checkpoints
    from sav.segmenter import Segmenter

    segmenter = Segmenter.load(
        yolo_checkpoint=args.yolo_checkpoint,
        sam_checkpoint=args.sam_checkpoint,
        device=args.device,
        detect=flags.detection_config(args),
        masks=flags.mask_config(args),
        regions=regions,
        offline=args.offline,
        trust_checkpoint=args.trust_checkpoint,
        precision=args.precision,
        compiled=args.compile,
    )
    demo = demo_checkpoints([args.yolo_checkpoint, args.sam_checkpoint])
    if demo:
        tell_note(
            f"{' and '.join(map(str, demo))}: a demo that has seen rendered streets alone;"
            " for photographs take official checkpoints, see model/README.md"
        )
    return segmenter


def guarded(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command; what the user can mend becomes one line and status 2."""
    # torch reads it at its first large tensor: fresh memory then comes in pages of 2 MiB, not of 4 KiB.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Of what is odd in a picture Pillow warns by lines of code; what cannot be read, the reader says itself.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with log_lines():
            return run(args)
    except KeyboardInterrupt:
        tell_error("interrupted, nothing is saved")
    except (OSError, ValueError) as error:
        if args.debug:
            raise
        tell_error(error)
    except Exception as error:
        if args.debug:
            raise
        tell_error(f"{type(error).__name__}: {error}; nobody foresaw this: --debug shows where it comes from")
    return FAILED


def script(main: Callable[[], int]) -> NoReturn:
    """Run `main` as a program: Ctrl-C is heard at any moment, and no stream that fails stops the work."""
    with steady_streams(), interrupts.handled():
        try:
            status = main()
        except SystemExit as ended:  # argparse's
            status = int(ended.code or DONE)
        interrupts.leave(status)
