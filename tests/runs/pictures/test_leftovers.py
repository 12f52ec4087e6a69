"""What is missing among sorted keys is found without having all of them at hand."""

import random

from sav.runs.pictures.leftovers import _missing


def test_what_is_missing_is_what_sets_say():
    chance = random.Random(0)
    for _ in range(200):
        keys, others = (sorted(chance.sample("abcdefgh", chance.randrange(9))) for _ in range(2))
        assert list(_missing(keys, iter(others))) == sorted(set(keys) - set(others))
