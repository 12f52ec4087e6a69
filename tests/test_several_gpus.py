"""Nothing assumes the first GPU: what torch.cuda would else take for the current one is told the device."""

import ast
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

# What speaks of the current device unless it is told one.
OF_A_DEVICE = {
    "Stream", "current_stream", "default_stream", "device_memory_used", "get_device_capability",
    "get_device_name", "get_device_properties", "max_memory_allocated", "max_memory_reserved", "mem_get_info",
    "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "set_device", "synchronize",
}  # fmt: skip
# Here all of them are called while torch.cuda.device(...) holds.
GUARDED = {ROOT / "sav" / "graphs.py"}


@cache
def calls() -> list[tuple[Path, ast.Call]]:
    """Every call in the program, and in which file."""
    return [
        (path, node)
        for path in sorted((ROOT / "sav").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]


def test_what_is_of_a_gpu_says_of_which():
    for path, call in calls():
        called = ast.unparse(call.func)
        if path not in GUARDED and called.startswith("torch.cuda.") and called.split(".")[-1] in OF_A_DEVICE:
            assert call.args or call.keywords, f"{path}:{call.lineno} {called}() says not which GPU"
        assert not (called.endswith(".cuda") and called != "torch.cuda"), f"{path}:{call.lineno} {called}"
    assert all("torch.cuda.device(device)" in path.read_text("utf-8") for path in GUARDED)


def test_no_device_is_written_down():
    for path, call in calls():
        if ast.unparse(call.func) == "torch.device" and len(call.args) == 1:
            assert ast.unparse(call.args[0]) not in ("'cuda'", "'cuda:0'"), f"{path}:{call.lineno}"
        for keyword in call.keywords:
            is_device = keyword.arg == "device" and isinstance(keyword.value, ast.Constant)
            assert not is_device or not str(keyword.value.value).startswith("cuda"), f"{path}:{call.lineno}"
