"""What keeps one run from going on with another is named by its flag, and by what was given."""

from dataclasses import asdict

import pytest

from sav.media.video import VideoInfo
from sav.runs.differences import difference, looks_difference
from sav.store import About, Source
from sav.trackers.config import TrackerConfig

VIDEO = VideoInfo((60, 80), 25, 1)
HERE = Source()
NO_LABELLED = "no --labelled_only, this one set"
SURE = TrackerConfig.of_type("sav", confirm_score=2.0, track_buffer=60)


def about(source=HERE, video=VIDEO, **settings):
    trackers = {"tracker": asdict(settings.pop("tracker"))} if "tracker" in settings else {}
    return About(categories={}, settings={**settings, **trackers}, video=video, source=source)


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        ({"detect": {"conf": 0.1}}, {"detect": {"conf": 0.4}}, "--conf 0.1, this one 0.4"),
        ({"detect": {"classes": []}}, {"detect": {"classes": ["dog", 0]}}, "no --classes, this one dog 0"),
        ({"detect": {"slices": "auto"}}, {"detect": {"slices": None}}, "--slices auto, this one none"),
        ({"regions": True}, {}, "--regions set, this one none"),
        (
            {"regions": True, "video": None},
            {"regions": False, "video": None},
            "no --labelled_only, this one set",
        ),
        ({"source": Source(end="3s")}, {}, "--end 3s, this one none"),
        ({"everything": {"points_per_side": 8}}, {}, "--everything points_per_side=8, this one none"),
        (
            {"tracker": SURE},
            {"tracker": TrackerConfig.of_type("bytetrack")},
            "--tracker sav with track_buffer 60, confirm_score 2.0 (of a YAML file), this one bytetrack",
        ),
        ({"tracker": TrackerConfig.of_type("sav")}, {"tracker": SURE}, "--tracker sav, this one sure.yaml"),
    ],
)
def test_the_first_difference_is_a_flag_with_what_was_given(before, now, says):
    given = {"--tracker": "sure.yaml" if now.get("tracker") is SURE else ""}
    assert difference(about(**before), about(**now), given) == f"the earlier run has {says}"


def test_of_looks_only_what_differs_is_told():
    told = looks_difference("boxes False, background (1, 2, 3), opacity 0.5", "boxes False, opacity 0.5")
    assert told == "the earlier run has background (1, 2, 3), this one the usual looks"
    told = looks_difference("background (1, 2, 3)", "background (1, 2, 4), legend True")
    assert told == "the earlier run has background (1, 2, 3), this one background (1, 2, 4), legend True"
