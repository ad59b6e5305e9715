"""The JSON messages that a client of live captions sends: ``start`` first, ``stop`` at the end."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.live.session import SessionOptions
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.models import AUTO_MODEL
from wav2vec2_app.speech.options import OPTION, parse_options

LIVE_MIN_RATE_HZ, LIVE_MAX_RATE_HZ = 8_000, 96_000

_FIELDS: Final = frozenset({"type", "sample_rate", "model", *OPTION})


def parse_start(message: str | bytes) -> tuple[SessionOptions, int]:
    """The options of a session and the sampling rate of its audio, Hz, from the first message.

    Raises:
        InputError: ``live.bad_message``, or an error of :func:`parse_options`.
    """
    start = _json_object(message)
    if start.get("type") != "start":
        raise bad_message("The first message is not a start message.")
    unknown = sorted(start.keys() - _FIELDS)
    if unknown:
        raise bad_message(f"The start message has the unknown field “{unknown[0][:40]}”.")
    model = start.get("model") or AUTO_MODEL
    if not isinstance(model, str):
        raise bad_message("`model` must be text.")
    decoding = parse_options(**{name: start[name] for name in OPTION if name in start})
    return SessionOptions(model, decoding), _rate_hz(start.get("sample_rate", SAMPLE_RATE_HZ))


def is_stop(message: str) -> bool:
    """Whether a message announces the end of the audio.

    Raises:
        InputError: ``live.bad_message``.
    """
    return _json_object(message).get("type") == "stop"


def bad_message(problem: str) -> InputError:
    """The error of a message that the server cannot use."""
    return InputError(
        problem,
        code="live.bad_message",
        hint="Send {“type”: “start”, “sample_rate”: 16000} first, then 16-bit PCM; see docs/api.md.",
    )


def _rate_hz(value: object) -> int:
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and LIVE_MIN_RATE_HZ <= value <= LIVE_MAX_RATE_HZ
    ):
        return value
    raise bad_message(
        f"`sample_rate` must be a whole number from {LIVE_MIN_RATE_HZ} to {LIVE_MAX_RATE_HZ}."
    )


def _json_object(message: str | bytes) -> dict[str, object]:
    with suppress(ValueError, RecursionError):
        value = json.loads(message) if isinstance(message, str) else None
        if isinstance(value, dict):
            return value
    raise bad_message("The message must be a JSON object.")
