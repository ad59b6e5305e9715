"""The JSON of the history."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel
from wav2vec2_app.server.schema.errors import ErrorJson
from wav2vec2_app.server.schema.transcriptions import TranscriptionResponse


class HistoryItemJson(JsonModel):
    """One stored result."""

    id: str
    name: str
    """name of the file, or what the user called it"""
    tags: tuple[str, ...]
    created: FiniteFloat
    """when it was stored, seconds since 1970"""
    expires: FiniteFloat
    """when it will be deleted, seconds since 1970"""
    duration_s: FiniteFloat
    """length of the audio"""
    words: int
    """number of words"""
    confidence: FiniteFloat
    """mean over the words"""
    model: str
    """name of the model that transcribed it"""
    has_emission: bool
    """whether it can be decoded again and aligned"""
    has_audio: bool
    """whether its recording is stored, too"""
    corrected: bool = False
    """whether its words were corrected"""
    renamed: bool = False
    """whether its speakers were given names"""
    size_bytes: int
    excerpt: str = ""
    """text around the first match of a search, else its beginning"""


class HistoryResponse(JsonModel):
    """Response of ``GET /v1/history``: one page of the list, the newest item first."""

    items: tuple[HistoryItemJson, ...]
    next: str | None
    """``before`` of the next page; ``null`` on the last one"""
    total: int
    """number of items of this history"""
    size_bytes: int
    """size of all of them"""
    tags: tuple[str, ...]
    """all tags of this history"""
    retention_s: FiniteFloat
    """time after which an item is deleted"""
    stores_audio: bool
    """whether recordings are stored, too"""
    problem: ErrorJson | None
    """why the latest result could not be stored; ``null`` if it was"""


class StoredTranscriptionResponse(JsonModel):
    """Response of ``GET /v1/history/{id}``: an item and its transcription."""

    item: HistoryItemJson
    transcription: TranscriptionResponse


class DeletedResponse(JsonModel):
    """Response to a deletion."""

    deleted: int
    """number of items"""


class SimilarItemJson(JsonModel):
    """A stored result, and how similar it is to another one."""

    item: HistoryItemJson
    similarity: FiniteFloat
    """share of sequences of four letters that both have, 0 to 1; 1 for the same words"""


class SimilarResponse(JsonModel):
    """Response of ``GET /v1/history/{id}/similar``: the most similar first."""

    items: tuple[SimilarItemJson, ...]
