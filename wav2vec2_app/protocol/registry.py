"""Every request, by the name of its operation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wav2vec2_app.protocol.audio import (
    AnalyzeRequest,
    DecodeAudioRequest,
    DrawRequest,
    ProbeRequest,
)
from wav2vec2_app.protocol.download import DownloadRequest
from wav2vec2_app.protocol.inference import (
    DescribeRequest,
    EmitRequest,
    LoadRequest,
    UnloadRequest,
)
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.text import AlignRequest, DecodeTextRequest

Requests = Mapping[str, type[AnyRequest]]

REQUESTS: Requests = MappingProxyType(
    {
        request.op: request
        for request in (
            ProbeRequest, DecodeAudioRequest, AnalyzeRequest, DrawRequest,
            LoadRequest, UnloadRequest, DescribeRequest, EmitRequest, DecodeTextRequest,
            AlignRequest, DownloadRequest,
        )
    }
)  # fmt: skip
