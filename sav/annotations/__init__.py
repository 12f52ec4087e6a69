"""Scenes as annotation files: one file a format, each a writer with `write(frame, scene)` and `close()`."""
