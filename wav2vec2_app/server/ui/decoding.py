"""The panel “How it is read”: which decoder, how it weighs, and words to favour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from wav2vec2_app.speech.options import DEFAULT_OPTIONS

DECODERS: Final = (("Automatic", "auto"), ("Best path", "greedy"), ("Beam", "beam"))


@dataclass(frozen=True)
class Settings:
    """The panel's inputs, in the order of :func:`wav2vec2_app.asking.decoding`."""

    inputs: tuple[Any, ...]
    reset: gr.Button
    again: gr.Button
    """Not seen: pressed by the page's script when a setting has changed and then rested a moment."""


def defaults() -> tuple[Any, ...]:
    """What the inputs show at first, and after a reset."""
    usual = DEFAULT_OPTIONS
    numbers = (usual.beam_width, usual.lm_weight, usual.word_score)
    return (usual.decoder, *numbers, "\n".join(usual.hotwords), usual.hotword_boost)


def lay_out() -> Settings:
    """The panel, closed."""
    with gr.Accordion("How it is read", open=False, elem_id="decoding"):
        decoder, beam_width, lm_weight, word_score, hotwords, boost = defaults()
        with gr.Row(elem_classes="w-settings"):
            decoder_input = gr.Radio(
                list(DECODERS),
                value=decoder,
                label="Decoder",
                info="Best path: the likeliest letters, as they sound. Beam: words of a lexicon, "
                "weighed by a language model. Automatic: the beam for the embedded model and "
                "for hotwords.",
                elem_id="decoder",
                min_width=240,
            )
        with gr.Row(elem_classes=["w-settings", "w-beam"]):
            numbers = [
                _slider(
                    "beam-width", "Beam width", (1, 500, 1), beam_width,
                    "Guesses kept at every step. More is slower, and at times better.",
                ),
                _slider(
                    "lm-weight", "LM weight", (0, 5, 0.1), lm_weight,
                    "How much the language model counts beside the sound. 0: not at all.",
                ),
                _slider(
                    "word-score", "Word score", (-5, 5, 0.1), word_score,
                    "Added for every word. Above 0: more and shorter words.",
                ),
            ]  # fmt: skip
        with gr.Row(elem_classes=["w-settings", "w-hot"]):
            hotwords_input = gr.Textbox(
                hotwords,
                label="Hotwords",
                info="Words or names to favour, with commas or one a line; unknown ones too.",
                placeholder="Okonkwo, Szczecin, wav2vec",
                lines=2,
                max_lines=4,
                elem_id="hotwords",
                scale=2,
                min_width=240,
            )
            boost_input = _slider(
                "hotword-boost", "Favour them by", (0, 20, 0.5), boost,
                "Added for each one heard. 0: known, but not favoured.",
            )  # fmt: skip
        reset = gr.Button("Reset to defaults", size="sm", elem_id="reset", min_width=0, scale=0)
    again = gr.Button("Read again", elem_id="reread", visible="hidden")
    return Settings((decoder_input, *numbers, hotwords_input, boost_input), reset, again)


def _slider(
    name: str, label: str, steps: tuple[float, float, float], value: float, info: str
) -> gr.Slider:
    low, high, step = steps
    return gr.Slider(
        low, high, value, step=step, label=label, info=info, elem_id=name, min_width=180
    )
