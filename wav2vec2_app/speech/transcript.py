"""Transcripts: recognized words with their times and confidences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission, Emitted
from wav2vec2_app.speech.models import ModelInfo


@dataclass(frozen=True)
class Word:
    """One recognized word with its time in the audio and its confidence in [0, 1].

    ``channel`` is the number of its channel, from 1; ``None`` in a transcript of mixed channels.
    ``speaker`` is the name of who says it; empty if speakers were not labelled.
    ``alternatives`` are words that the decoder considered in its place, the best one first. ``written`` is
    the word in a written text, with its letter case and the mark that follows it; empty where ``text`` is
    all that is known, or is written already.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float
    channel: int | None = None
    alternatives: tuple[str, ...] = field(default=(), compare=False)
    written: str = field(default="", compare=False)
    speaker: str = ""


def with_written(words: Sequence[Word], written: Sequence[str]) -> tuple[Word, ...]:
    """``words`` with :attr:`Word.written`."""
    return tuple(replace(word, written=text) for word, text in zip(words, written, strict=True))


@dataclass(frozen=True)
class PreviewWords:
    """Words of the part of a recording that was transcribed last; the transcript will replace them."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Transcript:
    """The recognized text of a recording.

    Attributes:
        confidence: expected share of right words, in [0, 1].
        decoder: that was used, ``greedy`` or ``beam``.
        reason: why ``text`` is empty, ``silence`` or ``no_speech``; empty if it is not.
        note: a sentence for users if another decoder than the requested one was used.
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
    """A transcript with the emission that it was decoded from; ``None`` for models other than CTC.

    Where channels were transcribed separately, ``channels`` has the recognition of each, and the
    transcript is the merged one.
    """

    transcript: Transcript
    emission: Emission | None = None
    channels: tuple[Recognition, ...] = ()

    @property
    def has_emission(self) -> bool:
        """Whether it, or each of its channels, can be decoded again."""
        if self.channels:
            return all(channel.has_emission for channel in self.channels)
        return self.emission is not None

    @property
    def emitted(self) -> Emitted:
        """The emission with its model.

        Raises:
            InputError: ``model.no_emission``: there is none; ``channels.separate``: there are
                several.
        """
        if self.channels:
            raise InputError(
                "The channels were transcribed separately, so there is no single transcript to use.",
                code="channels.separate",
                hint="Send the recording again with its channels mixed (`channels` = `mix`).",
            )
        if self.emission is None:
            raise InputError(
                f"The model {self.transcript.model.name} gives no emission, so its transcript cannot"
                " be aligned or decoded again.",
                code="model.no_emission",
                hint="Transcribe the recording with a CTC model, such as wav2vec2.",
            )
        return Emitted(self.emission, self.transcript.model, self.transcript.duration_s)
