"""The JSON of a model's layers."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from numpy.typing import NDArray
from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.base import JsonModel, probability, seconds
from wav2vec2_app.server.schema.explorations import CERTAIN
from wav2vec2_app.speech.layers import LayerView


class LayerJson(JsonModel):
    """One layer in summary."""

    layer: int
    """0 is what enters the first layer"""
    text: str
    """what the model would write if its CTC head came right after this layer, without special tokens"""
    agreement: FiniteFloat
    """share of frames whose most probable token is that of the emission, 0 to 1"""
    moved: FiniteFloat
    """mean of 1 - cosine with the layer before, 0 to 2"""


class SelfSimilarityJson(JsonModel):
    """How alike each two moments are: the cosine of hidden frames without the mean of the part."""

    layer: int
    side: int
    """columns, and rows"""
    merged: int
    """frames of the model in a column, whose mean is compared"""
    values: str
    """base64 of unsigned bytes, row after row: 0 is -1, 255 is 1; time runs along rows and columns"""


class ModelLayersResponse(JsonModel):
    """Response of ``/layers`` and ``POST /v1/audio/layers``; times count from the start of the recording."""

    request_id: str
    model: str
    start: FiniteFloat
    frame_s: FiniteFloat
    frames: int
    layers: tuple[LayerJson, ...]
    """from what enters the first layer to the last one; a row of the arrays for each"""
    tokens: tuple[str, ...]
    """those that occur: nothing is the CTC blank, a blank character the word delimiter"""
    top: str
    """base64 of unsigned 16-bit numbers, little-endian, row after row: the most probable of ``tokens``"""
    probabilities: str
    """the same, of these tokens; 65535 is certain"""
    moved: str
    """the same: 1 - cosine of each hidden frame with the layer before; 65535 is 2 (the opposite)"""
    similarity: SelfSimilarityJson


def model_layers(result: AudioResult) -> ModelLayersResponse:
    """The response of a task that wants layers.

    Raises:
        ValueError: the task was for something else.
    """
    found = result.explored
    if not isinstance(found, LayerView):
        raise ValueError("the result has no layers: the task did not want them")
    return ModelLayersResponse(
        request_id=result.id,
        model=result.transcript.model.name if result.transcript else "",
        start=seconds(found.start_s),
        frame_s=found.frame_s,
        frames=found.top.shape[1],
        layers=tuple(
            LayerJson(
                layer=row.layer, text=row.text, agreement=probability(row.agreement),
                moved=round(float(moved.mean()), 4),
            )
            for row, moved in zip(found.rows, found.moved, strict=True)
        ),
        tokens=found.tokens,
        top=_base64(found.top.astype("<u2")),
        probabilities=_base64(_quantized(found.probabilities)),
        moved=_base64(_quantized(found.moved / 2)),
        similarity=SelfSimilarityJson(
            layer=found.layer, side=len(found.similarity), merged=found.merged,
            values=_base64(np.rint((found.similarity + 1) * 127.5).astype(np.uint8)),
        ),
    )  # fmt: skip


def _quantized(shares: NDArray[np.floating]) -> NDArray[np.uint16]:
    return np.rint(np.clip(shares.astype(np.float32), 0, 1) * CERTAIN).astype("<u2")


def _base64(values: NDArray[np.generic]) -> str:
    return b64encode(np.ascontiguousarray(values).tobytes()).decode()
