"""A run over pictures: read, segment, draw, write, one after the other; a bad picture does not stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from sav import cli
from sav.annotations.formats import PICTURE_FORMATS
from sav.annotations.saving import Annotations
from sav.annotations.target import Target
from sav.config import MAX_PICTURE_MEGAPIXELS, SaveOptions
from sav.draw import draw_everything, draw_masks
from sav.interrupts import uninterrupted
from sav.media.pictures import output_stems, read_picture, readable, write_picture
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
    """

    done: int
    wanted: int
    objects: int
    regions: int
    save_dir: Path

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        if self.done == self.wanted:
            return cli.DONE
        return cli.PARTLY_DONE if self.done else cli.FAILED

    def __str__(self) -> str:
        return (
            f"{self.done} of {self.wanted} pictures: {self.objects} labelled objects and"
            f" {self.regions} unlabelled regions in {self.save_dir}"
        )


def segment_pictures(
    segmenter: Segmenter,
    pictures: Sequence[Path],
    save_dir: Path,
    formats: Sequence[str] = PICTURE_FORMATS,
    options: SaveOptions = SaveOptions(),
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS,
) -> Report:
    """Segment each picture and write its results; what is done when Ctrl-C comes is kept.

    Pictures of more than `max_megapixels` are refused.
    """
    made = _make_folders(save_dir, segmenter)
    done = objects = regions = 0
    stems = output_stems(pictures)
    named = list(zip(pictures, stems, strict=True))
    target = Target(save_dir / "annotations", segmenter.categories, stems=stems, options=options)
    with (
        Annotations(formats, target) as annotations,
        tqdm(named, unit="picture", dynamic_ncols=True) as progress,
    ):
        try:
            for index, (path, stem) in enumerate(progress):
                name = readable(path.name)
                progress.set_postfix_str(name)
                try:
                    frame = Frame(read_picture(path, max_megapixels), index, name)
                except (OSError, ValueError) as error:
                    progress.clear()
                    cli.tell_error(error)
                    continue
                scene = segmenter(frame)
                with uninterrupted():
                    _write_pictures(scene, save_dir, stem, segmenter.regions)
                    annotations.write(scene)
                done, objects, regions = done + 1, objects + len(scene), regions + len(scene.regions)
        except KeyboardInterrupt:
            progress.clear()
            cli.tell_error(
                f"interrupted after {done} of {len(pictures)} pictures; their results are complete"
            )
        if not done:
            annotations.folder = None
    if not done:
        _remove_empty(made)
    return Report(done, len(pictures), objects, regions, save_dir)


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
        write_picture(save_dir / "sam" / f"{stem}_sam.jpg", draw_everything(scene.frame.image, scene))
