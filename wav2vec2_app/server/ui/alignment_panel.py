"""The panel that aligns a text with the recording."""

from __future__ import annotations

import gradio as gr

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.components import markup, part
from wav2vec2_app.speech.options import MAX_TEXT_CHARACTERS


def lay_out(html: dict[str, gr.HTML]) -> tuple[gr.Textbox, gr.Button]:
    """The text to align and its button; ``html`` gets the parts of the answer."""
    with (
        gr.Accordion(texts.ALIGNMENT, open=False, elem_id="alignment"),
        gr.Row(elem_id="align-desk"),
    ):
        with gr.Column(elem_id="align-ask", scale=5, min_width=280):
            text = gr.Textbox(
                label=texts.ALIGN_LABEL,
                info=texts.ALIGN_INFO,
                placeholder=texts.ALIGN_PLACEHOLDER,
                lines=5,
                max_lines=12,
                max_length=MAX_TEXT_CHARACTERS,
                elem_id="align-text",
            )
            with gr.Row(elem_id="align-buttons"):
                align = gr.Button(texts.ALIGN, variant="primary", elem_id="align", min_width=110)
                fill = texts.FILL_FROM_TRANSCRIPT
                button = f'<button type="button" class="w-link" data-do="fill">{fill}</button>'
                markup(button, elem_id="align-fill")
        with gr.Column(elem_id="align-answer", scale=8, min_width=300):
            for name in ("align-status", "aligned"):
                html[name] = part(name)
    return text, align
