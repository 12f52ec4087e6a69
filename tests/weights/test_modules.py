"""TorchScript exports: tensors by the names of their attributes, only where they are asked for."""

import pytest
import torch
from torch import nn

from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint
from sav.weights.made import Made
from sav.weights.modules import attribute_tensors


@pytest.mark.parametrize("is_half", [False, True])
def test_an_export_has_the_tensors_of_its_module_under_their_names(tmp_path, is_half):
    module = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4)))
    script = torch.jit.script((module.half() if is_half else module).eval())
    script.save(str(tmp_path / "x"))
    with open_checkpoint(tmp_path / "x", takes_scripts=True) as opened:
        found = {name: opened.tensor(value) for name, value in attribute_tensors(opened.tree).items()}
    wanted = module.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    with (
        pytest.raises(CheckpointError, match="TorchScript export, which is code"),
        open_checkpoint(tmp_path / "x"),
    ):
        pass


def test_modules_in_themselves_come_to_an_end():
    module = Made("x", (), state={"weight": Made("torch._utils._rebuild_tensor_v2", ())})
    module.state["inner"] = module
    assert len(attribute_tensors(module)) == 32
    assert attribute_tensors({"a": 1}) == {} == attribute_tensors(Made("x", ()))


def test_a_module_without_end_is_refused():
    many = {str(number): Made("x", ()) for number in range(100_001)}
    with pytest.raises(ValueError, match="without end"):
        attribute_tensors(Made("x", (), state=many))
