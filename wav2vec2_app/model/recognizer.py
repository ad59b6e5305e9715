"""A loaded model: from samples to an emission."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wav2vec2_app.model.alphabet import Alphabet
from wav2vec2_app.model.chunking import plan_windows
from wav2vec2_app.model.confidence import read_calibration
from wav2vec2_app.model.engines.base import Engine
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.model.speech import IMPOSSIBLE, frame_energy, is_silent
from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Float32, ModelInfo

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
        alphabet = Alphabet.of(checkpoint.path, checkpoint.language)
        engine.load(checkpoint)
        self._alphabet = alphabet.fitted(engine.outputs)
        self._calibration = read_calibration(checkpoint.path)
        self._engine = engine
        self.checkpoint = checkpoint
        self._frame_s = engine.grid.hop / SAMPLE_RATE_HZ
        self._window_frames = max(2, round(window_s / self._frame_s))
        self._overlap_frames = max(1, round(overlap_s / self._frame_s))

    @property
    def info(self) -> ModelInfo:
        engine = self._engine.describe()
        notes = (self.checkpoint.note, engine.note)
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

        ``report`` may raise to stop the work between windows. Silence is answered without a forward pass:
        normalising it would blow noise up until it resembles letters.
        """
        grid = self._engine.grid
        energy_db = frame_energy(samples, grid.hop, max(1, grid.frames(len(samples))))
        if is_silent(energy_db, self._frame_s):
            return self._silence(energy_db)
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
            kept.append(frames[window.keep_from : window.keep_to])
            report(number / len(windows))
        return self._emission(np.concatenate(kept), energy_db)

    def _silence(self, energy_db: Float32) -> Emission:
        """Blank everywhere."""
        shape = (len(energy_db), len(self._alphabet.tokens))
        log_probs = np.full(shape, IMPOSSIBLE, dtype=np.float32)
        log_probs[:, self._alphabet.blank_id] = 0.0
        return self._emission(log_probs, energy_db)

    def _emission(self, log_probs: Float32, energy_db: Float32) -> Emission:
        alphabet = self._alphabet
        return Emission(
            log_probs=log_probs,
            vocabulary=alphabet.tokens,
            blank_id=alphabet.blank_id,
            word_delimiter=alphabet.word_delimiter,
            frame_s=self._frame_s,
            special=tuple(sorted(alphabet.special)),
            energy_db=energy_db.astype(np.float16),
            calibration=self._calibration,
        )


def _standardize(samples: Float32) -> Float32:
    """Zero mean and unit variance, as Wav2Vec2FeatureExtractor does with ``do_normalize``."""
    scale = np.sqrt(samples.var(dtype=np.float64) + 1e-7)
    standardized: Float32 = ((samples - samples.mean(dtype=np.float64)) / scale).astype(np.float32)
    return standardized
