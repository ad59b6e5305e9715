"""Runs the two graphs of a model: the convolutions piece by piece, then the transformer over all frames.

The first convolution outputs a hundred numbers for each sample: 65 MB for ten seconds of audio and
wav2vec2-base, and as much again for the activations. In pieces, this memory does not depend on the length
of the audio. The receptive field of a frame is the same either way, and so is the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.engines.group_norm import GroupNorm

PIECE_FRAMES = 100
"""Frames that are convolved in one inference request."""


@dataclass(frozen=True)
class ModelRequest:
    """Inference requests of both :class:`~wav2vec2_app.worker.model.engines.openvino_graph.Graphs`."""

    convolutions: Any
    transformer: Any
    group_norm: GroupNorm | None
    grid: FrameGrid

    def infer(self, batch: Float32) -> Float32:
        """Log-probabilities ``(batch, frames, tokens)`` of audio ``(batch, samples)``."""
        found = self.transformer.infer([self.features(batch)])
        return np.array(found[0], dtype=np.float32)  # the request reuses its buffer

    def features(self, batch: Float32) -> Float32:
        """Output of the convolutions: ``(batch, channels, frames)``."""
        total = self.grid.frames(batch.shape[1])
        piece = min(PIECE_FRAMES, total)
        extra = self.group_norm.scale_and_shift(batch) if self.group_norm else ()
        features: list[Float32] = []
        for begin in range(0, total, piece):
            first = min(begin, total - piece)  # the last one is as long as the others
            start = first * self.grid.hop
            audio = np.ascontiguousarray(batch[:, start : start + self.grid.samples(piece)])
            found = np.array(self.convolutions.infer([audio, *extra])[0], dtype=np.float32)
            features.append(found[:, :, begin - first :])
        return np.concatenate(features, axis=2)
