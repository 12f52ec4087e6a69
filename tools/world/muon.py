"""Muon: momentum whose updates of a matrix are made orthogonal.

The method is that of kellerjordan.github.io/posts/muon, its updates scaled as in arXiv 2502.16982, so that
Muon and AdamW can share a learning rate. torch.optim's Muon orthogonalises in bfloat16, which many CPUs can
only emulate, hundreds of times slower than float32; here that is done only where it is fast.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from sav.device import has_fast_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration that drives all singular values towards 1."""
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonal updates and decoupled weight decay for matrices `(rows, columns)`."""

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float = 1e-3, momentum: float = 0.95, decay: float = 0.05
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Takes one step; matrices of one shape are orthogonalised together."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for shape, matrices in alike.items():
                wanted = torch.stack([self._momentum(m, group["momentum"]) for m in matrices])
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                for matrix, update in zip(matrices, orthogonalised(wanted), strict=True):
                    matrix.mul_(1 - group["lr"] * group["decay"]).add_(update, alpha=-rate)

    def _momentum(self, matrix: nn.Parameter, momentum: float) -> Tensor:
        state, gradient = self.state[matrix], cast(Tensor, matrix.grad)
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices `(n, rows, columns)` with their singular values brought to about 1 (0.7 to 1.2)."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalised(matrices.mT).mT
    a, b, c = COEFFICIENTS
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    x = x.to(torch.bfloat16 if has_fast_bfloat16(x.device) else torch.float32)
    for _ in range(ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.float()
