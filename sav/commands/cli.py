"""How the scripts run: models loaded, endings told, mistakes answered with one line."""

from __future__ import annotations

import argparse
import contextlib
import os
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sav import interrupts
from sav.commands import flags
from sav.commands.console import Progress, log_lines, steady_streams, tell, tell_error, tell_note
from sav.errors import DONE, FAILED, SavError

if TYPE_CHECKING:
    from sav.cluster.placing import Workers
    from sav.detectors.boxes import BoxFile
    from sav.runs.events import OnEvent
    from sav.runs.report import Report, VideosReport
    from sav.runs.videos.models import Asked
    from sav.segmenter import Segmenter

# Seconds a picture.
_BEARABLE = 25.0


@contextlib.contextmanager
def told() -> Iterator[OnEvent]:
    """Show what a run tells; where Ctrl-C ended it, end the program as soon as all is saved."""
    from sav.runs.events import Event, Note, Problem, Reached, Saved

    with Progress() as progress:

        def tell_event(event: Event) -> None:
            if isinstance(event, Reached):
                progress.reach(event.position, event.total, event.unit, event.name, event.before)
            elif isinstance(event, Problem):
                tell_error(event.line)
            elif isinstance(event, Note):
                tell_note(event.line)
            elif isinstance(event, Saved):
                progress.close()
                _conclude(event.report)

        yield tell_event


def _conclude(report: Report | VideosReport) -> None:
    """Say how a run ended; after Ctrl-C end the program with it, whatever its threads are at."""
    if report.problem:
        tell_error(report.problem)
    tell(report)
    if interrupts.heard():
        interrupts.leave(report.status)


def load_models(args: argparse.Namespace, regions: bool = False, boxes: BoxFile | None = None) -> Segmenter:
    """The models that the flags name, on the device that they name; says if they are only a demo.

    `boxes` are those of the flags, where they have been read already.
    """
    line = heavy_line(args)
    if line:
        tell_note(line)
    segmenter = models_of(args, regions, boxes)()
    _tell_demo([path for what, path in segmenter.files.items() if what != "boxes"])
    return segmenter


def asked_of(args: argparse.Namespace) -> Asked | None:
    """What is known of the models that the flags name, before they are loaded; None if too little is."""
    from sav.runs.videos.models import Asked

    files = {"sam": Path(args.sam_checkpoint)}
    files["boxes" if args.boxes else "yolo"] = Path(args.boxes or args.yolo_checkpoint)
    if args.words or not all(path.exists() for path in files.values()):
        return None
    detect, masks = flags.detection_config(args), flags.mask_config(args)
    return Asked(files, detect, masks, args.everything, args.precision)


def models_of_workers(args: argparse.Namespace, regions: bool = False) -> Callable[[], Segmenter]:
    """What loads the models in each worker, once it is here what all of them need."""
    from sav.checkpoints import find_checkpoints

    wanted = [args.sam_checkpoint] if args.boxes else [args.sam_checkpoint, args.yolo_checkpoint]
    _tell_demo(find_checkpoints(wanted, args.offline))
    return models_of(args, regions)


def _tell_demo(checkpoints: Sequence[Path]) -> None:
    from sav.checkpoints import demo_checkpoints

    demo = demo_checkpoints(checkpoints)
    if demo:
        tell_note(
            f"{' and '.join(map(str, demo))}: a demo that has seen rendered streets alone;"
            " for photographs take official checkpoints, see model/README.md"
        )


def models_of(
    args: argparse.Namespace, regions: bool = False, boxes: BoxFile | None = None
) -> Callable[[], Segmenter]:
    """What loads the models that the flags name; can be sent to another process."""
    from sav.segmenter import Segmenter

    return partial(
        Segmenter.load,
        yolo_checkpoint=args.yolo_checkpoint,
        boxes=boxes or args.boxes,
        words=args.words,
        text_checkpoint=args.text_checkpoint,
        sam_checkpoint=args.sam_checkpoint,
        device=args.device,
        detect=flags.detection_config(args),
        masks=flags.mask_config(args),
        regions=regions,
        everything=args.everything,
        offline=args.offline,
        trust_checkpoint=args.trust_checkpoint,
        precision=args.precision,
        compiled=args.compile,
    )


def workers_of(args: argparse.Namespace) -> Workers | None:
    """Who shares out the work; None where one does it all, in this process.

    Raises:
        SavError: There is no room for so many, Ray is missing, or nobody answers at the address.
    """
    if args.workers == 1 and args.cluster is None:
        return None
    from sav.cluster.placing import Workers, settled

    is_open = args.cluster is not None and args.workers == 1
    return settled(Workers(None if is_open else args.workers, args.cluster, args.device))


def heavy_line(args: argparse.Namespace) -> str:
    """What to say first of defaults that are too slow here or still to come; empty if they are neither."""
    from sav.presets import DEFAULT_PRESET, PRESETS

    best, light = PRESETS[DEFAULT_PRESET], PRESETS["light"]
    if args.preset or args.sam_checkpoint != best.sam_checkpoint:
        return ""
    lighter = (
        f"--preset light takes {light.megabytes} MB and suits laptops, --preset auto what suits this machine"
    )
    if not Path(args.sam_checkpoint).exists():
        return f"2.6 GB are downloaded first, to {args.sam_checkpoint}; {lighter}"

    from sav.device import choose_device, choose_precision
    from sav.sam.speed import least_seconds

    device = choose_device(args.device)
    seconds = least_seconds(device, choose_precision(args.precision, device))
    if seconds < _BEARABLE:
        return ""
    return f"SAM's huge encoder takes {seconds:.0f} s a picture here, or more; {lighter}"


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
    except (SavError, OSError) as error:
        if args.debug:
            raise
        tell_error(error)
    except Exception:  # a fault of the program's own, of which every line may help
        traceback.print_exc()
    return FAILED


def script(main: Callable[[], int], is_all_said: bool = False) -> NoReturn:
    """Run `main` as a program: Ctrl-C is heard at any moment, and no stream that fails stops the work.

    Args:
        main: Returns the exit status.
        is_all_said: Whether what it says is all its work, as that of --help and --version always is: it has
            failed where it cannot be said.
    """
    with steady_streams() as stdout, interrupts.handled():
        try:
            status = main()
        except SystemExit as ended:  # argparse's
            status, is_all_said = int(ended.code or DONE), True
        stdout.flush()
        interrupts.leave(FAILED if is_all_said and stdout.has_failed else status)
