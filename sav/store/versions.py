"""Stores of earlier versions of this program, read as if they had today's tables, or given them."""

from __future__ import annotations

import json

import numpy as np

from sav.data.types import UNLABELLED_ID
from sav.sqlite import Connection
from sav.store.database import IN_ORDER, VERSION, set_version, version

# In the third form, nothing was kept of what is dear to work out of masks, and all were pixels.
_FRAMES_VIEW = "CREATE TEMP VIEW frames AS SELECT *, NULL AS doubtful, NULL AS measures FROM main.frames"
_FRAMES_UPGRADE = f"""
ALTER TABLE frames ADD COLUMN doubtful INTEGER;
ALTER TABLE frames ADD COLUMN measures BLOB;
{IN_ORDER}
"""

# In the second form, no tracker compared masks, and nothing said so.
_RUNS_VIEW = "CREATE TEMP VIEW runs AS SELECT run, without_masks(about) AS about, end FROM main.runs"
_RUNS_UPGRADE = "UPDATE runs SET about = without_masks(about)"

# In the first form of the tables, regions had no class, score or box: their boxes are those of their masks,
# and their scores, which nobody knows any more, are 0.
_VIEWS = f"""
CREATE TEMP VIEW objects AS
    SELECT frame, place, track_id AS id, class_id, score, box, mask_box, mask FROM main.objects;
CREATE TEMP VIEW regions AS
    SELECT frame, place, region_id AS id, {UNLABELLED_ID} AS class_id, 0.0 AS score,
    float_box(mask_box) AS box, mask_box, mask FROM main.regions
"""
_UPGRADE = f"""
ALTER TABLE objects RENAME COLUMN track_id TO id;
ALTER TABLE regions RENAME COLUMN region_id TO id;
ALTER TABLE regions ADD COLUMN class_id INTEGER NOT NULL DEFAULT {UNLABELLED_ID};
ALTER TABLE regions ADD COLUMN score REAL NOT NULL DEFAULT 0.0;
ALTER TABLE regions ADD COLUMN box BLOB NOT NULL DEFAULT x'';
UPDATE regions SET box = float_box(mask_box)
"""


def show_as_now(database: Connection) -> None:
    """Have a store that is only read look like one of today; the file stays as it is."""
    number = version(database)
    if number < 2:
        _run(database, _VIEWS)
    if number < 3:
        _run(database, _RUNS_VIEW)
    if number < 4:
        _run(database, _FRAMES_VIEW)


def upgrade(database: Connection) -> None:
    """Bring the tables to the form of today, inside a transaction."""
    number = version(database)
    if number < 2:
        _run(database, _UPGRADE)
    if number < 3:
        _run(database, _RUNS_UPGRADE)
    if number < 4:
        _run(database, _FRAMES_UPGRADE)
    if number < VERSION:
        set_version(database)


def _run(database: Connection, statements: str) -> None:
    database.create_function("float_box", 1, _float_box)
    database.create_function("without_masks", 1, _without_masks)
    for statement in statements.split(";"):
        database.execute(statement)


def _float_box(mask_box: bytes) -> bytes:
    """A box of whole pixels as the boxes of objects are stored."""
    return np.frombuffer(mask_box, "<i4").astype("<f4").tobytes()


def _without_masks(about: str) -> str:
    """What a run was about, in the words of one today whose tracker compares no masks."""
    try:
        table = json.loads(about)
        table["settings"]["tracker"].setdefault("with_masks", False)
    except (ValueError, LookupError, TypeError, AttributeError):  # a run without a tracker, or damaged
        return about
    return json.dumps(table, sort_keys=True)
