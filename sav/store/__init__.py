"""Scenes on disk: one SQLite file that is written while a run is at work, and read back frame by frame.

A run over a video begins `Store.create(path, about)`, calls `store.add(scene)` for each frame and
`store.finish(end_time)` after the last; what was added stays, whatever ends the process. To go on with one
that was ended, `Store.open(path)` gives what there is (`about`, `is_finished`, `last_index`, and `entries()`:
each frame's scene, over whose candidates a tracker is run again), and `Store.join(path, about)`
takes what comes next.

Runs over pictures join one store a folder of results: `store.add(scene, key=stem, source=...,
content=...)` replaces what there was of a picture, and `store.holds(key, content)` says that it is there,
unchanged, and found with the same settings and models.

It lies in the hidden folder of the results, where `sav.runs.stored.find_store` finds it: `.sav/run.sqlite` in
the folder of a run over pictures, or of a video's annotations.
"""

from sav.store.about import About, Source, source_content
from sav.store.rows import Entry
from sav.store.store import Store

__all__ = ["About", "Entry", "Source", "Store", "source_content"]
