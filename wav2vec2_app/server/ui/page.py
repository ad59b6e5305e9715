"""The page: lays out the parts, wires events to handlers, and mounts itself into a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from wav2vec2_app.server.ui import clients, decoding, handlers, live, panels, pictures
from wav2vec2_app.server.ui.clients import uploads_only
from wav2vec2_app.server.ui.screen import Screen, Update
from wav2vec2_app.server.ui.tabs import Tabs
from wav2vec2_app.server.ui.theme import build_theme
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech import options

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

TITLE: Final = "wav2vec2 · see what a speech model hears"
REFRESH_S: Final = 4.0
"""How often an open page asks how the system is, seconds."""
KEEP_UPLOADS_S: Final = 3000
POLL_S = 0.005
"""How often Gradio's queue looks for requests, seconds; its own millisecond takes 5 % of a core when idle."""
SWEEP_S: Final = 600
"""Uploads older than the one are deleted every so often as the other says, seconds: within an hour,
as the footer promises."""


@dataclass(frozen=True)
class Example:
    """A clip that a person can try: its file, what it is called and what is said in it."""

    path: Path
    title: str
    text: str = ""


def load_examples(folder: Path) -> tuple[Example, ...]:
    """The clips that ``examples.json`` in a folder lists; none where there is no such file."""
    listing = folder / "examples.json"
    if not listing.is_file():
        return ()
    return tuple(
        Example(path=folder / one["file"], title=one["title"], text=one.get("text", ""))
        for one in json.loads(listing.read_text(encoding="utf-8"))
    )


@dataclass(frozen=True)
class Parts:
    """The components that events read and write."""

    audio: gr.Audio
    model: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    clips: tuple[tuple[gr.Button, Example], ...]
    settings: decoding.Settings
    text: gr.Textbox
    align: gr.Button
    shown: dict[str, gr.HTML]

    @property
    def of_a_run(self) -> list[Any]:
        """What a run writes."""
        return [self.cancel, *self.shown.values()]

    @property
    def of_an_alignment(self) -> list[Any]:
        """What an alignment writes."""
        return [self.shown[name] for name in ("align-status", "aligned")]

    @property
    def of_the_system(self) -> list[Any]:
        """What is refreshed on its own."""
        return [self.model, *(self.shown[name] for name in ("system", "notices", "memory"))]

    async def follow(self, updates: AsyncIterator[Update]) -> AsyncIterator[dict[Any, Any]]:
        """A handler's updates as Gradio takes them.

        Where there are none, one that changes nothing: Gradio would empty every output instead.
        """
        changed = False
        async for update in updates:
            changed = True
            yield self.apply(update)
        if not changed:
            yield gr.skip()

    def apply(self, update: Update) -> dict[Any, Any]:
        """A handler's update as Gradio takes it: component -> value."""
        changed: dict[Any, Any] = {
            self.shown[name]: value for name, value in update.items() if name in self.shown
        }
        if "running" in update:
            changed[self.cancel] = gr.Button(interactive=bool(update["running"]))
        if "choices" in update:
            changed[self.model] = gr.Dropdown(choices=update["choices"])
        return changed


def build_page(
    orchestrator: ModelOrchestrator,
    settings: Settings,
    *,
    examples: Sequence[Example],
    assets: Path,
) -> gr.Blocks:
    """The page, ready to be mounted with :func:`mount_page`."""
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(SWEEP_S, KEEP_UPLOADS_S),
    ) as page:
        parts = _lay_out(orchestrator, settings, examples, assets)
        _wire(page, parts, orchestrator)
        clients.add_endpoints(page, orchestrator)
    page.queue(default_concurrency_limit=None, api_open=False)
    page._queue.sleep_when_free = POLL_S
    return page


def mount_page(app: Any, page: gr.Blocks, settings: Settings, *, assets: Path) -> Any:
    """Mount the page at the root of a FastAPI application, after all other routes are there."""
    looks = assets / "ui"
    page.has_launched = True  # Gradio checks the paths that clients send only for a launched page
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=["api"],  # its button opens the API page; the footer shown is ours
        run_history=False,
        allowed_paths=[str(assets / "examples")],
        favicon_path=str(looks / "favicon.png"),
        max_file_size=upload_ceiling(settings),
        ssr_mode=False,
        show_error=False,  # Gradio's own messages name paths; ours travel in the answers
        theme=build_theme(),
        css=_joined(looks, "page.css", "live.css"),
        js=f"() => {{ {_called(looks, 'page.js')} {_called(looks, 'live.js')} }}",
        head=_head(settings),
    )


def upload_ceiling(settings: Settings) -> int:
    """Bytes at which an upload is cut off.

    Above the accepted size, so that a file which is a little too large is refused with a message
    that says so, and only a far larger one is cut off while it arrives.
    """
    return 2 * settings.max_bytes


def _joined(folder: Path, *names: str) -> str:
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _called(folder: Path, name: str) -> str:
    """The function that a script of ours is, and its call."""
    return f"({_joined(folder, name)})();"


def _head(settings: Settings) -> str:
    return (
        '<meta name="color-scheme" content="light dark">'
        f'<meta name="wav2vec2-max-bytes" content="{settings.max_bytes}">'
    )


# --- layout -------------------------------------------------------------------------------------


def _lay_out(
    orchestrator: ModelOrchestrator,
    settings: Settings,
    examples: Sequence[Example],
    assets: Path,
) -> Parts:
    shown: dict[str, gr.HTML] = {}
    _header(shown, assets)
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="ask", scale=5, min_width=300):
            audio, model, run, cancel = _input(orchestrator, settings)
            clips = _clips(examples)
        with gr.Column(elem_id="answer", scale=8, min_width=300):
            for name in ("status", "problem", "transcript", "actions"):
                shown[name] = _part(name)
            if settings.live_sessions:
                _html(live.answer(), elem_id="live-answer")
            read_as = decoding.lay_out()
    text, align = _alignment(shown)
    with gr.Row(elem_id="evidence"):
        with gr.Column(elem_id="pictures", scale=8, min_width=300):
            _html("<h2>What it sounds like</h2>", elem_classes="w-heading")
            for place in pictures.PLACES:
                shown[f"picture:{place.name}"] = _part(f"picture:{place.name}")
        with gr.Column(elem_id="cost", scale=5, min_width=300):
            for name, heading in _PANELS:
                with gr.Column(elem_classes="w-panel", elem_id=f"panel-{name}"):
                    _html(f"<h2>{heading}</h2>", elem_classes="w-heading")
                    shown[name] = _part(name)
    _html((assets / "ui" / "footer.html").read_text(encoding="utf-8"), elem_id="foot")
    shown["memory"].value = panels.memory(orchestrator.status())
    return Parts(audio, model, run, cancel, clips, read_as, text, align, shown)


_PANELS: Final = (("latency", "Time"), ("memory", "Memory"), ("words", "Words"))


def _header(shown: dict[str, gr.HTML], assets: Path) -> None:
    with gr.Row(elem_id="top"):
        _html((assets / "ui" / "header.html").read_text(encoding="utf-8"), elem_id="brand")
        shown["system"] = _html(panels.system_unknown(), elem_id="system")
    shown["notices"] = _html("", elem_id="notices")
    _html("", elem_id="microphone-note")


def _input(
    orchestrator: ModelOrchestrator, settings: Settings
) -> tuple[gr.Audio, gr.Dropdown, gr.Button, gr.Button]:
    audio = gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",
        format=None,
        label="Speech",
        show_label=False,
        elem_id="audio",
        buttons=[],
        waveform_options=gr.WaveformOptions(
            waveform_color="#9aa39f", waveform_progress_color="#12957f"
        ),
    )
    if settings.live_sessions:
        _html(live.controls(), elem_id="live")
    model = gr.Dropdown(
        choices=panels.choices(orchestrator.status()),
        value="auto",
        label="Model",
        elem_id="model",
        filterable=False,
    )
    with gr.Row(elem_id="buttons"):
        run = gr.Button("Transcribe", variant="primary", elem_id="run", scale=2, min_width=120)
        cancel = gr.Button("Cancel", elem_id="cancel", interactive=False, scale=1, min_width=90)
    return uploads_only(audio), model, run, cancel


def _clips(examples: Sequence[Example]) -> tuple[tuple[gr.Button, Example], ...]:
    if not examples:
        return ()
    _html("<h2>Or try a clip</h2>", elem_classes="w-heading", elem_id="clips-heading")
    with gr.Row(elem_id="clips"):
        return tuple(
            (gr.Button(one.title, size="sm", min_width=0, elem_classes="w-clip"), one)
            for one in examples
        )


def _alignment(shown: dict[str, gr.HTML]) -> tuple[gr.Textbox, gr.Button]:
    with (
        gr.Accordion("Align a text", open=False, elem_id="alignment"),
        gr.Row(elem_id="align-desk"),
    ):
        with gr.Column(elem_id="align-ask", scale=5, min_width=280):
            text = gr.Textbox(
                label="What was said",
                info="Type or paste it as it is written, with its punctuation and numbers.",
                placeholder="Good morning! I was about to make some coffee…",
                lines=5,
                max_lines=12,
                max_length=options.MAX_TEXT_CHARACTERS,
                elem_id="align-text",
            )
            with gr.Row(elem_id="align-buttons"):
                align = gr.Button("Align", variant="primary", elem_id="align", min_width=110)
                _html(_FROM_TRANSCRIPT, elem_id="align-fill")
        with gr.Column(elem_id="align-answer", scale=8, min_width=300):
            for name in ("align-status", "aligned"):
                shown[name] = _part(name)
    return text, align


_FROM_TRANSCRIPT: Final = (
    '<button type="button" class="w-link" data-do="fill">Start from the transcript</button>'
)


def _html(value: str, **where: Any) -> gr.HTML:
    """Markup of ours, styled by ``page.css`` alone."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **where)


def _part(name: str) -> gr.HTML:
    return _html(Screen.idle().get(name, ""), elem_id=name.replace(":", "-"))


# --- wiring -------------------------------------------------------------------------------------

_HIDDEN: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}
_REPLACING: Final[dict[str, Any]] = {
    "trigger_mode": "multiple",  # a newer run replaces an older one: see ui/tabs.py
    "concurrency_limit": None,  # the orchestrator queues, and says how long it takes
    **_HIDDEN,
}


def _wire(page: gr.Blocks, parts: Parts, orchestrator: ModelOrchestrator) -> None:
    tabs = Tabs()
    _wire_runs(parts, orchestrator, tabs)
    _wire_alignment(parts, orchestrator, tabs)
    live.follow_wishes(parts.model, parts.settings.inputs, page)

    async def cancel(request: gr.Request) -> None:
        handlers.cancel(orchestrator, _session(request))

    async def leave(request: gr.Request) -> None:
        handlers.leave(orchestrator, tabs, _session(request))

    async def watch(request: gr.Request) -> dict[Any, Any]:
        return parts.apply(handlers.watch(orchestrator, tabs, _session(request)))

    parts.cancel.click(cancel, queue=False, **_HIDDEN)
    parts.audio.clear(cancel, queue=False, **_HIDDEN)
    page.unload(leave)
    for event in (page.load, gr.Timer(REFRESH_S).tick):
        event(watch, outputs=parts.of_the_system, queue=False, **_HIDDEN)


def _wire_runs(parts: Parts, orchestrator: ModelOrchestrator, tabs: Tabs) -> None:
    """A recording that is heard, and its words when they are read again."""

    async def run(
        request: gr.Request, audio: str | None, model: str, *settings: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        updates = handlers.transcribe(
            orchestrator, tabs, audio, model, _session(request), *settings
        )
        async for changed in parts.follow(updates):
            yield changed

    async def read_again(request: gr.Request, *settings: Any) -> AsyncIterator[dict[Any, Any]]:
        updates = handlers.read_again(orchestrator, tabs, _session(request), *settings)
        async for changed in parts.follow(updates):
            yield changed

    settings = parts.settings
    listening = {
        "fn": run,
        "inputs": [parts.audio, parts.model, *settings.inputs],
        "outputs": parts.of_a_run,
        **_REPLACING,
    }
    reading_again = {
        "fn": read_again,
        "inputs": [*settings.inputs],
        "outputs": parts.of_a_run,
        **_REPLACING,
    }
    gr.on([parts.run.click, parts.audio.stop_recording, parts.audio.upload], **listening)
    for button, example in parts.clips:
        _on_clip(button, example, parts.audio).success(**listening)
    settings.again.click(**reading_again)
    settings.reset.click(
        decoding.defaults, outputs=list(settings.inputs), queue=False, **_HIDDEN
    ).success(**reading_again)


def _wire_alignment(parts: Parts, orchestrator: ModelOrchestrator, tabs: Tabs) -> None:
    async def align_text(
        audio: str | None, model: str, text: str, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        updates = handlers.align(orchestrator, tabs, audio, model, text, _session(request))
        async for changed in parts.follow(updates):
            yield changed

    gr.on(
        [parts.align.click, parts.text.submit],
        align_text,
        inputs=[parts.audio, parts.model, parts.text],
        outputs=parts.of_an_alignment,
        **_REPLACING,
    )


def _session(request: gr.Request) -> str:
    return request.session_hash or ""


def _on_clip(button: gr.Button, example: Example, audio: gr.Audio) -> Any:
    async def choose() -> str:
        return str(example.path)

    return button.click(choose, outputs=[audio], queue=False, **_HIDDEN)
