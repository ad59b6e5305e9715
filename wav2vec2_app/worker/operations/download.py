"""The operation of the ``download`` role: copy a checkpoint from the model hub to this machine.

The role has a process of its own, so that a slow network does not delay other work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wav2vec2_app.protocol import codec
from wav2vec2_app.protocol.download import DownloadProgress, DownloadRequest, DownloadResponse
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import Context
from wav2vec2_app.worker.call import Role
from wav2vec2_app.worker.model.fetch import fetch, fetch_whisper


@dataclass(frozen=True)
class DownloadConfig:
    """The role's configuration: how long the hub may take to answer, seconds."""

    timeout_s: float


def create(config: Mapping[str, object]) -> Role:
    """The role; ``config`` has the fields of :class:`DownloadConfig`."""
    timeout_s = codec.unpack(DownloadConfig, Body(config)).timeout_s

    def download(request: DownloadRequest, context: Context[DownloadProgress]) -> DownloadResponse:
        def report(done_bytes: int, total_bytes: int) -> None:
            context.check_cancelled()
            context.progress(DownloadProgress(done_bytes, total_bytes))

        get = fetch_whisper if request.kind == "whisper" else fetch
        get(request.model, report, timeout_s=timeout_s)
        return DownloadResponse(request.model)

    return Role((DownloadRequest.handler(download),))
