"""Whisper's recordings are transcribed window by window; the worker is a double."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import make_model_info
from wav2vec2_app.errors import InputError, ModelError
from wav2vec2_app.protocol.whisper import WhisperProgress, WhisperRequest, WhisperResponse
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.results import Progress, Stage
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.whisper import (
    LONGEST_WINDOW_S,
    MIN_LAST_WINDOW_S,
    MIN_WINDOW_S,
    WhisperService,
    WhisperStep,
    end_of_window,
    ignored_note,
)
from wav2vec2_app.server.service.whisper_models import WhisperModels, WhisperPolicy
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.options import OPTIONS, DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Word

INFO = replace(make_model_info("w"), language="")


class Client:
    """Answers each window with a word that names it, in the language of its turn; notes the requests."""

    def __init__(self, *languages: str, error: Exception | None = None) -> None:
        self.languages = list(languages)
        self.error = error
        self.requests: list[WhisperRequest] = []
        self.deadlines: list[Deadline] = []
        self.reported = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    def limit_s(self, audio_s: float = 0.0, **_: bool) -> float:
        return audio_s

    async def request(
        self, request: WhisperRequest, *, deadline: Deadline, on_progress: Any, **_: Any
    ) -> StepResult[WhisperResponse]:
        self.requests.append(request)
        self.deadlines.append(deadline)
        if self.error:
            raise self.error
        number = len(self.requests)
        word = Word(f"Word{number}.", 0.5, 1.0, 0.5)
        language = self.languages.pop(0) if self.languages else "en"
        words = (word,) if language else ()
        text = word.text if language else ""
        on_progress(WhisperProgress(text, words, 1.0, language, INFO))
        self.reported.set()
        await self.gate.wait()
        reason = "" if language else "no_speech"
        answer = WhisperResponse(text, words, language, replace(INFO, language=language), reason)
        return StepResult(answer, (Stage("whisper", 0.0, 0.5, "whisper"),))


class Times:
    """Moves all words by a tenth of a second."""

    language = "en"

    def __init__(self) -> None:
        self.seen: list[tuple[float, tuple[str, ...]]] = []

    async def correct(
        self, audio: Audio, words: tuple[Word, ...], **_: Any
    ) -> StepResult[tuple[Word, ...]]:
        self.seen.append((audio.duration_s, tuple(word.text for word in words)))
        return StepResult(tuple(replace(word, start_s=word.start_s + 0.1) for word in words))


def recording(seconds: float) -> Audio:
    samples = np.random.default_rng(3).normal(0, 0.1, round(seconds * SAMPLE_RATE_HZ))
    return Audio(samples.astype(np.float32), SAMPLE_RATE_HZ, 1, "wav/pcm_s16le")


def models_of(*names: str, **options: Any) -> WhisperModels:
    policy = WhisperPolicy(allowed=names or ("a/w", "a/w.en"), **options)
    return WhisperModels(policy, lambda: None, installed=True)  # type: ignore[arg-type, return-value]


def service_of(client: Any, times: Any = None) -> WhisperService:
    return WhisperService(client, models_of(), times)


async def transcribe(client: Any, audio: Audio, model: str = "a/w", **options: Any) -> Recognition:
    return (await service_of(client).transcribe(WhisperStep(audio, model, **options))).value


# --- windows ---


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 29.99, 30.0])
async def test_short_recording_is_one_window(seconds: float) -> None:
    client = Client()

    found = await transcribe(client, recording(seconds))

    assert [len(one.samples) for one in client.requests] == [round(seconds * SAMPLE_RATE_HZ)]
    assert found.transcript.text == "Word1."
    assert found.emission is None


@given(st.floats(30.001, 150.0))
def test_windows_of_a_long_recording_are_all_of_it_and_of_bounded_length(seconds: float) -> None:
    samples = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
    ends = [0]
    while ends[-1] < len(samples):
        ends.append(end_of_window(samples, ends[-1]))
    lengths_s = np.diff(ends) / SAMPLE_RATE_HZ

    assert ends[-1] == len(samples)
    assert lengths_s.max() <= LONGEST_WINDOW_S
    assert lengths_s[:-1].min() >= MIN_WINDOW_S
    assert lengths_s[-1] >= MIN_LAST_WINDOW_S


@pytest.mark.parametrize("pause_s", [21.0, 24.5, 28.0])
def test_long_recording_is_cut_in_its_pause(pause_s: float) -> None:
    samples = recording(60.0).samples
    begin, end = (round(at * SAMPLE_RATE_HZ) for at in (pause_s, pause_s + 0.5))
    samples[begin:end] = 0

    assert begin <= end_of_window(samples, 0) <= end


async def test_words_of_all_windows_are_on_one_time_axis() -> None:
    client = Client()

    found = await transcribe(client, recording(70.0))

    starts_s = [word.start_s for word in found.transcript.words]
    lengths_s = [len(one.samples) / SAMPLE_RATE_HZ for one in client.requests]
    assert starts_s == pytest.approx([0.5 + sum(lengths_s[:at]) for at in range(len(lengths_s))])
    assert found.transcript.text == "Word1. Word2. Word3."
    assert found.transcript.duration_s == 70.0


# --- language ---


async def test_detected_language_holds_for_later_windows_and_is_that_of_the_transcript() -> None:
    client = Client("", "de", "de")

    found = await transcribe(client, recording(80.0))

    assert [one.language for one in client.requests] == ["", "", "de"]
    assert found.transcript.model.language == "de"


@pytest.mark.parametrize(
    ("model", "sent"),
    [("a/w:de", "de"), ("a/w:German", "de"), ("a/w:deu", "de"), ("a/w:jv", "jw"), ("a/w:auto", "")],
)
async def test_language_after_the_name_is_requested(model: str, sent: str) -> None:
    client = Client()

    found = await transcribe(client, recording(1.0), model)

    [request] = client.requests
    assert (request.model, request.language) == ("a/w", sent)
    assert found.transcript.model.name == model


@pytest.mark.parametrize("model", ["a/w:klingon", "a/w.en:de", "a/w:xx"])
async def test_unknown_language_is_rejected_before_anything_is_sent(model: str) -> None:
    client = Client()

    with pytest.raises(InputError) as rejected:
        await transcribe(client, recording(1.0), model)

    assert rejected.value.code == "language.unsupported"
    assert client.requests == []


async def test_text_without_spaces_is_joined_without_spaces() -> None:
    client = Client("ja", "ja")

    found = await transcribe(client, recording(35.0), "a/w:ja")

    assert found.transcript.text == "Word1.Word2."


# --- decoding options ---


@pytest.mark.parametrize(
    ("decoding", "beam_size", "decoder"),
    [
        (DecodingOptions(), 5, "beam"),
        (DecodingOptions(decoder="beam"), 5, "beam"),
        (DecodingOptions(decoder="greedy"), 1, "greedy"),
    ],
)
async def test_decoder_sets_the_size_of_the_beam(
    decoding: DecodingOptions, beam_size: int, decoder: str
) -> None:
    client = Client()

    found = await transcribe(client, recording(1.0), decoding=decoding)

    assert client.requests[0].beam_size == beam_size
    assert (found.transcript.decoder, found.transcript.note) == (decoder, "")


async def test_hotwords_are_passed_on() -> None:
    client = Client()

    await transcribe(client, recording(1.0), decoding=DecodingOptions(hotwords=("Ada", "Zuse")))

    assert client.requests[0].hotwords == ("Ada", "Zuse")


@pytest.mark.parametrize("name", [o.name for o in OPTIONS if o.is_number])
def test_option_without_effect_is_named_in_a_note(name: str) -> None:
    [option] = [one for one in OPTIONS if one.name == name]
    chosen = replace(DecodingOptions(), **{name: type(option.default)(option.high)})  # type: ignore[call-arg, arg-type]

    assert option.label in ignored_note(chosen)
    assert ignored_note(DecodingOptions()) == ""


# --- word times ---


async def test_word_times_are_corrected_where_the_language_has_an_aligner() -> None:
    times = Times()
    service = service_of(Client("en", "en"), times)

    found = (await service.transcribe(WhisperStep(recording(40.0), "a/w"))).value

    assert [text for _, text in times.seen] == [("Word1.",), ("Word2.",)]
    assert found.transcript.words[0].start_s == pytest.approx(0.6)


async def test_word_times_of_other_languages_are_whispers() -> None:
    times = Times()
    service = service_of(Client("de"), times)

    found = (await service.transcribe(WhisperStep(recording(1.0), "a/w"))).value

    assert times.seen == []
    assert found.transcript.words[0].start_s == 0.5


# --- progress, deadlines, cancellation ---


async def test_transcript_so_far_is_reported_before_a_window_has_ended() -> None:
    client, reports = Client(), list[Progress]()
    client.gate.clear()

    work = asyncio.create_task(transcribe(client, recording(40.0), report=reports.append))
    await client.reported.wait()
    [first] = reports
    client.gate.set()
    await work

    assert isinstance(first.value, Recognition)
    assert first.value.transcript.text == "Word1."
    fractions = [one.fraction for one in reports]
    assert fractions == sorted(fractions, key=float)  # type: ignore[arg-type]
    assert fractions[-1] == 1.0


async def test_partial_transcripts_of_a_long_recording_are_not_all_reported() -> None:
    reports = list[Progress]()

    class Talkative(Client):
        async def request(self, request: WhisperRequest, **options: Any) -> Any:
            answer = await super().request(request, **options)
            return replace(answer, value=replace(answer.value, words=answer.value.words * 500))

    await transcribe(Talkative(), recording(600.0), report=reports.append)

    partial = [one.value for one in reports if one.value is not None]
    words = [len(one.transcript.words) for one in partial if isinstance(one, Recognition)]
    assert words == sorted(set(words))
    assert all(b >= 1.1 * a for a, b in pairwise(words) if a > 1000)


async def test_one_deadline_holds_for_all_windows() -> None:
    client, deadline = Client(), Deadline.after(1000.0)

    await transcribe(client, recording(70.0), deadline=deadline)

    assert client.deadlines == [deadline] * 3


async def test_cancelling_stops_before_the_next_window() -> None:
    client = Client()
    client.gate.clear()
    work = asyncio.create_task(transcribe(client, recording(70.0)))
    await client.reported.wait()

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    assert work.cancelled()
    assert len(client.requests) == 1


async def test_silence_is_named_as_the_reason() -> None:
    found = await transcribe(Client(""), recording(1.0))

    assert (found.transcript.text, found.transcript.reason) == ("", "no_speech")
    assert found.transcript.confidence == 0.0


# --- models ---


async def test_missing_extra_is_a_typed_error() -> None:
    models = WhisperModels(WhisperPolicy(("a/w",)), lambda: None, installed=False)  # type: ignore[arg-type, return-value]
    client = Client()

    with pytest.raises(ModelError) as rejected:
        await WhisperService(client, models).transcribe(WhisperStep(recording(1), "a/w"))  # type: ignore[arg-type]

    assert rejected.value.code == "model.extra_missing"
    assert "wav2vec2-app[whisper]" in rejected.value.hint
    assert (models.choices, client.requests) == ((), [])


async def test_error_of_the_worker_reaches_the_caller() -> None:
    broken = ModelError("broken", code="model.broken")

    with pytest.raises(ModelError) as failed:
        await transcribe(Client(error=broken), recording(1.0))

    assert failed.value is broken
