"""The JSON of batches."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel
from wav2vec2_app.server.schema.errors import ErrorJson

FileState = Literal["missing", "waiting", "running", "done", "failed"]
"""``missing``: its upload has not arrived."""


class BatchFileJson(JsonModel):
    """One file of a batch."""

    number: int
    """from 1, in the order in which the files were sent"""
    name: str
    size_bytes: int
    state: FileState
    progress: FiniteFloat
    """part of the file that is transcribed, in [0, 1]"""
    duration_s: FiniteFloat | None
    """length of the audio; ``null`` until it is known"""
    confidence: FiniteFloat | None
    """mean over the words"""
    text: str
    """the beginning of the transcript"""
    error: ErrorJson | None
    """why it failed"""


class BatchCountsJson(JsonModel):
    """How many files of a batch are in each state."""

    total: int
    missing: int
    waiting: int
    running: int
    done: int
    failed: int


class BatchResponse(JsonModel):
    """Response about one batch."""

    id: str
    name: str
    created: FiniteFloat
    """seconds since 1970"""
    expires: FiniteFloat | None
    """when a finished batch will be deleted, seconds since 1970; ``null`` while it is not finished"""
    finished: bool
    """whether every file is ``done`` or ``failed``"""
    counts: BatchCountsJson
    eta_s: FiniteFloat | None
    """estimated time until it is finished, seconds; ``null`` if it is not known"""
    version: int
    """grows with every change; send it as ``after`` to receive only the files that have changed"""
    files: tuple[BatchFileJson, ...] = ()
    """all files, or those that have changed; in lists of batches none"""
    key: str = ""
    """the history key that was made for a request without one; send it as ``X-History-Key``"""


class BatchListResponse(JsonModel):
    """Response of ``GET /v1/transcription-batches``: the batches of a history key, the newest first."""

    batches: tuple[BatchResponse, ...]
    retention_s: FiniteFloat
    """time after which a finished batch is deleted"""
    most_files: int
    """most files of one batch"""
