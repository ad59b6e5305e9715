"""The JSON of transcriptions, and of analyses (a transcription with features and pictures)."""

from __future__ import annotations

from pydantic import FiniteFloat

from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.schema.acoustics import AcousticsJson, acoustics
from wav2vec2_app.server.schema.base import JsonModel, finite, probability, seconds
from wav2vec2_app.server.schema.errors import ErrorJson, error_json
from wav2vec2_app.server.schema.recording import (
    RecordingFields,
    RecordingResponse,
    recording_fields,
)
from wav2vec2_app.speech.channels import labelled_lines, voice_of
from wav2vec2_app.speech.export_options import DEFAULT_EXPORT, ExportOptions
from wav2vec2_app.speech.features import Features, Picture
from wav2vec2_app.speech.options import DEFAULT_OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.speech.writing.transcripts import written


class WordJson(JsonModel):
    """One word and its time in the audio."""

    text: str
    start: FiniteFloat
    end: FiniteFloat
    confidence: FiniteFloat
    """how certain the model is, from its emission alone: the language model and hotwords do not raise it. If
    the checkpoint has a calibration (the embedded one does), about 8 in 10 words with 0.8 are correct;
    otherwise it is the mean probability of the characters"""
    channel: int | None = None
    """number of the word's channel, from 1, if channels were transcribed separately"""
    speaker: str | None = None
    """name of who says the word, if speakers were labelled"""


class ProblemJson(JsonModel):
    """An optional result that is missing, and why."""

    operation: str
    """``analyze``, ``measure``, ``draw``, ``describe`` or ``label_speakers``"""
    error: ErrorJson


class TranscriptionResponse(RecordingResponse):
    """Response of ``/transcribe`` and ``/decode``."""

    text: str
    words: tuple[WordJson, ...]
    confidence: FiniteFloat
    """mean over the words"""
    reason: str
    """why ``text`` is empty: ``silence`` (the audio is too quiet) or ``no_speech``; otherwise empty"""
    decoder: str
    """the decoder that was used: ``greedy`` or ``beam``"""
    decoding: DecodingOptions
    """the decoding options of the request, with defaults for those that it left out"""
    note: str = ""
    """why another decoder was used than requested; otherwise empty"""
    problems: tuple[ProblemJson, ...] = ()
    """optional results that are missing"""

    @property
    def labelled_text(self) -> str:
        """The text; each turn of several channels or speakers begins with who says it."""
        labelled = self.audio.separate_channels > 1 or any(voice_of(word) for word in self.words)
        return labelled_lines(self.words) if labelled else self.text


class ContoursJson(JsonModel):
    """Pitch and energy on one frame grid; the three lists have the same length."""

    times_s: tuple[FiniteFloat, ...]
    f0_hz: tuple[FiniteFloat | None, ...]
    """fundamental frequency, ``null`` in unvoiced frames"""
    energy_db: tuple[FiniteFloat | None, ...]
    """level, dB relative to full scale"""


class FeaturesJson(JsonModel):
    """Acoustic features."""

    summary: dict[str, FiniteFloat | None]
    """scalar features with units in their names (``f0_median_hz``, ``peak_dbfs``); ``null`` if undefined"""
    contours: ContoursJson


class PictureJson(JsonModel):
    """One picture."""

    name: str
    title: str
    description: str
    """alternative text"""
    svg: str
    """a self-contained SVG document drawn in ``currentColor``"""


class AnalysisResponse(TranscriptionResponse):
    """Response of ``/analyze``: a transcription, acoustic features and measures, and pictures."""

    features: FeaturesJson | None
    """``null`` if they could not be computed; see ``problems``"""
    acoustics: AcousticsJson | None = None
    """the acoustic analysis; ``null`` if it could not be computed; see ``problems``"""
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
    result: AudioResult,
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    export: ExportOptions = DEFAULT_EXPORT,
) -> TranscriptionResponse:
    """The response to a transcription; ``export`` determines how it is written.

    Raises:
        ValueError: the task did not produce a transcript.
    """
    return TranscriptionResponse(**_fields(result, decoding, export))


def analysis(
    result: AudioResult,
    decoding: DecodingOptions = DEFAULT_OPTIONS,
    export: ExportOptions = DEFAULT_EXPORT,
) -> AnalysisResponse:
    """The response to an analysis; ``export`` determines how it is written.

    Raises:
        ValueError: the task did not produce a transcript.
    """
    return AnalysisResponse(
        **_fields(result, decoding, export),
        features=_features(result.features) if result.features else None,
        acoustics=acoustics(result.acoustics, result.transcript) if result.acoustics else None,
        pictures=tuple(_picture(picture) for picture in result.pictures),
    )


def word_json(word: Word) -> WordJson:
    """The JSON of a word."""
    return WordJson(
        text=word.text,
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        confidence=probability(word.confidence),
        channel=word.channel,
        speaker=word.speaker or None,
    )


def _fields(
    result: AudioResult, decoding: DecodingOptions, export: ExportOptions
) -> TranscriptionFields:
    if result.transcript is None:
        raise ValueError("the result has no transcript: the task did not want one")
    transcript = written(result.transcript, export)
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
