"""What the layers of a model output for a part of a recording: their characters, and alike moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.exploration import Explored


@dataclass(frozen=True)
class LayerRow:
    """One layer in summary; layer 0 is what enters the first layer.

    Attributes:
        text: the greedy path if the CTC head is applied to this layer: repeats merged, blanks and special
            tokens dropped.
        agreement: share of the frames whose most probable token is that of the emission, in [0, 1].
    """

    layer: int
    text: str
    agreement: float


@dataclass(frozen=True)
class LayerView(Explored):
    """The layers of a model over the frames of a part; rows are layers, from the input of the first one.

    Attributes:
        start_s, frame_s: where the first frame begins, and the length of one.
        rows: one for each layer.
        tokens: those that occur; empty for the blank, a blank character for the word delimiter.
        top: int32 ``(layers + 1, frames)``, number in ``tokens`` of the most probable token if the final norm
            and the CTC head are applied to the layer.
        probabilities: float32 of the same shape, theirs.
        moved: float32 of the same shape, 1 - cosine of each hidden frame with that of the layer before, in
            [0, 2]; 0 in the first row.
        layer: whose hidden frames are compared with each other.
        similarity: float32 ``(side, side)``, cosine of each two columns of ``merged`` hidden frames, from
            which the mean of the part is subtracted, in [-1, 1].
    """

    start_s: float
    frame_s: float
    rows: tuple[LayerRow, ...]
    tokens: tuple[str, ...]
    top: NDArray[np.int32]
    probabilities: Float32
    moved: Float32
    layer: int
    similarity: Float32
    merged: int


def no_layers(model: str) -> ModelError:
    """The error for a model whose layers cannot be shown."""
    return ModelError(
        f"The layers of the model {model} cannot be shown.",
        code="model.no_layers",
        hint="Transcribe the recording with a CTC model, such as wav2vec2, to see its layers.",
        severity="warning",
        metadata={"model": model},
    )
