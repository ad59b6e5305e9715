"""The one interface of everything that can run a forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wav2vec2_app.model.chunking import FrameGrid
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.types import Float32


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself. ``note`` tells of a fallback in plain words."""

    engine: str
    device: str
    precision: str
    parameters: int
    note: str = ""


class Engine(Protocol):
    """Runs a CTC checkpoint."""

    grid: FrameGrid
    """Geometry of the encoder; valid after :meth:`load`."""

    outputs: int
    """Tokens in each frame of an emission; valid after :meth:`load`."""

    def load(self, checkpoint: Checkpoint) -> None:
        """Read the weights and make ready; raises ModelError where the checkpoint is unusable."""
        ...

    def forward(self, batch: Float32) -> Float32:
        """Log-probabilities ``(batch, frames, tokens)`` of audio ``(batch, samples)``."""
        ...

    def describe(self) -> EngineInfo:
        """What runs, where, and in which precision."""
        ...
