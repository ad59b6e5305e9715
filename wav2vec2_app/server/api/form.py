"""Reads decoding options from a form: our fields, and OpenAI's where they have a meaning here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.api.prompt import prompt_hotwords
from wav2vec2_app.server.api.uploads import Upload
from wav2vec2_app.server.clients import current_history
from wav2vec2_app.server.storage.records import owner_of_key
from wav2vec2_app.speech.audio import DecodeAudioOptions, parse_audio_options
from wav2vec2_app.speech.export_options import EXPORT_OPTIONS, ExportOptions, parse_export
from wav2vec2_app.speech.options import (
    OPTIONS,
    DecodingOptions,
    parse_options,
)


def decoding_options(upload: Upload) -> DecodingOptions:
    """The form's decoding options; hotwords are ``hotwords`` or ``keywords``, else names in ``prompt``.

    Raises:
        InputError: see :func:`parse_options`.
    """
    values: dict[str, object] = {option.name: upload.get(option.name, "") for option in OPTIONS}
    hotwords = upload.all("hotwords", "keywords") or prompt_hotwords(upload.text("prompt"))
    return parse_options(**{**values, "hotwords": list(hotwords)})


def audio_options(upload: Upload, *, channels: bool = True) -> DecodeAudioOptions:
    """The form's track, and whether its channels are transcribed separately.

    Raises:
        InputError: see :func:`parse_audio_options`.
    """
    wanted = upload.get("channels", "") if channels else ""
    return parse_audio_options(upload.get("track", ""), wanted)


def history(upload: Upload) -> str:
    """The owner of the history that the result is stored in: of the form's key, else of the request.

    Raises:
        InputError: ``history.bad_key``.
    """
    key = upload.get("history_key", "")
    return owner_of_key(key) if key else current_history()


def export_options(upload: Upload) -> ExportOptions:
    """The form's export options.

    Raises:
        InputError: see :func:`parse_export`.
    """
    values: dict[str, object] = {
        option.name: list(upload.all(option.name))
        if option.is_list
        else upload.get(option.name, "")
        for option in EXPORT_OPTIONS
    }
    return parse_export(**values)


def one_of(value: str, allowed: Sequence[str], field: str) -> str:
    """The member of ``allowed`` that ``value`` spells, in any case.

    Raises:
        InputError: ``request.bad_value``.
    """
    found = value.lower().replace("-", "_")
    if found not in allowed:
        raise InputError(
            f"`{field}` has an unknown value.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(allowed)}.",
            metadata={"field": field, "allowed": list(allowed)},
        )
    return found


def several_of(upload: Upload, allowed: Sequence[str], field: str) -> frozenset[str]:
    """The members of ``allowed`` in a field: repeated, in a list, or separated by commas or spaces.

    Raises:
        InputError: ``request.bad_value``.
    """
    values = (value for item in upload.all(field) for value in re.split(r"[,;\s]+", item))
    return frozenset(
        one_of(plain, allowed, field) for value in values if (plain := value.strip("\"'[]"))
    )


def wants_stream(upload: Upload) -> bool:
    """Whether the response is to be a stream of events.

    Raises:
        InputError: ``request.bad_value``.
    """
    value = upload.get("stream", "false").lower()
    if value not in _TRUE | _FALSE:
        raise InputError(
            "`stream` is neither true nor false.",
            code="request.bad_value",
            hint="Send `true` for a stream of events, or omit `stream`.",
            metadata={"field": "stream", "allowed": ["true", "false"]},
        )
    return value in _TRUE


_TRUE: Final = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE: Final = frozenset({"false", "0", "no", "off", "n", "f"})


def is_true(upload: Upload, field: str, default: str) -> bool:
    """Whether a field is true.

    Raises:
        InputError: ``request.bad_value``.
    """
    value = upload.get(field, default).lower()
    if value not in _TRUE | _FALSE:
        raise InputError(
            f"`{field}` is neither true nor false.",
            code="request.bad_value",
            hint="Send `true` or `false`.",
            metadata={"field": field, "allowed": ["true", "false"]},
        )
    return value in _TRUE


def check_temperature(upload: Upload) -> None:
    """Reject a ``temperature`` that OpenAI's API rejects as well; the others have no effect.

    Raises:
        InputError: ``request.bad_value``.
    """
    if not all(0 <= _number(value) <= 1 for value in upload.all("temperature")):
        raise InputError(
            "`temperature` is not a number from 0 to 1.",
            code="request.bad_value",
            hint="Omit it: decoding is deterministic.",
            metadata={"field": "temperature"},
        )


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
