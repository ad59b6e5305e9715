"""The recognizer: a loaded checkpoint that computes emissions from samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.protocol.layers import LayersRequest
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.layers import LayerView
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.windows import FrameGrid, SampleStatistics
from wav2vec2_app.worker.model.alphabet import Alphabet
from wav2vec2_app.worker.model.cancellation import CheckCancelled
from wav2vec2_app.worker.model.confidence import read_calibration
from wav2vec2_app.worker.model.engines.base import Engine
from wav2vec2_app.worker.model.engines.layers import chosen_layer
from wav2vec2_app.worker.model.layer_view import join_traces, layer_view
from wav2vec2_app.worker.model.prior import read_prior
from wav2vec2_app.worker.model.resolve import Checkpoint
from wav2vec2_app.worker.model.speech_activity import MASKED_LOG_PROB, frame_energy, is_silent


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
        self._prior = read_prior(checkpoint.path, self._alphabet.tokens)
        self._language = checkpoint.transcribes
        self._engine = engine
        self.checkpoint = checkpoint
        self._transcribes = checkpoint.transcribes
        self._size_bytes = checkpoint.weights.stat().st_size
        self._frame_s = engine.grid.hop / SAMPLE_RATE_HZ

    @property
    def info(self) -> ModelInfo:
        return self.info_as(self.checkpoint)

    def info_as(self, checkpoint: Checkpoint) -> ModelInfo:
        """The model under another name of the same checkpoint; its files need not exist any more."""
        engine = self._engine.describe()
        notes = (checkpoint.note, engine.note)
        return ModelInfo(
            name=checkpoint.name,
            source=checkpoint.source,
            engine=engine.engine,
            device=engine.device,
            precision=engine.precision,
            parameters=engine.parameters,
            size_bytes=self._size_bytes,
            note=" ".join(note for note in notes if note),
            language=self._transcribes,
        )

    @property
    def grid(self) -> FrameGrid:
        """Geometry of its frames."""
        return self._engine.grid

    @property
    def batch_size(self) -> int:
        """How many recordings of one length are computed faster as a batch than one by one."""
        return self._engine.describe().batch_size

    def emit(self, samples: Float32, level: SampleStatistics | None = None) -> Emission:
        """Run the model once over ``samples`` ``(n,)``: a recording, or a window of one with ``level``.

        Silence is answered without a forward pass: normalizing it would amplify noise until it
        resembles speech.
        """
        return self.emit_batch([samples], [level])[0]

    def emit_batch(
        self, recordings: Sequence[Float32], levels: Sequence[SampleStatistics | None]
    ) -> list[Emission]:
        """The emissions of several recordings of one length, in one forward pass."""
        grid, length = self.grid, len(recordings[0])
        frames = max(1, grid.frames(length))
        energies = [frame_energy(samples, grid.hop, frames) for samples in recordings]
        audible = [n for n, energy in enumerate(energies) if not is_silent(energy, self._frame_s)]
        log_probs: dict[int, Float32] = {}
        if audible:
            batch = np.zeros((len(audible), max(length, grid.samples(1))), dtype=np.float32)
            for row, number in zip(batch, audible, strict=True):
                row[:length] = self._normalized(recordings[number], levels[number])
            log_probs = dict(zip(audible, self._engine.forward(batch), strict=True))
        return [
            self._emission(log_probs[number], energy)
            if number in log_probs
            else self._silence(energy)
            for number, energy in enumerate(energies)
        ]

    def show_layers(self, request: LayersRequest, check_cancelled: CheckCancelled) -> LayerView:
        """What the layers output for the windows of ``request``, in passes of their own.

        Raises:
            InputError: ``explore.silent``, ``explore.bad_layer``.
            ModelError: ``model.no_layers``.
        """
        parts = [request.samples[one.start : one.stop] for one in request.windows]
        if all(self._is_silent(part) for part in parts):
            raise InputError(
                "This part is silent: the model was not run.",
                code="explore.silent",
                hint="Choose a part in which something is audible.",
            )
        least = self.grid.samples(1)
        given = [self._normalized(part, request.level) for part in parts]
        padded = [np.pad(part, (0, max(0, least - len(part)))) for part in given]
        traces = self._engine.trace(padded, request.layer, check_cancelled)
        trace = join_traces(traces, request.windows)
        layer = chosen_layer(request.layer, len(trace.tokens) - 1)
        return layer_view(
            trace, self._alphabet, request.emitted, layer, request.side, request.start_s,
            self._frame_s,
        )  # fmt: skip

    def _is_silent(self, samples: Float32) -> bool:
        frames = max(1, self.grid.frames(len(samples)))
        return is_silent(frame_energy(samples, self.grid.hop, frames), self._frame_s)

    def _normalized(self, samples: Float32, level: SampleStatistics | None) -> Float32:
        if not self._alphabet.normalize:
            return samples
        return (level or SampleStatistics.of(samples)).normalize(samples)

    def _silence(self, energy_db: Float32) -> Emission:
        """The emission of silence: blank in every frame."""
        shape = (len(energy_db), len(self._alphabet.tokens))
        log_probs = np.full(shape, MASKED_LOG_PROB, dtype=np.float32)
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
            prior=self._prior,
            language=self._language,
        )
