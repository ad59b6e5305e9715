"""Messages of the ``speakers`` role: embeddings of voices, and which words are of one voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.protocol.message import Empty, Request, Response
from wav2vec2_app.speech.audio import Float32


@dataclass(frozen=True)
class VoicesResponse(Response):
    """An embedding of unit length for each window: float32 ``(windows, 256)``."""

    embeddings: Float32


@dataclass(frozen=True)
class VoicesRequest(Request[VoicesResponse, Empty]):
    """Embed windows of ``samples``, float32 ``(n,)``, 16 kHz.

    ``windows`` are start and end in seconds, float32 ``(windows, 2)``.
    """

    op = "embed_voices"

    samples: Float32
    windows: Float32

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError("the model takes audio with one channel")
        _check_spans(self.windows)


@dataclass(frozen=True)
class SpeakersResponse(Response):
    """The number of the speaker of each word, from 0: int32 ``(words,)``."""

    speakers: NDArray[np.int32]


@dataclass(frozen=True)
class SpeakersRequest(Request[SpeakersResponse, Empty]):
    """Find how many speakers there are, and who says each word.

    Attributes:
        embeddings: of the windows, float32 ``(windows, 256)``.
        windows, words: start and end in seconds, float32 ``(n, 2)``, by their start.
    """

    op = "group_voices"

    embeddings: Float32
    windows: Float32
    words: Float32

    def __post_init__(self) -> None:
        _check_spans(self.windows)
        _check_spans(self.words)
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.windows):
            raise ValueError("each window has one embedding")
        if len(self.words) and not len(self.windows):
            raise ValueError("words have windows")


def _check_spans(spans: Float32) -> None:
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise ValueError("a span has a start and an end")
