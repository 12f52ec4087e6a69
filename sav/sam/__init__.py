"""The door to segment_anything: nothing else in the program imports it."""
