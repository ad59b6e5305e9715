"""What the captioner works with: its settings, the passes it requests and the captions it returns."""

from __future__ import annotations

from dataclasses import dataclass

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.transcript import Word


@dataclass(frozen=True)
class CaptionPolicy:
    """How captions are made, seconds.

    Attributes:
        interval_s: time between tentative passes.
        pause_s: a pause of this length ends an utterance.
        utterance_s: longest utterance.
    """

    interval_s: float = 0.3
    pause_s: float = 0.7
    utterance_s: float = 20.0


@dataclass(frozen=True)
class Pass:
    """Audio to transcribe: samples ``[start, stop)`` of the session.

    Attributes:
        is_last: whether this is the last pass over an utterance, which covers all of it.
        began_s: when the pass was requested, on the captioner's clock.
        skipped: number of committed words of the utterance that lie before ``start``.
    """

    start: int
    stop: int
    samples: Float32
    is_last: bool
    began_s: float
    skipped: int = 0

    @property
    def start_s(self) -> float:
        return self.start / SAMPLE_RATE_HZ

    @property
    def stop_s(self) -> float:
        return self.stop / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class PartialCaption:
    """The words of the utterance in progress; times count from the beginning of the session.

    Attributes:
        committed: words that were committed since the caption before this one.
        tentative: replaces the tentative words of the caption before this one.
    """

    utterance: int
    committed: tuple[Word, ...]
    tentative: tuple[Word, ...]


@dataclass(frozen=True)
class FinalCaption:
    """All words of a finished utterance; ``note`` says why they may be less accurate than usual."""

    utterance: int
    start_s: float
    end_s: float
    words: tuple[Word, ...]
    note: str = ""


Caption = PartialCaption | FinalCaption
