"""Nothing imports PyTorch's compiler before somebody compiles, and then it is the real one."""

import subprocess
import sys
import textwrap

import pytest

from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

COMPILER = ("torch._dynamo", "torch._dynamo.utils", "torch.fx.experimental.symbolic_shapes", "sympy")


def run(code: str) -> str:
    """What a fresh process prints."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


@pytest.mark.long
def test_models_are_loaded_and_used_without_the_compiler():
    told = run(f"""
        import sys
        import numpy as np
        from sav.segmenter import Segmenter
        segmenter = Segmenter.load({str(DEMO_YOLO)!r}, {str(DEMO_SAM)!r}, device="cpu", regions=False)
        segmenter(np.zeros((90, 160, 3), np.uint8), boxes_xyxy=[[10, 10, 60, 60]])
        print([name for name in {COMPILER} if name in sys.modules])
        """)
    assert told.strip() == "[]"


def test_who_asks_a_stand_in_for_more_gets_the_real_module_and_what_was_kept_goes_there():
    told = run(f"""
        import sys
        import torch
        from sav.without_compiler import without_compiler
        with without_compiler():
            shape = (torch.empty(3, 1, device="meta") + torch.empty(4, device="meta")).shape
            import torch._dynamo
            from torch.fx.experimental.symbolic_shapes import expect_true, sym_eq
            told = expect_true(True), sym_eq((1, 2), [1, 2]), sym_eq(1, 2), "sympy" in sys.modules
            print(tuple(shape), *told)
            print(sys.modules["sympy"].Integer(7) + 1)
            from torch.fx.experimental.symbolic_shapes import ShapeEnv
            print(ShapeEnv.__module__, expect_true(True))
            print(torch._dynamo.config.__name__)
        print([name for name in {COMPILER} if hasattr(sys.modules[name], "__file__")])
        print(tuple((torch.empty(3, 1, device="meta") * torch.empty(4, device="meta")).shape))
        """)
    lines = told.splitlines()
    assert lines[0] == "(3, 4) True True False True"
    assert lines[1] == "8"
    assert lines[2] == f"{COMPILER[2]} True"
    assert lines[3] == "torch._dynamo.config"
    assert lines[4] == str([*COMPILER])
    assert lines[5] == "(3, 4)"


def test_torchvision_has_its_kernels():
    import torch
    from torchvision.ops import nms

    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
    assert nms(boxes, torch.tensor([0.5, 0.6, 0.4]), 0.5).tolist() == [1, 2]
