"""The named endpoints for ``gradio_client``: documented in ``docs/api.md``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr
from gradio.components.api_component import Api

from wav2vec2_app.server.ui import answers
from wav2vec2_app.speech import options
from wav2vec2_app.speech.options import DEFAULT_OPTIONS

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

Json = dict[str, Any]


def add_endpoints(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Give the page its endpoints; called inside its context."""

    async def transcribe(
        audio: str | None,
        model: str,
        decoder: Any,
        beam_width: Any,
        lm_weight: Any,
        word_score: Any,
        hotwords: Any,
        hotword_boost: Any,
        request: gr.Request,
    ) -> Json:
        """Transcribe speech: text, words with times and confidences, and what it cost."""
        settings = (decoder, beam_width, lm_weight, word_score, hotwords, hotword_boost)
        return await answers.transcribe(orchestrator, audio, model, _session(request), *settings)

    async def analyze(
        audio: str | None,
        model: str,
        decoder: Any,
        beam_width: Any,
        lm_weight: Any,
        word_score: Any,
        hotwords: Any,
        hotword_boost: Any,
        request: gr.Request,
    ) -> Json:
        """Transcribe speech and measure its sound: features, contours and pictures as SVG."""
        settings = (decoder, beam_width, lm_weight, word_score, hotwords, hotword_boost)
        return await answers.analyze(orchestrator, audio, model, _session(request), *settings)

    async def read(
        request_id: Any,
        decoder: Any,
        beam_width: Any,
        lm_weight: Any,
        word_score: Any,
        hotwords: Any,
        hotword_boost: Any,
        request: gr.Request,
    ) -> Json:
        """Read an earlier request's recording again with other settings: the model does not run."""
        settings = (decoder, beam_width, lm_weight, word_score, hotwords, hotword_boost)
        return await answers.read(orchestrator, request_id, _session(request), *settings)

    async def align(
        request: gr.Request,
        audio: str | None = None,
        text: Any = "",
        request_id: Any = "",
        model: str = "auto",
    ) -> Json:
        """Say when each word and letter of a text is spoken, in a file or an earlier request's."""
        return await answers.align(orchestrator, audio, text, request_id, model, _session(request))

    async def capabilities() -> Json:
        """What can be asked for, its limits, and how fast it has been of late."""
        return answers.capabilities(orchestrator)

    async def status() -> Json:
        """The queue, the workers, the models and the memory at this moment."""
        return answers.status(orchestrator)

    audio = uploads_only(gr.Audio(type="filepath", format=None, visible=False, label="audio"))
    model = gr.Textbox("auto", visible=False, label="model")
    request_id = gr.Textbox("", visible=False, label="request_id")
    text = gr.Textbox("", visible=False, label="text")
    settings = _settings()
    answer = gr.JSON(visible=False, label="answer")
    _endpoint(transcribe, [audio, model, *settings], answer)
    _endpoint(analyze, [audio, model, *settings], answer)
    _endpoint(read, [request_id, *settings], answer)
    _endpoint(align, [audio, text, request_id, model], answer)
    for told in (capabilities, status):
        _endpoint(told, [], answer)
    fill_in_defaults(page)


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


def fill_in_defaults(page: gr.Blocks) -> None:
    """Have calls that send fewer values than an endpoint takes get the defaults of the rest.

    Gradio's clients fill them in themselves; a plain POST of ``[file, "auto"]`` would be refused.
    """
    validate = page.validate_inputs

    def filled(block_fn: Any, inputs: list[Any]) -> None:
        if block_fn.api_name in _ENDPOINTS:
            inputs.extend(block.value for block in block_fn.inputs[len(inputs) :])
        validate(block_fn, inputs)

    page.validate_inputs = filled


_ENDPOINTS: Final = frozenset({"transcribe", "analyze", "read", "align", "capabilities", "status"})

_OF_SETTINGS: Final = {
    "decoder": {"type": "string", "description": f"one of {', '.join(options.DECODERS)}"},
    **{
        name: {
            "type": option.type,
            "description": f"between {option.low:g} and {option.high:g}",
        }
        for name, option in options.OPTION.items()
        if option.is_number
    },
    "hotwords": {"type": "string", "description": "with commas or line breaks between them"},
}
_IN_ORDER: Final = (
    "decoder", "beam_width", "lm_weight", "word_score", "hotwords", "hotword_boost",
)  # fmt: skip


def _settings() -> list[Api]:
    """Inputs that let every value through, so that a wrong one is refused by us, with a code."""
    usual = {name: getattr(DEFAULT_OPTIONS, name) for name in _IN_ORDER} | {"hotwords": ""}
    return [Api(usual[name], _OF_SETTINGS[name], label=name) for name in _IN_ORDER]


def _session(request: gr.Request) -> str:
    return request.session_hash or ""


def _endpoint(fn: Callable[..., Any], inputs: list[Any], answer: gr.JSON) -> None:
    gr.Button(visible=False).click(
        fn,
        inputs=inputs,
        outputs=[answer],
        api_name=fn.__name__,
        concurrency_limit=None,
        show_progress="hidden",
    )
