"""What exports are made from, and the published JSON schemas of exported JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from wav2vec2_app.server.schema.alignments import AlignedWordJson, AlignmentResponse
from wav2vec2_app.server.schema.base import JsonModel, JsonObject
from wav2vec2_app.server.schema.transcriptions import AnalysisResponse, TranscriptionResponse
from wav2vec2_app.speech.exports.document import (
    ExportCharacter,
    ExportDocument,
    ExportWord,
    file_stem,
)
from wav2vec2_app.speech.given_text import as_written

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED: Final[Mapping[str, type[JsonModel]]] = {
    "transcription": TranscriptionResponse,
    "analysis": AnalysisResponse,
    "alignment": AlignmentResponse,
}
"""Responses whose JSON schema is published, by its name."""


def transcript_document(answer: TranscriptionResponse, name: str) -> ExportDocument:
    """A transcript to export; ``name`` is that of the recording's file."""
    return ExportDocument(
        name=file_stem(name),
        text=answer.labelled_text + "\n",
        words=[
            ExportWord(
                word.text,
                word.start,
                word.end,
                word.confidence,
                word.channel,
                speaker=word.speaker or "",
            )
            for word in answer.words
        ],
        captions=answer.words,
        duration_s=answer.duration_s,
        model=answer.model.name,
        data=answer.json_dict(),
    )


def alignment_document(answer: AlignmentResponse, name: str) -> ExportDocument:
    """An alignment to export; ``name`` is that of the recording's file."""
    return ExportDocument(
        name=file_stem(name),
        text="".join(f"{_line(word)}\n" for word in answer.words),
        words=[_word(word) for word in answer.words],
        captions=as_written(answer.text, answer.words),
        duration_s=answer.duration_s,
        model=answer.model.name,
        data=answer.json_dict(),
        rating="score",
    )


def json_schema(name: str) -> JsonObject:
    """The published JSON schema of a response.

    Raises:
        KeyError: none is published under this name.
    """
    schema: dict[str, JsonValue] = PUBLISHED[name].model_json_schema(mode="serialization")
    return {"$schema": DIALECT, **schema}


def _word(word: AlignedWordJson) -> ExportWord:
    characters = tuple(ExportCharacter(one.text, one.start, one.end) for one in word.characters)
    return ExportWord(word.text, word.start, word.end, word.score, characters=characters)


def _line(word: AlignedWordJson) -> str:
    score = "   any" if word.wildcard else f"{word.score:6.0%}"
    return f"{word.start:8.2f} {word.end:8.2f} {score}  {word.text}"
