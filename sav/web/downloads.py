"""The files that a visitor can take home, made when they are asked for."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from sav.drawing.overlay import draw_masks
from sav.errors import ResultsError
from sav.files import whole_file
from sav.formats.registry import FORMATS, format_names
from sav.formats.target import Target
from sav.media.pictures import output_stems, write_picture
from sav.runs.events import Event, Problem
from sav.runs.export import ExportJob, run_export
from sav.runs.saving import Writers
from sav.web.picture import Picture

# What the formats are called that the page names first; the others go by their own names.
TITLES = {
    "coco": "COCO",
    "cutout": "Cut-outs",
    "png": "Masks (PNG)",
    "yolo": "YOLO",
    "cvat": "CVAT",
    "csv": "CSV",
    "mot": "MOT",
    "mots": "MOTS",
    "youtubevis": "YouTube-VIS",
}


def stem_of(name: str) -> str:
    """The name that a visitor's file gives to its results."""
    return output_stems([Path(name)])[0] or "result"


def file_name(stem: str, format_name: str) -> str:
    """What a format's files are downloaded as: the one that there is, or an archive of them."""
    found = FORMATS[format_name]
    if found.each or len(found.common) > 1:
        return f"{stem}_{format_name}.zip"
    return f"{stem}_{found.common[0]}"


def of_picture(name: str) -> dict[str, str]:
    """The titles of all files about a picture of that name, by what each is downloaded as."""
    stem = stem_of(name)
    drawn = {f"{stem}_our.jpg": "Overlay", f"{stem}_mask.png": "Masks"}
    return drawn | _of_formats(stem, for_video=False)


def of_video(video: Path, name: str) -> dict[str, str]:
    """The titles of all files about a video of that name, of which `video` was made, likewise."""
    return {video.name: "Video (MP4)"} | _of_formats(stem_of(name), for_video=True)


def of_still(name: str) -> dict[str, str]:
    """The titles of all files about a single frame, `name`, of a video, likewise."""
    drawn, cut_out = f"{stem_of(name)}_our.jpg", file_name(stem_of(name), "cutout")
    return {drawn: "Overlay of this frame", cut_out: "Cut-outs of this frame"}


def _of_formats(stem: str, for_video: bool) -> dict[str, str]:
    names = format_names(for_video)
    first = [known for known in TITLES if known in names]
    ordered = [*first, *(known for known in names if known not in first)]
    return {file_name(stem, known): TITLES.get(known, known) for known in ordered}


def write_of_picture(picture: Picture, file: str, folder: Path) -> Path:
    """Write one of the files of `of_picture` into a folder, about what is wanted of a picture.

    Returns:
        Where it is; a picture too large for a JPEG becomes a PNG.

    Raises:
        ResultsError: The format cannot hold it.
    """
    name = picture.scene.frame.name
    stem = stem_of(name)
    path = folder / file
    if file == f"{stem}_our.jpg":
        return write_picture(path, picture.drawn())
    if file == f"{stem}_mask.png":
        return write_picture(path, draw_masks(picture.wanted))
    (format_name,) = (known for known in FORMATS if file_name(stem, known) == file)
    return _write_format(picture, format_name, path)


def _write_format(picture: Picture, format_name: str, path: Path) -> Path:
    problems: list[str] = []
    scene = picture.wanted
    with tempfile.TemporaryDirectory(dir=path.parent) as staging:
        target = Target(path.parent, scene.categories)
        writers = Writers([format_name], target, Path(staging), problems.append)
        writers.write(scene)
        writers.close()
        if problems:
            raise ResultsError(problems[0])
        return pack(Path(staging), sorted(FORMATS[format_name].places), path)


def write_of_video(video: Path, name: str, file: str, folder: Path, ids: tuple[int, ...] = ()) -> Path:
    """Write one of the files of `of_video`, out of what the run has stored, into a folder.

    `ids` are those of the tracks that are wanted; none means all.

    Raises:
        SavError: The format cannot hold it.
    """
    stem, problems = stem_of(name), list[str]()

    def note(event: Event) -> None:
        if isinstance(event, Problem):
            problems.append(event.line)

    (format_name,) = (known for known in FORMATS if file_name(stem, known) == file)
    with tempfile.TemporaryDirectory(dir=folder) as staging:
        made = Path(staging) / "made"
        run_export(ExportJob(video, (format_name,), made, ids=ids), note)
        if problems:
            raise ResultsError(problems[0])
        return pack(made, sorted(FORMATS[format_name].places), folder / file)


def pack(folder: Path, places: Iterable[str], path: Path) -> Path:
    """Put what lies at places in a folder into one file: an archive where `path` is one, else as it is."""
    with whole_file(path) as partial:
        if path.suffix == ".zip":
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
                for file in _files(folder, places):
                    archive.write(file, file.relative_to(folder))
        else:
            (found,) = _files(folder, places)
            partial.write_bytes(found.read_bytes())
    return path


def _files(folder: Path, places: Iterable[str]) -> list[Path]:
    found = []
    for place in places:
        path = folder / place
        found += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []
        found += [path] if path.is_file() else []
    return found
