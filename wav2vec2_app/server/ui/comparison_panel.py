"""The panel "Compare models and decoders": its components, its handler and their binding."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr

from wav2vec2_app.errors import CancelledError, InputError, Wav2Vec2Error, translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.events import Done, Failed, Queued, Started, TaskEvent
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.orchestrator.comparison import (
    ComparisonRequest,
    ComparisonTracker,
    check_weights,
)
from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.languages import translated
from wav2vec2_app.server.ui.render import cards, comparison, status, system
from wav2vec2_app.server.ui.requests import source_of
from wav2vec2_app.server.ui.views import no_audio
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import MAX_TEXT_CHARACTERS, OPTION, DecodingOptions
from wav2vec2_app.speech.synthesis import CONFLICT_RESOLUTIONS, WEIGHTED
from wav2vec2_app.speech.variants import (
    DEFAULT_DECODERS,
    MAX_VARIANTS,
    combined,
    parse_reference,
    parse_synthesis,
)

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator
    from wav2vec2_app.server.status import OrchestratorStatus

Shown = tuple[str, str]
"""The status line and the result, as HTML."""


@dataclass(frozen=True)
class ComparisonPanel:
    """The components of the panel."""

    models: gr.Dropdown
    decoders: gr.CheckboxGroup
    resolution: gr.Radio
    reference: gr.Textbox
    run: gr.Button
    status: gr.HTML
    result: gr.HTML


def lay_out(now: OrchestratorStatus) -> ComparisonPanel:
    """The panel, closed; called inside the page's context."""
    with (
        gr.Accordion(texts.COMPARISON, open=False, elem_id="comparison"),
        gr.Row(elem_id="compare-desk"),
    ):
        with gr.Column(elem_id="compare-ask", scale=5, min_width=280):
            models, decoders, resolution, reference = _inputs(now)
            run = gr.Button(texts.COMPARE, variant="primary", elem_id="compare", min_width=110)
        with gr.Column(elem_id="compare-answer", scale=8, min_width=300):
            status_line = _html("", "compare-status")
            result = _html(comparison.idle(), "compared")
    return ComparisonPanel(models, decoders, resolution, reference, run, status_line, result)


def _inputs(
    now: OrchestratorStatus,
) -> tuple[gr.Dropdown, gr.CheckboxGroup, gr.Radio, gr.Textbox]:
    models = gr.Dropdown(
        choices=system.choices(now),
        value=[AUTO_MODEL],
        multiselect=True,
        max_choices=MAX_VARIANTS,
        label=texts.COMPARE_MODELS,
        elem_id="compare-models",
    )
    choices = {choice.value: translated(choice.label) for choice in OPTION["decoder"].choices}
    decoders = gr.CheckboxGroup(
        [(choices[name], name) for name in DEFAULT_DECODERS],
        value=list(DEFAULT_DECODERS),
        label=texts.COMPARE_DECODERS,
        elem_id="compare-decoders",
    )
    resolution = gr.Radio(
        [(texts.CONFLICT_RESOLUTIONS[name], name) for name in CONFLICT_RESOLUTIONS],
        value=WEIGHTED,
        label=texts.COMPARE_RESOLUTION,
        elem_id="compare-resolution",
    )
    reference = gr.Textbox(
        label=texts.COMPARE_REFERENCE,
        info=texts.COMPARE_REFERENCE_INFO,
        lines=2,
        max_lines=8,
        max_length=MAX_TEXT_CHARACTERS,
        elem_id="compare-reference",
    )
    return models, decoders, resolution, reference


def _html(value: str, elem_id: str) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, elem_id=elem_id)


def bind(
    panel: ComparisonPanel,
    recording: tuple[gr.Audio, gr.Textbox],
    cancel: gr.Button,
    orchestrator: ModelOrchestrator,
) -> None:
    """Bind the panel's event; called inside the page's context.

    Args:
        panel: the components.
        recording: the inputs of the audio and of its track.
        cancel: the button that works while the comparison runs.
        orchestrator: runs it.
    """

    async def on_compare(
        request: gr.Request,
        audio: str | None,
        track: object,
        models: object,
        decoders: object,
        resolution: object,
        reference: object,
    ) -> AsyncGenerator[tuple[str, str, gr.Button], None]:
        session = session_of(request, orchestrator)
        shown = compare(
            orchestrator, session, audio, models, decoders, resolution, reference, track
        )
        last = "", ""
        async with aclosing(shown) as updates:
            async for last in updates:
                yield *last, gr.Button(interactive=True)
        yield *last, gr.Button(interactive=False)

    panel.run.click(
        on_compare,
        inputs=[*recording, panel.models, panel.decoders, panel.resolution, panel.reference],
        outputs=[panel.status, panel.result, cancel],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )


async def compare(
    orchestrator: ModelOrchestrator,
    session: str,
    audio: str | None,
    models: object,
    decoders: object,
    resolution: object,
    reference: object,
    track: object = "",
) -> AsyncGenerator[Shown, None]:
    """Compare, and show each text when it is there."""
    try:
        if audio is None:
            raise no_audio()
        request = ComparisonRequest(
            combined(_names(models), _names(decoders), DecodingOptions()),
            parse_synthesis(conflict_resolution=resolution),
            parse_reference(reference),
        )
        check_weights(request, orchestrator.status().default_model)
        task = request.task(source_of(audio), session, parse_audio_options(track))
    except InputError as error:
        yield "", cards.error_card(error, "")
        return
    tracker = ComparisonTracker(request, orchestrator.status)
    yield status.queued(1, 0.0), comparison.running(tracker.outcomes())
    try:
        async with aclosing(orchestrator.submit(task)) as events:
            async for event in events:
                if shown := await _shown(event, tracker, task.id):
                    yield shown
    except Exception as error:  # any unforeseen error becomes a message on the page
        yield _failed(translate(error), task.id)


async def _shown(event: TaskEvent, tracker: ComparisonTracker, task_id: str) -> Shown | None:
    """What the panel shows after an event; ``None`` if nothing changes."""
    finished = tracker.note(event)
    outcomes = tracker.outcomes()
    match event:
        case Queued(position=position, eta_s=eta_s):
            return status.queued(position, eta_s), comparison.running(outcomes)
        case Started(operation=operation, attempt=attempt):
            return status.running(operation, None, attempt), comparison.running(outcomes)
        case Failed(error=error):
            return _failed(error, task_id)
        case Done(result=result):
            outcome = await tracker.finish(result)
            audio_s = len(outcomes) * result.audio.duration_s
            answer = await off_loop(audio_s, schema.comparison, outcome)
            return comparison.status_line(answer), comparison.finished(answer)
    return (comparison.progress(outcomes), comparison.running(outcomes)) if finished else None


def _failed(error: Wav2Vec2Error, task_id: str) -> Shown:
    if isinstance(error, CancelledError):
        return status.failed(error), comparison.idle()
    return status.failed(error), cards.error_card(error, task_id)


def _names(value: object) -> list[str]:
    """The names that a component with several choices has."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else []
