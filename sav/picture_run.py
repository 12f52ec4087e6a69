"""A run over pictures: read, segment, draw, write, one after the other; a bad picture does not stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import OutOfMemoryError

from sav.annotations.formats import PICTURE_FORMATS
from sav.annotations.saving import Annotations
from sav.annotations.target import Target
from sav.config import MAX_PICTURE_MEGAPIXELS, SaveOptions
from sav.console import DONE, FAILED, PARTLY_DONE, Progress, count, tell_error
from sav.drawing import draw_everything, draw_masks
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import output_stems, read_picture, readable, write_picture
from sav.pipeline import overlap
from sav.scene import Scene
from sav.segment import Segmenter
from sav.types import Frame


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Attributes:
        done: Pictures segmented.
        wanted: Pictures asked for.
        objects: Labelled objects found.
        regions: Unlabelled regions found.
        save_dir: Where the results are.
        problem: What ended the run before its end; empty if nothing did.
    """

    done: int
    wanted: int
    objects: int
    regions: int
    save_dir: Path
    problem: str

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        if self.done == self.wanted:
            return DONE
        return PARTLY_DONE if self.done else FAILED

    def __str__(self) -> str:
        found = f"{count(self.objects, 'labelled object')} and {count(self.regions, 'unlabelled region')}"
        return f"{self.done} of {count(self.wanted, 'picture')}: {found} in {self.save_dir}"


def segment_pictures(
    segmenter: Segmenter,
    pictures: Sequence[Path],
    save_dir: Path,
    formats: Sequence[str] = PICTURE_FORMATS,
    options: SaveOptions = SaveOptions(),
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS,
    when_saved: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Segment each picture and write its results; what is done when Ctrl-C comes is kept.

    Pictures of more than `max_megapixels` are refused. `when_saved` is called as soon as all files are in
    place; the models may then still be in the middle of a picture, which nobody wants after Ctrl-C.
    """
    with (
        Progress(len(pictures), "picture") as progress,
        closing(overlap(_segmented(segmenter, pictures, max_megapixels, progress), capacity=1)) as scenes,
    ):
        report = _write(scenes, segmenter, pictures, save_dir, formats, options)
        progress.close()
        when_saved(report)
    return report


def _segmented(
    segmenter: Segmenter, pictures: Sequence[Path], max_megapixels: float, progress: Progress
) -> Iterator[Scene | Exception]:
    """Each picture's scene, or why there is none."""
    for index, path in enumerate(pictures):
        name = readable(path.name)
        progress.reach(index, name)
        try:
            frame = Frame(read_picture(path, max_megapixels), index, name)
        except (OSError, ValueError) as error:
            yield error
            continue
        try:
            scene = segmenter(frame, on_progress=partial(_reach, progress, index, name))
        except (MemoryError, OutOfMemoryError):
            yield MemoryError(
                f"{path} cannot be segmented: there is not enough memory for a picture so large"
            )
            continue
        yield scene
    progress.reach(len(pictures))


def _reach(progress: Progress, index: int, name: str, share: float) -> None:
    progress.reach(index + share, name)


def _write(
    scenes: Iterable[Scene | Exception],
    segmenter: Segmenter,
    pictures: Sequence[Path],
    save_dir: Path,
    formats: Sequence[str],
    options: SaveOptions,
) -> Report:
    """Write what comes of each picture, until the last or Ctrl-C."""
    done = objects = regions = 0
    problem = ""
    made = _make_folders(save_dir, segmenter)
    stems = output_stems(pictures)
    target = Target(save_dir / "annotations", segmenter.categories, stems=stems, options=options)
    with Annotations(formats, target) as annotations:
        try:
            with working():
                for scene, stem in zip(scenes, stems, strict=True):
                    if isinstance(scene, Exception):
                        tell_error(scene)
                        continue
                    with uninterrupted():
                        _write_pictures(scene, save_dir, stem, segmenter.regions)
                        annotations.write(scene)
                        anything_is_saved()
                    done, objects, regions = done + 1, objects + len(scene), regions + len(scene.regions)
        except KeyboardInterrupt:
            saved = "their results are complete" if done else "nothing is saved"
            problem = f"interrupted after {done} of {count(len(pictures), 'picture')}; {saved}"
        if not done:
            annotations.folder = None
    if not done:
        _remove_empty(made)
    return Report(done, len(pictures), objects, regions, save_dir, problem)


def _make_folders(save_dir: Path, segmenter: Segmenter) -> list[Path]:
    """Make the folders of the results, and return those that were not there, the inner ones first."""
    names = ("our", "mask", *(["sam"] if segmenter.regions else []))
    missing = [path for path in [*(save_dir / name for name in names), save_dir] if not path.exists()]
    for name in names:
        (save_dir / name).mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if not any(folder.iterdir()):
            folder.rmdir()


def _write_pictures(scene: Scene, save_dir: Path, stem: str, with_plain_sam: bool) -> None:
    write_picture(save_dir / "our" / f"{stem}_our.jpg", scene.overlay())
    write_picture(save_dir / "mask" / f"{stem}_mask.png", draw_masks(scene))
    if with_plain_sam:
        write_picture(save_dir / "sam" / f"{stem}_sam.jpg", draw_everything(scene))
