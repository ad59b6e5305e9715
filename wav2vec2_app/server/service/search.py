"""Finds keywords and sounds on the text workers, in every channel of a recording."""

from __future__ import annotations

from wav2vec2_app.protocol.message import Empty, Request
from wav2vec2_app.protocol.search import (
    FoundResponse,
    KeywordSearchRequest,
    SoundSearchRequest,
)
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.service.client import WorkerClient
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.stages import summed
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.search import Hit, Hits, Search, cut_stretch, no_query, other_alphabet
from wav2vec2_app.speech.transcript import Recognition


async def find_in(
    client: WorkerClient,
    recognition: Recognition,
    search: Search,
    deadline: Deadline | None,
    request_id: str,
) -> StepResult[Hits]:
    """The hits of ``search`` in a recording, the best first.

    Raises:
        InputError: see :mod:`wav2vec2_app.worker.model.search`; ``find.no_query``; ``find.bad_stretch``.
    """
    separate = bool(recognition.channels)
    parts = recognition.channels or (recognition,)
    query = query_of(parts[0].emitted.emission, search)
    hits: list[Hit] = []
    stages = []
    for number, part in enumerate(parts, start=1):
        emitted = part.emitted
        answer = await client.request(
            _request(emitted.emission, search, query),
            audio_s=emitted.duration_s,
            deadline=deadline,
            request_id=request_id,
        )
        channel = number if separate else None
        hits += [Hit(*_rounded(row), channel) for row in answer.value.hits.tolist()]
        stages.append(answer.stages)
    best = sorted(hits, key=lambda hit: -hit.score)[: search.limit]
    return StepResult(Hits(tuple(best)), summed(stages))


def query_of(emission: Emission, search: Search) -> Float32 | None:
    """The log-probabilities that are searched for; ``None`` for a keyword.

    Raises:
        InputError: ``find.bad_stretch``, the stretch is not inside the recording; ``find.other_alphabet``.
    """
    if search.query is not None:
        if search.query.vocabulary != emission.vocabulary:
            raise other_alphabet()
        return search.query.log_probs
    if search.stretch is None:
        return None
    return cut_stretch(emission, search.stretch).log_probs


def _request(
    emission: Emission, search: Search, query: Float32 | None
) -> Request[FoundResponse, Empty]:
    if query is not None:
        return SoundSearchRequest(emission, query, search.limit)
    if not search.keyword:
        raise no_query()
    return KeywordSearchRequest(emission, search.keyword, search.whole_words, search.limit)


def _rounded(row: list[float]) -> tuple[float, float, float]:
    start_s, end_s, score = row
    return round(start_s, 4), round(end_s, 4), round(score, 6)
