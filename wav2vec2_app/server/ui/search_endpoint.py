"""The named endpoint ``/find`` for ``gradio_client``, documented in ``docs/api.md``.

Like the other endpoints it never raises: a failure is answered with an ErrorResponse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.orchestrator import searching
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.endpoint_parts import answer_part, audio_part, trigger_part, value_parts
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.gradio_internals import (
    fill_in_defaults,
)
from wav2vec2_app.server.ui.requests import required, source_of
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.models import AUTO_MODEL

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

ENDPOINT: Final = "find"

_INPUTS: Final = (
    ("word", "", "string", "What to search for, as written."),
    ("start", "", "string", "Start of the stretch that is the query, seconds; without a word."),
    ("end", "", "string", "End of that stretch, seconds."),
    ("whole_words", True, "boolean", "Whether a word may not be a part of a longer one."),
    ("limit", 20, "number", "Most hits."),
    ("model", AUTO_MODEL, "string", "Name of a CTC model."),
    ("track", "", "string", "Number of the audio track, from 1. Empty: the one that the file marks."),
)  # fmt: skip
"""Name, default, type and description of each parameter after the audio and the spoken query."""


def add_find_endpoint(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add the endpoint to a page; called inside its context."""
    audio, query = audio_part(page), audio_part(page, "query")
    inputs = value_parts(page, _INPUTS)

    async def find(
        request: gr.Request,
        audio: str | None,
        query: str | None = None,
        word: object = "",
        start: object = "",
        end: object = "",
        whole_words: object = True,
        limit: object = 20,
        model: str = AUTO_MODEL,
        track: object = "",
    ) -> JsonObject:
        """Find where a word, a spoken query or a stretch (seconds) occurs in a recording."""
        session = session_of(request, orchestrator)
        what = (word, start, end, whole_words, limit)
        return await answer(orchestrator, session, (audio, query), what, model, track)

    trigger_part(page).click(
        find,
        inputs=[audio, query, *inputs],
        outputs=[answer_part(page)],
        api_name=ENDPOINT,
        concurrency_limit=None,
        show_progress="hidden",
    )
    fill_in_defaults(page, {ENDPOINT})


async def answer(
    orchestrator: ModelOrchestrator,
    session: str,
    files: tuple[str | None, str | None],
    what: tuple[object, object, object, object, object],
    model: str = AUTO_MODEL,
    track: object = "",
) -> JsonObject:
    """``/find``: a SearchResponse; ``files`` are the recording and the spoken query.

    ``what``: word, start and end of the stretch, whole words, most hits.
    """
    task_id = ""
    try:
        audio, query = files
        word, start, end, whole_words, limit = what
        spoken = source_of(query) if query else None
        wanted = searching.parse_search(
            word, start, end, query=spoken, whole_words=bool(whole_words), limit=limit
        )
        task = AudioTask(
            source_of(required(audio)),
            model=model or AUTO_MODEL,
            session=session,
            audio_options=parse_audio_options(track),
        )
        task_id = task.id
        result, _ = await searching.find(orchestrator.run, task, wanted)
        return schema.search(result).json_dict()
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()
