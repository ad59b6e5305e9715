"""Explorations of what a tab shows, which the page's script fetches, and the named endpoints for programs.

The endpoints never raise: a failure is answered with an ErrorResponse.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.endpoint_parts import answer_part, trigger_part, value_parts
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.export_handlers import fetch_file
from wav2vec2_app.server.ui.gradio_internals import fill_in_defaults
from wav2vec2_app.server.ui.render import export
from wav2vec2_app.server.ui.requests import required_id
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.views import Update
from wav2vec2_app.speech.exploration import (
    Explorable,
    ExploredLayers,
    ExploredWord,
    parse_layers,
    parse_part,
    parse_word,
)
from wav2vec2_app.speech.exports import ExportedFile

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

NamedEndpoint = Callable[..., Awaitable[JsonObject]]

WANTED: Final = "explore:"
"""Begins the name of a file that is an exploration."""
_WANTS: Final = frozenset({Want.EXPLORATION})
_TIMES: Final = (
    ("start", 0.0, "number", "Start of the part, seconds."),
    ("end", 0.0, "number", "End of the part, seconds."),
)
_CHANNEL: Final = ("channel", 0, "number", "Channel that was transcribed separately; 0: the mix.")
_REQUEST: Final = ("request_id", "", "string", "The `request_id` of an earlier answer.")
_INPUTS: Final = {
    "explore": (_REQUEST, *_TIMES, ("columns", 600, "number", "Columns, 16 to 2000."), _CHANNEL),
    "explain": (
        _REQUEST, *_TIMES,
        ("words", "", "string", "The words to compare, with blanks between; at most 8."),
        ("before", "", "string", "The words before them."), _CHANNEL,
    ),
    "layers": (
        _REQUEST, *_TIMES,
        ("layer", -1, "number", "Layer whose frames are compared; -1: the middle one."),
        ("columns", 240, "number", "Columns of the self-similarity, 16 to 400."), _CHANNEL,
    ),
}  # fmt: skip
"""Name, default, type and description of the parameters of each endpoint."""


async def fetch_wanted(
    orchestrator: ModelOrchestrator, tabs: Tabs, session: str, request: str
) -> Update:
    """What the page's script wants: an exploration, or else a file of the tab."""
    if request.startswith(WANTED):
        return await fetch_exploration(orchestrator, tabs, session, request)
    return await fetch_file(tabs, session, request)


async def fetch_exploration(
    orchestrator: ModelOrchestrator, tabs: Tabs, session: str, request: str
) -> Update:
    """Explore what the tab shows.

    ``request`` is ``explore:`` with the values as JSON, whose blanks are escaped, and a number that tells
    requests apart: ``explore:{"start":1,"end":9,"columns":600} 3``. With ``words``, these are compared; with
    ``layer``, the layers are shown.
    The file is the response of the endpoint, or an ErrorResponse.
    """
    text = request.removeprefix(WANTED).rpartition(" ")[0]
    answer = await _answer(orchestrator, lambda: _of_tab(tabs, session, text))
    content = json.dumps(answer, ensure_ascii=True).encode()
    file = ExportedFile("exploration.json", "application/json", content)
    return {"file": export.fetched(request, file)}


def _of_tab(tabs: Tabs, session: str, text: str) -> AudioTask:
    finished = tabs.of(session).finished
    if finished is None:
        raise InputError(
            "There is no result to explore.",
            code="task.not_cached",
            hint="Transcribe a recording first.",
        )
    wanted = _parse(text)
    transcript = finished.result.transcript if finished.result is not None else None
    if isinstance(wanted, ExploredWord) and transcript is not None:
        wanted = replace(wanted, decoder=transcript.decoder)
    return AudioTask(
        wants=_WANTS,
        model=finished.model,
        decoding=finished.decoding,
        session=session,
        cached_id=finished.task_id,
        audio_options=finished.audio_options,
        explored=wanted,
    )


def _parse(text: str) -> Explorable:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        values = {}
    times = (values.get("start"), values.get("end"))
    channel = values.get("channel", 0)
    if "words" in values:
        return parse_word(*times, values["words"], values.get("before", ()), channel)
    if "layer" in values:
        return parse_layers(*times, values["layer"], values.get("columns", 240), channel)
    return parse_part(*times, values.get("columns", 600), channel)


def add_explore_endpoints(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add ``/explore``, ``/explain`` and ``/layers`` to a page; called inside its context."""

    async def explore(
        request: gr.Request,
        request_id: object = "",
        start: object = 0.0,
        end: object = 0.0,
        columns: object = 600,
        channel: object = 0,
    ) -> JsonObject:
        """A part of an earlier request's recording as data: waveform, spectrogram and emission."""
        session = session_of(request, orchestrator)
        return await _answer(
            orchestrator,
            lambda: _of_request(request_id, session, parse_part(start, end, columns, channel)),
        )

    async def explain(
        request: gr.Request,
        request_id: object = "",
        start: object = 0.0,
        end: object = 0.0,
        words: object = "",
        before: object = "",
        channel: object = 0,
    ) -> JsonObject:
        """How well words fit in one place of an earlier request's recording, and what the language adds."""
        session = session_of(request, orchestrator)
        return await _answer(
            orchestrator,
            lambda: _of_request(
                request_id, session, parse_word(start, end, words, before, channel)
            ),
        )

    named = {"explore": explore, "explain": explain, "layers": _layers_endpoint(orchestrator)}
    for name, endpoint in named.items():
        trigger_part(page).click(
            endpoint,
            inputs=value_parts(page, _INPUTS[name]),
            outputs=[answer_part(page)],
            api_name=name,
            concurrency_limit=None,
            show_progress="hidden",
        )
    fill_in_defaults(page, set(_INPUTS))


def _layers_endpoint(orchestrator: ModelOrchestrator) -> NamedEndpoint:
    async def layers(
        request: gr.Request,
        request_id: object = "",
        start: object = 0.0,
        end: object = 0.0,
        layer: object = -1,
        columns: object = 240,
        channel: object = 0,
    ) -> JsonObject:
        """What each layer of the model says in a part of an earlier request's recording; alike moments."""
        session = session_of(request, orchestrator)
        return await _answer(
            orchestrator,
            lambda: _of_request(
                request_id, session, parse_layers(start, end, layer, columns, channel)
            ),
        )

    return layers


def _of_request(request_id: object, session: str, wanted: Explorable) -> AudioTask:
    cached_id = required_id(request_id)
    return AudioTask(wants=_WANTS, session=session, cached_id=cached_id, explored=wanted)


async def _answer(
    orchestrator: ModelOrchestrator, make_task: Callable[[], AudioTask]
) -> JsonObject:
    """The response to a task, or an ErrorResponse."""
    task_id = ""
    try:
        task = make_task()
        task_id = task.id
        return _response(task, await orchestrator.run(task)).json_dict()
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()


def _response(task: AudioTask, result: AudioResult) -> schema.JsonModel:
    if isinstance(task.explored, ExploredWord):
        return schema.explanation(result)
    if isinstance(task.explored, ExploredLayers):
        return schema.model_layers(result)
    return schema.exploration(result)
