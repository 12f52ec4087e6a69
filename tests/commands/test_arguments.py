"""What a newcomer types wrongly, and what he is answered: one line that says what to write, and status 2."""

import shlex

import pytest

from sav.commands import flags, seg, track
from sav.config import EverythingConfig

SLIPS = [
    # Flags without or with other dashes, and their names half right.
    ("seg sam_checkpoint model/x.pth", "did you mean --sam_checkpoint?"),
    ("seg -conf 0.3", "did you mean --conf?"),
    ("seg –conf 0.3", "did you mean --conf?"),
    ("seg —conf=0.3", "did you mean --conf?"),
    ("seg --sam-checkpoint x.pth", "did you mean --sam_checkpoint?"),
    ("seg --sam_chekpoint x.pth", "did you mean --sam_checkpoint?"),
    ("seg --img-path x", "did you mean --img_path?"),
    ("seg --image_path x", "did you mean --img_path?"),
    ("track --video x.mp4 --output y.mp4", "there is no flag '--output'"),
    ("track --img_path x", "there is no flag '--img_path'"),
    ("seg --c 3", "could match --compile, --classes, --conf"),
    ("seg --verbose", "there is no flag '--verbose'"),
    ("seg -v", "there is no flag '-v'"),
    # Values without a flag, flags without a value, and the other way round.
    ("seg something", "'something' belongs to no flag"),
    ("seg a.jpg b.jpg", "did you mean --img_path a.jpg?"),
    ("track my video.mp4", "'my' belongs to no flag"),
    ("track --video_path my video.mp4", "video.mp4? (names with spaces go in quotes)"),
    ("track pictures/", "did you mean --video_path pictures/?"),
    ("seg --labelled_only true", "take no value"),
    ("seg --offline=yes", "--offline: takes no value"),
    ("seg --img_path", "--img_path: needs at least one value"),
    ("seg --conf", "--conf: needs a value"),
    ("seg --conf --iou 0.5", "--conf: needs a value"),
    ("seg --classes --conf 0.5", "--classes: needs at least one value"),
    ("track --save", "--save: needs at least one value"),
    ("seg --img_path ''", "is empty; give a path"),
    ("seg --save_dir ''", "is empty; give a path"),
    ("track --save_path ' '", "is empty; give a path"),
    # Shares.
    ("seg --conf 25", "25 is not between 0 and 1; 25 % is 0.25"),
    ("seg --conf 7", "7 is not between 0 and 1; 7 % is 0.07"),
    ("seg --conf 25%", "'25%' is not a number; write 0.25"),
    ("seg --conf 0,25", "'0,25' is not a number; write 0.25"),
    ("seg --conf -0.1", "-0.1 is not between 0 and 1"),
    ("seg --conf 1.01", "1.01 is not between 0 and 1"),
    ("seg --conf nan", "'nan' is not a number"),
    ("seg --conf inf", "'inf' is not a number"),
    ("seg --conf=-inf", "'-inf' is not a number"),
    ("seg --conf 1e400", "1e400 is not between 0 and 1"),
    ("seg --conf 1e999999999999", "1e999999999999 is not between 0 and 1"),
    ("seg --conf high", "'high' is not a number"),
    ("seg --conf ''", "is empty; give a number"),
    ("seg --iou 70", "70 is not between 0 and 1; 70 % is 0.7"),
    ("seg --duplicate_iou 2", "--duplicate_iou: 2 is not between 0 and 1"),
    # Whole numbers.
    ("seg --imgsz 0", "0 is too small: 1 is the least"),
    ("seg --imgsz -640", "-640 is too small"),
    ("seg --imgsz 640.5", "640.5 is not a whole number"),
    ("seg --imgsz 640x480", "'640x480' is not a number; write a number alone, such as 640"),
    ("seg --imgsz 1080p", "write a number alone, such as 1080"),
    ("seg --imgsz 640,640", "'640,640' is not a number"),
    ("seg --imgsz 100000", "100000 is too large: 16384 is the most"),
    ("seg --imgsz 10000000000", "10000000000 is too large"),
    (f"seg --imgsz {'9' * 23}", f"{'9' * 23} is too large"),
    (f"seg --imgsz {'9' * 5000}", "99... is too large"),
    ("seg --imgsz 1e999999", "1e999999 is too large"),
    ("seg --imgsz nan", "'nan' is not a number"),
    ("seg --imgsz big", "'big' is not a number"),
    ("seg --max_det many", "'many' is not a number"),
    ("seg --max_det 0", "0 is too small"),
    (f"seg --max_det {'1' * 23}", "is too large"),
    ("track --batch 0", "0 is too small"),
    ("track --batch 100000", "100000 is too large"),
    ("track --stride 0", "0 is too small"),
    ("track --stride -2", "-2 is too small"),
    (f"track --stride {'1' * 23}", "is too large"),
    ("track --cutout_ids 1,two", "'two' is not a number"),
    ("track --cutout_ids ,", "',' is not a number"),
    ("track --cutout_ids 0", "0 is too small"),
    ("seg --max_megapixels 0", "0 is not above 0"),
    ("seg --max_megapixels lots", "'lots' is not a number"),
    ("seg --max_megapixels 1e400", "or too large"),
    # Names out of a list.
    ("seg --precision fp16", "'fp16' is none of auto, float32, bfloat16, float16; did you mean float16?"),
    ("seg --precision half", "did you mean float16?"),
    ("seg --precision double", "'double' is none of auto, float32"),
    ("track --cutout_matte jpg", "'jpg' is none of mp4, png"),
    ("track --cutout_video h264", "'h264' is none of prores, vp9"),
    ("seg --label_with score", "'score' is none of ids, scores, nothing; did you mean scores?"),
    # Settings by their names.
    ("seg --everything", "--everything: needs at least one value"),
    ("seg --everything points=9", "there is no setting 'points' of everything; take points_per_side"),
    ("seg --everything points_per_side=many", "write points_per_side=NUMBER, not 'points_per_side=many'"),
    ("seg --everything points_per_side=9.5", "must be a whole number from 1 to 256, not 9.5"),
    ("seg --everything nms_threshold=nan", "nms_threshold must be a number"),
    ("seg --labelled_only --everything points_per_side=9", "leave out --labelled_only"),
    ("track --everything points_per_side=9", "add --regions"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "answer"), SLIPS, ids=[command[:60] for command, _ in SLIPS])
def test_a_slip_is_answered_with_what_was_meant(capsys, command, answer):
    script, *words = shlex.split(command)
    with pytest.raises(SystemExit) as ended:
        {"seg": seg, "track": track}[script].main(words)
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert answer in line
    assert len(line) < 250


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--imgsz 640.0", "imgsz", 640),
        ("--imgsz 1e3", "imgsz", 1000),
        ("--conf 1e-3", "conf", 0.001),
        ("--conf .5", "conf", 0.5),
        ("--precision FLOAT32", "precision", "float32"),
        ("--device CPU", "device", "cpu"),
        ("--img_path a.jpg b.jpg", "img_path", ["a.jpg", "b.jpg"]),
        ("--img_path a.jpg --img_path b.jpg", "img_path", ["a.jpg", "b.jpg"]),
        ("--classes dog 0 --classes person", "classes", ["dog", "0", "person"]),
        ("--imgsz 640", "everything", EverythingConfig()),
        (
            "--everything points_per_side=64 nms_threshold=1",
            "everything",
            EverythingConfig(64, nms_threshold=1),
        ),
    ],
)
def test_what_is_clear_is_understood(words, name, value):
    assert getattr(seg.parse(words.split()), name) == value


def test_the_users_own_folder_is_found_where_no_shell_puts_it_in(monkeypatch):
    monkeypatch.setenv("HOME", "/somebody")
    assert seg.parse(["--save_dir=~/out"]).save_dir == "/somebody/out"
    assert seg.parse(["--save_dir=~nobody-of-that-name/out"]).save_dir == "~nobody-of-that-name/out"


@pytest.mark.parametrize("script", [seg, track])
def test_the_version_is_told(script, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Segment Any Video 0.")


@pytest.mark.parametrize("script", [seg, track])
def test_help_fits_on_a_terminal_and_names_each_flag_once(script, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as ended:
        script.main(["--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    named = [line.split()[0] for line in lines if line.startswith("  --")]
    assert len(named) == len(set(named)) > 15


@pytest.mark.parametrize("written", ["1 2 3", "1,2,3", "1, 2 3", "1,2 --cutout_ids 3"])
def test_ids_stand_between_blanks_or_commas(written):
    assert track.parse(["--cutout_ids", *written.split()]).cutout_ids == [1, 2, 3]


@pytest.mark.parametrize(
    ("line", "notes"),
    [
        ("--save mot --cutout_ids 1 --yolo_track_ids", ["--cutout_ids", "--yolo_track_ids"]),
        ("--save mot --cutout_matte png --cutout_video vp9", ["--cutout_matte", "--cutout_video"]),
        ("--save cutout yolo --cutout_ids 1 --cutout_matte png --yolo_track_ids", []),
        ("--save mot", []),
    ],
)
def test_flags_that_do_nothing_are_named(line, notes):
    args = track.parse(line.split())
    told = flags.idle_flags(args, flags.formats(args))
    assert [text.partition(" does nothing without --save ")[0] for text in told] == notes
