"""What a detector is told to find: words out of a flag, vectors that are made once, and what is missing."""

import logging
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sav.detectors import text, words
from sav.detectors.words import check_words, load_vocabulary
from sav.errors import CheckpointError, PackageMissingError, SettingError, WriteError
from sav.words import as_words
from tests.conftest import DEMO_YOLO
from tests.detectors.models import save
from tests.detectors.tiny_text import words_model

WORDS = ("red bus", "dog")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("red bus, dog on a leash", ("red bus", "dog on a leash")),
        (" dog ,, person,", ("dog", "person")),
        (["red  bus", "dog, cat"], ("red bus", "dog", "cat")),
        ("chien, Hündin, 犬", ("chien", "Hündin", "犬")),
        ([], ()),
        (None, ()),
        ([f"thing {number}" for number in range(300)], tuple(f"thing {number}" for number in range(300))),
    ],
)
def test_words_stand_between_commas(wanted, found):
    assert as_words(wanted) == found


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("", "there is no word"),
        (" , ", "there is no word"),
        ("dog, bus, Dog", "words name 'dog' twice"),
        ("dog" * 100, "too long"),
        ("dog\x00", "signs that are no text"),
        ([1], "words must be text"),
        ([str(number) for number in range(2001)], "2000 are the most"),
    ],
)
def test_words_that_are_none_are_refused_in_one_line(wanted, said):
    with pytest.raises(SettingError, match=said) as caught:
        as_words(wanted)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.fixture
def detector(tmp_path):
    (tmp_path / "model").mkdir()
    return save(words_model("WorldDetect"), tmp_path / "model" / "yolo.pt")


@pytest.fixture
def encoded(monkeypatch, tmp_path):
    """Stands in for the text model; returns what it was asked."""
    asked = []

    def encode(wanted, checkpoint, is_quick):
        asked.append((tuple(wanted), checkpoint.name, is_quick))
        return np.random.default_rng(len(asked)).random((len(wanted), 512), np.float32)

    monkeypatch.setattr(text, "encode", encode)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return asked


def kept_files(folder):
    return sorted(folder.rglob("*.words-*.safetensors"))


def test_vectors_are_made_once_and_kept_beside_the_checkpoint(detector, encoded):
    model = detector.with_name("ViT-B-32.pt")
    model.write_bytes(b"weights")
    first = load_vocabulary(detector, WORDS)
    assert encoded == [(WORDS, "ViT-B-32.pt", True)]
    (kept,) = kept_files(detector.parent)
    assert kept.stat().st_mode == model.stat().st_mode  # others may read it
    assert kept.name.startswith("ViT-B-32.words-") and np.array_equal(
        load_file(kept)["vectors"], first.vectors
    )

    model.unlink()
    again = load_vocabulary(detector, WORDS, offline=True)
    assert len(encoded) == 1
    assert np.array_equal(again.vectors, first.vectors) and again.text_model == first.text_model
    assert [path.name for path in sorted(detector.parent.iterdir())] == [kept.name, "yolo.pt"]


def test_other_words_and_another_text_model_are_made_anew(detector, encoded):
    model = detector.with_name("ViT-B-32.pt")
    model.write_bytes(b"weights")
    load_vocabulary(detector, WORDS)
    load_vocabulary(detector, WORDS[::-1])
    assert len(encoded) == 2 and len(kept_files(detector.parent)) == 2
    model.write_bytes(b"others")
    load_vocabulary(detector, WORDS)
    load_vocabulary(detector, WORDS)
    assert len(encoded) == 3 and len(kept_files(detector.parent)) == 2
    mine = detector.with_name("mine.pt")
    mine.write_bytes(b"mine")
    load_vocabulary(detector, WORDS, mine)
    assert encoded[-1][1] == "mine.pt"


def not_finite(kept):
    tensors = load_file(kept)
    tensors["vectors"][0, 0] = np.nan
    save_file(tensors, kept, {"words": '["red bus", "dog"]', "text_model": ""})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: kept.write_bytes(kept.read_bytes()[:-9]),
        lambda kept: kept.write_bytes(b""),
        lambda kept: save_file({"vectors": np.zeros((1, 2), np.float32)}, kept),
        lambda kept: save_file({"vectors": np.zeros((1, 2), np.float32)}, kept, {"words": '["a", "b"]'}),
        lambda kept: save_file({"x": np.zeros(1)}, kept, {"words": '["red bus", "dog"]', "text_model": ""}),
        not_finite,
    ],
)
def test_a_damaged_file_of_vectors_is_made_anew(detector, encoded, spoil):
    detector.with_name("ViT-B-32.pt").write_bytes(b"weights")
    load_vocabulary(detector, WORDS)
    spoil(kept_files(detector.parent)[0])
    load_vocabulary(detector, WORDS)
    load_vocabulary(detector, WORDS)
    assert len(encoded) == 2


def test_where_nothing_can_be_written_beside_the_checkpoint_vectors_are_kept_in_the_users_cache(
    detector, encoded, monkeypatch, tmp_path, caplog
):
    detector.with_name("ViT-B-32.pt").write_bytes(b"weights")
    whole_file = words.whole_file

    def refuse(folders):
        def fail_or_write(path):
            if path.parent in folders:
                raise WriteError(path, PermissionError(13, "Permission denied"))
            return whole_file(path)

        monkeypatch.setattr(words, "whole_file", fail_or_write)

    cache = tmp_path / "cache" / "segment-any-video"
    refuse([detector.parent])
    load_vocabulary(detector, WORDS)
    load_vocabulary(detector, WORDS)
    assert len(encoded) == 1 and kept_files(tmp_path)[0].parent == cache and not caplog.records

    refuse([detector.parent, cache])
    with caplog.at_level(logging.WARNING, logger="sav"):
        load_vocabulary(detector, ("tree",))
    assert "not kept for the next run: cannot write" in caplog.text


def test_what_is_missing_is_one_line_that_says_which_file_goes_where(detector, encoded, monkeypatch):
    with pytest.raises(
        CheckpointError, match=r"get it from https.*/ViT-B-32\.pt and put it at .*model/ViT-B-32\.pt"
    ):
        check_words(detector, WORDS, offline=True)
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*mine\.pt"):
        check_words(detector, WORDS, detector.with_name("mine.pt"))

    detector.with_name("ViT-B-32.pt").write_bytes(b"weights")
    monkeypatch.setattr(words, "find_spec", lambda name: None)
    with pytest.raises(PackageMissingError, match="pip install open-clip-torch"):
        check_words(detector, WORDS, offline=True)
    load_vocabulary(detector, WORDS)
    check_words(detector, WORDS, offline=True)  # all is kept, and nothing else is needed
    check_words(detector.with_name("to_come.pt"), WORDS)


def test_an_export_of_ultralytics_beside_the_detector_is_taken_where_there_is_no_other(tmp_path, encoded):
    path = save(words_model("YOLOEDetect"), tmp_path / "yolo.pt")
    (tmp_path / "mobileclip_blt.ts").write_bytes(b"script")
    load_vocabulary(path, WORDS)
    (tmp_path / "mobileclip_blt.pt").write_bytes(b"tensors")
    load_vocabulary(path, WORDS)
    assert [name for _, name, _ in encoded] == ["mobileclip_blt.ts", "mobileclip_blt.pt"]
    assert not any(is_quick for *_, is_quick in encoded)


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [("linux", "XDG_CACHE_HOME", "x/segment-any-video"), ("win32", "LOCALAPPDATA", "x/segment-any-video"),
     ("darwin", "HOME", "x/Library/Caches/segment-any-video")],
)  # fmt: skip
def test_each_system_has_a_folder_for_what_can_be_made_anew(tmp_path, monkeypatch, platform, variable, end):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "x"))
    assert words.cache_folder() == tmp_path / end


def test_checking_words_imports_neither_torch_nor_open_clip():
    import subprocess

    script = (
        "import sys; from pathlib import Path; from sav.detectors.words import check_words\n"
        f"try: check_words(Path({str(DEMO_YOLO)!r}), ('dog',))\n"
        "except ValueError as error: print(error)\n"
        "assert not {'torch', 'open_clip', 'ultralytics'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "knows fixed classes (person, bicycle, car, ...)" in done.stdout
