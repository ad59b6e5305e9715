"""The options of the named endpoints: their order, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.server.ui.gradio_internals import any_value_input
from wav2vec2_app.speech.export_options import (
    EXPORT_OPTION,
    WRITING_OPTIONS,
    ExportOptions,
    parse_export,
)
from wav2vec2_app.speech.options import OPTIONS, DecodingOptions, Option, parse_options
from wav2vec2_app.speech.speakers import parse_names

if TYPE_CHECKING:
    import gradio as gr

_TRACK: Final = {
    "type": "string",
    "description": "Number of the audio track, from 1. Empty: the one that the file marks.",
}
_CHANNELS: Final = {"type": "string", "description": "mix, or separate: a transcript per channel."}
_DIARIZE: Final = {
    "type": "boolean",
    "description": "Whether each word gets the name of its speaker.",
}
_SPEAKER_NAMES: Final = {
    "type": "string",
    "description": "Names of the speakers in the order in which they begin, separated by commas.",
}


def audio_inputs() -> tuple[gr.Component, gr.Component]:
    """The inputs of endpoints with a file: the track and the channels."""
    track = any_value_input("", _TRACK, "track")
    return track, any_value_input("mix", _CHANNELS, "channels")


def speaker_inputs() -> tuple[gr.Component, gr.Component]:
    """The last inputs of the endpoints that transcribe a file."""
    diarize = any_value_input(False, _DIARIZE, "diarize")
    return diarize, any_value_input("", _SPEAKER_NAMES, "speaker_names")


def with_speakers(task: AudioTask, named: Mapping[str, object]) -> AudioTask:
    """``task`` with what the values want of speakers.

    Raises:
        InputError: ``request.bad_value``, ``speakers.bad_names``.
    """
    names = parse_names(named.get("speaker_names") or "")
    wanted = named.get("diarize")
    if wanted not in (True, False, None, ""):
        raise InputError(
            "`diarize` is neither true nor false.",
            code="request.bad_value",
            hint="Send true or false.",
            metadata={"field": "diarize", "allowed": [True, False]},
        )
    wants = task.wants | {Want.SPEAKERS} if wanted else task.wants
    return replace(task, wants=wants, speaker_names=names)


def named_options() -> tuple[Option, ...]:
    """The options of the endpoints that transcribe; the track and the channels come after them."""
    return (*OPTIONS, EXPORT_OPTION["letter_case"])


def writing_options() -> tuple[Option, ...]:
    """The options of the endpoints that transcribe which come last."""
    return tuple(option for option in WRITING_OPTIONS if option.name != "letter_case")


def names_of(*, audio: bool) -> list[str]:
    """The names of all options of an endpoint, in their order; the track is of endpoints with a file."""
    of_file = ["track", "channels"] if audio else []
    last = ["diarize", "speaker_names"] if audio else []
    writing = [one.name for one in writing_options()]
    return [one.name for one in named_options()] + of_file + writing + last


def by_name(values: Sequence[object], *, audio: bool) -> Mapping[str, object]:
    """``values``, of which the last ones may be missing, by their names."""
    return dict(zip(names_of(audio=audio), values, strict=False))


def decoding_of(named: Mapping[str, object]) -> DecodingOptions:
    """The decoding options among the values.

    Raises:
        InputError: see :func:`parse_options`.
    """
    return parse_options(**{option.name: named.get(option.name) for option in OPTIONS})


def export_of(named: Mapping[str, object]) -> ExportOptions:
    """How the words are written.

    Raises:
        InputError: ``export.bad_value``.
    """
    return parse_export(**{option.name: named.get(option.name) for option in WRITING_OPTIONS})
