"""The JSON of a comparison: the text and the cost of each variant, and the synthesis of all."""

from __future__ import annotations

from typing import Literal

from pydantic import FiniteFloat

from wav2vec2_app.server.orchestrator.comparison import Comparison, VariantOutcome
from wav2vec2_app.server.schema.base import JsonModel, finite, probability, seconds
from wav2vec2_app.server.schema.errors import ErrorJson, error_json
from wav2vec2_app.server.schema.recording import (
    AudioJson,
    ModelJson,
    StageJson,
    audio,
    model,
    stage,
)
from wav2vec2_app.server.schema.transcriptions import WordJson, word_json
from wav2vec2_app.speech.export_options import ExportOptions
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.spelling import spelled, spelled_text
from wav2vec2_app.speech.synthesis import Alternative, Synthesis, SynthesizedWord
from wav2vec2_app.speech.word_errors import WordErrors, differences, word_errors
from wav2vec2_app.speech.writing.transcripts import written


class DifferenceJson(JsonModel):
    """Neighbouring words of one kind."""

    kind: Literal["same", "changed", "added", "missing"]
    text: str
    """the words of this text; for ``missing`` those that it lacks"""


class WordErrorsJson(JsonModel):
    """Word errors against the reference; capitals, punctuation and the way of numbers do not count."""

    rate: FiniteFloat | None
    """errors divided by the words of the reference; ``null`` if it has none"""
    substitutions: int
    deletions: int
    insertions: int
    words: int
    """words of the reference, as they are spoken"""


class VariantJson(JsonModel):
    """One variant: a model with decoding options."""

    name: str
    """by which the synthesis and the weights name it"""
    requested_model: str
    adapter: str
    """that was requested; empty for any"""
    decoding: DecodingOptions
    """decoding options that were requested"""
    error: ErrorJson | None
    """why there is no transcript; ``null`` if there is one"""
    text: str
    words: tuple[WordJson, ...]
    confidence: FiniteFloat
    model: ModelJson | None
    """the model that answered"""
    decoder: str
    """the decoder that was used"""
    differences: tuple[DifferenceJson, ...]
    """the text, cut where it differs from the reference, or without one from the synthesis"""
    word_errors: WordErrorsJson | None
    """``null`` without a reference"""
    elapsed_s: FiniteFloat
    """time from the start of this variant to its end"""
    work_s: FiniteFloat
    """the same without the time in which it waited for a worker"""
    real_time_factor: FiniteFloat
    """``work_s`` per second of audio"""
    memory_bytes: int | None
    """resident memory of the worker processes that it ran in; variants may share them"""
    timings: tuple[StageJson, ...]


class AlternativeJson(JsonModel):
    """What was not chosen."""

    text: str
    """empty where these variants have no word"""
    origins: tuple[str, ...]
    """names of the variants"""
    score: FiniteFloat
    """share of the votes in this place"""
    start: FiniteFloat
    end: FiniteFloat


class SynthesizedWordJson(WordJson):
    """A word of the synthesis."""

    origins: tuple[str, ...]
    """names of the variants that have it"""
    alternatives: tuple[AlternativeJson, ...]
    """what the other variants have in its place"""


class SynthesisJson(JsonModel):
    """The transcripts of all variants as one."""

    text: str
    words: tuple[SynthesizedWordJson, ...]
    confidence: FiniteFloat
    conflict_resolution: str
    weights: dict[str, float]
    """of the variants that were used, together 1"""
    rejected: tuple[str, ...]
    """names of the variants below the quality threshold"""
    omitted: tuple[AlternativeJson, ...]
    """words of some variants in places where no word was chosen"""
    differences: tuple[DifferenceJson, ...]
    """the text, cut where it differs from the reference; one part without a reference"""
    word_errors: WordErrorsJson | None
    """``null`` without a reference"""


class ComparisonResponse(JsonModel):
    """Response of a comparison."""

    request_id: str
    """for error reports; comparisons are not cached"""
    duration_s: FiniteFloat
    """length of the audio"""
    audio: AudioJson
    reference: str
    variants: tuple[VariantJson, ...]
    """in the order of the request"""
    synthesis: SynthesisJson | None
    problem: ErrorJson | None
    """why there is no synthesis"""
    timings: tuple[StageJson, ...]


def comparison(outcome: Comparison, letter_case: str = "sentence") -> ComparisonResponse:
    """The response to a comparison; ``letter_case`` is an export option."""
    result, synthesis = outcome.result, outcome.synthesis
    return ComparisonResponse(
        request_id=result.id,
        duration_s=seconds(result.audio.duration_s),
        audio=audio(result.audio),
        reference=outcome.request.reference,
        variants=tuple(variant(one, outcome, letter_case) for one in outcome.outcomes),
        synthesis=_synthesis(synthesis, outcome, letter_case) if synthesis else None,
        problem=error_json(outcome.problem) if outcome.problem else None,
        timings=tuple(stage(one) for one in result.stages),
    )


def variant(one: VariantOutcome, outcome: Comparison, letter_case: str) -> VariantJson:
    """The JSON of one variant of a comparison."""
    transcript = one.recognition.transcript if one.recognition else None
    if transcript is not None:
        transcript = written(transcript, ExportOptions(letter_case=letter_case))
    text = transcript.text if transcript else ""
    words = transcript.words if transcript else ()
    audio_s = outcome.result.audio.duration_s
    return VariantJson(
        name=one.variant.name,
        requested_model=one.variant.model,
        adapter=one.variant.adapter,
        decoding=one.variant.decoding,
        error=error_json(one.error) if one.error else None,
        text=text,
        words=tuple(word_json(word) for word in words),
        confidence=probability(transcript.confidence) if transcript else 0.0,
        model=model(transcript.model) if transcript else None,
        decoder=transcript.decoder if transcript else "",
        differences=_differences(text, outcome, _language(one)) if transcript else (),
        word_errors=_word_errors(text, outcome, _language(one)) if transcript else None,
        elapsed_s=seconds(one.elapsed_s),
        work_s=seconds(one.work_s),
        real_time_factor=finite(one.work_s / audio_s if audio_s else 0.0, 5) or 0.0,
        memory_bytes=one.memory_bytes,
        timings=tuple(stage(part) for part in one.stages),
    )


def _synthesis(synthesis: Synthesis, outcome: Comparison, letter_case: str) -> SynthesisJson:
    text = spelled_text(synthesis.text, letter_case)
    spellings = spelled([word.text for word in synthesis.words], letter_case)
    language = next((_language(one) for one in outcome.outcomes if one.recognition), "en")
    words = zip(synthesis.words, spellings, strict=True)
    return SynthesisJson(
        text=text,
        words=tuple(_word(word, spelling, letter_case) for word, spelling in words),
        confidence=probability(synthesis.confidence),
        conflict_resolution=synthesis.conflict_resolution,
        weights={name: probability(weight) for name, weight in synthesis.weights.items()},
        rejected=synthesis.rejected,
        omitted=tuple(_alternative(one, letter_case) for one in synthesis.omitted),
        differences=_differences(text, outcome, language),
        word_errors=_word_errors(text, outcome, language),
    )


def _word(word: SynthesizedWord, text: str, letter_case: str) -> SynthesizedWordJson:
    return SynthesizedWordJson(
        text=text,
        start=seconds(word.start_s),
        end=seconds(word.end_s),
        confidence=probability(word.confidence),
        origins=word.origins,
        alternatives=tuple(_alternative(one, letter_case) for one in word.alternatives),
    )


def _alternative(one: Alternative, letter_case: str) -> AlternativeJson:
    lower = letter_case == "sentence" and one.text.isupper()
    return AlternativeJson(
        text=one.text.lower() if lower else one.text,
        origins=one.origins,
        score=probability(one.score),
        start=seconds(one.start_s),
        end=seconds(one.end_s),
    )


def _language(one: VariantOutcome) -> str:
    return (one.recognition.transcript.model.language if one.recognition else "") or "en"


def _differences(text: str, outcome: Comparison, language: str) -> tuple[DifferenceJson, ...]:
    parts = differences(_expected(outcome), text, language)
    return tuple(DifferenceJson(kind=part.kind, text=part.text) for part in parts)


def _expected(outcome: Comparison) -> str:
    """What texts are compared with: the reference, else the synthesis, else the first transcript."""
    if outcome.request.reference or outcome.synthesis is not None:
        return outcome.request.reference or (outcome.synthesis.text if outcome.synthesis else "")
    return next(
        (one.recognition.transcript.text for one in outcome.outcomes if one.recognition), ""
    )


def _word_errors(text: str, outcome: Comparison, language: str) -> WordErrorsJson | None:
    if not outcome.request.reference:
        return None
    errors: WordErrors = word_errors(outcome.request.reference, text, language)
    return WordErrorsJson(
        rate=finite(errors.rate),
        substitutions=errors.substitutions,
        deletions=errors.deletions,
        insertions=errors.insertions,
        words=errors.words,
    )
