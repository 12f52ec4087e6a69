import json

import pytest
import torch

from sav.errors import CheckpointError, SettingError
from tools.training.runs import Run, is_done, settings_path, train, trained, trained_size

SETTINGS = {"epochs": 3, "batch": 4, "imgsz": 64, "device": "cpu", "workers": 0}


def run(tmp_path, **settings):
    return Run(tmp_path / "data.yaml", tmp_path / "runs" / "n", "yolov8n.yaml", {**SETTINGS, **settings})


def save(run, **content):
    run.last.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, run.last)


def test_a_run_says_how_far_it_is(tmp_path):
    told, new = [], run(tmp_path)
    assert not is_done(new, told.append)
    save(new, epoch=0)
    assert not is_done(new, told.append) and new.epochs_done() == 1
    save(new, epoch=2)
    assert is_done(new, told.append)
    assert told == ["3 epochs", "going on after epoch 1 of 3", "all 3 epochs are done"]


def test_what_is_finished_is_not_touched(tmp_path):
    done = run(tmp_path)
    save(done, epoch=2)
    before = done.last.stat().st_mtime_ns
    train(done)
    assert done.last.stat().st_mtime_ns == before and list(done.folder.iterdir()) == [done.last.parent]


@pytest.mark.parametrize("content", [b"", b"half", None])
def test_a_checkpoint_that_nobody_can_go_on_from_is_named_with_what_to_do(tmp_path, content):
    odd = run(tmp_path)
    save(odd, epoch=-1)
    if content is not None:
        odd.last.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last\.pt is damaged.*copy best\.pt over it"):
        train(odd)


def test_another_setting_than_a_run_was_begun_with_is_an_error_and_another_device_is_not(tmp_path):
    begun = run(tmp_path)
    save(begun, epoch=0)
    settings_path(begun.folder).write_text(
        json.dumps({"architecture": "yolov8n.yaml", "epochs": 3, "batch": 8, "imgsz": 64})
    )
    with pytest.raises(SettingError, match="batch 8, not 4"):
        train(begun)
    assert trained_size(begun.folder) == 64
    with pytest.raises(SettingError, match="run train first"):
        trained(begun.folder)
