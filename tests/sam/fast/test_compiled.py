"""Every launch of a Triton kernel compiles for an H100, in official sizes, without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sav.sam.conventions import FirstConvention
from sav.sam.enlarge import Stability
from sav.sam.fast import kernels, on_device
from sav.sam.fast.on_device import DeviceEnlarger

triton = pytest.importorskip("triton")
# Bytes of memory that the programs of a multiprocessor share, as much as one may have.
SHARED = 232448
KINDS = {
    torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16", torch.uint8: "u8",
    torch.int32: "i32", torch.int64: "i64",
}  # fmt: skip


@pytest.fixture
def compiled(monkeypatch) -> Iterator[dict[str, Any]]:
    """What was compiled instead of launched, by the kernel's name."""
    from triton.backends.compiler import GPUTarget
    from triton.runtime.jit import JITFunction

    found: dict[str, Any] = {}

    def compile_it(kernel: Any, *args: Any, grid: Any, warmup: bool, **named: Any) -> None:
        given = dict(zip(kernel.arg_names, args, strict=False)) | named
        options = {name: value for name, value in given.items() if name not in kernel.arg_names}
        constants = {param.name: given[param.name] for param in kernel.params if param.is_constexpr}
        kinds = {name: "constexpr" if name in constants else _kind(given[name]) for name in kernel.arg_names}
        aligned = {
            (place,): [["tt.divisibility", 16]]
            for place, name in enumerate(kernel.arg_names)
            if kinds[name].startswith("*")
        }
        source = triton.compiler.ASTSource(kernel, kinds, constants, aligned)
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
        assert made.metadata.shared <= SHARED
        found[kernel.__name__] = made

    monkeypatch.setattr(JITFunction, "run", compile_it)
    yield found


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"*{KINDS[value.dtype]}"
    return "fp32" if isinstance(value, float) else "i32"


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 57])
def test_both_cross_attentions(compiled, rank):
    from sav.sam.fast.image_to_token_kernels import image_to_token
    from sav.sam.fast.token_to_image_kernels import token_to_image

    heads, count, dim, tokens, layers = 8, 8, 16, 4096, 1 if rank == 1 else 2
    of_heads, small = torch.zeros(heads, dim, tokens), torch.zeros(1, heads, count, dim)
    memory, scale = torch.zeros(1, 2 * 57 + 1, tokens), torch.ones(1, 1, tokens)
    scores = torch.zeros(1, heads * count, rank)
    shared = of_heads, of_heads, torch.zeros(heads, tokens, dim)
    token_to_image(shared, small, scores, memory[:, :rank], scale)

    new_rank = rank + heads * (count - 1)
    products = torch.zeros(layers, heads, dim, tokens), torch.zeros(tokens)
    values, gram = torch.zeros(1, layers, heads, count - 1, dim), torch.zeros(1, new_rank, new_rank)
    given = (of_heads, of_heads, *products), small, scores, values, gram, torch.zeros(1, layers, tokens)
    assert image_to_token(*given, 256, 1e-5, memory, rank, scale) == new_rank + 1
    assert set(compiled) == {"_token_to_image", "_image_to_token"}


@pytest.mark.slow
@pytest.mark.parametrize("is_fine", [False, True])
def test_upscaling(compiled, is_fine):
    from sav.sam.fast import upscaling_kernels

    first, last, rank, side = 64, 32, 113, 64
    basis, shared = torch.zeros(1, rank, side**2), torch.zeros(side, side, 4 * first)
    fine = (shared, torch.zeros(side, side, 4, 4 * last)) if is_fine else None
    weights = upscaling_kernels.Weights(
        torch.ones(first), torch.ones(first), 1e-6, torch.zeros(first, 4 * last), torch.zeros(last)
    )
    coefficients, mixers = torch.zeros(1, rank, 4 * first), torch.zeros(1, 3, last)
    scale = torch.ones(1, 1, side**2)
    upscaling_kernels.masks(basis, scale, coefficients, shared, fine, mixers, weights, (40, side))
    assert set(compiled) == {"_masks"}


@pytest.mark.slow
@pytest.mark.parametrize("size_hw", [(1080, 1920), (50, 70)])
def test_measuring_and_packing(compiled, monkeypatch, size_hw):
    monkeypatch.setattr(on_device._attempts, "device_types", ("cpu",))
    enlarger = DeviceEnlarger(FirstConvention(1024), size_hw, 2**30, 3, is_exact=False)
    logits = torch.zeros(2, 256, 256)
    enlarger.measured(logits, Stability(0.95, 1.0))
    enlarger.packed(logits, torch.tensor([[0, 0, 9, 9]] * 2, dtype=torch.int32))
    assert set(compiled) == {"_measure", "_pack"}
    assert not on_device._attempts._failed


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("head_dim", "side"), [(80, 14), (80, 64)])
def test_the_encoder(compiled, dtype, head_dim, side):
    layout = kernels.Layout((1, 64, 64), 16, head_dim, side)
    qkv, table = (
        torch.zeros(*shape, dtype=dtype) for shape in ((4097, 48 * head_dim), (side, side, head_dim))
    )
    kernels.attend(qkv, layout, (table, table))
    assert "wgmma" in compiled["attention_kernel"].asm["ptx"]
    stream, norm = torch.zeros(4096, 16 * head_dim), nn.LayerNorm(16 * head_dim)
    for branch in (None, stream.to(dtype)):
        kernels.add_norm(stream, branch, norm, dtype, spare=True)
    assert set(compiled) == {"attention_kernel", "add_norm_kernel"} | (
        {"positions_kernel"} if side == 64 else set()
    )


@pytest.mark.slow
def test_what_follows_a_convolution(compiled):
    from sav.detectors.silu_kernels import finish

    grid = torch.zeros(1, 16, 4, 4, dtype=torch.float16).to(memory_format=torch.channels_last)
    for residual in (None, grid):
        for twin in (None, grid):
            finish(grid, torch.zeros(16, dtype=torch.float16), residual, grid, twin)
    assert set(compiled) == {"_finish"}
