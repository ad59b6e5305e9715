"""Messages of the layers of a model (role ``inference``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.protocol.message import Empty, Request, Response
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.layers import LayerView
from wav2vec2_app.speech.windows import SampleStatistics, Window


@dataclass(frozen=True)
class LayersResponse(Response):
    """The layers of the part."""

    view: LayerView


@dataclass(frozen=True)
class LayersRequest(Request[LayersResponse, Empty]):
    """Run the model once more over ``samples``, float32 ``(n,)``, 16 kHz, to see its layers.

    Fails with ``model.not_loaded`` if the model is not loaded.

    Attributes:
        windows: forward passes over ``samples``, whose kept frames are joined.
        emitted: int32 ``(frames,)``, the most probable token of the emission in each of these frames.
        start_s: where the first of these frames begins in the recording.
        layer: whose hidden frames are compared; ``None``: the middle one.
        side: most columns of the self-similarity.
        level: of the complete recording, if there are several windows of it.
    """

    op = "layers"

    model: str
    samples: Float32
    windows: tuple[Window, ...]
    emitted: NDArray[np.int32]
    start_s: float
    layer: int | None
    side: int
    level: SampleStatistics | None = None

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.emitted.ndim != 1:
            raise ValueError("samples and frames have one dimension")
        if self.side < 1 or not self.windows:
            raise ValueError("there is at least one window and one column")
        if sum(one.keep_to - one.keep_from for one in self.windows) != len(self.emitted):
            raise ValueError("each kept frame has a token of the emission")
