"""What tests of SAM share."""

import pytest
import torch


@pytest.fixture(params=[1, 2])
def threads(request):
    """PyTorch's number of threads, one and several: it takes other routines, which round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)
