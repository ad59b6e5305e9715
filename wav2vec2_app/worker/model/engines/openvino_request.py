"""Running the two graphs of a model: convolutions piece by piece, then the transformer over all frames.

The first convolution makes a hundred numbers of each sample: of ten seconds at once 65 MB for wav2vec2-base,
and as much again for what is made of them. In pieces that stays small, however long the audio is. A frame
sees the same samples either way, so it comes out the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.engines.group_norm import GroupNorm

PIECE = 100
"""Frames that are convolved at once."""


@dataclass(frozen=True)
class Request:
    """Inference requests of both graphs (:class:`~wav2vec2_app.model.engines.openvino_graph.Graphs`)."""

    convolutions: Any
    transformer: Any
    group_norm: GroupNorm | None
    grid: FrameGrid

    def infer(self, batch: Float32) -> Float32:
        """Log-probabilities ``(batch, frames, tokens)`` of audio ``(batch, samples)``."""
        found = self.transformer.infer([self._features(batch)])
        return np.array(found[0], dtype=np.float32)  # the request's own buffer is used again

    def _features(self, batch: Float32) -> Float32:
        """What the convolutions make of all: ``(batch, channels, frames)``."""
        total = self.grid.frames(batch.shape[1])
        piece = min(PIECE, total)
        extra = self.group_norm.scale_and_shift(batch) if self.group_norm else ()
        features: list[Float32] = []
        for begin in range(0, total, piece):
            first = min(begin, total - piece)  # the last one is as long as the others
            start = first * self.grid.hop
            audio = np.ascontiguousarray(batch[:, start : start + self.grid.samples(piece)])
            found = np.array(self.convolutions.infer([audio, *extra])[0], dtype=np.float32)
            features.append(found[:, :, begin - first :])
        return np.concatenate(features, axis=2)
