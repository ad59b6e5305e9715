"""Writes stored transcriptions as files; what the page and the API offer of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from wav2vec2_app.errors import InputError
from wav2vec2_app.server.schema import StoredTranscriptionResponse, TranscriptionResponse
from wav2vec2_app.speech import subtitles
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.spelling import spelled, spelled_text

WriteFile = Callable[[TranscriptionResponse, ExportOptions], str]


@dataclass(frozen=True)
class FileFormat:
    """How a transcription becomes a file: the ending of its name, its media type, its content."""

    ending: str
    media_type: str
    write: WriteFile


def _to_json(answer: TranscriptionResponse, _: ExportOptions) -> str:
    return json.dumps(answer.json_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


FILE_FORMATS: Final[Mapping[str, FileFormat]] = {
    "text": FileFormat("txt", "text/plain", lambda answer, _: answer.labelled_text + "\n"),
    "srt": FileFormat("srt", "text/plain", lambda one, how: subtitles.to_srt(one.words, how)),
    "vtt": FileFormat("vtt", "text/vtt", lambda one, how: subtitles.to_vtt(one.words, how)),
    "json": FileFormat("json", "application/json", _to_json),
}


def format_of(name: str) -> FileFormat:
    """The format of a name.

    Raises:
        InputError: ``request.bad_value``.
    """
    found = FILE_FORMATS.get(name.strip().lower())
    if found is None:
        raise InputError(
            "`response_format` has an unknown value.",
            code="request.bad_value",
            hint=f"Use one of {', '.join(FILE_FORMATS)}.",
            metadata={"field": "response_format", "allowed": list(FILE_FORMATS)},
        )
    return found


def as_written(found: StoredTranscriptionResponse, letter_case: str) -> TranscriptionResponse:
    """A stored transcription in a letter case; corrected words are written unchanged."""
    answer = found.transcription
    return answer if found.item.corrected else respelled(answer, letter_case)


def respelled(answer: TranscriptionResponse, letter_case: str) -> TranscriptionResponse:
    """A response, whose words are as the model spells them, in a letter case."""
    texts = spelled([word.text for word in answer.words], letter_case)
    words = (
        word.model_copy(update={"text": text})
        for word, text in zip(answer.words, texts, strict=True)
    )
    text = spelled_text(answer.text, letter_case)
    return answer.model_copy(update={"text": text, "words": tuple(words)})
