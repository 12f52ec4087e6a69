"""Segment and follow every object in a video: `python track.py --help`."""

from sav.commands.track import script

if __name__ == "__main__":
    script()
