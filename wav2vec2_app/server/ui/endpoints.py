"""The named endpoints for ``gradio_client``, documented in ``docs/api.md``: registration with Gradio.

The parameters of the decoding options are made from their table.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import gradio as gr

from wav2vec2_app.server.schema import JsonObject
from wav2vec2_app.server.ui import endpoint_handlers as handlers
from wav2vec2_app.server.ui.gradio_internals import (
    accept_uploads_only,
    any_value_input,
    fill_in_defaults,
)
from wav2vec2_app.server.ui.options_panel import input_value
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import OPTIONS, Option

if TYPE_CHECKING:
    from wav2vec2_app.server.orchestrator.orchestrator import ModelOrchestrator

_TRACK: Final = {
    "type": "string",
    "description": "Number of the audio track, from 1. Empty: the one that the file marks.",
}
_CHANNELS: Final = {
    "type": "string",
    "description": "mix, or separate for one transcript per channel.",
}

Endpoint = Callable[..., Awaitable[JsonObject]]


def add_endpoints(page: gr.Blocks, orchestrator: ModelOrchestrator) -> None:
    """Add the named endpoints to a page; called inside its context."""
    endpoints = Endpoints(orchestrator)
    audio = accept_uploads_only(
        gr.Audio(type="filepath", format=None, visible=False, label="audio")
    )
    model = gr.Textbox(AUTO_MODEL, visible=False, label="model")
    request_id = gr.Textbox("", visible=False, label="request_id")
    text = gr.Textbox("", visible=False, label="text")
    options = [_option_input(option) for option in OPTIONS]
    track = any_value_input("", _TRACK, "track")
    channels = any_value_input("mix", _CHANNELS, "channels")
    answer = gr.JSON(visible=False, label="answer")
    inputs: dict[Endpoint, Sequence[gr.Component]] = {
        endpoints.transcribe: [audio, model, *options, track, channels],
        endpoints.analyze: [audio, model, *options, track, channels],
        endpoints.decode: [request_id, *options],
        endpoints.align: [audio, text, request_id, model, track],
        endpoints.capabilities: [],
        endpoints.status: [],
    }
    for endpoint, values in inputs.items():
        _add(endpoint, values, answer)
    fill_in_defaults(page, {endpoint.__name__ for endpoint in inputs})


def _with_named_options(endpoint: Endpoint) -> Endpoint:
    """An endpoint with one parameter for each row of the table instead of ``*options``.

    Gradio takes the names of an endpoint's parameters from the signature of its function.
    """
    signature = inspect.signature(endpoint)
    parameters = list(signature.parameters.values())
    fixed = [one for one in parameters if one.kind is not one.VAR_POSITIONAL]
    if fixed == parameters:
        return endpoint

    @functools.wraps(endpoint)
    async def call(*values: object) -> JsonObject:
        return await endpoint(*values)

    names = [option.name for option in OPTIONS]
    if "audio" in signature.parameters:
        names += ["track", "channels"]
    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    vars(call)["__signature__"] = signature.replace(parameters=[*fixed, *named])
    return call


class Endpoints:
    """The endpoints as Gradio calls them; their docstrings are shown in its description of the API."""

    def __init__(self, orchestrator: ModelOrchestrator) -> None:
        self._orchestrator = orchestrator

    async def transcribe(
        self, request: gr.Request, audio: str | None, model: str, *options: object
    ) -> JsonObject:
        """Transcribe speech: text, words with times and confidences, and timings."""
        return await handlers.transcribe(
            self._orchestrator, audio, model, session_of(request), *options
        )

    async def analyze(
        self, request: gr.Request, audio: str | None, model: str, *options: object
    ) -> JsonObject:
        """Transcribe speech and compute acoustic features, contours and pictures (SVG)."""
        return await handlers.analyze(
            self._orchestrator, audio, model, session_of(request), *options
        )

    async def decode(self, request: gr.Request, request_id: str, *options: object) -> JsonObject:
        """Decode the recording of an earlier request with other options; the model does not run."""
        return await handlers.decode(self._orchestrator, request_id, session_of(request), *options)

    async def align(
        self,
        request: gr.Request,
        audio: str | None = None,
        text: str = "",
        request_id: str = "",
        model: str = AUTO_MODEL,
        track: object = "",
    ) -> JsonObject:
        """Find the time of each word and letter of a text, in a file or in an earlier request's."""
        return await handlers.align(
            self._orchestrator, audio, text, request_id, model, session_of(request), track
        )

    async def capabilities(self) -> JsonObject:
        """What the server can do, its limits, and how fast it was recently."""
        return handlers.capabilities(self._orchestrator)

    async def status(self) -> JsonObject:
        """The queue, the workers, the models and the memory at this moment."""
        return handlers.status(self._orchestrator)


def session_of(request: gr.Request) -> str:
    """The session of the browser tab or client that sends a request."""
    return request.session_hash or ""


def _option_input(option: Option) -> gr.Component:
    description = option.help
    if option.is_number:
        description += f" From {option.low:g} to {option.high:g}."
    elif option.values:
        description += f" One of {', '.join(option.values)}."
    kind = option.type if option.is_number else "string"
    schema = {"type": kind, "description": description}
    return any_value_input(input_value(option.default), schema, option.name)


def _add(endpoint: Endpoint, inputs: Sequence[gr.Component], answer: gr.JSON) -> None:
    gr.Button(visible=False).click(
        _with_named_options(endpoint),
        inputs=list(inputs),
        outputs=[answer],
        api_name=endpoint.__name__,
        concurrency_limit=None,
        show_progress="hidden",
    )
