"""The emission: what one forward pass of a CTC model gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wav2vec2_app.speech.audio import Float16, Float32
from wav2vec2_app.speech.models import ModelInfo


@dataclass(frozen=True)
class Emission:
    """What one forward pass of a CTC model says: log-probabilities of every token in every frame.

    Attributes:
        log_probs: float32 ``(frames, tokens)``, natural logarithm, rows sum to one when exponentiated.
        vocabulary: the token of each column.
        blank_id: column of the CTC blank.
        word_delimiter: the token between words, usually ``|``.
        frame_s: seconds from one frame to the next (0.02 for wav2vec2).
        special: tokens that are never spelled (``<s>``, ``<unk>``…).
        energy_db: float16 ``(frames,)``, level of the audio under each frame, dB relative to full scale.
        calibration: what the checkpoint brings to turn its scores into confidences, if anything.
        prior: what a beam takes off the log-probability of each token, if anything; see :mod:`model.prior`.
    """

    log_probs: Float32
    vocabulary: tuple[str, ...]
    blank_id: int
    word_delimiter: str
    frame_s: float
    special: tuple[str, ...] = ()
    energy_db: Float16 | None = None
    calibration: Mapping[str, Any] | None = None
    prior: tuple[float, ...] | None = None

    @property
    def duration_s(self) -> float:
        return len(self.log_probs) * self.frame_s

    def cut(self, start: int, stop: int) -> Emission:
        """Frames ``[start, stop)`` of it."""
        energy_db = None if self.energy_db is None else self.energy_db[start:stop]
        return replace(self, log_probs=self.log_probs[start:stop], energy_db=energy_db)


@dataclass(frozen=True)
class Emitted:
    """An emission, the model that made it, and the length of the audio it heard, seconds."""

    emission: Emission
    model: ModelInfo
    duration_s: float
