"""Where the models run."""

import pytest
import torch

from sav.device import choose_device
from sav.errors import SettingError


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "wanted"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(has_cuda, has_mps, wanted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert choose_device("auto").type == wanted


@pytest.mark.parametrize("name", ["gpu", "cuda:97", "meta", "cpu,cuda"])
def test_a_device_that_is_not_here_is_told(name):
    with pytest.raises(SettingError, match=name):
        choose_device(name)


def test_cuda_alone_is_the_gpu_that_is_the_current_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert choose_device("cuda") == torch.device("cuda", 1)
    assert choose_device("cuda:0") == torch.device("cuda", 0)
