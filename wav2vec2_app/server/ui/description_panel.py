"""The panel with questions about the sound; only on the page if a description server is configured."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.components import part
from wav2vec2_app.speech.description import (
    DEFAULT_QUESTION,
    DESCRIBED_S,
    MAX_QUESTION_CHARACTERS,
)


@dataclass(frozen=True)
class DescriptionPanel:
    """The components that events read."""

    question: gr.Textbox
    describe: gr.Button


def lay_out(html: dict[str, gr.HTML]) -> DescriptionPanel:
    """Add the panel; ``html`` gets the parts that updates write."""
    seconds = f"{DESCRIBED_S:g}"
    with (
        gr.Accordion(texts.DESCRIPTION, open=False, elem_id="description"),
        gr.Row(elem_id="describe-desk"),
    ):
        with gr.Column(elem_id="describe-ask", scale=5, min_width=280):
            question = gr.Textbox(
                DEFAULT_QUESTION,
                label=texts.QUESTION_LABEL,
                info=texts.QUESTION_INFO.format(seconds=seconds),
                lines=1,
                max_lines=4,
                max_length=MAX_QUESTION_CHARACTERS,
                elem_id="question",
            )
            describe = gr.Button(
                texts.DESCRIBE, variant="primary", elem_id="describe", min_width=110
            )
        with gr.Column(elem_id="describe-answer", scale=8, min_width=300):
            for name in ("describe-status", "described"):
                html[name] = part(name)
    return DescriptionPanel(question, describe)
