"""A loaded model: from samples to an emission, and from an emission to a transcript."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wav2vec2_app.model.alphabet import Alphabet
from wav2vec2_app.model.chunking import plan_windows
from wav2vec2_app.model.ctc import transcript_confidence
from wav2vec2_app.model.decoders import BeamDecoder, Decoder, GreedyDecoder
from wav2vec2_app.model.engines.base import Engine
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Float32, ModelInfo, Transcript

log = logging.getLogger(__name__)

SILENCE_DBFS = -60.0
"""Audio whose loudest half second stays below this level is silence, dB relative to full scale."""

NOTHING: Callable[[float], None] = lambda _: None  # noqa: E731 - a named do-nothing default


class Recognizer:
    """A checkpoint on an engine.

    Args:
        checkpoint: what to load.
        engine: a fresh engine; loaded here.
        window_s, overlap_s: longest forward pass and what neighbours share, seconds.
    """

    def __init__(
        self, checkpoint: Checkpoint, engine: Engine, *, window_s: float, overlap_s: float
    ) -> None:
        alphabet = Alphabet.of(checkpoint.path)
        engine.load(checkpoint)
        self._alphabet = alphabet.fitted(engine.outputs)
        self._greedy = GreedyDecoder(self._alphabet.special)
        self._decoder: Decoder = self._greedy
        self._decoder_note = ""
        self._engine = engine
        self.checkpoint = checkpoint
        self._frame_s = engine.grid.hop / SAMPLE_RATE_HZ
        self._window_frames = max(2, round(window_s / self._frame_s))
        self._overlap_frames = max(1, round(overlap_s / self._frame_s))

    def use_language_model(self, folder: Path) -> None:
        """Decode with the beam from now on; where it cannot be had, stay greedy and say so."""
        alphabet = self._alphabet
        try:
            self._decoder = BeamDecoder(
                folder, alphabet.tokens, alphabet.blank_id, alphabet.word_delimiter
            )
        except (ImportError, OSError) as error:
            log.warning("no beam, the greedy decoder answers: %s", error)
            self._decoder_note = "Words are spelled without a language model on this system."

    @property
    def info(self) -> ModelInfo:
        engine = self._engine.describe()
        notes = (self.checkpoint.note, engine.note, self._decoder_note)
        return ModelInfo(
            name=self.checkpoint.name,
            source=self.checkpoint.source,
            engine=engine.engine,
            device=engine.device,
            precision=engine.precision,
            parameters=engine.parameters,
            size_bytes=self.checkpoint.weights.stat().st_size,
            note=" ".join(note for note in notes if note),
        )

    def emit(self, samples: Float32, report: Callable[[float], None] = NOTHING) -> Emission:
        """Run the model over ``samples`` ``(n,)``; ``report`` gets the fraction after each window.

        ``report`` may raise to stop the work between windows.
        """
        grid = self._engine.grid
        values = _standardize(samples) if self._alphabet.normalize else samples
        shortest = grid.samples(1)
        if len(values) < shortest:
            values = np.pad(values, (0, shortest - len(values)))
        windows = plan_windows(
            len(values),
            grid,
            window_frames=self._window_frames,
            overlap_frames=self._overlap_frames,
        )
        kept = []
        for number, window in enumerate(windows, start=1):
            frames = self._engine.forward(values[None, window.start : window.stop])[0]
            kept.append(frames[window.keep_from : window.keep_to].astype(np.float16))
            report(number / len(windows))
        return Emission(
            log_probs=np.concatenate(kept),
            vocabulary=self._alphabet.tokens,
            blank_id=self._alphabet.blank_id,
            word_delimiter=self._alphabet.word_delimiter,
            frame_s=self._frame_s,
        )

    def silent_emission(self, samples: int) -> Emission:
        """The emission of ``samples`` samples in which nothing is said: blank everywhere."""
        frames = max(1, self._engine.grid.frames(samples))
        log_probs = np.full((frames, len(self._alphabet.tokens)), -20.0, dtype=np.float16)
        log_probs[:, self._alphabet.blank_id] = 0.0
        return Emission(
            log_probs=log_probs,
            vocabulary=self._alphabet.tokens,
            blank_id=self._alphabet.blank_id,
            word_delimiter=self._alphabet.word_delimiter,
            frame_s=self._frame_s,
        )

    def read(self, emission: Emission, duration_s: float, *, silent: bool = False) -> Transcript:
        """Decode ``emission``; one that is known to be silent needs no language model."""
        decoder = self._greedy if silent else self._decoder
        words = decoder.words(emission)
        reason = "" if words else ("silence" if silent else "no_speech")
        return Transcript(
            text=" ".join(word.text for word in words),
            words=words,
            confidence=transcript_confidence(words),
            duration_s=duration_s,
            model=self.info,
            decoder=decoder.name,
            reason=reason,
        )


@dataclass(frozen=True)
class Recognized:
    """One recognition with the seconds its two steps took."""

    transcript: Transcript
    emission: Emission
    forward_s: float
    decode_s: float


def recognize(
    recognizer: Recognizer, samples: Float32, report: Callable[[float], None] = NOTHING
) -> Recognized:
    """Samples ``(n,)`` to transcript; silence is answered without a forward pass."""
    begin = time.perf_counter()
    silent = is_silent(samples)
    emission = (
        recognizer.silent_emission(len(samples)) if silent else recognizer.emit(samples, report)
    )
    middle = time.perf_counter()
    transcript = recognizer.read(emission, len(samples) / SAMPLE_RATE_HZ, silent=silent)
    return Recognized(transcript, emission, middle - begin, time.perf_counter() - middle)


def is_silent(samples: Float32) -> bool:
    """Whether the loudest half second of ``samples`` is below :data:`SILENCE_DBFS`."""
    block = SAMPLE_RATE_HZ // 2
    loudest = max(
        (_power(samples[start : start + block]) for start in range(0, len(samples), block)),
        default=0.0,
    )
    return bool(10 * np.log10(loudest + 1e-20) < SILENCE_DBFS)


def _power(block: Float32) -> float:
    centred = block - block.mean()
    return float(np.mean(np.square(centred)))


def _standardize(samples: Float32) -> Float32:
    """Zero mean and unit variance, as Wav2Vec2FeatureExtractor does with ``do_normalize``."""
    scale = np.sqrt(samples.var(dtype=np.float64) + 1e-7)
    standardized: Float32 = ((samples - samples.mean(dtype=np.float64)) / scale).astype(np.float32)
    return standardized
