"""Words and transcripts."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import ModelInfo


@dataclass(frozen=True)
class Word:
    """One word with its time in the audio and the model's own confidence in [0, 1]."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was said. ``reason`` is set when ``text`` is empty and says why (``silence``…).

    ``decoder`` is the one that read it; ``note`` says so where it is not the one that was wished for.
    """

    text: str
    words: tuple[Word, ...]
    confidence: float
    duration_s: float
    model: ModelInfo
    decoder: str = "greedy"
    reason: str = ""
    note: str = ""


@dataclass(frozen=True)
class Recognition:
    """A transcript together with the emission it was read from."""

    transcript: Transcript
    emission: Emission

    @property
    def emitted(self) -> Emitted:
        return Emitted(self.emission, self.transcript.model, self.transcript.duration_s)
