"""Segment Any Video: whole, named masks for pictures and stable tracks for video."""
