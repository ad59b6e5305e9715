"""Messages of the ``audio`` role: encode samples as a WAV file."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.protocol.message import Empty, Request, Response
from wav2vec2_app.speech.audio import Float32


@dataclass(frozen=True)
class EncodeWavResponse(Response):
    """A complete WAV file: 16-bit PCM, mono, 16 kHz."""

    wav: bytes


@dataclass(frozen=True)
class EncodeWavRequest(Request[EncodeWavResponse, Empty]):
    """Encode ``samples``, float32 ``(n,)``, 16 kHz; what exceeds [-1, 1] is clipped."""

    op = "encode_wav"

    samples: Float32
