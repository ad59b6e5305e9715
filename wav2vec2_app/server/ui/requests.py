"""What inputs of the page and clients of the endpoints send, as options and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.operations import Want
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.speech.audio import (
    DEFAULT_TRACK_AND_MIX,
    AudioSource,
    DecodeAudioOptions,
    parse_audio_options,
)
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import (
    DEFAULT_OPTIONS,
    OPTIONS,
    DecodingOptions,
    parse_options,
)


def parse_all_options(values: Sequence[object]) -> tuple[DecodingOptions, DecodeAudioOptions]:
    """The decoding options in the order of their table, then the track and the channels; the rest is ignored.

    Raises:
        InputError: see :func:`parse_options` and :func:`parse_audio_options`.
    """
    count = len(OPTIONS)
    return parse_options(*values[:count]), parse_audio_options(*values[count : count + 2])


def labels_speakers(values: Sequence[object]) -> bool:
    """Whether the values, of which the last ones may be missing, want speakers to be labelled."""
    return values[len(OPTIONS) + 2 : len(OPTIONS) + 3] in ([True], (True,))


def task_for(
    audio: str,
    model: str,
    session: str,
    wants: frozenset[Want],
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    text: str = "",
    audio_options: DecodeAudioOptions = DEFAULT_TRACK_AND_MIX,
) -> AudioTask:
    """The task for an uploaded file at the path ``audio``."""
    return AudioTask(
        source_of(audio),
        wants,
        model or AUTO_MODEL,
        decoding,
        text,
        session,
        audio_options=audio_options,
    )


def source_of(audio: str) -> AudioSource:
    """The uploaded file at the path ``audio``."""
    path = Path(audio)
    return AudioSource(path=path, name=path.name)


def required(audio: str | None) -> str:
    """The path of an uploaded file.

    Raises:
        InputError: ``audio.missing``.
    """
    if audio is None:
        raise InputError(
            "The audio is missing.", code="audio.missing", hint="Send a file as the first argument."
        )
    return audio


def id_of(value: object) -> str:
    """A request's id as a client sends it; empty if there is none."""
    return value.strip() if isinstance(value, str) else ""


def required_id(value: object) -> str:
    """The id of an earlier request.

    Raises:
        InputError: ``request.bad_value``.
    """
    found = id_of(value)
    if not found:
        raise InputError(
            "The request_id is missing.",
            code="request.bad_value",
            hint="Send the `request_id` of an earlier answer.",
            metadata={"field": "request_id"},
        )
    return found
