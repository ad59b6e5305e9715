"""OpenAI's formats of a transcription: ``json``, ``verbose_json`` and ``diarized_json``."""

from __future__ import annotations

import math
from typing import Final

from wav2vec2_app.server import schema
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.channels import text_of_words, turns, voice_of
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.languages import language_name

DIARIZED_JSON: Final = "diarized_json"
OPENAI_FORMATS: Final = ("json", "verbose_json", DIARIZED_JSON)
UNKNOWN_LANGUAGE: Final = "unknown"
"""What ``verbose_json`` says of a checkpoint that does not name its language."""


def openai_json(
    answer: schema.TranscriptionResponse,
    response_format: str,
    granularities: frozenset[str],
    export: ExportOptions,
) -> schema.JsonObject:
    """The response in one of :data:`OPENAI_FORMATS`."""
    if response_format == DIARIZED_JSON:
        return _diarized(answer)
    problems = _problems(answer) if answer.problems else {}
    if response_format == "verbose_json":
        return _verbose(answer, granularities, export) | problems
    return _json(answer) | problems


def _problems(answer: schema.TranscriptionResponse) -> schema.JsonObject:
    """Optional results that are missing."""
    return {"problems": answer.json_dict()["problems"]}


def _json(answer: schema.TranscriptionResponse) -> schema.JsonObject:
    return {"text": answer.text, "model": answer.model.json_dict(), "usage": _usage(answer)}


def _usage(answer: schema.TranscriptionResponse) -> schema.JsonObject:
    return {"type": "duration", "seconds": answer.duration_s}


def _verbose(
    answer: schema.TranscriptionResponse, granularities: frozenset[str], export: ExportOptions
) -> schema.JsonObject:
    """OpenAI's ``verbose_json``, with confidences and our own fields (:data:`_EXTRAS`) added."""
    full = answer.json_dict()
    body: schema.JsonObject = {
        "task": "transcribe",
        "language": language_name(answer.model.language) or UNKNOWN_LANGUAGE,
        "duration": answer.duration_s,
        "text": answer.text,
        "usage": _usage(answer),
    }
    if "segment" in granularities or not granularities:
        segments = subtitles.channel_cues(answer.words, export)
        body["segments"] = [_segment(number, cue) for number, cue in enumerate(segments)]
    if "word" in granularities:
        body["words"] = [_word(word) for word in answer.words]
    return body | {name: full[name] for name in _EXTRAS}


_EXTRAS: Final = (
    "request_id",
    "confidence",
    "reason",
    "model",
    "decoder",
    "decoding",
    "note",
    "timings",
    "real_time_factor",
    "audio",
)
"""Our fields that OpenAI's ``verbose_json`` does not have."""


def _segment(number: int, cue: subtitles.Cue[schema.WordJson]) -> schema.JsonObject:
    confidence = sum(word.confidence for word in cue.words) / len(cue.words)
    start, end = cue.spoken
    segment: schema.JsonObject = {
        "id": number,
        "start": round(start, 4),
        "end": round(end, 4),
        "text": cue.text,
        "seek": 0,
        "tokens": [],
        "temperature": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
        "avg_logprob": round(math.log(max(confidence, 1e-4)), 4),
        "confidence": round(confidence, 4),
    }
    return segment | _channel(cue.words[0])


def _word(word: schema.WordJson) -> schema.JsonObject:
    fields: schema.JsonObject = {
        "word": word.text,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
    }
    return fields | _channel(word)


def _channel(word: schema.WordJson) -> schema.JsonObject:
    """The channel and the speaker of a word, as far as they are known."""
    speaker: schema.JsonObject = {"speaker": word.speaker} if word.speaker else {}
    return speaker if word.channel is None else {"channel": word.channel, **speaker}


def _diarized(answer: schema.TranscriptionResponse) -> schema.JsonObject:
    """OpenAI's ``diarized_json``: a segment for each turn, and our ``problems`` added.

    Words of separate channels have the name of their channel as their speaker.
    """
    segments: list[schema.JsonObject] = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03}",
            "start": turn[0].start,
            "end": max(word.end for word in turn),
            "text": text_of_words(turn),
            "speaker": voice_of(turn[0]),
        }
        for number, turn in enumerate(turns(answer.words), 1)
    ]
    return {
        "task": "transcribe",
        "duration": answer.duration_s,
        "text": answer.labelled_text,
        "segments": list(segments),
        "usage": _usage(answer),
        "model": answer.model.json_dict(),
        **_problems(answer),
    }
