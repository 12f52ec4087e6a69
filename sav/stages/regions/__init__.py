"""Regions followed through a video: what SAM finds beyond the named objects keeps its id and colour."""

from sav.stages.regions.follower import RegionFollower

__all__ = ["RegionFollower"]
