"""The JSON of a search for a word or a sound."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.base import JsonModel, probability, seconds
from wav2vec2_app.server.schema.recording import RecordingResponse, recording_fields
from wav2vec2_app.speech.search import Hit, Hits


class HitJson(JsonModel):
    """One place that matches."""

    start: FiniteFloat
    end: FiniteFloat
    score: FiniteFloat
    """1 where the model writes exactly what is searched for"""
    channel: int | None = None
    """number of the channel, from 1; ``null`` for a mix"""


class StoredHitsJson(JsonModel):
    """The places in one result of the history."""

    id: str
    """of the stored result"""
    name: str
    duration_s: FiniteFloat
    """length of its audio"""
    has_audio: bool
    """whether its recording is stored, too"""
    hits: tuple[HitJson, ...]
    """the best first"""


class SearchResponse(RecordingResponse):
    """Response of ``/find``: where a word or a sound occurs."""

    hits: tuple[HitJson, ...]
    """the best first"""
    history: tuple[StoredHitsJson, ...] = ()
    """results of the history with a hit, the one with the best first"""


class HistorySearchResponse(JsonModel):
    """Response of ``POST /v1/history/searches``: where a word or a sound occurs in stored results."""

    items: tuple[StoredHitsJson, ...]
    """results with a hit, the one with the best first"""
    searched: int
    """number of results that were searched"""
    skipped: int
    """number of results that cannot be searched: their model has no emission, or another alphabet"""
    next: str | None
    """``before`` of a request that searches older results; ``null`` when all were searched"""


def search(result: AudioResult, stored: tuple[StoredHitsJson, ...] = ()) -> SearchResponse:
    """The response to a search.

    Raises:
        ValueError: the task did not search.
    """
    transcript, found = result.transcript, result.hits
    if transcript is None or found is None:
        raise ValueError("the result has no hits: the task did not want any")
    return SearchResponse(
        hits=hits_json(found), history=stored, **recording_fields(result, transcript)
    )


def hits_json(found: Hits) -> tuple[HitJson, ...]:
    """The JSON of hits."""
    return tuple(_hit(one) for one in found.hits)


def _hit(one: Hit) -> HitJson:
    return HitJson(
        start=seconds(one.start_s),
        end=seconds(one.end_s),
        score=probability(one.score),
        channel=one.channel,
    )
