import pytest
import torch
from torch import nn

from sav.errors import SettingError
from tools.training.resources import Needs, check, devices_of, needs

SETTINGS = {"batch": 4, "imgsz": 64, "device": "cpu", "workers": 2, "amp": False}


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.Sigmoid(), nn.Conv2d(8, 8, 3, padding=1)
        )

    def forward(self, pixels):
        return self.layers(pixels)


def test_what_a_model_keeps_for_the_way_back_is_counted_by_its_shapes():
    model = Small()
    parameters = sum(tensor.numel() for tensor in model.parameters())
    wanted = needs(model, 0, 0, SETTINGS)
    kept = 4 * (3 + 8) * 64 * 64  # the picture and what the sigmoid gives
    assert wanted.device == pytest.approx(16 * parameters + 1.25 * kept * 4)
    assert all(tensor.device.type == "cpu" for tensor in model.parameters())


def test_several_gpus_share_a_batch_and_each_holds_all_labels():
    one, four = (needs(Small(), 1000, 9000, {**SETTINGS, "device": device}) for device in ("0", "0,1,2,3"))
    assert four.device < one.device and four.labels == one.labels > 0
    assert (one.processes, four.processes) == (1, 4) and four.memory == 4 * one.memory


def test_half_precision_keeps_half():
    exact, half = (needs(Small(), 0, 0, {**SETTINGS, "device": "0", "amp": amp}) for amp in (False, True))
    assert half.device < exact.device


@pytest.mark.parametrize(
    ("wanted", "of_what"),
    [
        (Needs(disk=1e18, labels=0, processes=1, workers=0, device=0), "disk"),
        (Needs(disk=0, labels=1e18, processes=1, workers=0, device=0), "memory"),
        (Needs(disk=0, labels=0, processes=1, workers=0, device=1e18), "memory"),
    ],
)
def test_too_little_of_something_is_an_error_before_anything_begins(tmp_path, wanted, of_what):
    with pytest.raises(SettingError, match=of_what):
        list(check(wanted, tmp_path / "run", "cpu"))
    assert not (tmp_path / "run").exists()


def test_what_may_become_too_little_is_a_note(tmp_path):
    lines = list(check(Needs(disk=1, labels=1e8, processes=1, workers=10_000, device=1), tmp_path, "cpu"))
    assert "note" in lines[-1] and "--workers" in lines[-1]


def test_a_gpu_that_is_not_there_is_named(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there are GPUs here")
    with pytest.raises(SettingError, match="no GPU 3"):
        list(check(Needs(disk=1, labels=1, processes=1, workers=1, device=1), tmp_path, "3"))


def test_devices_are_read_as_ultralytics_has_them():
    assert (
        devices_of("0, 1,cuda:2") == ["0", "1", "2"]
        and devices_of("cpu") == ["cpu"]
        and devices_of(0) == ["0"]
    )
