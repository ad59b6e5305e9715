"""What happens when something is asked: plain functions of an orchestrator and plain values.

Those for the page yield *updates*: which part of the page shows what from now on. Those for clients
return JSON as ``schema`` documents it. Neither knows Gradio; ``page`` binds both to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wav2vec2_app import schema
from wav2vec2_app.errors import CancelledError, InputError, Wav2Vec2Error, translate
from wav2vec2_app.types import (
    Advanced,
    AudioResult,
    AudioSource,
    AudioTask,
    Done,
    Failed,
    Operation,
    Partial,
    Picture,
    Queued,
    Recognition,
    Started,
    TaskEvent,
    Want,
)
from wav2vec2_app.ui import messages, panels, pictures, present

if TYPE_CHECKING:
    from wav2vec2_app.orchestrator.orchestrator import ModelOrchestrator

Update = dict[str, Any]
"""Part of the page -> what it shows: HTML, or a bool for ``running``."""

EVERYTHING: Final = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})

_BESIDE_THE_WORDS: Final = frozenset({Operation.ANALYZE, Operation.DRAW})


class Tabs:
    """Which run of each browser tab is its newest: an older one must not write over it."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}

    def begin(self, session: str, run: str) -> None:
        self._newest[session] = run

    def is_newest(self, session: str, run: str) -> bool:
        return self._newest.get(session) == run

    def forget(self, session: str) -> None:
        self._newest.pop(session, None)


# --- the page -----------------------------------------------------------------------------------


async def transcribe(
    orchestrator: ModelOrchestrator, tabs: Tabs, audio: str | None, model: str, session: str
) -> AsyncIterator[Update]:
    """Run one request of the page and follow it; work on this tab's older audio is dropped."""
    orchestrator.cancel_session(session)
    if audio is None:
        tabs.forget(session)
        yield Screen.without_audio()
        return
    task = task_for(audio, model, session, EVERYTHING)
    tabs.begin(session, task.id)
    screen = Screen(task.id, file_url(audio))
    yield screen.begin()
    async with aclosing(_follow(orchestrator, task, screen)) as updates:
        async for update in updates:
            if not tabs.is_newest(session, task.id):
                return
            yield update
    yield {"memory": panels.memory(orchestrator.status())}


async def _follow(
    orchestrator: ModelOrchestrator, task: AudioTask, screen: Screen
) -> AsyncGenerator[Update, None]:
    try:
        async with aclosing(orchestrator.submit(task)) as events:
            async for event in events:
                yield screen.show(event)
    except Exception as failure:  # the seam where anything unforeseen becomes a message
        yield screen.fail(translate(failure))


def cancel(orchestrator: ModelOrchestrator, session: str) -> int:
    """Stop all work of one tab; how many tasks that were. The stopped run says so itself."""
    return orchestrator.cancel_session(session)


def leave(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> None:
    """The tab was closed: nobody waits for its work any more."""
    tabs.forget(session)
    orchestrator.forget_session(session)


def watch(orchestrator: ModelOrchestrator) -> Update:
    """What the page shows about the system, whether or not anybody runs anything."""
    now = orchestrator.status()
    return {
        "system": panels.system_line(now),
        "notices": panels.notices(now),
        "memory": panels.memory(now),
    }


@dataclass
class Screen:
    """What one run has shown so far; turns each event into the parts of the page that change."""

    task_id: str
    audio_url: str
    said: bool = False
    drawn: set[str] = field(default_factory=set)

    @staticmethod
    def idle() -> Update:
        """Everything as it stands before the first run."""
        return {
            "status": messages.status_idle(),
            "problem": "",
            "transcript": present.transcript_idle(),
            "actions": present.actions(None),
            "words": present.word_table(None),
            "latency": panels.latency_empty(),
            **{f"picture:{place.name}": pictures.picture_place(place) for place in pictures.PLACES},
        }

    @staticmethod
    def without_audio() -> Update:
        """Somebody asked for a transcript of nothing."""
        error = InputError(
            "There is no audio yet.",
            code="audio.missing",
            hint="Record something, upload a file, or pick one of the clips first.",
        )
        return {
            **Screen.idle(),
            "status": messages.status_failed(error),
            "problem": messages.error_card(error, ""),
            "transcript": "",
            "running": False,
        }

    def begin(self) -> Update:
        """Clear what an older run left, keep every place free."""
        return {
            **Screen.idle(),
            "status": messages.status_queued(1, 0.0),
            "transcript": present.transcript_waiting(),
            "latency": panels.latency_pending(),
            **self._missing_pictures(pending=True),
            "running": True,
        }

    def show(self, event: TaskEvent) -> Update:
        """What changes on the page because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"status": messages.status_queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt) if self._tells(operation):
                return {"status": messages.status_running(operation, None, attempt)}
            case Advanced(operation=operation, fraction=fraction) if self._tells(operation):
                return {"status": messages.status_running(operation, fraction)}
            case Partial():
                return self._part(event)
            case Done(result=result):
                return self._done(result, event.at_s)
            case Failed(error=error):
                return self.fail(error)
        return {}

    def _tells(self, operation: Operation) -> bool:
        """Whether the status line speaks of it: until the words are there, they are what counts."""
        return self.said or operation not in _BESIDE_THE_WORDS

    def _part(self, event: Partial) -> Update:
        update: Update = {}
        if isinstance(event.value, Recognition):
            update = self._recognised(event.value)
        elif isinstance(event.value, Picture):
            update = self._picture(event.value)
        if event.stages:
            update["latency"] = panels.latency(event.stages, None, event.at_s)
        return update

    def _recognised(self, recognition: Recognition) -> Update:
        self.said = True
        transcript = recognition.transcript
        return {
            "transcript": present.transcript(transcript, self.audio_url),
            "words": present.word_table(transcript.words),
        }

    def _picture(self, picture: Picture) -> Update:
        self.drawn.add(picture.name)
        return {f"picture:{picture.name}": pictures.picture(picture)}

    def _done(self, result: AudioResult, at_s: float) -> Update:
        update: Update = {}
        if result.recognition is not None and not self.said:
            update |= self._recognised(result.recognition)
        for picture in result.pictures:
            if picture.name not in self.drawn:
                update |= self._picture(picture)
        return update | {
            **self._missing_pictures(pending=False),
            **self._problems(result),
            "status": messages.status_done(result),
            "actions": present.actions(result),
            "latency": panels.latency(result.stages, result, at_s),
            "running": False,
        }

    def _problems(self, result: AudioResult) -> Update:
        """Extras that are missing: the transcript stands, and the page says what does not."""
        cards = [messages.problem_card(one.error, self.task_id) for one in result.problems]
        return {"problem": "".join(cards)} if cards else {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """The run ended early; words that are known already stay."""
        update: Update = {
            "status": messages.status_failed(error),
            "running": False,
            **self._missing_pictures(pending=False),
        }
        if not self.said:
            update["latency"] = panels.latency_empty()
        if isinstance(error, CancelledError):
            return update if self.said else update | {"transcript": present.transcript_cancelled()}
        update["problem"] = messages.error_card(error, self.task_id)
        return update if self.said else update | {"transcript": ""}

    def _missing_pictures(self, *, pending: bool) -> Update:
        return {
            f"picture:{place.name}": pictures.picture_place(place, pending=pending)
            for place in pictures.PLACES
            if place.name not in self.drawn
        }


# --- clients ------------------------------------------------------------------------------------


async def transcribe_json(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str
) -> dict[str, Any]:
    """``/transcribe``: a TranscriptionResponse, or an ErrorResponse."""
    wants = frozenset({Want.TRANSCRIPT})
    return await _answer(orchestrator, audio, model, session, wants)


async def analyze_json(
    orchestrator: ModelOrchestrator, audio: str | None, model: str, session: str
) -> dict[str, Any]:
    """``/analyze``: an AnalysisResponse, or an ErrorResponse."""
    return await _answer(orchestrator, audio, model, session, EVERYTHING)


async def _answer(
    orchestrator: ModelOrchestrator,
    audio: str | None,
    model: str,
    session: str,
    wants: frozenset[Want],
) -> dict[str, Any]:
    if audio is None:
        missing = InputError(
            "No audio was sent.", code="audio.missing", hint="Send a file as the first argument."
        )
        return schema.error(missing).json_dict()
    task = task_for(audio, model, session, wants)
    try:
        result = await orchestrator.run(task)
    except Exception as failure:  # the seam where anything unforeseen becomes an answer
        return schema.error(translate(failure), task.id).json_dict()
    to_schema = schema.transcription if Want.PICTURES not in wants else schema.analysis
    return to_schema(result).json_dict()


def capabilities_json(orchestrator: ModelOrchestrator) -> dict[str, Any]:
    """``/capabilities``: a CapabilitiesResponse."""
    return schema.capabilities(orchestrator.capabilities()).json_dict()


def status_json(orchestrator: ModelOrchestrator) -> dict[str, Any]:
    """``/status``: a StatusResponse."""
    return schema.status(orchestrator.status()).json_dict()


# --- both ---------------------------------------------------------------------------------------


def task_for(audio: str, model: str, session: str, wants: frozenset[Want]) -> AudioTask:
    """The task for an uploaded file that Gradio has put at ``audio``."""
    path = Path(audio)
    source = AudioSource(path=path, name=path.name)
    return AudioTask(source=source, wants=wants, model=model or "auto", session=session)


def file_url(audio: str) -> str:
    """Where the browser can fetch an uploaded file, relative to the page."""
    return f"gradio_api/file={quote(audio)}"
