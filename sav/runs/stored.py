"""A run that is over: its store found again, and its scenes with their pixels, which are read once more."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.errors import PictureError, ResultsError
from sav.files import check_folder, named_errors
from sav.folder.ledger import STATE, fingerprint
from sav.folder.output import OutputFolder
from sav.folder.twins import other_video
from sav.media.addresses import local_path, shown
from sav.media.opening import ReaderConfig
from sav.media.pictures import read_picture, readable
from sav.media.reader import open_video
from sav.media.save_path import annotations_folder
from sav.media.video import VideoReader
from sav.runs.pictures.catalogue import Inputs
from sav.stages.refine.config import RefineConfig
from sav.store import About, Source, Store, source_content
from sav.wording import Names, count

# In the hidden folder of the results: the store of a run that has ended, of one that is at work, or that was
# killed, and of what came out when one was refined, which is shown in its place.
STORE, UNFINISHED, REFINED = "run.sqlite", "unfinished.sqlite", "refined.sqlite"
# Million pixels: what was read once is not too large.
_ANY_SIZE = 2_000.0


def find_store(run: Path, as_found: bool = False) -> Path:
    """The store of a run.

    Args:
        run: The folder of its results or its annotations, or the video that it wrote, or the store itself.
        as_found: Take what the models and the tracker found, also where that was refined.

    Raises:
        FileNotFoundError: There is none.
        ResultsError: It is that of another video, whose name differs in its suffix alone.
    """
    if run.suffix == ".sqlite" and run.is_file():
        return run
    if not run.is_dir() and (other := other_video(run)):
        raise ResultsError(
            f"{annotations_folder(run)} has the annotations of {other}, not of {run}: give that, or the"
            " folder"
        )
    state = (run if run.is_dir() else annotations_folder(run)) / STATE
    names = (STORE, UNFINISHED) if as_found else (REFINED, STORE, UNFINISHED)
    found = [state / name for name in names if (state / name).exists()]
    if not found and not run.exists() and not state.parent.exists():
        raise FileNotFoundError(
            f"there is no {run}: give the folder of a run's results, or the video that it wrote"
        )
    if not found:
        raise FileNotFoundError(
            f"{run} has no store of a run ({state / STORE}): give the folder of a run's results, or the video"
            " that it wrote"
        )
    return found[0]


@contextlib.contextmanager
def opened(run: Path, as_found: bool = False) -> Iterator[Store]:
    """The store of a run, to be read; see `find_store`.

    Raises:
        FileNotFoundError: There is none.
        ResultsError: There is nothing in it, or it cannot be read.
    """
    with Store.open(find_store(run, as_found)) as store:
        if not len(store):
            raise ResultsError(f"nothing was found yet in the run {run}: no frame or picture is stored")
        yield store


def results_folder(store: Path) -> Path:
    """The folder of the results that a store lies in: of a run over pictures, or of a video's annotations."""
    return store.parent.parent if store.parent.name == STATE else store.parent


@dataclass(frozen=True)
class Place:
    """Where more files about a run that is over go.

    Attributes:
        output: The folder that knows which of them are ours.
        inner: The path to them from there.
    """

    output: OutputFolder
    inner: str

    @classmethod
    def of(cls, store: Store, inner: str, chosen: Path | None = None, overwrite: bool = False) -> Place:
        """`inner` in the folder of the run's own results, or a folder that somebody has chosen.

        What the run has read is never replaced.

        Raises:
            OSError: Nothing can be written there.
        """
        results = results_folder(store.path)
        if chosen is not None and chosen.resolve() != (results / inner).resolve():
            results, inner = chosen, ""
        check_folder(results)
        output = OutputFolder(results, overwrite)
        output.protect(Inputs(_place_of(store, source) for source in _sources(store)))
        return cls(output, inner)

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return self.output.folder / self.inner

    def begin(self) -> Path:
        """Make the folders; returns the one for what is not to be seen yet.

        Raises:
            WriteError: They cannot be made.
        """
        state = self.output.folder / STATE
        with named_errors(state):
            state.mkdir(parents=True, exist_ok=True)
        return state


def source_of_video(
    source: str, results: Path, start: str | None = None, end: str | None = None, stride: int = 1
) -> Source:
    """What a store remembers of a video that is read, whose annotations go to `results`.

    Raises:
        OSError: It is a file that cannot be read.
    """
    path = local_path(source)
    if path is None or not path.exists() or not (path.is_file() or path.is_dir()):
        return Source(shown(source), "", start, end, stride)
    return Source(
        os.path.relpath(path.resolve(), results.resolve()), source_content(path), start, end, stride
    )


def refined_about(about: About, config: RefineConfig) -> About:
    """What a run is about that was refined."""
    return replace(about, settings={**about.settings, "refine": asdict(config)})


def check_source(store: Store) -> None:
    """Check that the frames of a run over a video can be read again.

    Raises:
        ResultsError: The video is gone, or has changed, or can never be read twice.
    """
    source = store.about.source
    if not source.content:
        raise ResultsError(f"{source.path} cannot be read again: it is no file")
    path = _place_of(store, source.path)
    why = _why_unread(path, source.content, source_content)
    if why:
        raise ResultsError(f"{readable(str(path))} {why}")


def check_pictures(store: Store) -> None:
    """Raise ResultsError if none of the pictures of a run is at its place any more."""
    paths = Names()
    for source, _ in store.sources():
        path = _place_of(store, source)
        if path.exists():
            return
        paths.add(readable(str(path)))
    raise ResultsError(unread_line(paths))


def has_regions(store: Store) -> bool:
    """Whether a run over pictures looked for what has no name, too."""
    return bool(store.about.settings.get("regions", True))


def open_source(store: Store) -> VideoReader:
    """Open the video that a run was over.

    Raises:
        ResultsError: It is gone, or has changed, or can never be read twice.
    """
    check_source(store)
    source = store.about.source
    path = _place_of(store, source.path)
    return open_video(path, source.start, source.end, source.stride, ReaderConfig(max_megapixels=_ANY_SIZE))


def video_scenes(store: Store, reader: VideoReader) -> Iterator[Scene]:
    """The scenes of a video with the frames that `reader` gives.

    Raises:
        ResultsError: They are other frames than those that were seen.
    """
    frames = iter(reader)
    for scene in store.scenes():
        frame = next(frames, None)
        if frame is None or not _is_same(frame, scene.frame):
            raise ResultsError(f"{reader.info.name} has changed since: frame {scene.frame.index} is another")
        yield replace(scene, frame=frame)


def picture_scenes(store: Store) -> Iterator[tuple[Scene, Path | None]]:
    """The scenes of pictures, read again.

    Yields:
        A scene, and None; or one whose image is black, and the path at which its picture is no longer, or
        not as it was, or cannot be read.
    """
    for entry in store.entries():
        path = _place_of(store, entry.source)
        image = None
        if not _why_unread(path, entry.content, fingerprint):
            with contextlib.suppress(PictureError, OSError):
                image = read_picture(path, _ANY_SIZE)
        if image is None:
            yield entry.scene, path
        else:
            yield replace(entry.scene, frame=replace(entry.scene.frame, image=image)), None


def unread_scenes(store: Store) -> Iterator[tuple[Scene, None]]:
    """The scenes of pictures that are not read again: their images are black, and nobody looks at them."""
    return ((scene, None) for scene in store.scenes())


def unread_line(paths: Names) -> str:
    """What is to be said of pictures whose pixels are wanted, and are not there any more."""
    are, them, they = (
        ("is gone or has", "it", "it is") if len(paths) == 1 else ("are gone or have", "them", "they are")
    )
    return (
        f"{count(len(paths), 'picture')} {are} changed since ({paths}): put {them} back, or run seg.py again,"
        f" with --drop_gone if {they} not to come back"
    )


def _sources(store: Store) -> Iterator[str]:
    """The paths of all that was read, from the folder of the results."""
    if store.about.video is None:
        yield from (path for path, _ in store.sources())
    elif store.about.source.content:
        yield store.about.source.path


def _why_unread(path: Path, content: str, look: Callable[[Path], str]) -> str:
    """What keeps something from being read again; empty if nothing does."""
    try:
        if not path.exists():
            return "is gone"
        return "" if look(path) == content else "has changed since"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _place_of(store: Store, source: str) -> Path:
    """Where a source lies that is remembered from the folder of the results."""
    return Path(os.path.normpath(results_folder(store.path).resolve() / source))


def _is_same(frame: Frame, known: Frame) -> bool:
    return (frame.index, frame.time, frame.size_hw) == (known.index, known.time, known.size_hw)
