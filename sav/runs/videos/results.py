"""Where a video and its annotations go, beside or in place of those of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from sav.files import check_folder
from sav.folder.guarded import in_the_way
from sav.folder.ledger import RUN, STATE
from sav.folder.output import OutputFolder
from sav.folder.twins import other_video
from sav.formats.registry import FORMATS, VIDEO_FORMATS
from sav.media.save_path import annotations_folder, interrupted_path
from sav.runs.differences import looks_difference

# Follows the looks of a video until its annotations are in place, too.
_ALONE = " (video alone)"


class VideoResults:
    """Finds a place for the results of one run over a video; only what is ours is replaced.

    A video that is not ours is in the way of all. Annotations that are not ours are kept, and the others are
    put beside them.

    Attributes:
        save_path: Where the video shall go.
        formats: The formats of the annotations.
        overwrite: Whether files that are not ours are replaced, too.
        looks: What is wished of the files beside the defaults, in words.
    """

    def __init__(
        self,
        save_path: Path,
        formats: Sequence[str] = VIDEO_FORMATS,
        overwrite: bool = False,
        source: Path | None = None,
        looks: str = "",
    ) -> None:
        """Find out, before any work, whether the results can be written; nothing is changed by that.

        Args:
            save_path: Where the video shall go.
            formats: The formats of the annotations.
            overwrite: Replace also files that are not ours, or not any more.
            source: The file that is read, which is never replaced.
            looks: What is wished of the files beside the defaults, in words.

        Raises:
            FileExistsError: Something that is not ours has the name of the video, or its annotations would
                take the place of those of another.
            OSError: Nothing can be written there.
        """
        self.save_path, self.overwrite = save_path, overwrite
        self.formats, self.looks = formats, looks
        self._inputs = [source] if source and source.is_file() else []
        folder = annotations_folder(save_path)
        check_folder(save_path.parent)
        for path in (folder, folder / STATE):
            if path.exists():
                check_folder(path)
        if self._output(save_path).blocked([save_path]):
            raise in_the_way([save_path])
        if other := self._other(save_path):
            raise FileExistsError(
                f"{folder} has the annotations of {other}, and those of {save_path} would take their place:"
                " give it another name, or replace them with --overwrite"
            )

    def why_anew(self) -> str:
        """What to say of a run that goes on with one that drew otherwise; empty if it did not."""
        before = self._output(self.save_path).ledger.about(RUN).get("looks")
        before = self.looks if before is None else before.removesuffix(_ALONE)
        return "" if before == self.looks else f"; drawn anew: {looks_difference(before, self.looks)}"

    def put_video(self, partial: Path, path: Path) -> Path:
        """Give a finished video the name `path`, or one like it if something is in the way; returns it.

        Raises:
            WriteError: It cannot be written.
        """
        path = self._free(path)
        return self._output(path).put_beside(partial, path, {"looks": f"{self.looks}{_ALONE}"})

    def annotations(self, saved_path: Path | None) -> OutputFolder:
        """Where the annotations go that belong to a video; None for one that could not be saved.

        They never stand beside another video than theirs.
        """
        if saved_path is None:
            path = interrupted_path(self.save_path)
            saved_path = next(name for name in names_like(path) if not (name.exists() or self._blocked(name)))
        return self._output(saved_path)

    def _free(self, path: Path) -> Path:
        """The first name where nothing is in the way of the video and, but where it shall go, the others."""
        return next(name for name in names_like(path) if not self._blocked(name))

    def _blocked(self, path: Path) -> list[Path]:
        """What is in the way of a video; unless it is that which is asked for, of its annotations, too.

        Another video whose annotations would be replaced is in the way of either.
        """
        output = self._output(path)
        paths = [path]
        for name in () if path == self.save_path else self.formats:
            paths += [output.folder / common for common in FORMATS[name].common]
            paths += [found for each in FORMATS[name].each for found in sorted(output.folder.glob(each))]
        return output.blocked(paths) or [other for other in [self._other(path)] if other]

    def _other(self, path: Path) -> Path | None:
        """The video whose annotations must not be replaced by those of the one at `path`."""
        return None if self.overwrite else other_video(path)

    def _output(self, path: Path) -> OutputFolder:
        return OutputFolder(annotations_folder(path), self.overwrite, self._inputs)


def names_like(path: Path) -> Iterator[Path]:
    """`a.mp4`, `a-2.mp4`, and so on."""
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in count(2))
