"""Records of many tracks that come frame by frame and are wanted track by track: sorted on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

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

    def tracks(self) -> Iterator[tuple[int, Iterator[Entry]]]:
        """Each track's id and its entries by frame; go through the entries before the next track."""
        rows = self._database.execute("SELECT * FROM records ORDER BY track, frame")
        for track_id, group in groupby(rows, key=itemgetter(0)):
            yield track_id, (row[1:] for row in group)

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
