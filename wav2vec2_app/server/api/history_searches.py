"""``POST /v1/history/searches``: where a word or a sound occurs in stored results."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from wav2vec2_app.errors import InputError, Wav2Vec2Error
from wav2vec2_app.server import schema
from wav2vec2_app.server.api import openapi
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.api.history import own_history, place_in_list
from wav2vec2_app.server.api.openai import reject_if_full
from wav2vec2_app.server.api.run import run_while_connected
from wav2vec2_app.server.api.search_forms import SearchForm, received_stored_search
from wav2vec2_app.server.api.status_page import NOT_STORED
from wav2vec2_app.server.clients import owner_of
from wav2vec2_app.server.operations import Target, Want
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.orchestrator.searching import sound_of, with_query
from wav2vec2_app.server.storage.history import HistoryStore
from wav2vec2_app.server.storage.recorder import HistoryRecorder
from wav2vec2_app.server.storage.records import ListQuery
from wav2vec2_app.server.storage.restoring import restored
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.search import Hit, Hits, Search

MAX_STORED: Final = 100
"""How many results one request searches, the newest first."""
SKIPPED: Final = frozenset({
    "history.not_found", "history.no_emission", "task.not_cached", "find.other_alphabet",
    "find.no_letters", "find.query_too_long", "find.too_long",
})  # fmt: skip
"""Codes of errors of one stored result, which do not concern the others."""

StoredHit = tuple[schema.HistoryItemJson, Hit]


@dataclass(frozen=True)
class OwnHistory:
    """The history of the owner of a request."""

    store: HistoryStore
    owner: str


def history_search_router(
    orchestrator: ModelOrchestrator, settings: Settings, recorder: HistoryRecorder | None
) -> APIRouter:
    """The route; without a recorder, it says that the history is off."""
    routes = APIRouter(prefix="/v1/history", tags=["history"])

    @routes.post("/searches", **openapi.history_searches())
    async def searches(request: Request) -> JSONResponse:
        """Find where a word, a spoken query or a stretch of a stored recording occurs in the history."""
        owner, history = await own_history(request, recorder)
        try:
            reject_if_full(orchestrator)
            async with received_stored_search(request, settings.max_bytes) as sent:
                before = place_in_list(sent.fields.get("before", ""))
                own = OwnHistory(history.store, owner)
                search = await _search_of(orchestrator, request, own, sent)
                answer = await search_stored(orchestrator, request, own, search, before)
        except Wav2Vec2Error as error:
            raise RequestFailed(error) from error
        return JSONResponse(answer.json_dict(), headers=NOT_STORED)

    return routes


async def search_stored(
    orchestrator: ModelOrchestrator,
    request: Request,
    own: OwnHistory,
    search: Search,
    before: int | None = None,
) -> schema.HistorySearchResponse:
    """The best hits in the newest :data:`MAX_STORED` results, or in those that are older than ``before``.

    Raises:
        InputError: the query cannot be used, or none of the results can be searched for it.
        RequestFailed: a task failed.
    """
    listed = await own.store.find(own.owner, ListQuery(before=before, limit=MAX_STORED))
    found: list[StoredHit] = []
    problem: InputError | None = None
    searched = 0
    for item in listed.items:
        try:
            hits = await _hits_in(orchestrator, request, own, item.id, search)
        except InputError as error:
            problem = error
            continue
        searched += 1
        found += [(item, hit) for hit in hits]
    if problem is not None and not searched and problem.code.startswith("find."):
        raise problem
    return schema.HistorySearchResponse(
        items=_grouped(found, search.limit),
        searched=searched,
        skipped=len(listed.items) - searched,
        next=listed.next,
    )


async def _hits_in(
    orchestrator: ModelOrchestrator, request: Request, own: OwnHistory, item_id: str, search: Search
) -> tuple[Hit, ...]:
    """The hits in one result, which is in the cache for the time of the search.

    Raises:
        InputError: this result cannot be searched.
        RequestFailed: the search failed for another reason.
    """
    session = f"search/{uuid.uuid4()}"
    cached = await restored(own.store, own.owner, item_id)
    cached = replace(cached, session=session, owner=owner_of(cached.client, session))
    orchestrator.restore(session, cached)
    task = AudioTask(
        wants=frozenset({Want.HITS}), search=search, session=session, cached_id=session,
        decoding=cached.decoding, history="",
    )  # fmt: skip
    try:
        result = await run_while_connected(orchestrator, request, task)
    except RequestFailed as failed:
        if isinstance(failed.error, InputError) and failed.error.code in SKIPPED:
            raise failed.error from failed
        raise
    finally:
        orchestrator.forget_session(session)
    return result.hits.hits if result.hits is not None else ()


def _grouped(found: list[StoredHit], limit: int) -> tuple[schema.StoredHitsJson, ...]:
    """The ``limit`` best hits, those of one result together."""
    best: dict[str, list[StoredHit]] = {}
    for one in islice(sorted(found, key=lambda pair: -pair[1].score), limit):
        best.setdefault(one[0].id, []).append(one)
    return tuple(_stored_hits(pairs) for pairs in best.values())


def _stored_hits(pairs: list[StoredHit]) -> schema.StoredHitsJson:
    item = pairs[0][0]
    return schema.StoredHitsJson(
        id=item.id,
        name=item.name,
        duration_s=item.duration_s,
        has_audio=item.has_audio,
        hits=schema.hits_json(Hits(tuple(hit for _, hit in pairs))),
    )


async def _search_of(
    orchestrator: ModelOrchestrator, request: Request, own: OwnHistory, sent: SearchForm
) -> Search:
    """What is searched for; a stretch is one of the stored recording ``item``.

    Raises:
        InputError: it cannot be used, or the item is not there or has no emission.
        RequestFailed: a spoken query cannot be transcribed.
    """
    run = partial(run_while_connected, orchestrator, request)
    wanted = sent.search()
    search = await with_query(run, wanted, sent.fields.get("model", AUTO_MODEL))
    if search.stretch is None:
        return search
    cached = await restored(own.store, own.owner, sent.fields.get("item", ""))
    return sound_of(search, cached.answers[Target()])
