"""What visitors have handed in and got: each under a name that nobody can guess, for an hour."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sav.errors import ResultsError
from sav.web import downloads
from sav.web.clicks import Click
from sav.web.picture import Picture, shown
from sav.web.result import GONE, Result

# Seconds for which what nobody asks for is kept, and bytes of pictures and masks in memory above which those
# go that were used longest ago.
_KEPT, _MOST_HELD = 3600.0, 1e9
# Pictures that are drawn at once: each takes several times its own size.
_DRAWN_AT_ONCE = 2
# Bytes of the disk that stay free.
_LEAST_FREE = 2 * 10**9


@dataclass
class Opening:
    """A file that is being looked at for a visitor, who waits for the result.

    Attributes:
        visitor: Whose it is.
        is_left: Whether the visitor has gone on to another file, or away.
    """

    visitor: str
    is_left: bool = False


class Results:
    """All of them, in a folder that goes with the program."""

    def __init__(
        self,
        root: Path,
        keep_seconds: float = _KEPT,
        max_bytes: float = _MOST_HELD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep nothing yet.

        Args:
            root: An empty folder.
            keep_seconds: How long something is kept that nobody asks for.
            max_bytes: Bytes in memory above which the pictures go that were used longest ago.
            clock: Gives the seconds.
        """
        self.uploads, self._made = root / "uploads", root / "made"
        for folder in (self.uploads, self._made):
            folder.mkdir()
        self._keep_seconds, self._max_bytes, self._clock = keep_seconds, max_bytes, clock
        self._all: dict[str, Result] = {}
        self._openings: dict[str, Opening] = {}
        self._lock = threading.RLock()
        self._drawing = threading.Semaphore(_DRAWN_AT_ONCE)

    def expect(self, visitor: str) -> Opening:
        """Note that a file is being looked at for a visitor; what the visitor had before it is let go."""
        with self._lock:
            self.let_go(visitor)
            opening = self._openings[visitor] = Opening(visitor)
        return opening

    def expect_no_more(self, opening: Opening) -> None:
        """Forget an opening; a result that comes of it later is not kept."""
        with self._lock:
            opening.is_left = True
            if self._openings.get(opening.visitor) is opening:
                del self._openings[opening.visitor]

    def add(
        self,
        visitor: str,
        upload: Path,
        kind: str,
        picture: Picture | None = None,
        opening: Opening | None = None,
    ) -> Result:
        """Begin a result; what the visitor had before it is let go, without an `opening` that did so.

        Raises:
            ResultsError: The file is not one that was handed in, or its visitor has left since `opening`.
        """
        if not upload.resolve().is_relative_to(self.uploads.resolve()) or not upload.is_file():
            raise ResultsError(GONE)
        token = secrets.token_urlsafe(24)
        folder = self._made / token
        folder.mkdir()
        result = Result(token, visitor, upload, kind, folder, picture, used=self._clock())
        with self._lock:
            if opening is None:
                self.let_go(visitor)
            elif opening.is_left:
                folder.rmdir()
                raise ResultsError(GONE)
            self._all[token] = result
            self._bound()
        return result

    def get(self, token: str) -> Result:
        """The result of that name.

        Raises:
            ResultsError: It is gone, or never was.
        """
        with self._lock:
            result = self._all.get(token)
            if result is None:
                raise ResultsError(GONE)
            result.used = self._clock()
            return result

    def change(self, token: str, change: Callable[[Picture], Picture]) -> Result:
        """Put a picture in another's place; one change after the other.

        Raises:
            ResultsError: It is gone.
        """
        result = self.get(token)
        with result.lock:
            was_left = result.is_left
            result.picture = change(result.known)
            result.version += 1
        self._keep(result, was_left)
        return result

    def pause(self, token: str, click: Click) -> tuple[Result, int]:
        """Change what is selected in a video, show that in the frame at that time, and say how much it is.

        Raises:
            SavError: It is gone, or there is none yet.
        """
        result = self.get(token)
        with result.lock, self._drawing:
            was_left = result.is_left
            if result.film is None:
                raise ResultsError("press Segment first")
            position = result.film.position_at(click.time)
            film = result.film.after(click, position)
            same = result.picture if position == result.paused else None
            result.picture = film.still(position, same.scene.frame if same is not None else None)
            result.film, result.paused = film, position
            result.version += 1
        self._keep(result, was_left)
        return result, len(film.chosen_ids)

    def let_go(self, visitor: str) -> None:
        """Free the memory that a visitor's pictures take; files stay until their time is over."""
        with self._lock:
            if visitor in self._openings:
                self._openings.pop(visitor).is_left = True
            for result in self._all.values():
                if result.visitor == visitor:
                    result.picture, result.is_left = None, True

    def sweep(self) -> None:
        """Remove what nobody has asked for in too long."""
        oldest = self._clock() - self._keep_seconds
        with self._lock:
            gone = [result for result in self._all.values() if result.used < oldest]
            for result in gone:
                del self._all[result.token]
                shutil.rmtree(result.folder, ignore_errors=True)
            used = {result.upload for result in self._all.values()}
        for path in self.uploads.rglob("*"):
            is_old = path.is_file() and time.time() - path.stat().st_mtime > self._keep_seconds
            if is_old and path not in used:
                path.unlink(missing_ok=True)

    def has_room(self) -> bool:
        """Whether the disk has room for one more upload and what is made of it."""
        return shutil.disk_usage(self.uploads).free > _LEAST_FREE

    @property
    def held_bytes(self) -> int:
        """Bytes of memory that pictures and masks take."""
        with self._lock:
            return sum(result.weight for result in self._all.values())

    def picture_bytes(self, result: Result, is_source: bool) -> bytes:
        """A JPEG of a picture for the browser: as it was handed in, or with what is wanted drawn on it.

        Raises:
            ResultsError: It is gone.
        """
        picture = result.known
        with self._drawing:
            return shown(picture.scene.frame.image if is_source else picture.drawn())

    def file(self, result: Result, name: str) -> Path:
        """One of `Result.files`, made now if it is not there.

        Raises:
            ResultsError: There is no such file, or it cannot be made.
        """
        if name not in result.files:
            raise ResultsError(f"there is no such file: choose one of {', '.join(result.files) or 'none'}")
        film = result.film
        if film is not None and name == film.run.name:
            return film.run
        with result.lock, self._drawing:
            folder = result.folder / str(result.version)
            if not folder.exists():
                for older in result.folder.glob("[0-9]*"):
                    shutil.rmtree(older, ignore_errors=True)
                folder.mkdir()
            if (folder / name).exists():
                return folder / name
            if film is not None and name in downloads.of_video(film.run, result.upload.name):
                return downloads.write_of_video(film.run, result.upload.name, name, folder, film.chosen_ids)
            return downloads.write_of_picture(result.known, name, folder)

    def _keep(self, result: Result, was_left: bool) -> None:
        """Keep a picture that has just been changed, unless its visitor has left meanwhile."""
        with self._lock:
            if result.is_left and not was_left:
                result.picture = None
            self._bound()

    def _bound(self) -> None:
        """Let go of the pictures that were used longest ago, until the others fit."""
        held = sorted((one for one in self._all.values() if one.weight), key=lambda one: one.used)
        total = self.held_bytes
        for result in held[:-1]:
            if total <= self._max_bytes:
                return
            total -= result.weight
            result.picture = None
