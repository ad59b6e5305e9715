"""What the layers of a model output, layer by layer; engines compute it on request only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32

Int32 = NDArray[np.int32]

LayerOutput = Callable[[Float32], tuple[Int32, Float32]]
"""Tokens and probabilities of hidden frames, see :class:`LayerTrace`."""


@dataclass(frozen=True)
class LayerTrace:
    """What the layers output for one window; row 0 is the input of the first layer.

    Attributes:
        hidden: float32 ``(frames, width)``, the output of the chosen layer.
        tokens: int32 ``(layers + 1, frames)``: the most probable token if the final norm, where the model
            has one, and the CTC head are applied to that layer (nostalgebraist 2020, "logit lens").
        probabilities: float32 of the same shape, theirs.
        moved: float32 of the same shape, 1 - cosine of each hidden frame with the layer before; 0 in row 0,
            but for rounding.
    """

    hidden: Float32
    tokens: Int32
    probabilities: Float32
    moved: Float32


@dataclass
class TraceCollector:
    """Collects a :class:`LayerTrace` from one layer after another.

    Args:
        chosen: number of the layer whose hidden frames are kept.
    """

    chosen: int
    _rows: list[tuple[Int32, Float32, Float32]] = field(default_factory=list)
    _last: Float32 | None = None
    _hidden: Float32 | None = None

    def add(self, hidden: Float32, read: LayerOutput) -> None:
        """Add the output ``(frames, width)`` of the next layer."""
        tokens, probabilities = read(hidden)
        before = hidden if self._last is None else self._last
        moved = 1 - _cosines(before, hidden)
        if len(self._rows) == self.chosen:
            self._hidden = hidden
        self._rows.append((tokens, probabilities, moved))
        self._last = hidden

    def trace(self) -> LayerTrace:
        """The trace, after all layers were added."""
        tokens, probabilities, moved = (np.stack(rows) for rows in zip(*self._rows, strict=True))
        if self._hidden is None:
            raise ValueError("the chosen layer was not added")
        return LayerTrace(
            self._hidden,
            tokens.astype(np.int32),
            probabilities.astype(np.float32),
            moved.astype(np.float32),
        )


def is_finite(traces: Sequence[LayerTrace]) -> bool:
    """Whether no hidden frame overflowed: a later layer is not finite where an earlier one is not."""
    return all(
        np.isfinite(one.moved).all() and np.isfinite(one.probabilities).all() for one in traces
    )


def chosen_layer(layer: int | None, count: int) -> int:
    """The number of the layer that is wanted of ``count``; ``None``: the middle one.

    Raises:
        InputError: ``explore.bad_layer``.
    """
    if layer is None:
        return (count + 1) // 2
    if not 0 <= layer <= count:
        raise InputError(
            f"There is no layer {layer}: the model has {count} layers.",
            code="explore.bad_layer",
            hint=f"Send a layer from 0 (what enters the first layer) to {count}.",
            metadata={"layers": count},
        )
    return layer


def _cosines(one: Float32, other: Float32) -> Float32:
    """The cosine of each row of ``one`` with the same row of ``other``; 0 where one of them is 0."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found: Float32 = ((one * other).sum(axis=1) / np.maximum(lengths, 1e-12)).astype(np.float32)
    return np.clip(found, -1, 1)
