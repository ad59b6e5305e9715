"""The JSON of transcriptions, and of analyses (a transcription with features and pictures)."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.schema.base import JsonModel, finite, probability, seconds
from wav2vec2_app.server.schema.errors import ErrorJson, error_json
from wav2vec2_app.server.schema.recording import (
    RecordingFields,
    RecordingResponse,
    recording_fields,
)
from wav2vec2_app.server.tasks import AudioResult
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Word


class WordJson(JsonModel):
    """One word, its time in the audio and the model's confidence."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    confidence: FiniteFloat


class ProblemJson(JsonModel):
    """An optional result that is missing, and why."""

    operation: str
    error: ErrorJson


class TranscriptionResponse(RecordingResponse):
    """Response of ``/transcribe`` and ``/decode``.

    ``reason`` says why ``text`` is empty. ``decoder`` is the one that was used; ``note`` says why it is not
    the requested one. ``reused`` means that the emission came from the result cache: the model was not run.
    """

    text: str
    words: tuple[WordJson, ...]
    confidence: FiniteFloat
    reason: str
    decoder: str
    decoding: DecodingOptions
    note: str = ""
    problems: tuple[ProblemJson, ...] = ()


class ContoursJson(JsonModel):
    """Pitch and energy on one frame grid; ``f0_hz`` is ``null`` in unvoiced frames."""

    times_s: tuple[FiniteFloat, ...]
    f0_hz: tuple[FiniteFloat | None, ...]
    energy_db: tuple[FiniteFloat | None, ...]


class FeaturesJson(JsonModel):
    """Scalar acoustic features (units in the names) and contours; ``null`` where undefined."""

    summary: dict[str, FiniteFloat | None]
    contours: ContoursJson


class PictureJson(JsonModel):
    """One picture: a self-contained SVG document drawn in ``currentColor``."""

    name: str
    title: str
    description: str
    svg: str


class AnalysisResponse(TranscriptionResponse):
    """Response of ``/analyze``: the transcription, the acoustic features and the pictures."""

    features: FeaturesJson | None
    pictures: tuple[PictureJson, ...]


class TranscriptionFields(RecordingFields):
    """The arguments of :class:`TranscriptionResponse`."""

    text: str
    words: tuple[WordJson, ...]
    confidence: float
    reason: str
    decoder: str
    decoding: DecodingOptions
    note: str
    problems: tuple[ProblemJson, ...]


def transcription(
    result: AudioResult, decoding: DecodingOptions = DEFAULT_OPTIONS
) -> TranscriptionResponse:
    """The response to a transcription.

    Raises:
        ValueError: the task did not produce a transcript.
    """
    return TranscriptionResponse(**_fields(result, decoding))


def analysis(result: AudioResult, decoding: DecodingOptions = DEFAULT_OPTIONS) -> AnalysisResponse:
    """The response to an analysis.

    Raises:
        ValueError: the task did not produce a transcript.
    """
    return AnalysisResponse(
        **_fields(result, decoding),
        features=_features(result.features) if result.features else None,
        pictures=tuple(_picture(picture) for picture in result.pictures),
    )


def word_json(word: Word) -> WordJson:
    """The JSON of a word."""
    return WordJson(
        text=word.text,
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        confidence=probability(word.confidence),
    )


def _fields(result: AudioResult, decoding: DecodingOptions) -> TranscriptionFields:
    transcript = result.transcript
    if transcript is None:
        raise ValueError("the result has no transcript: the task did not want one")
    return {
        **recording_fields(result, transcript),
        "text": transcript.text,
        "words": tuple(word_json(word) for word in transcript.words),
        "confidence": probability(transcript.confidence),
        "reason": transcript.reason,
        "decoder": transcript.decoder,
        "decoding": decoding,
        "note": transcript.note,
        "problems": tuple(
            ProblemJson(operation=problem.operation.value, error=error_json(problem.error))
            for problem in result.problems
        ),
    }


def _features(features: Features) -> FeaturesJson:
    return FeaturesJson(
        summary={name: finite(value) for name, value in features.summary.items()},
        contours=ContoursJson(
            times_s=tuple(seconds(value) for value in features.times_s),
            f0_hz=tuple(finite(value, 2) for value in features.f0_hz),
            energy_db=tuple(finite(value, 2) for value in features.energy_db),
        ),
    )


def _picture(picture: Picture) -> PictureJson:
    return PictureJson(
        name=picture.name,
        title=picture.title,
        description=picture.description,
        svg=picture.svg.decode("utf-8"),
    )
