"""Tests mirror `sav/`; `python -m pytest` runs those that are not slow."""

import os

# Before OpenMP is loaded: threads that wait leave the cores to other processes, instead of spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
