"""Muon for matrices and AdamW for the rest.

Muon: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). Matrices of
one shape are stacked and orthogonalised together, which matters on a few cores.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from training.network import fast_type

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(stack: Tensor, steps: int = 5) -> Tensor:
    """Return the nearest (semi-)orthogonal matrices of a `(n, rows, columns)` stack, roughly."""
    a, b, c = NEWTON_SCHULZ
    wide = stack.shape[1] <= stack.shape[2]
    x = (stack if wide else stack.mT).to(fast_type(stack.device.type))
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Momentum, then orthogonalisation; parameters of more than two axes are flattened to two."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Take one step; `closure` is not supported."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    by_shape[(p.shape[0], p.numel() // p.shape[0])].append(p)
            for (rows, columns), params in by_shape.items():
                updates = []
                for p in params:
                    state = self.state[p]
                    if not state:
                        state["momentum"] = torch.zeros_like(p)
                    state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                    update = p.grad.lerp(state["momentum"], group["momentum"])
                    updates.append(update.reshape(rows, columns))
                scale = max(1.0, rows / columns) ** 0.5
                stack = orthogonalise(torch.stack(updates))
                for p, update in zip(params, stack.unbind(), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.reshape(p.shape).to(p.dtype), alpha=-group["lr"] * scale)


class Optimisers:
    """Muon and AdamW stepped as one, their rates scaled by one schedule in [0, 1].

    `slow` are stepped by AdamW at a rate of their own; they stand still while they have no gradient.
    """

    def __init__(
        self,
        matrices: list[nn.Parameter],
        others: list[nn.Parameter],
        muon_lr: float,
        adamw_lr: float,
        weight_decay: float = 0.0,
        slow: Iterable[nn.Parameter] = (),
        slow_lr: float = 0.0,
    ) -> None:
        self.muon = Muon(matrices, lr=muon_lr, weight_decay=weight_decay)
        groups = [{"params": list(others), "lr": adamw_lr}]
        if slow := list(slow):
            groups.append({"params": slow, "lr": slow_lr})
        self.adamw = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)
        self.base = {self.muon: [muon_lr], self.adamw: [adamw_lr, slow_lr]}
        self.params = [*matrices, *others, *slow]

    def step(self, scale: float, clip: float = 1.0) -> float:
        """Clip, step with rates times `scale`, clear gradients; return the gradient's norm."""
        norm = float(nn.utils.clip_grad_norm_(self.params, clip))
        for optimiser, rates in self.base.items():
            for group, lr in zip(optimiser.param_groups, rates, strict=False):
                group["lr"] = lr * scale
            if math.isfinite(norm):  # a step with a gradient that is not finite is skipped
                optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> dict[str, dict]:
        """Return both optimisers' state."""
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        """Restore what `state_dict` gave."""
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
