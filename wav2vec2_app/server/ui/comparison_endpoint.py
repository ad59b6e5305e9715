"""The named endpoint ``/compare`` for ``gradio_client``, documented in ``docs/api.md``.

Like the other endpoints it never raises: a failure is answered with an ErrorResponse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.errors import translate
from wav2vec2_app.server import schema
from wav2vec2_app.server.offload import off_loop
from wav2vec2_app.server.orchestrator.comparison import ComparisonRequest, compare
from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.ui.endpoint_parts import answer_part, audio_part, trigger_part, value_parts
from wav2vec2_app.server.ui.endpoints import session_of
from wav2vec2_app.server.ui.gradio_internals import (
    fill_in_defaults,
)
from wav2vec2_app.server.ui.requests import required, source_of
from wav2vec2_app.speech.audio import parse_audio_options
from wav2vec2_app.speech.export_options import EXPORT_OPTION, parse_export
from wav2vec2_app.speech.synthesis import CONFLICT_RESOLUTIONS, WEIGHTED
from wav2vec2_app.speech.variants import parse_reference, parse_synthesis, parse_variants

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

NAME: Final = "compare"

_INPUTS: Final = (
    ("variants", "", "string", "JSON list of objects with name, model, adapter and decoding options; "
     "or names of models and decoders with commas between. Empty: both decoders."),
    ("reference", "", "string", "What was spoken, for word error rates."),
    ("conflict_resolution", WEIGHTED, "string", f"One of {', '.join(CONFLICT_RESOLUTIONS)}."),
    ("quality_threshold", 0.0, "number", "Least confidence of a transcript that is used, 0 to 1."),
    ("weights", "", "string", "JSON object, or NAME=NUMBER with commas between."),
    ("track", "", "string", "Number of the audio track, from 1. Empty: the one that the file marks."),
    ("letter_case", EXPORT_OPTION["letter_case"].default, "string", EXPORT_OPTION["letter_case"].help),
)  # fmt: skip
"""Name, default, type and description of each parameter after the audio."""


def add_compare_endpoint(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add the endpoint to a page; called inside its context."""
    audio = audio_part(page)
    inputs = value_parts(page, _INPUTS)

    async def compare(
        request: gr.Request,
        audio: str | None,
        variants: object = "",
        reference: str = "",
        conflict_resolution: str = WEIGHTED,
        quality_threshold: float = 0.0,
        weights: object = "",
        track: object = "",
        letter_case: str = "sentence",
    ) -> JsonObject:
        """Transcribe speech with several models or decoders: texts, cost, and one text of all."""
        return await answer(
            orchestrator,
            session_of(request, orchestrator),
            audio,
            variants,
            reference,
            (weights, quality_threshold, conflict_resolution),
            letter_case,
            track,
        )

    trigger_part(page).click(
        compare,
        inputs=[audio, *inputs],
        outputs=[answer_part(page)],
        api_name=NAME,
        concurrency_limit=None,
        show_progress="hidden",
    )
    fill_in_defaults(page, {NAME})


async def answer(
    orchestrator: ModelOrchestrator,
    session: str,
    audio: str | None,
    variants: object,
    reference: object,
    synthesis: tuple[object, object, object],
    letter_case: object,
    track: object = "",
) -> JsonObject:
    """``/compare``: a ComparisonResponse; ``synthesis`` are the arguments of its options."""
    task_id = ""
    try:
        case = parse_export(letter_case=letter_case).letter_case
        request = ComparisonRequest(
            parse_variants(variants), parse_synthesis(*synthesis), parse_reference(reference)
        )
        task = request.task(source_of(required(audio)), session, parse_audio_options(track))
        task_id = task.id
        outcome = await compare(orchestrator, task, request)
        audio_s = len(outcome.outcomes) * outcome.result.audio.duration_s
        return await off_loop(audio_s, lambda: schema.comparison(outcome, case).json_dict())
    except Exception as error:  # any unforeseen error becomes an answer
        return schema.error(translate(error), task_id).json_dict()
