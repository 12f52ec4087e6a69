"""Regions followed through a video: what SAM finds beyond the named objects keeps its id and colour."""

from sav.stages.regions.follower import FIRST_REGION_ID, RegionFollower

__all__ = ["FIRST_REGION_ID", "RegionFollower"]
