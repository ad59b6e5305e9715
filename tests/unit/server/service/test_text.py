"""Decoding on the text workers: a long transcript is punctuated as one text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.doubles import make_emission, make_recognition
from wav2vec2_app.errors import CancelledError, InternalError, Wav2Vec2Error
from wav2vec2_app.protocol.text import (
    DecodeTextRequest,
    DecodeTextResponse,
    PunctuateRequest,
    PunctuateResponse,
    text_bytes,
)
from wav2vec2_app.server.service.priority import ShortFirst
from wav2vec2_app.server.service.result import StepResult
from wav2vec2_app.server.service.text import TextSteps
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Recognition, Word

MODEL = make_recognition().transcript.model
OPTIONS = DecodingOptions(hotwords=("Ada",))


class FakeClient:
    """Answers each part with one word, written as a sentence; the text as one word after another."""

    def __init__(
        self, *, english: bool = True, error: Wav2Vec2Error | None = None, lost: int = 0
    ) -> None:
        self._lost = lost
        self.requests: list[Any] = []
        self._english = english
        self._error = error

    def limit_s(self, audio_s: float) -> float:
        return 60.0

    async def request(self, request: Any, **_: Any) -> StepResult[Any]:
        self.requests.append(request)
        if isinstance(request, DecodeTextRequest):
            word = Word("ONE", 0.0, 0.5, 0.9, written="One." if self._english else "")
            return StepResult(DecodeTextResponse((word,), 0.9, "greedy"))
        assert isinstance(request, PunctuateRequest)
        if self._error is not None:
            raise self._error
        words = request.words[self._lost :]
        written = [f"{word.lower()}{at}" for at, word in enumerate(words)]
        return StepResult(PunctuateResponse(text_bytes(written)))

    @property
    def punctuated(self) -> list[PunctuateRequest]:
        return [one for one in self.requests if isinstance(one, PunctuateRequest)]


def emission_of(seconds: float) -> Emission:
    one = make_emission("a")
    frames = round(seconds / one.frame_s)
    log_probs = np.repeat(one.log_probs[:1], frames, axis=0)
    return replace(one, log_probs=log_probs)


async def decode(client: FakeClient, seconds: float) -> Recognition:
    steps = TextSteps(client, ShortFirst())  # type: ignore[arg-type]
    emitted = Emitted(emission_of(seconds), MODEL, seconds)
    found = await steps.decode(emitted, OPTIONS, deadline=None, request_id="id")
    return found.value


async def test_long_transcript_is_punctuated_as_one_text() -> None:
    client = FakeClient()
    found = await decode(client, 100.0)

    count = len(client.requests) - 1
    assert count > 2
    assert [word.written for word in found.transcript.words] == [f"one{at}" for at in range(count)]
    assert [word.text for word in found.transcript.words] == ["ONE"] * count
    assert [one.names for one in client.punctuated] == [("Ada",)]


@pytest.mark.parametrize(("seconds", "english"), [(10.0, True), (10.0, False), (100.0, False)])
async def test_nothing_else_is_punctuated_again(seconds: float, english: bool) -> None:
    client = FakeClient(english=english)
    found = await decode(client, seconds)

    assert client.punctuated == []
    assert {word.written for word in found.transcript.words} == {"One." if english else ""}


@pytest.mark.parametrize(
    "client",
    [FakeClient(error=InternalError("It failed.", code="text.failed")), FakeClient(lost=1)],
    ids=["error", "other number of words"],
)
async def test_parts_keep_their_punctuation_if_that_fails(client: FakeClient) -> None:
    found = await decode(client, 100.0)

    assert {word.written for word in found.transcript.words} == {"One."}


async def test_cancellation_is_not_swallowed() -> None:
    with pytest.raises(CancelledError):
        await decode(FakeClient(error=CancelledError("It was cancelled.")), 100.0)
