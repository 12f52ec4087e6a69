"""Which pictures a run will segment and where their results go, found out before any model is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sav.config import MAX_PICTURE_MEGAPIXELS, SaveOptions
from sav.errors import ResultsError
from sav.files import check_folder
from sav.folder.ledger import STATE, Ledger
from sav.folder.output import OutputFolder
from sav.formats.registry import FORMATS
from sav.looks import DrawConfig
from sav.media.pictures.paths import PathList
from sav.runs.kept import kept_lines
from sav.runs.pictures.catalogue import Catalogue, Inputs
from sav.runs.pictures.stems import Stems

ANNOTATIONS = "annotations"
# The pictures of one picture's results: the folder, and what follows the name.
DRAWN = {"our": "_our.jpg", "mask": "_mask.png", "sam": "_sam.jpg"}


@dataclass(frozen=True)
class PicturePlan:
    """A run over pictures that can begin.

    Attributes:
        output: The folder of the results.
        pictures: The pictures to segment.
        stems: A name for each picture's results.
        formats: The formats of the annotations.
        options: What is wished of single formats.
        drawn: The folders of `DRAWN` that are wanted.
        kept: Files that have the name of a result and are not ours: they stay, and the result is left out.
            With `resume` nobody knows yet which results there will be.
        left_out: How many pictures are left out, since they are results of earlier runs into the folder.
        batch: Pictures that the models take at once; None for what suits the device.
        max_megapixels: Million pixels above which a picture is refused.
        resume: Skip pictures that an earlier run like this one has done.
        draw: What is drawn on the overlays, and how.
        drop_gone: Take out of the data set what earlier runs found in pictures that are no longer there.
    """

    output: OutputFolder
    pictures: Sequence[Path]
    stems: Stems
    formats: Sequence[str]
    options: SaveOptions = field(default_factory=SaveOptions)
    drawn: Sequence[str] = tuple(DRAWN)
    kept: Sequence[Path] = ()
    left_out: int = 0
    batch: int | None = None
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS
    resume: bool = False
    draw: DrawConfig = DrawConfig()
    drop_gone: bool = False

    @property
    def kept_lines(self) -> list[str]:
        """What is to be said of the kept files."""
        return kept_lines(self.kept, self.output)

    @cached_property
    def places(self) -> list[str]:
        """The folders that hold files of each picture, as far as they are wanted."""
        each = {place for name in self.formats if FORMATS[name].each for place in FORMATS[name].places}
        return [*(f"{name}/" for name in self.drawn), *(f"{ANNOTATIONS}/{place}/" for place in sorted(each))]

    @property
    def save_dir(self) -> Path:
        """The folder of the results."""
        return self.output.folder


def plan_pictures(
    pictures: Sequence[Path],
    save_dir: Path,
    formats: Sequence[str],
    *,
    regions: bool = True,
    overwrite: bool = False,
    options: SaveOptions = SaveOptions(),
    batch: int | None = None,
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS,
    resume: bool = False,
    draw: DrawConfig = DrawConfig(),
    drop_gone: bool = False,
) -> PicturePlan:
    """Find out whether the results of a run can be written; nothing is changed by that.

    Args:
        pictures: The pictures to segment.
        save_dir: Where the results go, perhaps beside those of earlier runs.
        formats: The formats of the annotations.
        regions: Whether there are `sam/` pictures.
        overwrite: Replace also files that are not ours, or not any more.
        options: What is wished of single formats.
        batch: Pictures that the models take at once; None for what suits the device.
        max_megapixels: Million pixels above which a picture is refused.
        resume: Skip pictures that an earlier run like this one has done.
        draw: What is drawn on the overlays, and how.
        drop_gone: Take out of the data set what earlier runs found in pictures that are no longer there.

    Raises:
        OSError: The folder cannot be written.
        ResultsError: All pictures are results of earlier runs.
    """
    drawn = [name for name in DRAWN if regions or name != "sam"]
    _check_folders(save_dir, [*drawn, *_annotation_folders(formats)])
    output = OutputFolder(save_dir, overwrite)
    catalogue = Catalogue(pictures, save_dir, lambda source: _is_result(source, output.ledger))
    if not catalogue.paths:
        raise ResultsError(
            f"{pictures[0]} is a result of an earlier run into {save_dir}: give another folder"
        )

    output.protect(Inputs(catalogue.paths))
    stems = Stems(catalogue, output.ledger, joined_files(save_dir))
    places = () if resume else _places(save_dir, stems, drawn, formats)
    return PicturePlan(
        output=output,
        pictures=catalogue.paths,
        stems=stems,
        formats=formats,
        options=options,
        drawn=drawn,
        kept=PathList(path for path in places if output.blocked([path], thorough=False)),
        left_out=len(catalogue.left_out),
        batch=batch,
        max_megapixels=max_megapixels,
        resume=resume,
        draw=draw,
        drop_gone=drop_gone,
    )


def joined_files(save_dir: Path) -> list[Path]:
    """The files that tell of all pictures."""
    return [
        save_dir / ANNOTATIONS / path
        for found in FORMATS.values()
        if found.pictures and not found.each
        for path in found.common
    ]


def _check_folders(save_dir: Path, names: Sequence[str]) -> None:
    check_folder(save_dir)
    for name in [*names, STATE]:
        if os.path.lexists(save_dir / name):
            check_folder(save_dir / name)


def _annotation_folders(formats: Sequence[str]) -> list[str]:
    paths = [path for name in formats for path in (*FORMATS[name].common, *FORMATS[name].each)]
    return sorted({str(parent) for path in paths for parent in (Path(ANNOTATIONS) / path).parents} - {"."})


def _is_result(source: str, ledger: Ledger) -> bool:
    """Whether a picture, by its path from the folder of the results, is one of an earlier run."""
    is_inside = not source.startswith(os.pardir + os.sep) and not os.path.isabs(source)  # noqa: PTH117
    return is_inside and ledger.looks_ours(ledger.folder / source)


def _places(
    save_dir: Path, stems: Iterable[str], drawn: Sequence[str], formats: Sequence[str]
) -> Iterator[Path]:
    """What is there under the names of files of each picture, as far as those are known, and of all."""
    for name in formats:
        yield from (save_dir / ANNOTATIONS / path for path in FORMATS[name].common)
    each = [path for name in formats for path in FORMATS[name].each if path.count("*") == 1]
    patterns = [f"{name}/*{DRAWN[name]}" for name in drawn] + [f"{ANNOTATIONS}/{path}" for path in each]
    where = [save_dir / path for path in patterns if _holds_anything((save_dir / path).parent)]
    parts = [str(path).rpartition("*") for path in where]
    for stem in stems if parts else ():
        yield from map(Path, filter(os.path.lexists, (f"{head}{stem}{tail}" for head, _, tail in parts)))


def _holds_anything(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
