"""Torture: what breaks programs, made at random from a seed, tried in a process that is watched.

    python -m tests.torture pictures --count 20000 --seed 7
    python -m tests.torture --help

Each number of a seed is always the same input, so a fault is found again by its seed and number.
"""
