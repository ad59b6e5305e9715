"""What happens when something is asked on the page: plain functions of an orchestrator and plain values.

They yield *updates*: which part of the page shows what from now on. None knows Gradio; ``page`` binds
them to it. What clients ask is answered in ``answers``.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wav2vec2_app.errors import InputError, translate
from wav2vec2_app.server.tasks import AudioTask, Want
from wav2vec2_app.server.ui import messages, panels
from wav2vec2_app.server.ui.screen import AlignmentScreen, ReadingScreen, Screen, Update, no_audio
from wav2vec2_app.server.ui.tabs import Shown, Tab, Tabs
from wav2vec2_app.speech import options
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

EVERYTHING: Final = frozenset({Want.TRANSCRIPT, Want.FEATURES, Want.PICTURES})


# --- a recording --------------------------------------------------------------------------------


async def transcribe(
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: str | None,
    model: str,
    session: str,
    *settings: object,
) -> AsyncIterator[Update]:
    """Run one request of the page and follow it; work on this tab's older audio is dropped.

    ``settings`` are those of :func:`wav2vec2_app.asking.decoding`, in its order.
    """
    orchestrator.cancel_session(session)
    if audio is None:
        tabs.forget(session)
        yield Screen.without_audio()
        return
    try:
        decoding = options.parse_options(*settings)
    except InputError as refusal:
        tabs.forget(session)
        yield Screen.refused(refusal)
        return
    async for update in _hear(orchestrator, tabs.of(session), audio, model, session, decoding):
        yield update
    yield {"memory": panels.memory(orchestrator.status())}


async def _hear(
    orchestrator: ModelOrchestrator,
    tab: Tab,
    audio: str,
    model: str,
    session: str,
    decoding: DecodingOptions,
) -> AsyncGenerator[Update, None]:
    """Listen to a recording; where other settings were asked for meanwhile, read it again with them."""
    task = task_for(audio, model, session, EVERYTHING, decoding)
    tab.hear(task.id)
    async for update in _write(orchestrator, tab, task, Screen(task.id, file_url(audio)), audio):
        yield update
    shown = tab.shown
    if shown is None or shown.task_id != task.id:
        return
    wish = tab.take_wish()
    if wish is not None and wish != decoding:
        async for update in _read(orchestrator, tab, shown, session, wish):
            yield update


# --- decoding it again ---------------------------------------------------------------------------


async def read_again(
    orchestrator: ModelOrchestrator, tabs: Tabs, session: str, *settings: object
) -> AsyncIterator[Update]:
    """Read what the tab shows with other settings: no upload, and no forward pass while it is kept."""
    tab = tabs.of(session)
    try:
        decoding = options.parse_options(*settings)
    except InputError as refusal:
        if tab.shown is not None:
            yield ReadingScreen("", "").fail(refusal)
        return
    if tab.hears:
        tab.wish = decoding
        return
    if tab.shown is None or (not tab.run and decoding == tab.shown.decoding):
        return
    async for update in _read(orchestrator, tab, tab.shown, session, decoding):
        yield update


async def _read(
    orchestrator: ModelOrchestrator, tab: Tab, shown: Shown, session: str, decoding: DecodingOptions
) -> AsyncGenerator[Update, None]:
    older = tab.run
    task = AudioTask(
        wants=EVERYTHING,
        model=shown.model,
        decoding=decoding,
        session=session,
        cached_id=shown.task_id,
    )
    tab.read(task.id)
    if older:
        orchestrator.cancel(older)
    screen = ReadingScreen(task.id, file_url(shown.audio))
    async for update in _write(orchestrator, tab, task, screen, shown.audio):
        yield update
    if screen.gone and tab.shown is shown:
        async for update in _hear(orchestrator, tab, shown.audio, shown.model, session, decoding):
            yield update


# --- aligning -----------------------------------------------------------------------------------


async def align(
    orchestrator: ModelOrchestrator,
    tabs: Tabs,
    audio: str | None,
    model: str,
    text: str | None,
    session: str,
) -> AsyncIterator[Update]:
    """Find a given text in what the tab shows, or else in its recording."""
    tab = tabs.of(session)
    try:
        given = options.text_to_align(text)
        if tab.shown is None and audio is None:
            raise no_audio()
    except InputError as refusal:
        yield AlignmentScreen("", "", "").fail(refusal)
        return
    tab.alignment = turn = str(uuid.uuid4())
    if not tab.heard.is_set():
        yield {"align-status": messages.status_waiting_for_words()}
        await tab.heard.wait()
    for task, where in _places_to_align(tab.shown, audio, model, session, given):
        screen = AlignmentScreen(task.id, given, file_url(where))
        yield screen.begin()
        async with aclosing(_follow(orchestrator, task, screen)) as updates:
            async for update in updates:
                if tab.alignment != turn:
                    return
                yield update
        if not screen.gone:
            return


def _places_to_align(
    shown: Shown | None, audio: str | None, model: str, session: str, text: str
) -> Iterator[tuple[AudioTask, str]]:
    """What is kept of the words shown, and where nothing is, the recording itself."""
    wants = frozenset({Want.ALIGNMENT})
    if shown is not None:
        audio, model = shown.audio, shown.model
        yield (
            AudioTask(
                wants=wants,
                model=model,
                decoding=shown.decoding,  # as it was read: it need not be read anew for this
                text=text,
                session=session,
                cached_id=shown.task_id,
            ),
            audio,
        )
    if audio is not None:
        yield task_for(audio, model, session, wants, text=text), audio


# --- the rest -----------------------------------------------------------------------------------


async def _write(
    orchestrator: ModelOrchestrator, tab: Tab, task: AudioTask, screen: Screen, audio: str
) -> AsyncGenerator[Update, None]:
    """Follow a task that writes words, as long as no newer one does."""
    try:
        yield screen.begin()
        async with aclosing(_follow(orchestrator, task, screen)) as updates:
            async for update in updates:
                if tab.run != task.id:
                    return
                if screen.result is not None:
                    tab.shown = Shown(task.id, audio, task.model, task.decoding)
                yield update
    finally:
        tab.end(task.id)


async def _follow(
    orchestrator: ModelOrchestrator, task: AudioTask, screen: Screen | AlignmentScreen
) -> AsyncGenerator[Update, None]:
    try:
        async with aclosing(orchestrator.submit(task)) as events:
            async for event in events:
                if update := screen.show(event):
                    yield update
    except Exception as failure:  # the seam where anything unforeseen becomes a message
        yield screen.fail(translate(failure))


def cancel(orchestrator: ModelOrchestrator, session: str) -> int:
    """Stop all work of one tab; how many tasks that were. The stopped run says so itself."""
    return orchestrator.cancel_session(session)


def leave(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> None:
    """The tab was closed: nobody waits for its work any more."""
    tabs.forget(session)
    orchestrator.forget_session(session)


def watch(orchestrator: ModelOrchestrator, tabs: Tabs, session: str) -> Update:
    """What the page shows about the system, whether or not anybody runs anything.

    ``choices`` of models is there only when it is not what the tab was told last.
    """
    now = orchestrator.status()
    update: Update = {
        "system": panels.system_line(now),
        "notices": panels.notices(now),
        "memory": panels.memory(now),
    }
    tab, choices = tabs.of(session), panels.choices(now)
    if choices != tab.choices:
        tab.choices = choices
        update["choices"] = choices
    return update


def task_for(
    audio: str,
    model: str,
    session: str,
    wants: frozenset[Want],
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    text: str = "",
) -> AudioTask:
    """The task for an uploaded file that Gradio has put at ``audio``."""
    path = Path(audio)
    source = AudioSource(path=path, name=path.name)
    return AudioTask(source, wants, model or AUTO_MODEL, decoding, text, session)


def file_url(audio: str) -> str:
    """Where the browser can fetch an uploaded file, relative to the page."""
    return f"gradio_api/file={quote(audio)}"
