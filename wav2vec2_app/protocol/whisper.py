"""Messages of the ``whisper`` role: transcribe one window of a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wav2vec2_app.protocol.message import Message, Request, Response
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class WhisperProgress(Message):
    """The text and the words up to ``end_s`` seconds of the window, and the model that found them."""

    text: str
    words: tuple[Word, ...]
    end_s: float
    language: str
    model: ModelInfo


@dataclass(frozen=True)
class WhisperResponse(Response):
    """The transcript of a window.

    Attributes:
        text: as Whisper writes it, with punctuation.
        words: their times count from the beginning of the window.
        language: code of the language that was requested or detected; empty if there is no speech.
        model: that answered.
        reason: why there are no words, ``silence`` or ``no_speech``; else empty.
    """

    text: str
    words: tuple[Word, ...]
    language: str
    model: ModelInfo
    reason: str = ""


@dataclass(frozen=True)
class WhisperRequest(Request[WhisperResponse, WhisperProgress]):
    """Transcribe ``samples``, float32 ``(n,)``, 16 kHz, at most 30 s.

    Attributes:
        model: name of the checkpoint, without a language.
        language: code; empty to detect it.
        beam_size: hypotheses of the search; 1 is greedy.
        hotwords: words or names that the text may have.
    """

    op = "whisper"

    model: str
    samples: Float32
    language: str = ""
    beam_size: int = 5
    hotwords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError("the model takes audio with one channel")
        if self.beam_size < 1:
            raise ValueError("a beam has at least one hypothesis")

    def content(self) -> Iterable[str | memoryview | Path]:
        yield f"{self.op} {self.model} {self.language} {self.beam_size} {self.hotwords}"
        yield memoryview(self.samples.tobytes())
