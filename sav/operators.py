"""The door to torchvision: its kernels of some operators, without PyTorch's compiler, which it imports."""

from sav.without_compiler import without_compiler

with without_compiler():
    from torchvision.ops import nms, roi_align

__all__ = ["nms", "roi_align"]
