"""Upstream's way: what one writes with ultralytics and segment_anything after their documentation."""
