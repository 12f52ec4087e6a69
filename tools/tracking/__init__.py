"""Sequences with known truth for trackers, real and generated, and ultralytics' trackers to compare with."""
