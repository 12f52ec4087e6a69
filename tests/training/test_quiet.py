import os
import socket
from pathlib import Path

import pytest
import torch

from tools.training.quiet import quiet_ultralytics


def test_nobody_is_told_and_nothing_fetched(monkeypatch):
    def asked(*args, **kwargs):
        raise AssertionError(f"the network is asked for {args}")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(socket.socket, "connect", asked)
    before = dict(os.environ)
    with quiet_ultralytics() as ultralytics:
        assert os.environ["YOLO_OFFLINE"] == "true"
        settings = ultralytics.utils.SETTINGS
        assert not any(
            settings[name] for name in ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "wandb")
        )
        for font in ("Arial.ttf", "Arial.Unicode.ttf"):
            assert (Path(ultralytics.utils.checks.USER_CONFIG_DIR) / font).is_file()
        from ultralytics.utils.events import events

        assert not events.enabled
    assert dict(os.environ) == before


def test_a_model_tells_itself_whether_half_precision_will_do():
    from tools.training.trainer import computes_in_half

    class Overflowing(torch.nn.Conv2d):
        def forward(self, pixels):
            given = super().forward(pixels)
            return given if given.dtype == torch.float32 else given * float("inf")

    sound, broken = torch.nn.Conv2d(3, 4, 3), Overflowing(3, 4, 3)
    assert computes_in_half(sound, torch.bfloat16, "cpu")
    assert not computes_in_half(broken, torch.bfloat16, "cpu")
    assert not computes_in_half(sound)


def test_a_checkpoint_that_is_being_written_when_the_end_comes_leaves_the_last_one(tmp_path, monkeypatch):
    from tools.training import trainer

    def half_written(self):
        self.last.write_bytes(b"hal")
        raise OSError("the disk is full")

    def written(self):
        self.last.write_bytes(b"after")

    (tmp_path / "last.pt").write_bytes(b"before")
    safe = trainer.SafeTrainer.__new__(trainer.SafeTrainer)
    safe.last, safe.best = tmp_path / "last.pt", tmp_path / "best.pt"
    monkeypatch.setattr(trainer.DetectionTrainer, "save_model", half_written)
    with pytest.raises(OSError, match="full"):
        safe.save_model()
    assert safe.last.read_bytes() == b"before" and list(tmp_path.iterdir()) == [safe.last]
    monkeypatch.setattr(trainer.DetectionTrainer, "save_model", written)
    safe.save_model()
    assert safe.last.read_bytes() == b"after" and list(tmp_path.iterdir()) == [safe.last]


def test_the_processes_of_several_gpus_get_the_trainer_and_its_callbacks(monkeypatch):
    import cloudpickle

    from tools.training.runs import OnFirst
    from tools.training.trainer import SafeTrainer

    told = []
    state = {"trainer": SafeTrainer, "callbacks": [OnFirst(lambda trainer: trainer.append("epoch"))]}
    sent = cloudpickle.loads(cloudpickle.dumps(state))
    assert sent["trainer"] is SafeTrainer
    for rank in ("1", "0"):
        monkeypatch.setenv("RANK", rank)
        sent["callbacks"][0](told)
    assert told == ["epoch"]
