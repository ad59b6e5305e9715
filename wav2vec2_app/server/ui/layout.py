"""The layout of the page: its components and their ids, which style sheets and scripts refer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import gradio as gr

from wav2vec2_app.server.ui import (
    acoustics_panel,
    alignment_panel,
    comparison_panel,
    description_panel,
    options_panel,
    texts,
)
from wav2vec2_app.server.ui.acoustics_panel import AcousticsPanel
from wav2vec2_app.server.ui.comparison_panel import ComparisonPanel
from wav2vec2_app.server.ui.components import heading, markup, part
from wav2vec2_app.server.ui.description_panel import DescriptionPanel
from wav2vec2_app.server.ui.gradio_internals import accept_uploads_only
from wav2vec2_app.server.ui.options_panel import OptionsPanel
from wav2vec2_app.server.ui.render import (
    explore,
    live,
    modes,
    pictures,
    system,
    transcript,
    transport,
)
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.models import AUTO_MODEL

if TYPE_CHECKING:
    from wav2vec2_app.server.status import OrchestratorStatus


@dataclass(frozen=True)
class Example:
    """A clip that users can try: its file, its title and its transcript."""

    path: Path
    title: str
    text: str = ""


@dataclass(frozen=True)
class PageParts:
    """The components that events read and write; ``html`` by the names that updates use.

    ``forget`` and ``fetch`` are invisible buttons; the page's script presses them when the recording is
    removed, and to fetch the file that it puts into ``wanted``. ``redraw`` and ``retime`` are others, for
    pictures of the part and for times of the words that it puts there; ``times`` has the answer.
    """

    audio: gr.Audio
    model: gr.Dropdown
    run: gr.Button
    cancel: gr.Button
    forget: gr.Button
    fetch: gr.Button
    redraw: gr.Button
    retime: gr.Button
    times: gr.HTML
    wanted: gr.Textbox
    clips: tuple[tuple[gr.Button, Example], ...]
    options: OptionsPanel
    track: gr.Textbox
    separate: gr.Checkbox
    speakers: gr.Checkbox
    export: tuple[gr.Component, ...]
    text: gr.Textbox
    align: gr.Button
    html: dict[str, gr.HTML]
    comparison: ComparisonPanel
    acoustics: AcousticsPanel
    description: DescriptionPanel | None = None

    @property
    def checks(self) -> tuple[gr.Checkbox, gr.Checkbox]:
        """What a recording is transcribed again for when it is checked."""
        return self.separate, self.speakers


def lay_out(
    status: OrchestratorStatus, settings: Settings, examples: Sequence[Example], assets: Path
) -> PageParts:
    """All components of the page; called inside its context."""
    html: dict[str, gr.HTML] = {}
    _header(html, assets)
    markup(modes.navigation(settings), elem_id="modes")
    with gr.Row(elem_id="desk"):
        with gr.Column(elem_id="ask", scale=5, min_width=300):
            audio, model, run, cancel = _input(status, settings)
            forget, fetch, redraw, retime, wanted = _for_scripts()
            track, separate, speakers = _track_and_channels()
            clips = _clips(examples)
        with gr.Column(elem_id="answer", scale=8, min_width=300):
            options, export = _answer(html, settings)
            times = markup("", elem_id="times")
    markup(explore.entrance(), elem_id="explore")
    text, align = alignment_panel.lay_out(html)
    comparison = comparison_panel.lay_out(status)
    description = description_panel.lay_out(html) if settings.gama_url else None
    acoustics = acoustics_panel.lay_out(html)
    _evidence(html, status)
    _modes_and_footer(settings, assets)
    return PageParts(
        audio, model, run, cancel, forget, fetch, redraw, retime, times, wanted, clips, options,
        track, separate, speakers, export, text, align, html, comparison, acoustics, description,
    )  # fmt: skip


def _modes_and_footer(settings: Settings, assets: Path) -> None:
    for mode in modes.offered(settings):
        markup(modes.place(mode), elem_id=f"mode-{mode.name}")
    footer = _filled(assets / "ui" / "footer.html", privacy=modes.privacy(settings))
    markup(footer, elem_id="foot")


def _for_scripts() -> tuple[gr.Button, gr.Button, gr.Button, gr.Button, gr.Textbox]:
    """What the page's scripts press, and where they put what they want."""
    names = {
        "forget": texts.REMOVE, "fetch-file": texts.FETCH_FILE, "redraw": texts.REDRAW,
        "retime": texts.RETIME,
    }  # fmt: skip
    forget, fetch, redraw, retime = (
        gr.Button(text, elem_id=name, visible="hidden") for name, text in names.items()
    )
    return forget, fetch, redraw, retime, gr.Textbox(visible=False)


def _answer(
    html: dict[str, gr.HTML], settings: Settings
) -> tuple[OptionsPanel, tuple[gr.Component, ...]]:
    """The result: status, player, transcript, export; returns the options of both kinds."""
    for name in ("status", "problem"):
        html[name] = part(name)
    markup(transport.transport(), elem_id="transport")
    markup(transport.tools(), elem_id="transcript-tools")
    html["transcript"] = part("transcript")
    html["preview"] = markup("", elem_id="preview")
    markup(transcript.word_table(), elem_id="words")
    markup(transport.json_view(), elem_id="json")
    html["actions"] = part("actions")
    html["file"] = markup("", elem_id="file")
    if settings.live_sessions:
        markup(live.captions(), elem_id="live-answer")
    options, export = options_panel.lay_out(), options_panel.lay_out_export(html)
    markup(transport.find() + transport.comparison(), elem_id="check")
    return options, export


def _header(html: dict[str, gr.HTML], assets: Path) -> None:
    with gr.Row(elem_id="top"):
        markup(_filled(assets / "ui" / "header.html"), elem_id="brand")
        html["notices"] = markup("", elem_id="notices")
        html["system"] = markup(system.unknown(), elem_id="system")
    with gr.Column(elem_classes="w-panel", elem_id="panel-memory"):
        heading(texts.MEMORY)
        html["memory"] = markup("", elem_id="memory")
    markup("", elem_id="microphone-note")


def _input(
    status: OrchestratorStatus, settings: Settings
) -> tuple[gr.Audio, gr.Dropdown, gr.Button, gr.Button]:
    audio = gr.Audio(
        sources=["microphone", "upload"],
        type="filepath",
        format=None,
        label=texts.AUDIO,
        show_label=False,
        elem_id="audio",
        buttons=[],
        waveform_options=gr.WaveformOptions(show_recording_waveform=False),  # the transport has one
    )
    markup(transport.source(), elem_id="source")
    if settings.live_sessions:
        markup(live.controls(), elem_id="live")
    model = gr.Dropdown(
        choices=system.choices(status),
        value=AUTO_MODEL,
        label=texts.MODEL,
        elem_id="model",
        filterable=False,
    )
    with gr.Row(elem_id="buttons"):
        run = gr.Button(texts.TRANSCRIBE, variant="primary", elem_id="run", scale=2, min_width=120)
        cancel = gr.Button(texts.CANCEL, elem_id="cancel", interactive=False, scale=1, min_width=90)
    return accept_uploads_only(audio), model, run, cancel


def _track_and_channels() -> tuple[gr.Textbox, gr.Checkbox, gr.Checkbox]:
    """For files with several audio tracks or speakers, and calls with one caller on each channel."""
    with (
        gr.Accordion(texts.TRACK_AND_CHANNELS, open=False, elem_id="track-and-channels"),
        gr.Row(),
    ):
        separate = gr.Checkbox(
            value=False,
            label=texts.SEPARATE,
            info=texts.SEPARATE_INFO,
            elem_id="separate",
            min_width=180,
        )
        speakers = gr.Checkbox(
            value=False,
            label=texts.LABEL_SPEAKERS,
            info=texts.LABEL_SPEAKERS_INFO,
            elem_id="label-speakers",
            min_width=180,
        )
        track = gr.Textbox(
            label=texts.TRACK,
            info=texts.TRACK_INFO,
            placeholder=texts.TRACK_PLACEHOLDER,
            max_lines=1,
            elem_id="track",
            min_width=120,
        )
    return track, separate, speakers


def _clips(examples: Sequence[Example]) -> tuple[tuple[gr.Button, Example], ...]:
    if not examples:
        return ()
    heading(texts.CLIPS, elem_id="clips-heading")
    with gr.Row(elem_id="clips"):
        return tuple(
            (gr.Button(one.title, size="sm", min_width=0, elem_classes="w-clip"), one)
            for one in examples
        )


def _evidence(html: dict[str, gr.HTML], status: OrchestratorStatus) -> None:
    """The pictures, and beside them time, memory and words."""
    with gr.Row(elem_id="evidence"):
        with gr.Column(elem_id="pictures", scale=8, min_width=300):
            heading(texts.PICTURES)
            markup(transport.picture_tools(), elem_id="pictures-zoom")
            html["pictures-note"] = markup("", elem_id="pictures-note")
            for place in pictures.PLACES:
                name = pictures.part(place.name)
                html[name] = part(name)
        with (
            gr.Column(elem_id="cost", scale=5, min_width=300),
            gr.Column(elem_classes="w-panel", elem_id="panel-latency"),
        ):
            heading(texts.LATENCY)
            html["latency"] = part("latency")
    html["memory"].value = system.memory(status)


def _filled(template: Path, privacy: str = "") -> str:
    """A file of markup with its texts filled in."""
    values = {
        "name": texts.NAME,
        "tagline": texts.TAGLINE,
        "privacy": privacy,
        "use_from_program": texts.USE_FROM_PROGRAM,
        "http_reference": texts.HTTP_REFERENCE,
        "change_theme": texts.CHANGE_THEME,
        "system_status": texts.SYSTEM_STATUS,
        "keys": texts.KEYBOARD_SHORTCUTS,
        "copy_link": texts.COPY_LINK,
        "link_hint": texts.LINK_HINT,
    }
    escaped = {name: escape(text) for name, text in values.items()}
    escaped["languages"] = transport.languages()
    return Template(template.read_text(encoding="utf-8")).substitute(escaped)
