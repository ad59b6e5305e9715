"""The one interface of everything that can run a forward pass."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from wav2vec2_app.errors import ModelError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.windows import FrameGrid
from wav2vec2_app.worker.model.resolve import Checkpoint

log = logging.getLogger(__name__)


class UnsupportedArchitecture(Exception):  # noqa: N818 - nothing went wrong: another engine may do
    """The checkpoint has a part that this engine does not know."""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself.

    ``note`` tells of a fallback in plain words; ``together`` how many rows of a batch are faster at
    once than one after the other (1: none are).
    """

    engine: str
    device: str
    precision: str
    parameters: int
    note: str = ""
    together: int = 1


class Engine(Protocol):
    """Runs a CTC checkpoint."""

    grid: FrameGrid
    """Geometry of the encoder; valid after :meth:`load`."""

    outputs: int
    """Tokens in each frame of an emission; valid after :meth:`load`."""

    def load(self, checkpoint: Checkpoint) -> None:
        """Read the weights and make ready.

        Raises:
            UnsupportedArchitecture: this engine cannot run the checkpoint.
            ModelError: none can.
        """
        ...

    def forward(self, batch: Float32) -> Float32:
        """Log-probabilities ``(batch, frames, tokens)`` of audio ``(batch, samples)``.

        All rows are audio to their ends: never pad a shorter clip. No engine masks, since models with
        group norm (wav2vec2-base) normalise over the whole row and were trained without a mask; a
        padded row would have other log-probabilities than the clip alone.
        """
        ...

    def describe(self) -> EngineInfo:
        """What runs, where, and in which precision."""
        ...


def no_ctc_head() -> ModelError:
    """The error for a checkpoint that was not trained to spell."""
    return ModelError(
        "The model has no CTC head: it was not trained to spell.",
        code="model.no_ctc_head",
        hint="Choose a checkpoint fine-tuned for speech recognition with CTC.",
    )


def unsupported(model_type: str) -> ModelError:
    """The error for a checkpoint of a kind that no engine runs."""
    return ModelError(
        f"Models of the kind “{model_type[:40]}” cannot be run here.",
        code="model.unsupported",
        hint="Choose a wav2vec 2.0 checkpoint (or HuBERT, WavLM, data2vec) fine-tuned with CTC.",
        metadata={"model_type": model_type},
    )


def broken(checkpoint: Checkpoint, error: Exception) -> ModelError:
    """The error for files that cannot be read; the log has the details."""
    log.warning("cannot load %s: %s", checkpoint.name, error)
    return ModelError(
        "The model's files cannot be read.",
        code="model.broken",
        hint="Fetch or save the checkpoint again.",
    )
