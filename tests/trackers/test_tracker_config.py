"""What a tracker's name or YAML file gives, and what is said about one that is wrong."""

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from sav.trackers import BoTSORT, ByteTrack, SavTracker, TrackerConfig, load_config, make_tracker


@pytest.fixture
def yaml_file(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "tracker.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("name", "kind"), [("botsort", BoTSORT), ("bytetrack", ByteTrack), ("sav", SavTracker)]
)
def test_names_stand_for_the_trackers(name, kind):
    assert type(make_tracker(name, frame_rate=30)) is kind


@pytest.mark.parametrize("name", ["botsort", "bytetrack"])
def test_the_defaults_and_files_of_ultralytics_are_ours(name):
    ultralytics = pytest.importorskip("ultralytics")
    path = Path(ultralytics.__file__).parent / "cfg" / "trackers" / f"{name}.yaml"
    assert load_config(str(path)) == load_config(name)
    ours, theirs = asdict(load_config(name)), yaml.safe_load(path.read_text())
    shared = ours.keys() & theirs.keys()
    assert len(shared) >= 7
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}


def test_a_file_changes_what_it_names_and_no_more(yaml_file):
    config = load_config(yaml_file("tracker_type: bytetrack\ntrack_buffer: 90\nmatch_thresh: 1\n"))
    assert config == TrackerConfig("bytetrack", track_buffer=90, match_thresh=1)


@pytest.mark.parametrize("value", ["none", "None", "null", "~"])
def test_camera_motion_can_be_switched_off(yaml_file, value):
    assert load_config(yaml_file(f"tracker_type: botsort\ngmc_method: {value}\n")).gmc_method == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tracker_type: botsort\ntrack_hi_thresh: 0.5", "track_hi_thresh"),
        ("tracker_type: botsort\n7: 0.5", "unknown key 7"),
        ("tracker_type: ocsort", "tracker_type must be botsort, bytetrack or sav"),
        ("track_buffer: 30", "lacks tracker_type"),
        ("tracker_type: botsort\nwith_reid: true\nmodel: yolo11n-cls.pt", "model must be auto"),
        ("tracker_type: bytetrack\nwith_reid: true", "with_reid"),
        ("tracker_type: sav\nconfirm_score: -1", "confirm_score must be"),
        ("tracker_type: sav\nwith_masks: always", "with_masks must be true, false or auto, not 'always'"),
        ("tracker_type: botsort\nwith_masks: auto", "botsort compares no masks"),
        ("tracker_type: sav\nappearance_thresh: 2", "appearance_thresh"),
        ("tracker_type: botsort\nwith_reid: maybe", "with_reid"),
        ("tracker_type: botsort\ngmc_method: orb", "gmc_method must be sparseOptFlow or none"),
        ("tracker_type: botsort\ngmc_method: [orb]", "gmc_method"),
        ("tracker_type: botsort\ntrack_high_thresh: high", "track_high_thresh"),
        ("tracker_type: botsort\ntrack_high_thresh: 1.5", "track_high_thresh"),
        ("tracker_type: botsort\ntrack_low_thresh: .nan", "track_low_thresh"),
        ("tracker_type: botsort\nnew_track_thresh: true", "new_track_thresh"),
        ("tracker_type: botsort\nmatch_thresh: -0.1", "match_thresh"),
        ("tracker_type: botsort\ntrack_low_thresh: 0.6\ntrack_high_thresh: 0.5", "track_low_thresh"),
        ("tracker_type: botsort\ntrack_buffer: 2.5", "track_buffer"),
        ("tracker_type: botsort\ntrack_buffer: -1", "track_buffer"),
        ("tracker_type: botsort\nfuse_score: 1", "fuse_score"),
        ("tracker_type: botsort\ntrack_buffer: 99999999999999999999999", "track_buffer must be"),
        ("tracker_type: botsort\ntrack_buffer: 0x" + "f" * 20000, "track_buffer must be"),
        ("tracker_type: botsort\ntrack_buffer: " + "9" * 20000, "makes no sense"),
        ("tracker_type: botsort\nmatch_thresh: .inf", "match_thresh must be"),
        ("tracker_type: botsort\ntracker_type: bytetrack", "'tracker_type' comes twice"),
        ("tracker_type: botsort\nfuse_score: !!bool foo", "makes no sense"),
        ("tracker_type: !!timestamp x", "makes no sense"),
        ("tracker_type: botsort\ntrack_buffer: 2024-13-45", "makes no sense"),
        ("tracker_type: !!python/object/apply:os.system ['true']", "not YAML"),
        ("tracker_type: " + "[" * 5000 + "]" * 5000, "nested more than 8 deep"),
        ("a: &a [1, 1]\n" + "".join(f"a: &a [*a, *a] # {i}\n" for i in range(60)), "aliases"),
        ("tracker_type: " + "b" * 60000, "not 'bbb"),
        ("k" * 60000, "holds no tracker"),
        ("tracker_type: botsort\n" + "# much\n" * 20000, "too large"),
        ("tracker_type: [", "not YAML"),
        ("", "holds no tracker"),
        ("- botsort", "holds no tracker"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong_in_one_line(yaml_file, text, words):
    path = yaml_file(text)
    with pytest.raises(ValueError, match="tracker") as caught:
        make_tracker(path, frame_rate=30)
    message = str(caught.value)
    assert message.startswith(path) and words in message and "\n" not in message
    assert len(message) < len(path) + 400


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / "tracker.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match=r"tracker\.yaml"):
        make_tracker(str(path), frame_rate=30)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_as_notepad_saves_it_is_read(tmp_path, encoding):
    path = tmp_path / "tracker.yaml"
    path.write_text("tracker_type: bytetrack\n", encoding=encoding)
    assert load_config(str(path)) == load_config("bytetrack")


def test_a_folder_is_named_as_one(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        make_tracker(str(tmp_path), frame_rate=30)


@pytest.mark.parametrize("name", ["nowhere.yaml", "deepsort", "\0"])
def test_what_is_neither_a_tracker_nor_a_file_is_named(name):
    with pytest.raises(FileNotFoundError, match="botsort, bytetrack or sav") as caught:
        make_tracker(name, frame_rate=30)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("rate", [0, -25, float("nan"), float("inf")])
def test_a_frame_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="frame_rate"):
        make_tracker("botsort", frame_rate=rate)
