"""The interface of engines: what runs a checkpoint's forward pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.engines.layers import LayerTrace
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)


class UnsupportedArchitecture(Exception):  # noqa: N818 - not an error: another engine may support it
    """The checkpoint has a part that this engine does not support."""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine runs on.

    Attributes:
        note: a sentence about a fallback, for users; empty if there was none.
        batch_size: how many rows are computed faster as a batch than one by one (1: none are).
    """

    engine: str
    device: str
    precision: str
    parameters: int
    note: str = ""
    batch_size: int = 1


class Engine(Protocol):
    """Runs a CTC checkpoint."""

    grid: FrameGrid
    """Geometry of the encoder; valid after :meth:`load`."""

    outputs: int
    """Tokens in each frame of an emission; valid after :meth:`load`."""

    def load(self, checkpoint: Checkpoint) -> None:
        """Read the weights and prepare the forward pass.

        Raises:
            UnsupportedArchitecture: this engine cannot run the checkpoint.
            ModelError: no engine can.
        """
        ...

    def forward(self, batch: Float32) -> Float32:
        """Log-probabilities ``(batch, frames, tokens)`` of audio ``(batch, samples)``.

        Rows must not be padded: no engine masks, since models with group norm (wav2vec2-base) normalize
        over the whole row and were trained without a mask. A padded row would have other
        log-probabilities than the clip alone.
        """
        ...

    def trace(
        self,
        windows: Sequence[Float32],
        layer: int | None,
        check_cancelled: CheckCancelled = never_cancelled,
    ) -> list[LayerTrace]:
        """What the layers output for each of ``windows`` ``(samples,)``, in a pass of its own.

        ``layer`` is the one whose hidden frames are wanted, 0 is the input of the first; ``None``: the middle
        one. The engine needs no more memory afterwards than before.

        Raises:
            InputError: ``explore.bad_layer``.
            ModelError: ``model.no_layers``.
        """
        ...

    def describe(self) -> EngineInfo:
        """Engine, device and precision."""
        ...


def recomputed(batch: Float32, found: Float32, forward: Callable[[Float32], Float32]) -> Float32:
    """``found`` with its rows that are not finite computed again with ``forward``, in full precision.

    Half precision overflows with some recordings, although it does not with others.
    """
    finite = np.isfinite(found).reshape(len(found), -1)
    bad = np.flatnonzero(~finite.all(axis=1))
    if not len(bad):
        return found
    log.warning("%d of %d rows overflowed; computed in full precision", len(bad), len(batch))
    found = found.copy()
    found[bad] = forward(batch[bad])
    return found


def no_ctc_head() -> ModelError:
    """The error for a checkpoint that was not fine-tuned with CTC."""
    return ModelError(
        "The model has no CTC head: it was not fine-tuned for speech recognition.",
        code="model.no_ctc_head",
        hint="Choose a checkpoint fine-tuned for speech recognition with CTC.",
    )


def unsupported(model_type: str) -> ModelError:
    """The error for a model type that no engine supports."""
    return ModelError(
        f"Models of the type “{model_type[:40]}” are not supported.",
        code="model.unsupported",
        hint="Choose a wav2vec 2.0 checkpoint (or HuBERT, WavLM, data2vec) fine-tuned with CTC.",
        metadata={"model_type": model_type},
    )


def broken(checkpoint: Checkpoint, error: Exception) -> ModelError:
    """The error for files that cannot be read; the details are logged."""
    log.warning("cannot load %s: %s", checkpoint.name, error)
    return ModelError(
        "The model's files cannot be read.",
        code="model.broken",
        hint="Download or save the checkpoint again.",
    )
