"""Segment and follow every object in a video: YOLOv8 finds it, a tracker knows it again, SAM cuts it out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, place, whole
from sav.commands.console import tell, tell_note
from sav.commands.flags import looks
from sav.config import DEFAULT_TRACKER, MAX_FRAME_MEGAPIXELS, MAX_PICTURE_MEGAPIXELS, VIDEO_DETECTION
from sav.errors import DONE, SettingError

if TYPE_CHECKING:
    from sav.cluster.placing import Workers
    from sav.detectors.boxes import BoxFile
    from sav.runs.videos.job import VideoJob
    from sav.segmenter import Segmenter
    from sav.stages.refine.config import RefineConfig

# More frames than the longest video has.
_MOST_FRAMES = 1_000_000_000


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--video_path", description=__doc__)
    group = parser.add_argument_group("video and results")
    group.add_argument("--video_path", "--video", type=place, default="video.mp4", metavar="SOURCE",
                       help="a video, a folder of numbered pictures, a folder of videos, a camera's number,"
                            " or an RTSP or HTTP address (default: %(default)s)")  # fmt: skip
    group.add_argument("--save_path", type=place, default="video_test.mp4", metavar="FILE",
                       help="the MP4 to write, or for a folder of videos the folder for theirs"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--start", metavar="WHEN",
                       help="first frame: its number, or seconds (12.5s), or a time (00:01:30)")  # fmt: skip
    group.add_argument("--end", metavar="WHEN", help="first frame that is not wanted, likewise")
    group.add_argument("--stride", type=whole(1, _MOST_FRAMES), default=1, metavar="N",
                       help="take every Nth frame (default: %(default)s)")  # fmt: skip
    flags.add_encoder_flag(group)
    flags.add_model_flags(parser, "frames", " or from a camera")
    group = parser.add_argument_group("tracking")
    group.add_argument("--tracker", type=place, default=DEFAULT_TRACKER, metavar="NAME",
                       help="sav, botsort, bytetrack, or a YAML file with ultralytics' tracker keys"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--refine", nargs="*", metavar="NAME=VALUE",
                       help="put tracks right after the fact, two seconds behind: gaps filled, paths"
                            " smoothed, identities mended; its settings are in docs/refine.md")  # fmt: skip
    group.add_argument("--regions", action="store_true",
                       help="follow what has no name, too; about twice the time")  # fmt: skip
    flags.add_detection_flags(parser, VIDEO_DETECTION)
    flags.add_save_flags(parser, for_video=True)
    looks.add_looks_flags(parser.add_argument_group("how the video looks"), looks.USUAL)
    flags.add_worker_flags(parser, "a video, or a folder of them,")
    flags.add_resume_flag(parser)
    limits = f"{MAX_FRAME_MEGAPIXELS:g}, {MAX_PICTURE_MEGAPIXELS:g} in a folder of pictures"
    flags.add_general_flags(parser, limits)
    return flags.parse_models(parser, argv)


def run(args: argparse.Namespace) -> int:
    """Check the paths and open the video, load the models once, and go through the frames."""
    from sav.commands.preflight import check_boxes_of_video, check_device, check_models
    from sav.formats.registry import resolve_formats
    from sav.media.save_path import check_save_path
    from sav.media.selection import Selection
    from sav.trackers import load_config

    formats = resolve_formats(flags.formats(args), for_video=True)
    Selection.parse(args.start, args.end, args.stride)
    load_config(args.tracker)
    refine = None if args.refine is None else flags.refine_config(args.refine)
    check_device(args.device)
    boxes = check_models(args)
    folder = folder_of_videos(args)
    save_path = Path(args.save_path) if folder else check_save_path(args.save_path, args.video_path)
    if boxes:
        check_boxes_of_video(boxes, args.video_path)
    workers = cli.workers_of(args)

    from sav.runs.videos.store import check_resumable

    job = _job_of(args, tuple(formats), refine, save_path)
    check_resumable(job)
    if workers and not (folder or is_read_twice(args.video_path)):
        raise SettingError(
            f"--video_path {args.video_path} comes once, frame by frame: leave out --workers and --cluster"
        )
    if folder:
        return _do_videos(args, folder, job, workers)
    return _do_video(args, job, workers, boxes)


def _job_of(
    args: argparse.Namespace, formats: tuple[str, ...], refine: RefineConfig | None, save_path: Path
) -> VideoJob:
    """What is to be done, out of parsed flags and what was made of some of them."""
    from sav.runs.videos.job import VideoJob

    return VideoJob(
        source=args.video_path,
        save_path=save_path,
        start=args.start,
        end=args.end,
        stride=args.stride,
        tracker=args.tracker,
        regions=args.regions,
        formats=formats,
        options=flags.save_options(args),
        overwrite=args.overwrite,
        batch=args.batch,
        max_megapixels=args.max_megapixels,
        resume=args.resume,
        refine=refine,
        draw=looks.draw_config(args),
    )


def folder_of_videos(args: argparse.Namespace) -> Path | None:
    """The folder of videos that is asked for; None if it is one video.

    Raises:
        SavError: It is a folder of both videos and pictures, or comes with flags that are for one video.
    """
    from sav.media.addresses import local_path
    from sav.media.video_files import has_videos

    path = local_path(args.video_path)
    if path is None or not path.is_dir() or not has_videos(path):
        return None
    if args.boxes:
        raise SettingError(f"--boxes are those of one video, and {path} is a folder of many: name one")
    return path


def is_read_twice(source: str) -> bool:
    """Whether a source is a file or a folder, which any worker can read."""
    from sav.media.addresses import local_path

    path = local_path(source)
    return path is not None and (path.is_file() or path.is_dir())


def _do_video(args: argparse.Namespace, job: VideoJob, workers: Workers | None, boxes: BoxFile | None) -> int:
    def models() -> Segmenter:
        _tell_idle(args, job)
        return cli.load_models(args, boxes=boxes)

    asked = cli.asked_of(args) if job.resume else None
    if asked is not None:
        from sav.media.save_path import annotations_folder
        from sav.runs.videos.several import is_done

        if is_done(job, asked):
            tell(f"done before, in {job.save_path} and {annotations_folder(job.save_path)}")
            return DONE

    if workers is None:
        from sav.runs.videos.run import run_video

        with cli.told() as on_event:
            return run_video(job, models, on_event).status

    from sav.cluster.long_video import share_video

    _tell_idle(args, job)
    load = cli.models_of_workers(args)
    with cli.told() as on_event:
        return share_video(job, load, workers, on_event).status


def _do_videos(args: argparse.Namespace, folder: Path, job: VideoJob, workers: Workers | None) -> int:
    from sav.runs.videos.several import plan_videos, run_videos

    jobs = plan_videos(folder, job.save_path, job)
    _tell_idle(args, job)
    if workers is None:
        with cli.told() as on_event:
            return run_videos(jobs, lambda: cli.load_models(args), on_event, cli.asked_of(args)).status

    from sav.cluster.videos import share_videos

    load = cli.models_of_workers(args)
    with cli.told() as on_event:
        return share_videos(jobs, load, workers, on_event, cli.asked_of(args)).status


def _tell_idle(args: argparse.Namespace, job: VideoJob) -> None:
    for line in flags.idle_flags(args, job.formats):
        tell_note(line)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
