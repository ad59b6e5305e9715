"""Components that all parts of the page are made of."""

from __future__ import annotations

from html import escape

import gradio as gr

from wav2vec2_app.server.ui.views import TranscriptionView


def heading(text: str, elem_id: str | None = None) -> None:
    """The heading of a part of the page."""
    markup(f"<h2>{escape(text)}</h2>", elem_id=elem_id, elem_classes="w-heading")


def markup(value: str, *, elem_id: str | None = None, elem_classes: str | None = None) -> gr.HTML:
    """Markup of ours, styled by ``page.css`` alone."""
    return gr.HTML(
        value,
        apply_default_css=False,
        js_on_load=None,
        elem_id=elem_id,
        elem_classes=elem_classes,
    )


def part(name: str) -> gr.HTML:
    """A part that views update by this name, as it is before the first request."""
    value = TranscriptionView.idle().get(name, "")
    return markup(str(value), elem_id=name.replace(":", "-"))
