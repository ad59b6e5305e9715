"""The page: lays out the parts, wires events to handlers, and mounts itself into a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from wav2vec2_app.settings import Settings
from wav2vec2_app.ui import handlers, panels, pictures
from wav2vec2_app.ui.theme import build_theme

if TYPE_CHECKING:
    from wav2vec2_app.orchestrator.orchestrator import ModelOrchestrator

TITLE: Final = "wav2vec2 · see what a speech model hears"
REFRESH_S: Final = 4.0
"""How often an open page asks how the system is, seconds."""
KEEP_UPLOADS_S: Final = 3000
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


def uploads_only(audio: gr.Audio) -> gr.Audio:
    """Have an audio input take files that were uploaded here, and no addresses.

    Gradio's own would download whatever address a client sends, of any size. (Not a subclass: Gradio
    writes a stub file beside the source of each.)
    """
    keep = audio.async_move_resource_to_block_cache

    async def keep_uploaded(url_or_file_path: str | Path | None) -> str | None:
        if str(url_or_file_path).lower().startswith(("http:", "https:")):
            raise gr.Error("Upload the recording; addresses are not fetched.")
        kept: str | None = await keep(url_or_file_path)
        return kept

    audio.async_move_resource_to_block_cache = keep_uploaded
    return audio


@dataclass(frozen=True)
class Parts:
    """The components that events read and write."""

    audio: gr.Audio
    model: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    clips: tuple[tuple[gr.Button, Example], ...]
    shown: dict[str, gr.HTML]

    @property
    def of_a_run(self) -> list[Any]:
        """What a run writes."""
        return [self.cancel, *self.shown.values()]

    @property
    def of_the_system(self) -> list[Any]:
        """What is refreshed on its own."""
        return [self.shown[name] for name in ("system", "notices", "memory")]

    def apply(self, update: handlers.Update) -> dict[Any, Any]:
        """A handler's update as Gradio takes it: component -> value."""
        changed: dict[Any, Any] = {
            self.shown[name]: value for name, value in update.items() if name in self.shown
        }
        if "running" in update:
            changed[self.cancel] = gr.Button(interactive=bool(update["running"]))
        return changed or {self.cancel: gr.skip()}


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
        _wire_clients(orchestrator)
    return page.queue(default_concurrency_limit=None, api_open=False)


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
        css=(looks / "page.css").read_text(encoding="utf-8"),
        js=(looks / "page.js").read_text(encoding="utf-8"),
        head=_head(settings),
    )


def upload_ceiling(settings: Settings) -> int:
    """Bytes at which an upload is cut off.

    Above the accepted size, so that a file which is a little too large is refused with a message
    that says so, and only a far larger one is cut off while it arrives.
    """
    return 2 * settings.max_bytes


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
    return Parts(audio, model, run, cancel, clips, shown)


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


def _html(value: str, **where: Any) -> gr.HTML:
    """Markup of ours, styled by ``page.css`` alone."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **where)


def _part(name: str) -> gr.HTML:
    return _html(handlers.Screen.idle().get(name, ""), elem_id=name.replace(":", "-"))


# --- wiring -------------------------------------------------------------------------------------

_HIDDEN: Final[dict[str, Any]] = {"show_progress": "hidden", "api_visibility": "private"}


def _wire(page: gr.Blocks, parts: Parts, orchestrator: ModelOrchestrator) -> None:
    tabs = handlers.Tabs()

    async def run(
        audio: str | None, model: str, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        session = request.session_hash or ""
        async for update in handlers.transcribe(orchestrator, tabs, audio, model, session):
            yield parts.apply(update)

    async def cancel(request: gr.Request) -> None:
        handlers.cancel(orchestrator, request.session_hash or "")

    async def leave(request: gr.Request) -> None:
        handlers.leave(orchestrator, tabs, request.session_hash or "")

    async def watch() -> dict[Any, Any]:
        return parts.apply(handlers.watch(orchestrator))

    async def greet() -> dict[Any, Any]:
        choices = panels.choices(orchestrator.status())
        return {parts.model: gr.Dropdown(choices=choices), **await watch()}

    listening: dict[str, Any] = {
        "fn": run,
        "inputs": [parts.audio, parts.model],
        "outputs": parts.of_a_run,
        "trigger_mode": "multiple",  # a newer run replaces an older one: see handlers.Tabs
        "concurrency_limit": None,  # the orchestrator queues, and says how long it takes
        **_HIDDEN,
    }
    gr.on([parts.run.click, parts.audio.stop_recording, parts.audio.upload], **listening)
    for button, example in parts.clips:
        _on_clip(button, example, parts.audio).success(**listening)
    parts.cancel.click(cancel, queue=False, **_HIDDEN)
    parts.audio.clear(cancel, queue=False, **_HIDDEN)
    page.unload(leave)
    page.load(greet, outputs=[parts.model, *parts.of_the_system], queue=False, **_HIDDEN)
    gr.Timer(REFRESH_S).tick(watch, outputs=parts.of_the_system, queue=False, **_HIDDEN)


def _on_clip(button: gr.Button, example: Example, audio: gr.Audio) -> Any:
    async def choose() -> str:
        return str(example.path)

    return button.click(choose, outputs=[audio], queue=False, **_HIDDEN)


def _wire_clients(orchestrator: ModelOrchestrator) -> None:
    """The named endpoints for ``gradio_client``: documented in ``docs/api.md``."""

    async def transcribe(audio: str | None, model: str, request: gr.Request) -> dict[str, Any]:
        """Transcribe speech: text, words with times and confidences, and what it cost."""
        session = request.session_hash or ""
        return await handlers.transcribe_json(orchestrator, audio, model, session)

    async def analyze(audio: str | None, model: str, request: gr.Request) -> dict[str, Any]:
        """Transcribe speech and measure its sound: features, contours and pictures as SVG."""
        session = request.session_hash or ""
        return await handlers.analyze_json(orchestrator, audio, model, session)

    async def capabilities() -> dict[str, Any]:
        """What can be asked for, its limits, and how fast it has been of late."""
        return handlers.capabilities_json(orchestrator)

    async def status() -> dict[str, Any]:
        """The queue, the workers, the models and the memory at this moment."""
        return handlers.status_json(orchestrator)

    audio = uploads_only(gr.Audio(type="filepath", format=None, visible=False, label="audio"))
    model = gr.Textbox("auto", visible=False, label="model")
    answer = gr.JSON(visible=False, label="answer")
    for asked, inputs in ((transcribe, [audio, model]), (analyze, [audio, model])):
        _endpoint(asked, inputs, answer)
    for told in (capabilities, status):
        _endpoint(told, [], answer)


def _endpoint(fn: Callable[..., Any], inputs: list[Any], answer: gr.JSON) -> None:
    gr.Button(visible=False).click(
        fn,
        inputs=inputs,
        outputs=[answer],
        api_name=fn.__name__,
        concurrency_limit=None,
        show_progress="hidden",
    )
