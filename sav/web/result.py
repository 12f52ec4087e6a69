"""One upload of a visitor's, and what is known of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from sav.errors import ResultsError
from sav.web import downloads
from sav.web.film import Film
from sav.web.picture import Picture

GONE = "this was too long ago and is gone: drop the file again"


@dataclass
class Result:
    """One upload, and what is known of it.

    Attributes:
        token: Its name, which is the key to it.
        visitor: Whose it is.
        upload: The visitor's file.
        kind: `uploads.PICTURE` or `uploads.VIDEO`.
        folder: Where its files are made.
        picture: What is known of a picture, or of the frame at which a video is paused; None before there
            is one, and of what was let go.
        film: What is known of a video that is done; None before that.
        paused: The position of the frame in `picture` in the film.
        is_at_work: Whether the models are at the video.
        glimpse: A JPEG of the frame that they are at, or were at last; empty before the first.
        glimpses: Counts them.
        version: Counts the changes of what is known.
        made: The version at which the video was made.
        is_left: Whether its visitor has gone on to another file, or away.
        used: When it was last asked for, in seconds of `time.monotonic`.
    """

    token: str
    visitor: str
    upload: Path
    kind: str
    folder: Path
    picture: Picture | None = None
    film: Film | None = None
    paused: int = -1
    is_at_work: bool = False
    glimpse: bytes = b""
    glimpses: int = 0
    version: int = 0
    made: int = 0
    is_left: bool = False
    used: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def known(self) -> Picture:
        """What is known of the picture.

        Raises:
            ResultsError: It was let go.
        """
        if self.picture is None:
            raise ResultsError(GONE)
        return self.picture

    @property
    def weight(self) -> int:
        """Bytes of memory that it holds."""
        if self.picture is None:
            return 0
        scene = self.picture.scene
        tables = (scene.objects, scene.regions, scene.everything)
        return scene.frame.image.nbytes + sum(table.masks.packed.nbytes for table in tables)

    @property
    def files(self) -> dict[str, str]:
        """What can be downloaded: titles, by the names of the files."""
        if self.film is not None:
            of_frame = downloads.of_still(self.picture.scene.frame.name) if self.picture is not None else {}
            return downloads.of_video(self.film.run, self.upload.name) | of_frame
        return downloads.of_picture(self.upload.name) if self.picture is not None else {}

    def done(self, film: Film) -> None:
        """The video is made."""
        with self.lock:
            self.film, self.picture, self.paused = film, None, -1
            self.version += 1
            self.made = self.version
