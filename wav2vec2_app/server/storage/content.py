"""The content of a stored result as bytes: the response, and the emission in half precision."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

import numpy as np
from pydantic import TypeAdapter

from wav2vec2_app.server.schema import TranscriptionResponse, WordJson
from wav2vec2_app.speech.channels import text_of_words, turns
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

LEVEL: Final = 1
"""Compression: higher levels take much longer and save little."""
_LENGTH: Final = struct.Struct("<I")
_WORDS: Final = TypeAdapter(tuple[WordJson, ...])
_ARRAYS: Final = ("log_probs", "energy_db")


def pack_response(response: TranscriptionResponse) -> bytes:
    """A response as compressed JSON."""
    return zlib.compress(response.model_dump_json().encode(), LEVEL)


def unpack_response(data: bytes) -> TranscriptionResponse:
    """The response that :func:`pack_response` packed."""
    return TranscriptionResponse.model_validate_json(zlib.decompress(data))


def pack_words(words: Sequence[WordJson]) -> bytes:
    """Words as compressed JSON."""
    return zlib.compress(_WORDS.dump_json(tuple(words)), LEVEL)


def unpack_words(data: bytes) -> tuple[WordJson, ...]:
    """The words that :func:`pack_words` packed."""
    return _WORDS.validate_json(zlib.decompress(data))


def pack_emissions(recognition: Recognition) -> bytes | None:
    """The emission of a recognition, or one for each of its channels; ``None`` where there is none.

    Log-probabilities are stored as float16, which halves them: 3 KB for a second of audio.
    """
    if not recognition.has_emission:
        return None
    return b"".join(_pack(emission) for emission in emissions_of(recognition))


def emissions_of(recognition: Recognition) -> Sequence[Emission]:
    """The emission of a recognition, or one for each of its channels; none where it has none."""
    parts = recognition.channels or (recognition,)
    return [part.emission for part in parts if part.emission is not None]


def unpack_emissions(data: bytes) -> Sequence[Emission]:
    """The emissions that :func:`pack_emissions` packed."""
    found, at = [], 0
    while at < len(data):
        (head_length,) = _LENGTH.unpack_from(data, at)
        (body_length,) = _LENGTH.unpack_from(data, at + _LENGTH.size)
        start = at + 2 * _LENGTH.size
        at = start + head_length + body_length
        found.append(_unpack(data[start : start + head_length], data[start + head_length : at]))
    return found


def speaker_label(word: WordJson) -> str:
    """Who says a word: the label of the speaker, else the number of the channel; empty if unknown."""
    return word.speaker or (str(word.channel) if word.channel is not None else "")


def with_names(words: Sequence[WordJson], names: Mapping[str, str]) -> tuple[WordJson, ...]:
    """Words with the names of their speakers, which are given by their labels."""
    return tuple(
        word.model_copy(update={"speaker": names[label]})
        if names.get(label := speaker_label(word))
        else word
        for word in words
    )


def with_words(
    answer: TranscriptionResponse, words: Sequence[WordJson], names: Mapping[str, str]
) -> TranscriptionResponse:
    """A response with other words, its text with a line for each turn."""
    text = "\n".join(text_of_words(turn) for turn in turns(words))
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    return answer.model_copy(
        update={"words": with_names(words, names), "text": text, "confidence": round(confidence, 4)}
    )


def recognition_of(response: TranscriptionResponse, emissions: Sequence[Emission]) -> Recognition:
    """The recognition that a response was made from, with its emissions."""
    transcript = _transcript(response, None)
    if response.audio.separate_channels > 1:
        channels = tuple(
            Recognition(_transcript(response, number), emission)
            for number, emission in enumerate(emissions, start=1)
        )
        return Recognition(transcript, None, channels)
    return Recognition(transcript, next(iter(emissions), None))


def _transcript(response: TranscriptionResponse, channel: int | None) -> Transcript:
    words = tuple(
        Word(
            word.text,
            word.start,
            word.end,
            word.confidence,
            word.channel,
            speaker=word.speaker or "",
        )
        for word in response.words
        if channel in (None, word.channel)
    )
    text = response.text if channel is None else " ".join(word.text for word in words)
    info = response.model.model_dump()
    model = ModelInfo(**{one.name: info[one.name] for one in fields(ModelInfo)})
    return Transcript(
        text, words, response.confidence, response.duration_s, model,
        response.decoder, response.reason, response.note,
    )  # fmt: skip


def _pack(emission: Emission) -> bytes:
    energy = emission.energy_db
    shape = list(emission.log_probs.shape)
    facts = {key: value for key, value in _facts(emission).items() if key not in _ARRAYS}
    head = json.dumps({**facts, "shape": shape, "has_energy": energy is not None}).encode()
    arrays = emission.log_probs.astype(np.float16).tobytes()
    if energy is not None:
        arrays += energy.astype(np.float16).tobytes()
    body = zlib.compress(arrays, LEVEL)
    return _LENGTH.pack(len(head)) + _LENGTH.pack(len(body)) + head + body


def _facts(emission: Emission) -> dict[str, object]:
    return {one.name: getattr(emission, one.name) for one in fields(emission)}


def _unpack(head: bytes, body: bytes) -> Emission:
    facts = json.loads(head)
    frames, tokens = facts.pop("shape")
    has_energy = facts.pop("has_energy")
    arrays = np.frombuffer(zlib.decompress(body), np.float16)
    count = frames * tokens
    for name in ("vocabulary", "special", "prior"):
        facts[name] = None if facts[name] is None else tuple(facts[name])
    return Emission(
        log_probs=arrays[:count].reshape(frames, tokens).astype(np.float32),
        energy_db=arrays[count:].copy() if has_energy else None,
        **facts,
    )
