"""The panel "Decoding options", made from the table of options: an input for each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import gradio as gr

from wav2vec2_app.server.ui import texts
from wav2vec2_app.server.ui.components import part
from wav2vec2_app.server.ui.gradio_internals import any_value_input
from wav2vec2_app.server.ui.languages import translated
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS, WRITING_OPTIONS
from wav2vec2_app.speech.options import OPTIONS, Option, Value

_GROUPS: Final = ("choice", "beam", "hotwords", "all")
"""Order of the rows of the panel; each group of options is one row."""


@dataclass(frozen=True)
class OptionsPanel:
    """The panel's inputs, in the order of the table.

    ``decode_again`` is an invisible button; the page's script presses it when an option has changed and then
    rested for a moment.
    """

    inputs: tuple[gr.Component, ...]
    reset: gr.Button
    decode_again: gr.Button


def defaults() -> tuple[str | int | float, ...]:
    """Initial values of the inputs, and those after a reset."""
    return tuple(input_value(option.default) for option in OPTIONS)


def input_value(value: Value) -> str | int | float:
    """A value as an input shows it: hotwords are text, one a line."""
    return "\n".join(value) if isinstance(value, tuple) else value


def element_id(option: Option) -> str:
    """The id of an option's input on the page."""
    return option.name.replace("_", "-")


def lay_out_export(html: dict[str, gr.HTML]) -> tuple[gr.Component, ...]:
    """The panel of the export options, closed, with a preview; its inputs in the order of their table."""
    inputs: dict[str, gr.Component] = {}
    lists = [option for option in WRITING_OPTIONS if option.is_list]
    choices = [option for option in WRITING_OPTIONS if not option.is_list]
    subtitles = [option for option in EXPORT_OPTIONS if option not in WRITING_OPTIONS]
    with gr.Accordion(texts.EXPORT_OPTIONS, open=False, elem_id="export-options"):
        for options, kind in ((choices, "export"), (lists, "lists"), (subtitles, "export")):
            with gr.Row(elem_classes=["w-options", f"w-options-{kind}"]):
                inputs |= {option.name: _input(option) for option in options}
        html["export-problem"] = part("export-problem")
        html["subtitle-preview"] = part("subtitle-preview")
    return tuple(inputs[option.name] for option in EXPORT_OPTIONS)


def lay_out() -> OptionsPanel:
    """The panel, closed."""
    inputs: dict[str, gr.Component] = {}
    with gr.Accordion(texts.DECODING_OPTIONS, open=False, elem_id="decoding"):
        for group, options in _grouped():
            with gr.Row(elem_classes=["w-options", f"w-options-{group}"]):
                inputs |= {option.name: _input(option) for option in options}
        reset = gr.Button(texts.RESET, size="sm", elem_id="reset", min_width=0, scale=0)
    again = gr.Button(texts.DECODE_AGAIN, elem_id="decode-again", visible="hidden")
    return OptionsPanel(tuple(inputs[option.name] for option in OPTIONS), reset, again)


def _grouped() -> Iterator[tuple[str, Iterator[Option]]]:
    """Rows of the panel: the decoder, then its numbers, hotwords, and what all decoders use."""

    def position(option: Option) -> int:
        return _GROUPS.index(_group(option))

    for index, options in groupby(sorted(OPTIONS, key=position), position):
        yield _GROUPS[index], options


def _group(option: Option) -> str:
    if option.type == "choice":
        return "choice"
    return "hotwords" if option.type == "words" else option.applies_to


def _input(option: Option) -> gr.Component:
    name, label, info = element_id(option), translated(option.label), translated(option.help)
    if option.type == "choice":
        return gr.Radio(
            [(translated(choice.label), choice.value) for choice in option.choices],
            value=option.default,
            label=label,
            info=info,
            elem_id=name,
            min_width=240,
        )
    if option.is_list:
        placeholder = texts.RULES_PLACEHOLDER if option.lines else texts.HOTWORDS_PLACEHOLDER
        return gr.Textbox(
            input_value(option.default),
            label=label,
            info=info,
            placeholder=placeholder,
            lines=2,
            max_lines=8 if option.lines else 4,
            elem_id=name,
            scale=2,
            min_width=240,
        )
    return gr.Slider(
        option.low,
        option.high,
        option.default,
        step=option.step,
        label=label,
        info=info,
        elem_id=name,
        min_width=180,
    )


def endpoint_input(option: Option) -> gr.Component:
    """The hidden input of an endpoint for one option."""
    description = option.help
    if option.is_number:
        description += f" From {option.low:g} to {option.high:g}."
    elif option.values:
        description += f" One of {', '.join(option.values)}."
    kind = option.type if option.is_number else "string"
    described = {"type": kind, "description": description}
    return any_value_input(input_value(option.default), described, option.name)
