"""The invisible components of the named endpoints.

Browsers get every component of a page, also the invisible ones. The endpoints of a page share those that are
equal, so that the page does not take longer to load for each endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

import gradio as gr

from wav2vec2_app.server.ui.gradio_internals import accept_uploads_only, any_value_input

C = TypeVar("C", bound=gr.Component)
ParameterRow = tuple[str, object, str, str]
"""Name, default, type and description of a parameter."""

_parts: WeakKeyDictionary[gr.Blocks, dict[Hashable, gr.Component]] = WeakKeyDictionary()


def audio_part(page: gr.Blocks, label: str = "audio") -> gr.Audio:
    """The input of an endpoint that takes a file."""
    return _shared(page, ("audio", label), lambda: _audio(label))


def answer_part(page: gr.Blocks) -> gr.JSON:
    """The output of the endpoints."""
    return _shared(page, "answer", lambda: gr.JSON(visible=False, label="answer"))


def trigger_part(page: gr.Blocks) -> gr.Button:
    """The button that the endpoints are events of; it is not shown."""
    return _shared(page, "trigger", lambda: gr.Button(visible=False))


def value_parts(page: gr.Blocks, rows: Sequence[ParameterRow]) -> list[gr.Component]:
    """Inputs that accept every value, in the order of the rows."""
    return [_shared(page, json.dumps(row), partial(_value, row)) for row in rows]


def _value(row: ParameterRow) -> gr.Component:
    name, default, kind, description = row
    return any_value_input(default, {"type": kind, "description": description}, name)


def _audio(label: str) -> gr.Audio:
    return accept_uploads_only(gr.Audio(type="filepath", format=None, visible=False, label=label))


def _shared(page: gr.Blocks, key: Hashable, make: Callable[[], C]) -> C:
    parts = _parts.setdefault(page, {})
    if key not in parts:
        parts[key] = make()
    found: C = parts[key]
    return found
