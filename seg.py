"""Segment every object in pictures: `python seg.py --help`."""

from sav.commands.seg import script

if __name__ == "__main__":
    script()
