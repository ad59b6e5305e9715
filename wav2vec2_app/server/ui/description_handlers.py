"""Questions about the sound: the handler of the panel, its view, and the endpoint ``/describe``."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import CancelledError, InputError, Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.events import Done, Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Operation, Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.gradio_internals import accept_uploads_only, fill_in_defaults
from wav2vec2_app.server.ui.handlers import Updates, follow
from wav2vec2_app.server.ui.render import cards, description, status, units
from wav2vec2_app.server.ui.requests import required, task_for
from wav2vec2_app.server.ui.tabs import FinishedRun, Tabs
from wav2vec2_app.server.ui.views import NOT_CACHED, Update, no_audio
from wav2vec2_app.speech.description import DEFAULT_QUESTION, parse_question
from wav2vec2_app.speech.models import AUTO_MODEL

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

_DESCRIPTION: Final = frozenset({Want.DESCRIPTION})


@dataclass
class DescriptionView:
    """A description, in its own panel."""

    task_id: str
    cache_missed: bool = False

    def begin(self) -> Update:
        """The question was asked; the previous answer stays until there is a new one."""
        return {"describe-status": status.running(Operation.DESCRIBE, None)}

    def show(self, event: TaskEvent) -> Update:
        """What changes in the panel because of one event."""
        match event:
            case Queued(position=position, eta_s=eta_s):
                return {"describe-status": status.queued(position, eta_s)}
            case Started(operation=operation, attempt=attempt):
                return {"describe-status": status.running(operation, None, attempt)}
            case Done(result=result) if result.description is not None:
                took = texts.DESCRIBED_IN.format(took=units.seconds(event.at_s))
                return {
                    "describe-status": status.line("done", took),
                    "described": description.answer(result.description),
                }
            case Failed(error=error):
                return self.fail(error)
        return {}

    def fail(self, error: Wav2Vec2Error) -> Update:
        """There is no answer."""
        if error.code == NOT_CACHED:
            self.cache_missed = True
            return {}
        if isinstance(error, CancelledError):
            return {"describe-status": status.failed(error), "described": description.idle()}
        return {"describe-status": "", "described": cards.error_card(error, self.task_id)}


async def describe(
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: str | None,
    question: str | None,
    session: str,
) -> Updates:
    """Ask about what the tab shows, or else about its recording; the transcript is not touched."""
    tab = tabs.of(session)
    try:
        given = parse_question(question)
        if tab.finished is None and audio is None:
            raise no_audio()
    except InputError as error:
        yield DescriptionView("").fail(error)
        return
    tab.description = current = str(uuid.uuid4())
    for task in _tasks(tab.finished, audio, session, given):
        view = DescriptionView(task.id)
        async with aclosing(follow(orchestrator, task, view)) as updates:
            async for update in updates:
                if tab.description != current:
                    return
                yield update
        if not view.cache_missed:
            return


def _tasks(
    finished: FinishedRun | None, audio: str | None, session: str, question: str
) -> Iterator[AudioTask]:
    """About the cached audio of the finished run, then (if it is no longer cached) about the file."""
    if finished is not None:
        audio = finished.audio
        yield AudioTask(
            wants=_DESCRIPTION,
            model=finished.model,
            decoding=finished.decoding,
            question=question,
            session=session,
            cached_id=finished.task_id,
        )
    if audio is not None:
        yield _task_for_file(audio, AUTO_MODEL, session, question, _DESCRIPTION)


def _task_for_file(
    audio: str, model: str, session: str, question: str, wants: frozenset[Want]
) -> AudioTask:
    task = task_for(audio, model, session, wants)
    return replace(task, question=question)


# --- the endpoint -------------------------------------------------------------------------------


def add_describe_endpoint(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add ``/describe`` to a page; called inside its context."""

    async def describe(
        request: gr.Request,
        audio: str | None,
        question: str = DEFAULT_QUESTION,
        model: str = AUTO_MODEL,
    ) -> schema.JsonObject:
        """Transcribe speech and ask a model on another server a question about the sound."""
        session = session_of(request, orchestrator)
        return await describe_file(orchestrator, audio, question, model, session)

    audio = accept_uploads_only(
        gr.Audio(type="filepath", format=None, visible=False, label="audio")
    )
    inputs = [
        audio,
        gr.Textbox(DEFAULT_QUESTION, visible=False, label="question"),
        gr.Textbox(AUTO_MODEL, visible=False, label="model"),
    ]
    gr.Button(visible=False).click(
        describe,
        inputs=inputs,
        outputs=[gr.JSON(visible=False, label="answer")],
        api_name="describe",
        concurrency_limit=None,
        show_progress="hidden",
    )
    fill_in_defaults(page, {"describe"})


async def describe_file(
    orchestrator: ModelOrchestrator, audio: str | None, question: object, model: str, session: str
) -> schema.JsonObject:
    """``/describe``: a DescriptionResponse."""
    task_id = ""
    try:
        given = parse_question(question)
        wants = frozenset({Want.TRANSCRIPT, Want.DESCRIPTION})
        task = _task_for_file(required(audio), model, session, given, wants)
        task_id = task.id
        result = await orchestrator.run(task)
        return await off_loop(
            result.audio.duration_s, lambda: schema.description(result).json_dict()
        )
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()
