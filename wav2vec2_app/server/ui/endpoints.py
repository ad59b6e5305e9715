"""The named endpoints for ``gradio_client``, documented in ``docs/api.md``.

The parameters of the decoding options are made from their table. The endpoints never raise: a failure
is answered with an ErrorResponse.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.clients import CLIENT_IN_SCOPE, HISTORY_IN_SCOPE
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.endpoint_options import (
    audio_inputs,
    by_name,
    decoding_of,
    export_of,
    named_options,
    names_of,
    speaker_inputs,
    with_speakers,
    writing_options,
)
from wav2vec2_app.server.ui.endpoint_parts import answer_part, audio_part, trigger_part
from wav2vec2_app.server.ui.gradio_internals import (
    fill_in_defaults,
    in_scope,
    show_own_sample,
)
from wav2vec2_app.server.ui.handlers import EVERYTHING
from wav2vec2_app.server.ui.languages import LANGUAGE_IN_SCOPE, set_language
from wav2vec2_app.server.ui.options_panel import endpoint_input
from wav2vec2_app.server.ui.requests import id_of, required, required_id, task_for
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import text_to_align

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

SAMPLE: Final = "coffee.flac"
"""File with which the API page shows how an endpoint is called: one of the example clips."""

Endpoint = Callable[..., Awaitable[JsonObject]]
_WORDS: Final = frozenset({Want.TRANSCRIPT})
_ALIGNMENT: Final = frozenset({Want.ALIGNMENT})


def add_endpoints(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add the named endpoints to a page; called inside its context."""
    endpoints = Endpoints(orchestrator)
    audio = audio_part(page)
    show_own_sample(audio, SAMPLE)
    model = gr.Textbox(AUTO_MODEL, visible=False, label="model")
    request_id = gr.Textbox("", visible=False, label="request_id")
    text = gr.Textbox("", visible=False, label="text")
    options = [endpoint_input(option) for option in named_options()]
    writing = [endpoint_input(option) for option in writing_options()]
    track, channels = audio_inputs()
    recording = [audio, model, *options, track, channels, *writing, *speaker_inputs()]
    inputs: dict[Endpoint, Sequence[gr.Component]] = {
        endpoints.transcribe: recording,
        endpoints.analyze: recording,
        endpoints.decode: [request_id, *options, *writing],
        endpoints.align: [audio, text, request_id, model, track],
        endpoints.capabilities: [],
        endpoints.status: [],
    }
    for endpoint, values in inputs.items():
        _add(page, endpoint, values)
    fill_in_defaults(page, {endpoint.__name__ for endpoint in inputs})


def _with_named_options(endpoint: Endpoint) -> Endpoint:
    """An endpoint with one parameter for each of :func:`named_options` instead of ``*values``.

    Gradio takes the names of an endpoint's parameters from the signature of its function.
    """
    signature = inspect.signature(endpoint)
    parameters = list(signature.parameters.values())
    fixed = [one for one in parameters if one.kind is not one.VAR_POSITIONAL]
    if fixed == parameters:
        return endpoint

    @functools.wraps(endpoint)
    async def call(*values: object) -> JsonObject:
        return await endpoint(*values)

    names = names_of(audio="audio" in signature.parameters)
    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    vars(call)["__signature__"] = signature.replace(parameters=[*fixed, *named])
    return call


class Endpoints:
    """The endpoints as Gradio calls them; their docstrings are shown in its description of the API."""

    def __init__(self, orchestrator: ModelOrchestrator) -> None:
        self._orchestrator = orchestrator

    async def transcribe(
        self, request: gr.Request, audio: str | None, model: str, *values: object
    ) -> JsonObject:
        """Transcribe speech: text, words with times and confidences, and timings."""
        return await transcribe(
            self._orchestrator, audio, model, session_of(request, self._orchestrator), *values
        )

    async def analyze(
        self, request: gr.Request, audio: str | None, model: str, *values: object
    ) -> JsonObject:
        """Transcribe speech and compute acoustic features, contours and pictures (SVG)."""
        return await analyze(
            self._orchestrator, audio, model, session_of(request, self._orchestrator), *values
        )

    async def decode(self, request: gr.Request, request_id: str, *values: object) -> JsonObject:
        """Decode the recording of an earlier request with other options; the model does not run."""
        return await decode(
            self._orchestrator, request_id, session_of(request, self._orchestrator), *values
        )

    async def align(
        self,
        request: gr.Request,
        audio: str | None = None,
        text: str = "",
        request_id: str = "",
        model: str = AUTO_MODEL,
        track: object = "",
    ) -> JsonObject:
        """Find the time of each word and letter of a text, in a file or in an earlier request's."""
        session = session_of(request, self._orchestrator)
        return await align(self._orchestrator, audio, text, request_id, model, session, track)

    async def capabilities(self) -> JsonObject:
        """What the server can do, its limits, and how fast it was recently."""
        return capabilities(self._orchestrator)

    async def status(self) -> JsonObject:
        """The queue, the workers, the models and the memory at this moment."""
        return status(self._orchestrator)


def session_of(request: gr.Request, orchestrator: ModelOrchestrator) -> str:
    """The session of the browser tab or program that sends a request; notes whose session it is."""
    set_language(in_scope(request, LANGUAGE_IN_SCOPE))
    client, history = in_scope(request, CLIENT_IN_SCOPE), in_scope(request, HISTORY_IN_SCOPE)
    return orchestrator.session_clients.introduce(request.session_hash or "", client, history)


def _add(page: gr.Blocks, endpoint: Endpoint, inputs: Sequence[gr.Component]) -> None:
    trigger_part(page).click(
        _with_named_options(endpoint),
        inputs=list(inputs),
        outputs=[answer_part(page)],
        api_name=endpoint.__name__,
        concurrency_limit=None,
        show_progress="hidden",
    )


# --- what they answer ---


async def transcribe(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *values: object
) -> JsonObject:
    """``/transcribe``: a TranscriptionResponse."""

    def task() -> AudioTask:
        return _task(audio, model, session, _WORDS, values)

    return await _answer_written(orchestrator, task, values, schema.transcription, audio=True)


async def analyze(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *values: object
) -> JsonObject:
    """``/analyze``: an AnalysisResponse."""

    def task() -> AudioTask:
        return _task(audio, model, session, EVERYTHING | {Want.ACOUSTICS}, values)

    return await _answer_written(orchestrator, task, values, schema.analysis, audio=True)


async def decode(
    orchestrator: ModelOrchestrator, request_id: object, session: str, *values: object
) -> JsonObject:
    """``/decode``: the recording of an earlier request with other options; a TranscriptionResponse."""

    def task() -> AudioTask:
        cached_id = required_id(request_id)
        decoding = decoding_of(by_name(values, audio=False))
        return AudioTask(wants=_WORDS, decoding=decoding, session=session, cached_id=cached_id)

    return await _answer_written(orchestrator, task, values, schema.transcription, audio=False)


async def align(
    orchestrator: ModelOrchestrator,
    audio: str | None,
    text: object,
    request_id: object,
    model: str,
    session: str,
    track: object = None,
) -> JsonObject:
    """``/align``: an AlignmentResponse; ``audio`` is used only without a ``request_id``."""

    def task() -> AudioTask:
        given, cached_id = text_to_align(text), id_of(request_id)
        if cached_id:
            return AudioTask(wants=_ALIGNMENT, text=given, session=session, cached_id=cached_id)
        chosen = parse_audio_options(track)
        return task_for(
            required(audio), model, session, _ALIGNMENT, text=given, audio_options=chosen
        )

    return await _answer(
        orchestrator, task, lambda task, result: schema.alignment(result, task.text)
    )


def capabilities(orchestrator: ModelOrchestrator) -> JsonObject:
    """``/capabilities``: a CapabilitiesResponse."""
    return schema.capabilities(orchestrator.capabilities()).json_dict()


def status(orchestrator: ModelOrchestrator) -> JsonObject:
    """``/status``: a StatusResponse."""
    return schema.status(orchestrator.status()).json_dict()


def _task(
    audio: str | None, model: str, session: str, wants: frozenset[Want], values: Sequence[object]
) -> AudioTask:
    """The task for a file; ``values`` are in the order of :func:`names_of`."""
    named = by_name(values, audio=True)
    decoding = decoding_of(named)
    chosen = parse_audio_options(named.get("track"), named.get("channels"))
    task = task_for(required(audio), model, session, wants, decoding, audio_options=chosen)
    return with_speakers(task, named)


async def _answer_written(
    orchestrator: ModelOrchestrator,
    make_task: Callable[[], AudioTask],
    values: Sequence[object],
    to_response: Callable[..., schema.JsonModel],
    *,
    audio: bool,
) -> JsonObject:
    """The answer, written as those of the options in ``values`` request that are about that."""
    named = by_name(values, audio=audio)

    def task() -> AudioTask:
        export_of(named)
        return make_task()

    def response(task: AudioTask, result: AudioResult) -> schema.JsonModel:
        return to_response(result, task.decoding, export_of(named))

    return await _answer(orchestrator, task, response)


async def _answer(
    orchestrator: ModelOrchestrator,
    make_task: Callable[[], AudioTask],
    to_response: Callable[[AudioTask, AudioResult], schema.JsonModel],
) -> JsonObject:
    task_id = ""
    try:
        task = make_task()
        task_id = task.id
        result = await orchestrator.run(task)
        return await off_loop(
            result.audio.duration_s, lambda: to_response(task, result).json_dict()
        )
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()
