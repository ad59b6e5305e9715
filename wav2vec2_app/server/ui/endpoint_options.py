"""The options of the named endpoints: their order, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wav2vec2_app.speech.export_options import (
    EXPORT_OPTION,
    WRITING_OPTIONS,
    ExportOptions,
    parse_export,
)
from wav2vec2_app.speech.options import OPTIONS, DecodingOptions, Option, parse_options


def named_options() -> tuple[Option, ...]:
    """The options of the endpoints that transcribe; the track and the channels come after them."""
    return (*OPTIONS, EXPORT_OPTION["letter_case"])


def writing_options() -> tuple[Option, ...]:
    """The options of the endpoints that transcribe which come last."""
    return tuple(option for option in WRITING_OPTIONS if option.name != "letter_case")


def names_of(*, audio: bool) -> list[str]:
    """The names of all options of an endpoint, in their order; the track is of endpoints with a file."""
    of_file = ["track", "channels"] if audio else []
    return [one.name for one in named_options()] + of_file + [one.name for one in writing_options()]


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
