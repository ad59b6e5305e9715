"""The emission: what one forward pass of a CTC model computes from audio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float16, Float32
from wav2vec2_app.speech.models import ModelInfo


@dataclass(frozen=True)
class Emission:
    """Log-probabilities of every token in every frame, and what its columns mean.

    Attributes:
        log_probs: float32 ``(frames, tokens)``, natural logarithm, rows sum to one when exponentiated.
        vocabulary: the token of each column.
        blank_id: column of the CTC blank.
        word_delimiter: the token between words, usually ``|``; empty if there is none.
        frame_s: seconds from one frame to the next (0.02 for wav2vec2).
        special: tokens that are not part of a transcript (``<s>``, ``<unk>``…).
        energy_db: float16 ``(frames,)``, level of the audio under each frame, dB relative to full scale.
        calibration: content of the checkpoint's ``confidence.json``, or ``None``.
        prior: natural logarithm that beam search subtracts from each token, ``(tokens,)``, or ``None``.
        language: code of what the checkpoint transcribes (``de``); empty if it is not known.
    """

    log_probs: Float32
    vocabulary: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    frame_s: float
    special: tuple[str, ...] = ()
    energy_db: Float16 | None = None
    calibration: Mapping[str, object] | None = None
    prior: tuple[float, ...] | None = None
    language: str = ""

    @property
    def duration_s(self) -> float:
        return len(self.log_probs) * self.frame_s

    @property
    def letter_columns(self) -> NDArray[np.bool_]:
        """Which columns ``(tokens,)`` are letters: not the blank, the delimiter, or a special token."""
        excluded = {"", self.word_delimiter, *self.special}
        letters = np.array([token not in excluded for token in self.vocabulary])
        letters[self.blank_id] = False
        return letters

    def cut(self, start: int, stop: int) -> Emission:
        """The emission of frames ``[start, stop)`` alone."""
        energy_db = None if self.energy_db is None else self.energy_db[start:stop]
        return replace(self, log_probs=self.log_probs[start:stop], energy_db=energy_db)

    def without_frames(self) -> Emission:
        """What is known of the model's output; it holds no memory of the frames."""
        return replace(self, log_probs=self.log_probs[:0].copy(), energy_db=None)


@dataclass(frozen=True)
class Emitted:
    """An emission, the model that computed it, and the length of its audio, seconds."""

    emission: Emission
    model: ModelInfo
    duration_s: float
