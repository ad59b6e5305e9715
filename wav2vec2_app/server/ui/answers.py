"""What clients of the named endpoints are answered: JSON as ``schema`` documents it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.tasks import AudioResult, AudioTask, Want
from wav2vec2_app.server.ui.handlers import EVERYTHING, task_for
from wav2vec2_app.speech import options

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Json = dict[str, Any]

_WORDS: Final = frozenset({Want.TRANSCRIPT})
_ALIGNMENT: Final = frozenset({Want.ALIGNMENT})


async def transcribe(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *settings: object
) -> Json:
    """``/transcribe``: a TranscriptionResponse, or an ErrorResponse."""

    def task() -> AudioTask:
        return task_for(_there(audio), model, session, _WORDS, options.parse_options(*settings))

    return await _answer(
        orchestrator, task, lambda task, result: schema.transcription(result, task.decoding)
    )


async def analyze(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str, *settings: object
) -> Json:
    """``/analyze``: an AnalysisResponse, or an ErrorResponse."""

    def task() -> AudioTask:
        return task_for(_there(audio), model, session, EVERYTHING, options.parse_options(*settings))

    return await _answer(
        orchestrator, task, lambda task, result: schema.analysis(result, task.decoding)
    )


async def read(
    orchestrator: ModelOrchestrator, request_id: object, session: str, *settings: object
) -> Json:
    """``/read``: what an earlier request heard, read with other settings; a TranscriptionResponse."""

    def task() -> AudioTask:
        kept = _id(request_id)
        if not kept:
            raise InputError(
                "No earlier request was named.",
                code="request.bad_value",
                hint="Send the `request_id` of an earlier answer.",
                metadata={"field": "request_id"},
            )
        return AudioTask(
            wants=_WORDS, decoding=options.parse_options(*settings), session=session, cached_id=kept
        )

    return await _answer(
        orchestrator, task, lambda task, result: schema.transcription(result, task.decoding)
    )


async def align(
    orchestrator: ModelOrchestrator,
    audio: str | None,
    text: object,
    request_id: object,
    model: str,
    session: str,
) -> Json:
    """``/align``: an AlignmentResponse; what ``request_id`` names goes before ``audio``."""

    def task() -> AudioTask:
        given, kept = options.text_to_align(text), _id(request_id)
        if kept:
            return AudioTask(wants=_ALIGNMENT, text=given, session=session, cached_id=kept)
        return task_for(_there(audio), model, session, _ALIGNMENT, text=given)

    return await _answer(
        orchestrator, task, lambda task, result: schema.alignment(result, task.text)
    )


def capabilities(orchestrator: ModelOrchestrator) -> Json:
    """``/capabilities``: a CapabilitiesResponse."""
    return schema.capabilities(orchestrator.capabilities()).json_dict()


def status(orchestrator: ModelOrchestrator) -> Json:
    """``/status``: a StatusResponse."""
    return schema.status(orchestrator.status()).json_dict()


async def _answer(
    orchestrator: ModelOrchestrator,
    make_task: Callable[[], AudioTask],
    to_schema: Callable[[AudioTask, AudioResult], Any],
) -> Json:
    task_id = ""
    try:
        task = make_task()
        task_id = task.id
        answer: Json = to_schema(task, await orchestrator.run(task)).json_dict()
    except Exception as failure:  # the seam where anything unforeseen becomes an answer
        return schema.error(translate(failure), task_id).json_dict()
    return answer


def _there(audio: str | None) -> str:
    if audio is None:
        raise InputError(
            "No audio was sent.", code="audio.missing", hint="Send a file as the first argument."
        )
    return audio


def _id(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
