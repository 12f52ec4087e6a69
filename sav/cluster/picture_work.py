"""What a worker does with pictures: all that belongs to each; only putting in place is left."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sav.data.scene import Scene
from sav.errors import PictureError, WriteError
from sav.files import sync_files
from sav.runs.pictures.files import Made, PictureFiles
from sav.runs.pictures.scenes import read_frame, scenes_of
from sav.runs.pictures.store import about_pictures
from sav.runs.pictures.writing import problem_of
from sav.store import About

if TYPE_CHECKING:
    from sav.segmenter import Segmenter

# What a worker that sees the driver's folder finds in it.
TOKEN = "token"


@dataclass(frozen=True)
class Errand:
    """A picture that is to be done.

    Attributes:
        position: Its place among the pictures of the run.
        path: It.
        stem: What its results are called.
        stamp: Its size and time of change where the run was begun; None if it was not to be seen there.
        content: What is in the file, for workers that do not see it; else None.
    """

    position: int
    path: Path
    stem: str
    stamp: tuple[int, int] | None
    content: bytes | None = None


@dataclass(frozen=True)
class PictureTask:
    """Pictures that the models take at once.

    Attributes:
        errands: They.
        workshop: A folder where files are made that are put in place then, for workers that see it.
        token: What is in `TOKEN` in there.
    """

    errands: Sequence[Errand]
    workshop: Path
    token: str


@dataclass(frozen=True, eq=False)
class Delivery:
    """What came of one picture.

    Attributes:
        made: What was found, and what files there are; None if there is an error.
        error: Why nothing came of it; None if something did.
        lines: What is to be said of files that could not be made.
        folder: The name of the folder in the workshop with the files.
        files: The files by their paths, of a worker that does not see the workshop; else None.
        is_unseen: Whether the picture's file is not to be seen here: its content must be sent.
    """

    made: Made | None = None
    error: Exception | None = None
    lines: Sequence[str] = ()
    folder: str = ""
    files: Mapping[str, bytes] | None = None
    is_unseen: bool = False


@dataclass(frozen=True)
class Hello:
    """What a worker says of its models.

    Attributes:
        about: What the run is about.
        batch: How many pictures they take at once where nothing else is said.
        regions: Whether they look for what has no name.
    """

    about: About
    batch: int
    regions: bool


@dataclass
class PictureWork:
    """Reads pictures, has them segmented, and makes their files; while one is at the models, others are not.

    Attributes:
        load: Loads the models.
        files: What is wanted of each picture.
        max_megapixels: Million pixels above which a picture is refused.
    """

    load: Callable[[], Segmenter]
    files: PictureFiles
    max_megapixels: float
    _segmenter: Segmenter = field(init=False)

    def __post_init__(self) -> None:
        self._segmenter = self.load()
        # All tasks are in threads of their own; models, and their CUDA graphs, like to stay in one.
        self._models = ThreadPoolExecutor(1)

    def hello(self) -> Hello:
        """What the models are."""
        segmenter = self._segmenter
        return Hello(about_pictures(segmenter), segmenter.batch, segmenter.regions)

    def __call__(self, task: PictureTask) -> list[Delivery]:
        """What came of each picture."""
        with contextlib.ExitStack() as stack:
            paths = [stack.enter_context(_at_hand(errand)) for errand in task.errands]
            if None in paths:
                return [Delivery(is_unseen=True) for _ in paths]
            pairs = list(zip(task.errands, [path for path in paths if path is not None], strict=True))
            frames = [read_frame(path, errand.position, self.max_megapixels) for errand, path in pairs]
            scenes = self._models.submit(scenes_of, frames, self._segmenter).result()
            return [
                self._delivered(task, errand, path, scene)
                for (errand, path), scene in zip(pairs, scenes, strict=True)
            ]

    def _delivered(self, task: PictureTask, errand: Errand, path: Path, scene: Scene | Exception) -> Delivery:
        lines: list[str] = []
        try:
            if isinstance(scene, Exception):
                raise scene
            if _sees(task):
                folder = task.workshop / uuid.uuid4().hex  # another may have died in the middle of one
                folder.mkdir()
                made = self.files.make(path, scene, errand.stem, folder, lines.append)
                sync_files(_files_in(folder))
                return Delivery(made, lines=lines, folder=folder.name)
            with tempfile.TemporaryDirectory() as far:
                made = self.files.make(path, scene, errand.stem, Path(far), lines.append)
                files = {file.relative_to(far).as_posix(): file.read_bytes() for file in _files_in(Path(far))}
            return Delivery(made, lines=lines, files=files)
        except WriteError as error:
            return Delivery(error=error, lines=lines)
        except Exception as error:
            line = problem_of(errand.path, error).line.replace(str(path), str(errand.path))
            return Delivery(error=PictureError(line), lines=lines)


@contextlib.contextmanager
def _at_hand(errand: Errand) -> Iterator[Path | None]:
    """The picture's file here; None if it is not the one that is meant."""
    if errand.content is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / errand.path.name
            path.write_bytes(errand.content)
            yield path
        return
    yield errand.path if errand.stamp in (None, stamp_of(errand.path)) else None


def stamp_of(path: Path) -> tuple[int, int] | None:
    """What tells whether two computers see the same file; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _sees(task: PictureTask) -> bool:
    try:
        return (task.workshop / TOKEN).read_text() == task.token
    except OSError:
        return False


def _files_in(folder: Path) -> list[Path]:
    return sorted(Path(place) / name for place, _, names in os.walk(folder) for name in names)
