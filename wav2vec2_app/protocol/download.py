"""Messages of the ``download`` role: copy a checkpoint from the model hub to this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wav2vec2_app.protocol.message import Message, Request, Response


@dataclass(frozen=True)
class DownloadProgress(Message):
    """How much of the files has arrived, bytes."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class DownloadResponse(Response):
    """The files of ``model`` are complete on disk."""

    model: str


@dataclass(frozen=True)
class DownloadRequest(Request[DownloadResponse, DownloadProgress]):
    """Download the files of the checkpoint ``model``: ``repository`` or ``repository:language``.

    ``kind``: whose files are needed, those of a CTC model or of Whisper in CTranslate2's format.
    """

    op = "download"

    model: str
    kind: Literal["ctc", "whisper"] = "ctc"
