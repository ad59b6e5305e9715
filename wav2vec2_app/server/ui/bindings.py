"""Bindings of the page: which event calls which handler, and how updates become components' values."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.server.ui import acoustics_panel, handlers, options_panel, script_calls
from wav2vec2_app.server.ui.alignment_handlers import align
from wav2vec2_app.server.ui.description_handlers import describe
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.exploration_handlers import fetch_wanted
from wav2vec2_app.server.ui.export_handlers import change_export
from wav2vec2_app.server.ui.handlers import Updates
from wav2vec2_app.server.ui.layout import PageParts
from wav2vec2_app.server.ui.picture_handlers import redraw
from wav2vec2_app.server.ui.render import pictures
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.views import Update

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

STATUS_REFRESH_S: Final = 4.0
"""Interval at which an open page refreshes the state of the system, seconds."""

_PRIVATE: Final = {"show_progress": "hidden", "api_visibility": "private"}
_REPLACEABLE: Final = {
    "trigger_mode": "multiple",  # a newer request replaces the older one: see ui/tabs.py
    "concurrency_limit": None,  # the orchestrator queues requests
    **_PRIVATE,
}

Changes = dict[gr.Component, object]
"""Component -> its new value."""


class PageEvents:
    """The page's events as Gradio calls them; named unlike the endpoints, which Gradio requires."""

    def __init__(self, orchestrator: ModelOrchestrator, parts: PageParts) -> None:
        self._orchestrator = orchestrator
        self._parts = parts
        self.tabs = Tabs()

    def _session(self, request: gr.Request) -> str:
        return session_of(request, self._orchestrator)

    async def on_transcribe(
        self, request: gr.Request, audio: str | None, model: str, *options: object
    ) -> AsyncGenerator[Changes, None]:
        """Transcribe the recording."""
        updates = handlers.transcribe(
            self._orchestrator, self.tabs, audio, model, self._session(request), *options
        )
        async with aclosing(self._changes(updates)) as changes:
            async for change in changes:
                yield change

    async def on_options_changed(
        self, request: gr.Request, *options: object
    ) -> AsyncGenerator[Changes, None]:
        """Decode the transcript on the page with other options."""
        updates = handlers.decode_again(
            self._orchestrator, self.tabs, self._session(request), *options
        )
        async with aclosing(self._changes(updates)) as changes:
            async for change in changes:
                yield change

    async def on_align(
        self, request: gr.Request, audio: str | None, model: str, text: str
    ) -> AsyncGenerator[Changes, None]:
        """Align the text."""
        updates = align(self._orchestrator, self.tabs, audio, model, text, self._session(request))
        async with aclosing(self._changes(updates)) as changes:
            async for change in changes:
                yield change

    async def on_describe(
        self, request: gr.Request, audio: str | None, question: str
    ) -> AsyncGenerator[Changes, None]:
        """Ask about the sound."""
        session = self._session(request)
        updates = describe(self._orchestrator, self.tabs, audio, question, session)
        async with aclosing(self._changes(updates)) as changes:
            async for change in changes:
                yield change

    async def on_export_changed(self, request: gr.Request, *values: object) -> Changes:
        """Note the export options of the tab, and show what they change."""
        return self._change(await change_export(self.tabs, self._session(request), *values))

    async def on_fetch_file(self, request: gr.Request, wanted: str) -> Changes:
        """Write a file of the tab, or data of its exploration."""
        session = self._session(request)
        return self._change(await fetch_wanted(self._orchestrator, self.tabs, session, wanted))

    async def on_redraw(self, request: gr.Request, part: str) -> AsyncGenerator[Changes, None]:
        """Draw another part of the recording."""
        session = self._session(request)
        updates = redraw(self._orchestrator, self.tabs, session, part)
        async with aclosing(self._changes(updates)) as changes:
            async for change in changes:
                yield change

    async def on_setting_changed(
        self, request: gr.Request, audio: str | None, model: str, *options: object
    ) -> AsyncGenerator[Changes, None]:
        """The model or the track was changed: transcribe again, if there is a recording."""
        if audio is None:
            yield gr.skip()
            return
        async with aclosing(self.on_transcribe(request, audio, model, *options)) as changes:
            async for change in changes:
                yield change

    async def on_clear(self, request: gr.Request) -> Changes:
        """The recording was removed."""
        session = self._session(request)
        return self._change(handlers.remove(self._orchestrator, self.tabs, session))

    async def on_cancel(self, request: gr.Request) -> None:
        """Cancel the tab's requests."""
        handlers.cancel(self._orchestrator, self._session(request))

    async def on_close(self, request: gr.Request) -> None:
        """The tab was closed."""
        handlers.leave(self._orchestrator, self.tabs, self._session(request))

    async def on_refresh(self, request: gr.Request) -> Changes:
        """Refresh the state of the system."""
        return self._change(handlers.watch(self._orchestrator, self.tabs, self._session(request)))

    async def _changes(self, updates: Updates) -> AsyncGenerator[Changes, None]:
        """The updates as Gradio needs them.

        If there are none, one that changes nothing: Gradio empties all outputs of a generator that yields
        nothing.
        """
        changed = False
        async with aclosing(updates):
            async for update in updates:
                changed = True
                yield self._change(update)
        if not changed:
            yield gr.skip()

    def _change(self, update: Update) -> Changes:
        parts = self._parts
        change: Changes = {
            parts.html[name]: value for name, value in update.items() if name in parts.html
        }
        if "running" in update:
            change[parts.cancel] = gr.Button(interactive=bool(update["running"]))
        if "choices" in update:
            for models in (parts.model, parts.comparison.models):
                change[models] = gr.Dropdown(choices=update["choices"])
        return change


def bind(page: gr.Blocks, parts: PageParts, orchestrator: ModelOrchestrator) -> Tabs:
    """Bind all events of the page; called inside its context. Returns what its tabs show."""
    events = PageEvents(orchestrator, parts)
    _bind_transcript(parts, events)
    _bind_alignment(parts, events)
    _bind_description(parts, events)
    _bind_export(page, parts, events)
    acoustics_panel.bind(parts.acoustics, orchestrator, events.tabs, parts.audio, parts.html)
    _bind_pictures(parts, events)
    _share_options(page, parts)
    parts.cancel.click(events.on_cancel, queue=False, **_PRIVATE)
    parts.audio.clear(events.on_cancel, queue=False, **_PRIVATE)
    parts.forget.click(
        events.on_clear, outputs=[parts.cancel, *parts.html.values()], queue=False, **_PRIVATE
    )
    for event, script in (
        (parts.audio.start_recording, script_calls.RECORDING.format(on="true")),
        (parts.audio.stop_recording, script_calls.RECORDING.format(on="false")),
    ):
        event(fn=None, js=script, queue=False, **_PRIVATE)
    page.unload(events.on_close)
    outputs = [parts.html[name] for name in ("system", "notices", "memory")]
    outputs += [parts.model, parts.comparison.models]
    for event in (page.load, gr.Timer(STATUS_REFRESH_S).tick):
        event(events.on_refresh, outputs=outputs, queue=False, **_PRIVATE)
    return events.tabs


def _bind_transcript(parts: PageParts, events: PageEvents) -> None:
    options = parts.options
    outputs = [parts.cancel, *parts.html.values()]
    transcription = {
        "fn": events.on_transcribe,
        "inputs": [parts.audio, parts.model, *options.inputs, parts.track, *parts.checks],
        "outputs": outputs,
        **_REPLACEABLE,
    }
    decoding = {
        "fn": events.on_options_changed,
        "inputs": list(options.inputs),
        "outputs": outputs,
        **_REPLACEABLE,
    }
    gr.on([parts.run.click, parts.audio.stop_recording, parts.audio.upload], **transcription)
    gr.on(
        [parts.model.input, parts.track.submit, *(check.input for check in parts.checks)],
        **{**transcription, "fn": events.on_setting_changed},
    )
    for button, example in parts.clips:
        choose = button.click(_choose(example.path), outputs=[parts.audio], queue=False, **_PRIVATE)
        choose.success(**transcription)
    options.decode_again.click(**decoding)
    reset = options.reset.click(
        options_panel.defaults, outputs=list(options.inputs), queue=False, **_PRIVATE
    )
    reset.success(**decoding)


def _choose(path: Path) -> Callable[[], Awaitable[str]]:
    async def choose() -> str:
        return str(path)

    return choose


def _bind_alignment(parts: PageParts, events: PageEvents) -> None:
    gr.on(
        [parts.align.click, parts.text.submit],
        events.on_align,
        inputs=[parts.audio, parts.model, parts.text],
        outputs=[parts.html["align-status"], parts.html["aligned"]],
        **_REPLACEABLE,
    )


def _bind_description(parts: PageParts, events: PageEvents) -> None:
    if (panel := parts.description) is None:
        return
    gr.on(
        [panel.describe.click, panel.question.submit],
        events.on_describe,
        inputs=[parts.audio, panel.question],
        outputs=[parts.html["describe-status"], parts.html["described"]],
        **_REPLACEABLE,
    )


def _bind_export(page: gr.Blocks, parts: PageParts, events: PageEvents) -> None:
    """Files are written when they are fetched; the scripts get the values for live captions."""
    inputs = list(parts.export)
    changes = [one.change for one in parts.export]
    gr.on(
        changes,
        events.on_export_changed,
        inputs=inputs,
        outputs=[parts.html[name] for name in ("transcript", "subtitle-preview", "export-problem")],
        queue=False,
        **_REPLACEABLE,
    )
    parts.fetch.click(
        events.on_fetch_file,
        inputs=[parts.wanted],
        outputs=[parts.html["file"]],
        js=script_calls.WANTED_FILE,
        queue=False,
        **_REPLACEABLE,
    )
    share = {"fn": None, "inputs": inputs, "js": script_calls.SHARE_EXPORT, "queue": False}
    gr.on([page.load, *changes], **share, **_PRIVATE)


def _bind_pictures(parts: PageParts, events: PageEvents) -> None:
    names = ["pictures-note", *(pictures.part(place.name) for place in pictures.PLACES)]
    parts.redraw.click(
        events.on_redraw,
        inputs=[parts.wanted],
        outputs=[parts.html[name] for name in names],
        js=script_calls.WANTED_PART,
        **_REPLACEABLE,
    )


def _share_options(page: gr.Blocks, parts: PageParts) -> None:
    """Give the scripts the model and the decoding options, on load and at every change."""
    inputs = [parts.model, *parts.options.inputs]
    gr.on(
        [page.load, *(one.change for one in inputs)],
        fn=None,
        inputs=inputs,
        js=script_calls.SHARE_OPTIONS,
        queue=False,
        **_PRIVATE,
    )
