"""Records of many tracks that come frame by frame and are wanted track by track: sorted on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

# What a track is, as seen in one frame: the frame's index, class id, score, and the record itself.
Entry = tuple[int, int, float, str]


class TrackSpool:
    """A temporary database; memory stays flat however many records there are."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # SQLite's name for a database in a temporary file
        self._database.execute(
            "CREATE TABLE records (track, frame, class, score, record, PRIMARY KEY (track, frame))"
            " WITHOUT ROWID"
        )

    def add(self, track_id: int, entry: Entry) -> None:
        """Keep what is known of a track in one frame."""
        self._database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", (track_id, *entry))

    def track_ids(self) -> list[int]:
        """The ids of all tracks, in order."""
        rows = self._database.execute("SELECT DISTINCT track FROM records ORDER BY track")
        return [track_id for (track_id,) in rows]

    def entries(self, track_id: int) -> Iterator[Entry]:
        """A track's entries by frame."""
        return self._database.execute(
            "SELECT frame, class, score, record FROM records WHERE track = ? ORDER BY frame", (track_id,)
        )

    def last_class(self, track_id: int) -> int:
        """The class that a track ended with, by vote over its whole life."""
        row = self._database.execute(
            "SELECT class FROM records WHERE track = ? ORDER BY frame DESC LIMIT 1", (track_id,)
        )
        return int(row.fetchone()[0])

    def mean_score(self, track_id: int) -> float:
        """The mean of a track's scores."""
        row = self._database.execute("SELECT AVG(score) FROM records WHERE track = ?", (track_id,))
        return float(row.fetchone()[0])

    def close(self) -> None:
        """Delete the records."""
        self._database.close()
