"""Server-sent events of a transcription, as OpenAI's clients expect them with ``stream=true``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Final

from fastapi import Request
from fastapi.responses import StreamingResponse

from wav2vec2_app.errors import CancelledError
from wav2vec2_app.server import schema
from wav2vec2_app.server.api.disconnect import disconnected
from wav2vec2_app.server.api.errors import RequestFailed
from wav2vec2_app.server.deadline import cancel_all
from wav2vec2_app.server.events import Done, Failed, Partial, Started, TaskEvent, audio_s
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Operation
from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word
from wav2vec2_app.speech.writing.transcripts import written

DELTA_PAUSE_S: Final = 0.4
"""Silence between two words from which they are in different deltas, seconds."""
MAX_PHRASE_WORDS: Final = 16
HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Proxies must not collect the events."""
KEEP_ALIVE: Final = ": processing\n\n"
"""A comment, which clients ignore."""

RenderBody = Callable[[AudioResult], schema.JsonObject]
"""The fields of the last event, ``text`` among them."""


async def stream_transcription(
    orchestrator: ModelOrchestrator,
    request: Request,
    task: AudioTask,
    body: RenderBody,
    upload: AsyncExitStack,
    export: ExportOptions,
) -> StreamingResponse:
    """The response to ``task``; ``upload`` is closed at its end.

    The response begins when the recording has been decoded: what fails before has its status code. Later
    failures are an event of the type ``error``.

    Raises:
        RequestFailed: the task failed before the response began.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_exit(upload.pop_all())
        events = await stack.enter_async_context(aclosing(orchestrator.submit(task)))
        first = await _first(events, request)
        if isinstance(first, Failed):
            raise RequestFailed(first.error, task.id)
        content = _content(first, events, body, stack.pop_all(), export)
    headers = {**HEADERS, "X-Request-Id": task.id}
    return StreamingResponse(content, media_type="text/event-stream", headers=headers)


async def _first(events: AsyncIterator[TaskEvent], request: Request) -> TaskEvent:
    """The first event after the checks of the recording; an end of the connection cancels the task."""
    looking = asyncio.ensure_future(_begun(events))
    gone = asyncio.ensure_future(disconnected(request))
    try:
        await asyncio.wait({looking, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not looking.done():
            raise RequestFailed(CancelledError("The client closed the connection."))
        return looking.result()
    finally:
        await cancel_all([looking])
        gone.cancel()


async def _begun(events: AsyncIterator[TaskEvent]) -> TaskEvent:
    async for event in events:
        if isinstance(event, Done | Failed):
            return event
        if isinstance(event, Started) and event.operation is Operation.TRANSCRIBE:
            return event
    raise AssertionError("a task ends with Done or Failed")


async def _content(
    event: TaskEvent,
    events: AsyncIterator[TaskEvent],
    body: RenderBody,
    resources: AsyncExitStack,
    export: ExportOptions,
) -> AsyncGenerator[str, None]:
    growing = GrowingText(export)
    async with resources:
        while not isinstance(event, Done | Failed):
            yield KEEP_ALIVE
            if (
                isinstance(event, Partial)
                and isinstance(event.value, Recognition)
                and not export.rewrites
            ):
                for delta in growing.grow(event.value.transcript):
                    yield _message("transcript.text.delta", {"delta": delta})
            event = await anext(events)
        if isinstance(event, Failed):
            yield _message("error", schema.error(event.error, event.task_id).json_dict())
            return
        for message in await off_loop(audio_s(event), _last, event.result, body, growing):
            yield message


def _last(result: AudioResult, body: RenderBody, growing: GrowingText) -> list[str]:
    """The events of a finished transcript: what is not sent yet, and the end."""
    transcript = result.transcript
    rest = growing.grow(transcript) if transcript is not None else ()
    deltas = [_message("transcript.text.delta", {"delta": delta}) for delta in rest]
    return [*deltas, _message("transcript.text.done", body(result))]


class GrowingText:
    """The deltas of a text that grows: joined, they are the text.

    Args:
        export: how it is written. Where later words can change earlier ones (“twenty”, “one”), only a
            complete text may be given.
    """

    def __init__(self, export: ExportOptions) -> None:
        self._export = export
        self._sent = ""

    def grow(self, transcript: Transcript) -> Iterator[str]:
        """What ``transcript`` adds to the text that was sent, in phrases."""
        transcript = written(transcript, self._export)
        text = transcript.text
        if not text.startswith(self._sent):
            return
        known = len(self._sent)
        self._sent = text
        for phrase in phrases(text, transcript.words):
            if known < len(phrase):
                yield phrase[known:]
            known = max(0, known - len(phrase))


def phrases(text: str, timed: Sequence[Word]) -> Iterator[str]:
    """``text``, whose words are ``timed``, cut at its pauses; joined, they are the text."""
    words = text.split(" ") if text else []
    if len(words) != len(timed):
        yield from [text] if text else []
        return
    phrase: list[str] = []
    end_s = 0.0
    for word, time in zip(words, timed, strict=True):
        if phrase and (time.start_s - end_s >= DELTA_PAUSE_S or len(phrase) >= MAX_PHRASE_WORDS):
            yield " ".join(phrase) + " "
            phrase = []
        phrase.append(word)
        end_s = time.end_s
    if phrase:
        yield " ".join(phrase)


def _message(kind: str, data: schema.JsonObject) -> str:
    body = json.dumps({"type": kind, **data}, ensure_ascii=False)
    return f"event: {kind}\ndata: {body}\n\n"
