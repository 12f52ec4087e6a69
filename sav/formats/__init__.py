"""Scenes as annotation files: one file a format, each a writer with `write(scene)` and `close()`."""
