"""Handlers of the page's events: plain functions of an orchestrator and plain values.

They yield updates: which part of the page shows what from now on. ``bindings`` connects them to Gradio;
the named endpoints are in ``endpoints``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server.events import audio_s
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.decoding_view import DecodingView
from wav2vec2_app.server.ui.render import system
from wav2vec2_app.server.ui.requests import labels_speakers, parse_all_options, task_for
from wav2vec2_app.server.ui.tabs import FinishedRun, Tab, Tabs
from wav2vec2_app.server.ui.views import (
    EarlierResult,
    TaskView,
    TranscriptionView,
    Update,
    exportable,
    no_audio,
)
from wav2vec2_app.speech.audio import (
    DecodeAudioOptions,
)
from wav2vec2_app.speech.options import (
    DecodingOptions,
    parse_options,
)
from wav2vec2_app.speech.picture_window import FIRST_WINDOW

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Updates = AsyncGenerator[Update, None]

EVERYTHING: Final = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})
SPEAKERS: Final = frozenset({Want.SPEAKERS})


# --- transcribing and decoding again ------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """A task that writes the transcript; ``decodes`` is the finished run that it decodes again."""

    task: AudioTask
    view: TranscriptionView
    audio: str
    decodes: FinishedRun | None = None


async def transcribe(
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: str | None,
    model: str,
    session: str,
    *options: object,
) -> Updates:
    """Transcribe a recording and follow the task; earlier tasks of the tab are cancelled.

    ``options`` are the decoding options in the order of their table, then the track, the channels, and
    whether speakers are labelled.
    """
    try:
        if audio is None:
            raise no_audio()
        decoding, audio_options = parse_all_options(options)
    except InputError as error:
        yield TranscriptionView.rejected(error)
        return
    orchestrator.cancel_session(session)
    wants = EVERYTHING | (SPEAKERS if labels_speakers(options) else frozenset())
    run = _transcription(audio, model, session, decoding, audio_options, wants)
    async with aclosing(_follow_runs(orchestrator, tabs.of(session), run)) as updates:
        async for update in updates:
            yield update
    yield {"memory": system.memory(orchestrator.status())}


async def decode_again(
    orchestrator: ModelOrchestrator, tabs: Tabs, session: str, *options: object
) -> Updates:
    """Decode what the tab shows with other options: no upload, and no forward pass while it is cached.

    While the recording is still being transcribed, the options are noted and applied afterwards.
    """
    tab = tabs.of(session)
    try:
        decoding = parse_options(*options)
    except InputError as error:
        if tab.finished is not None:
            yield DecodingView("", "").fail(error)
        return
    if tab.transcribes:
        tab.requested = decoding
        return
    if tab.finished is None or (not tab.run and decoding == tab.finished.decoding):
        return
    for other in filter(None, (tab.run, tab.drawing)):
        orchestrator.cancel(other)
    run = _decoding(tab, tab.finished, session, decoding)
    async with aclosing(_follow_runs(orchestrator, tab, run)) as updates:
        async for update in updates:
            yield update


def _transcription(
    audio: str,
    model: str,
    session: str,
    decoding: DecodingOptions,
    audio_options: DecodeAudioOptions,
    wants: frozenset[Want] = EVERYTHING,
) -> _Run:
    task = task_for(audio, model, session, wants, decoding, audio_options=audio_options)
    task = replace(task, previews=True, picture_window=FIRST_WINDOW)
    return _Run(task, TranscriptionView(task.id, file_url(audio)), audio)


def _decoding(tab: Tab, finished: FinishedRun, session: str, decoding: DecodingOptions) -> _Run:
    task = AudioTask(
        wants=EVERYTHING | (SPEAKERS if finished.labelled else frozenset()),
        model=finished.model,
        decoding=decoding,
        session=session,
        cached_id=finished.task_id,
        audio_options=finished.audio_options,
        picture_window=tab.window,
    )
    view = DecodingView(task.id, file_url(finished.audio))
    return _Run(task, view, finished.audio, finished)


async def _follow_runs(orchestrator: ModelOrchestrator, tab: Tab, run: _Run | None) -> Updates:
    """Follow a run and those that result from it, until a newer request writes the transcript."""
    while run is not None:
        task = run.task
        begin = tab.begin_decoding if run.decodes else tab.begin_transcription
        begin(task.id)
        run.view.export_options = lambda: tab.export
        run.view.earlier = _earlier(tab.earlier)
        try:
            async with aclosing(follow(orchestrator, task, run.view)) as updates:
                async for update in updates:
                    if tab.run != task.id:
                        return
                    if run.view.result is not None:
                        result = exportable(run.view.result)
                        tab.finished = FinishedRun(
                            task.id,
                            run.audio,
                            task.model,
                            task.decoding,
                            task.audio_options,
                            result,
                        )
                    yield update
        finally:
            tab.end(task.id)
        run = _next_run(tab, run)


def _earlier(finished: FinishedRun | None) -> EarlierResult | None:
    """A finished run as a view shows it after a request that failed."""
    if finished is None or finished.result is None or finished.result.recognition is None:
        return None
    result, name = finished.result, Path(finished.audio).name
    return EarlierResult(result, finished.result.recognition, file_url(finished.audio), name)


def _next_run(tab: Tab, run: _Run) -> _Run | None:
    """The run that results from one that has ended.

    A decoding whose emission is no longer cached becomes a transcription. A transcription during which other
    options were set is decoded with them.
    """
    task, finished = run.task, tab.finished
    if run.decodes is not None:
        if run.view.cache_missed and finished is run.decodes:
            return _transcription(
                run.audio, task.model, task.session, task.decoding, task.audio_options, task.wants
            )
        return None
    if finished is None or finished.task_id != task.id:
        return None
    requested = tab.take_requested()
    if requested is None or requested == task.decoding:
        return None
    return _decoding(tab, finished, task.session, requested)


# --- the rest -----------------------------------------------------------------------------------


async def follow(orchestrator: ModelOrchestrator, task: AudioTask, view: TaskView) -> Updates:
    """Submit a task and yield what its view shows of each event."""
    yield view.begin()
    try:
        async with aclosing(orchestrator.submit(task)) as events:
            async for event in events:
                if update := await off_loop(audio_s(event), view.show, event):
                    yield update
    except Exception as error:  # any unforeseen error becomes a message on the page
        yield view.fail(translate(error))


def cancel(orchestrator: ModelOrchestrator, session: str) -> int:
    """Cancel all tasks of one tab and return how many there were."""
    return orchestrator.cancel_session(session)


def remove(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> Update:
    """The recording was removed: cancel its tasks and discard its result."""
    orchestrator.cancel_session(session)
    tabs.of(session).clear()
    return TranscriptionView.removed()


def leave(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> None:
    """Cancel the tasks of a tab that was closed and discard its state and its cached results."""
    tabs.forget(session)
    orchestrator.forget_session(session)


def watch(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> Update:
    """The state of the system; ``choices`` of models only where they have changed."""
    now = orchestrator.status()
    update: Update = {
        "system": system.line(now),
        "notices": system.notices(now),
        "memory": system.memory(now),
    }
    tab, choices = tabs.of(session), system.choices(now)
    if choices != tab.choices:
        tab.choices = choices
        update["choices"] = choices
    return update


def file_url(audio: str) -> str:
    """Where the browser can fetch an uploaded file, relative to the page."""
    return f"gradio_api/file={quote(audio)}"
