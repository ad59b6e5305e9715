"""The JSON messages that a client of live captions sends: ``start`` first, ``stop`` at the end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.live.resampler import F32LE, S16LE
from wav2vec2_app.server.live.session import SessionOptions
from wav2vec2_app.server.status import OrchestratorStatus
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ
from wav2vec2_app.speech.models import AUTO_MODEL, model_for_language, model_or_auto
from wav2vec2_app.speech.options import OPTION, parse_options

LIVE_MIN_RATE_HZ, LIVE_MAX_RATE_HZ = 8_000, 96_000

_FIELDS: Final = frozenset(
    {"type", "sample_rate", "model", "encoding", "language", "channels", *OPTION}
)

_ENCODINGS: Final = {
    **dict.fromkeys(("s16le", "pcm_s16le", "pcm16", "int16", "linear16", "s16", "i16"), S16LE),
    **dict.fromkeys(("f32le", "pcm_f32le", "float32", "float", "f32"), F32LE),
}
"""Names of the encodings in other programs."""

STOP_TYPES: Final = frozenset(
    {"stop", "end", "eof", "eos", "finish", "finalize", "close", "closestream", "terminate"}
)
"""Types of the message that ends the audio."""
KEEP_ALIVE_TYPES: Final = frozenset({"ping", "keepalive", "keep_alive"})


@dataclass(frozen=True)
class LiveStart:
    """What a start message says; ``ignored`` are fields that have no meaning here."""

    options: SessionOptions
    rate_hz: int = SAMPLE_RATE_HZ
    encoding: str = S16LE
    ignored: tuple[str, ...] = ()


def parse_start(message: str | bytes, status: OrchestratorStatus | None = None) -> LiveStart:
    """The first message of a session; ``status`` has the models to choose from.

    Raises:
        InputError: ``live.bad_message``, ``language.unsupported``, or an error of :func:`parse_options`.
    """
    start = _json_object(message)
    if _type(start) != "start":
        raise bad_message("The first message is not a start message.")
    if start.get("channels", 1) not in (1, "1", None):
        raise bad_message("`channels` must be 1.")
    unknown = sorted(start.keys() - _FIELDS)
    for name in unknown:
        if meant := get_close_matches(name, _FIELDS, n=1, cutoff=0.75):
            raise bad_message(f"The field “{name[:40]}” is unknown; “{meant[0]}” exists.")
    decoding = parse_options(**{name: start[name] for name in OPTION if name in start})
    return LiveStart(
        SessionOptions(_model(start, status), decoding),
        _rate_hz(start.get("sample_rate")),
        _encoding(start.get("encoding")),
        tuple(name[:40] for name in unknown),
    )


def _model(start: Mapping[str, object], status: OrchestratorStatus | None) -> str:
    model, language = start.get("model") or AUTO_MODEL, start.get("language") or ""
    if not isinstance(model, str) or not isinstance(language, str):
        raise bad_message("`model` and `language` must be text.")
    choices = status.choices if status else {}
    default = status.default_model if status else AUTO_MODEL
    name = model_or_auto(model, choices)
    named = choices.get(name) or choices.get(name.rpartition(":")[0])
    if named is not None and not named.emission:
        raise InputError(
            f"The model “{name[:80]}” cannot make live captions.",
            code="live.model",
            hint="Choose a CTC model, such as “auto”; this model transcribes recordings.",
        )
    usable = {choice.name: choice for choice in choices.values() if choice.emission}
    return model_for_language(name, language, usable, default)


def _encoding(value: object) -> str:
    if value is None or value == "":
        return S16LE
    found = _ENCODINGS.get(str(value).strip().lower().replace("-", "_"))
    if found is None:
        raise bad_message(f"`encoding` must be {S16LE} or {F32LE}.")
    return found


def is_stop(message: str) -> bool:
    """Whether a message announces the end of the audio: of the type ``stop``, or empty.

    Raises:
        InputError: ``live.bad_message``.
    """
    return not message.strip() or _type(_json_object(message)) in STOP_TYPES


def is_keep_alive(message: str) -> bool:
    """Whether a message only keeps the connection open."""
    return _type(_json_object(message)) in KEEP_ALIVE_TYPES


def bad_message(problem: str) -> InputError:
    """The error of a message that the server cannot use."""
    return InputError(
        problem,
        code="live.bad_message",
        hint="Send {“type”: “start”, “sample_rate”: 16000} first, then 16-bit PCM; see docs/api.md.",
    )


def _rate_hz(value: object) -> int:
    """A sampling rate: a whole number, also as ``48000.0`` or as text."""
    if value is None or value == "":
        return SAMPLE_RATE_HZ
    with suppress(TypeError, ValueError, OverflowError):
        rate = float(value) if isinstance(value, int | float | str) else math.nan
        if (
            not isinstance(value, bool)
            and rate == int(rate)
            and LIVE_MIN_RATE_HZ <= rate <= LIVE_MAX_RATE_HZ
        ):
            return int(rate)
    raise bad_message(
        f"`sample_rate` must be a whole number from {LIVE_MIN_RATE_HZ} to {LIVE_MAX_RATE_HZ}."
    )


def _type(message: Mapping[str, object]) -> str:
    return str(message.get("type", "")).strip().lower()


def _json_object(message: str | bytes) -> dict[str, object]:
    with suppress(ValueError, RecursionError):
        value = json.loads(message)
        if isinstance(value, dict):
            return value
    raise bad_message("The message must be a JSON object.")
