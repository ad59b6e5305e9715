"""Handlers of the named endpoints: requests of programs to JSON, as ``server/schema.py`` documents it.

They never raise: a failure is answered with an ErrorResponse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.server.ui.handlers import EVERYTHING
from wav2vec2_app.server.ui.requests import parse_all_options, task_for
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.options import parse_options, text_to_align

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

_WORDS: Final = frozenset({Want.TRANSCRIPT})
_ALIGNMENT: Final = frozenset({Want.ALIGNMENT})


async def transcribe(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *options: object
) -> schema.JsonObject:
    """``/transcribe``: a TranscriptionResponse."""

    def task() -> AudioTask:
        return _task(audio, model, session, _WORDS, options)

    return await _answer(orchestrator, task, _transcription)


async def analyze(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *options: object
) -> schema.JsonObject:
    """``/analyze``: an AnalysisResponse."""

    def task() -> AudioTask:
        return _task(audio, model, session, EVERYTHING, options)

    return await _answer(
        orchestrator, task, lambda task, result: schema.analysis(result, task.decoding)
    )


async def decode(
    orchestrator: ModelOrchestrator, request_id: object, session: str, *options: object
) -> schema.JsonObject:
    """``/decode``: the recording of an earlier request with other options; a TranscriptionResponse."""

    def task() -> AudioTask:
        cached_id = _id(request_id)
        if not cached_id:
            raise InputError(
                "The request_id is missing.",
                code="request.bad_value",
                hint="Send the `request_id` of an earlier answer.",
                metadata={"field": "request_id"},
            )
        decoding = parse_options(*options)
        return AudioTask(wants=_WORDS, decoding=decoding, session=session, cached_id=cached_id)

    return await _answer(orchestrator, task, _transcription)


async def align(
    orchestrator: ModelOrchestrator,
    audio: str | None,
    text: object,
    request_id: object,
    model: str,
    session: str,
    track: object = None,
) -> schema.JsonObject:
    """``/align``: an AlignmentResponse; ``audio`` is used only without a ``request_id``."""

    def task() -> AudioTask:
        given, cached_id = text_to_align(text), _id(request_id)
        if cached_id:
            return AudioTask(wants=_ALIGNMENT, text=given, session=session, cached_id=cached_id)
        chosen = parse_audio_options(track)
        return task_for(
            _required(audio), model, session, _ALIGNMENT, text=given, audio_options=chosen
        )

    return await _answer(
        orchestrator, task, lambda task, result: schema.alignment(result, task.text)
    )


def _task(
    audio: str | None,
    model: str,
    session: str,
    wants: frozenset[Want],
    values: tuple[object, ...],
) -> AudioTask:
    """The task for a file; ``values`` are the decoding options, the track and the channels."""
    decoding, audio_options = parse_all_options(values)
    return task_for(_required(audio), model, session, wants, decoding, audio_options=audio_options)


def capabilities(orchestrator: ModelOrchestrator) -> schema.JsonObject:
    """``/capabilities``: a CapabilitiesResponse."""
    return schema.capabilities(orchestrator.capabilities()).json_dict()


def status(orchestrator: ModelOrchestrator) -> schema.JsonObject:
    """``/status``: a StatusResponse."""
    return schema.status(orchestrator.status()).json_dict()


def _transcription(task: AudioTask, result: AudioResult) -> schema.TranscriptionResponse:
    return schema.transcription(result, task.decoding)


async def _answer(
    orchestrator: ModelOrchestrator,
    make_task: Callable[[], AudioTask],
    to_response: Callable[[AudioTask, AudioResult], schema.JsonModel],
) -> schema.JsonObject:
    task_id = ""
    try:
        task = make_task()
        task_id = task.id
        return to_response(task, await orchestrator.run(task)).json_dict()
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()


def _required(audio: str | None) -> str:
    if audio is None:
        raise InputError(
            "The audio is missing.", code="audio.missing", hint="Send a file as the first argument."
        )
    return audio


def _id(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
