"""Detectors: what is in a picture, and where."""
