"""A loaded model: from samples to an emission."""

from __future__ import annotations

import numpy as np

from wav2vec2_app.model.alphabet import Alphabet
from wav2vec2_app.model.confidence import read_calibration
from wav2vec2_app.model.engines.base import Engine
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.model.speech import IMPOSSIBLE, frame_energy, is_silent
from wav2vec2_app.types import SAMPLE_RATE_HZ, Emission, Float32, ModelInfo
from wav2vec2_app.windows import FrameGrid, Level, join, windows_of


class Recognizer:
    """A checkpoint on an engine.

    Args:
        checkpoint: what to load.
        engine: a fresh engine; loaded here.
    """

    def __init__(self, checkpoint: Checkpoint, engine: Engine) -> None:
        alphabet = Alphabet.of(checkpoint.path, checkpoint.language)
        engine.load(checkpoint)
        self._alphabet = alphabet.fitted(engine.outputs)
        self._calibration = read_calibration(checkpoint.path)
        self._engine = engine
        self.checkpoint = checkpoint
        self._frame_s = engine.grid.hop / SAMPLE_RATE_HZ

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

    @property
    def grid(self) -> FrameGrid:
        """Geometry of its frames."""
        return self._engine.grid

    def emit(self, samples: Float32, level: Level | None = None) -> Emission:
        """Run the model once over ``samples`` ``(n,)``: a recording, or a window of one with ``level``.

        Silence is answered without a forward pass: normalising it would blow noise up until it
        resembles letters.
        """
        grid = self.grid
        energy_db = frame_energy(samples, grid.hop, max(1, grid.frames(len(samples))))
        if is_silent(energy_db, self._frame_s):
            return self._silence(energy_db)
        values = samples
        if self._alphabet.normalize:
            values = (level or Level.of(samples)).normalize(samples)
        if len(values) < grid.samples(1):
            values = np.pad(values, (0, grid.samples(1) - len(values)))
        return self._emission(self._engine.forward(values[None])[0], energy_db)

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


def emit_in_windows(
    recognizer: Recognizer, samples: Float32, *, window_s: float, overlap_s: float
) -> Emission:
    """A long recording in this process, in the windows in which the service has it heard."""
    windows = windows_of(len(samples), recognizer.grid, window_s=window_s, overlap_s=overlap_s)
    level = Level.of(samples)
    return join(windows, [recognizer.emit(samples[w.start : w.stop], level) for w in windows])
