"""Records of many tracks that come frame by frame and are wanted track by track: sorted on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sav.spool import Spool

# What a track is, as seen in one frame: the frame's index, class id, score, and the record itself.
Entry = tuple[int, int, float, str]

_TABLE = "CREATE TABLE records (track, frame, class, score, record, PRIMARY KEY (track, frame)) WITHOUT ROWID"
# Entries that are read at once: the record of a large and ragged mask takes a megabyte.
_PAGE = 20


class TrackRecords:
    """What is known of all tracks; memory stays flat however much that is."""

    def __init__(self) -> None:
        self._spool = Spool(_TABLE)

    def add(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Keep what is known of some tracks, each by its id, in one frame.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        rows = ((track_id, *entry) for track_id, entry in entries)
        self._spool.add("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)

    def track_ids(self) -> list[int]:
        """The ids of all tracks, in order."""
        return [
            track_id for (track_id,) in self._spool.rows("SELECT DISTINCT track FROM records ORDER BY track")
        ]

    def entries(self, track_id: int) -> Iterator[Entry]:
        """A track's entries by frame."""
        query = f"SELECT frame, class, score, record FROM records WHERE track = {track_id:d} AND frame > ?"
        return self._spool.pages(f"{query} ORDER BY frame", -1, _PAGE)

    def last_class(self, track_id: int) -> int:
        """The class that a track ended with, by vote over its whole life."""
        query = "SELECT class FROM records WHERE track = ? ORDER BY frame DESC LIMIT 1"
        ((class_id,),) = self._spool.rows(query, track_id)
        return int(class_id)

    def mean_score(self, track_id: int) -> float:
        """The mean of a track's scores."""
        ((score,),) = self._spool.rows("SELECT AVG(score) FROM records WHERE track = ?", track_id)
        return float(score)
