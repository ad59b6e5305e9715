"""The operations of the ``speakers`` role: embeddings of voices, and which words are of one voice.

The weights are loaded with the first request, so that a server without them says what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context, Empty
from wav2vec2_app.protocol.speakers import (
    SpeakersRequest,
    SpeakersResponse,
    VoicesRequest,
    VoicesResponse,
)
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.speaker_groups import speakers_of_words
from wav2vec2_app.worker.model.voice_encoder import VoiceEncoder, embed, load_encoder
from wav2vec2_app.worker.stages import sequence


@dataclass(frozen=True)
class SpeakersConfig:
    """The role's configuration; ``threads`` are of the network."""

    threads: int = 1


class VoiceOperations:
    """The operations; the encoder is loaded once."""

    def __init__(self) -> None:
        self._encoder: VoiceEncoder | None = None

    def embed(self, request: VoicesRequest, context: Context[Empty]) -> VoicesResponse:
        """Embed windows of speech."""
        begin = time.perf_counter()
        if self._encoder is None:
            self._encoder = load_encoder()
        loaded = time.perf_counter()
        embeddings = embed(
            self._encoder, request.samples, request.windows, check=context.check_cancelled
        )
        spent = {"load model": loaded - begin, "voices": time.perf_counter() - loaded}
        return VoicesResponse(embeddings, stages=sequence(spent))


def group(request: SpeakersRequest, context: Context[Empty]) -> SpeakersResponse:
    """Find the speakers of words."""
    context.check_cancelled()
    begin = time.perf_counter()
    speakers = speakers_of_words(request.embeddings, request.windows, request.words)
    stages = sequence({"speakers": time.perf_counter() - begin})
    return SpeakersResponse(speakers, stages=stages)


def create(config: Mapping[str, object]) -> Role:
    """The role; ``config`` has the fields of :class:`SpeakersConfig`."""
    torch.set_num_threads(codec.unpack(SpeakersConfig, Body(config)).threads)
    operations = VoiceOperations()
    return Role((VoicesRequest.handler(operations.embed), SpeakersRequest.handler(group)))
