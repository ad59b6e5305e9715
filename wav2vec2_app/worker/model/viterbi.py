"""The most probable CTC path that spells given labels, exactly: Viterbi over the CTC trellis.

The trellis (Graves et al. 2006, "Connectionist Temporal Classification", §4.1) has the states
``blank, l1, blank, l2, …, blank``; a blank may be skipped between two different labels. Time is
proportional to frames times labels; memory is not: scores are stored at checkpoints only, and the back
pointers between two checkpoints are computed again on the way back.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled

log = logging.getLogger(__name__)

STAR = -1
"""A label that matches any sound: a word that the vocabulary cannot spell."""
STAR_PENALTY = 0.1
"""Cost of a star in each frame relative to the best token, so that pauses remain blank, natural logarithm."""
MAX_CELLS = 2_000_000_000
"""Frames times states of the largest trellis: twenty minutes of speech, three seconds on one core."""
BLOCK_BYTES = 16_000_000
"""Size of the back pointers in memory, one byte for a label and the blank after it. Cancelling takes effect
between two blocks of this size, each of which takes less than a tenth of a second."""
MIN_LOG_PROB = -1e5
"""Lower log-probabilities are raised to this, so that every complete path has a finite score."""
UNREACHED = -1e300
"""Score of a state that no path has reached."""


KernelParameters = ParamSpec("KernelParameters")
KernelResult = TypeVar("KernelResult")


@dataclass(frozen=True)
class StatePath:
    """A path through the trellis.

    Attributes:
        states: int32 ``(frames,)``; state ``2 * i + 1`` is label ``i``, even states are blanks.
        log_prob: natural logarithm of the path's probability.
    """

    states: NDArray[np.int32]
    log_prob: float


def min_frames(labels: NDArray[np.int32]) -> int:
    """The least number of frames that can hold ``labels`` ``(n,)``: equal neighbours need a blank between."""
    return len(labels) + int(np.count_nonzero(_needs_blank(labels)))


def viterbi_path(
    log_probs: Float32,
    labels: NDArray[np.int32],
    blank_id: int,
    check: CheckCancelled = never_cancelled,
) -> StatePath:
    """The most probable path through ``log_probs`` that collapses to ``labels``.

    Args:
        log_probs: float32 ``(frames, tokens)``, natural logarithm.
        labels: int32 ``(n,)``, columns of ``log_probs`` or :data:`STAR`.
        blank_id: column of the blank.
        check: called before each block of frames.

    Raises:
        InputError: ``align.text_too_long``, there are not enough frames for the labels;
            ``align.too_long``, the trellis has more than :data:`MAX_CELLS` cells.
    """
    frames, needed = len(log_probs), min_frames(labels)
    if needed > frames:
        raise text_too_long(frames=frames, frames_needed=needed)
    cells = frames * (2 * len(labels) + 1)
    if cells > MAX_CELLS:
        raise InputError(
            "The recording and the text are too long to be aligned together.",
            code="align.too_long",
            hint="Align shorter parts of the recording, each with its own text.",
            metadata={"cells": cells, "limit": MAX_CELLS},
        )
    if not frames:
        return StatePath(np.zeros(0, np.int32), 0.0)
    return _solve(*_with_star(log_probs, labels), blank_id, check)


def text_too_long(**facts: int) -> InputError:
    """The error for a text that cannot be the text of the audio."""
    return InputError(
        "The text is too long for the audio.",
        code="align.text_too_long",
        hint="Enter only what is spoken in this recording.",
        metadata=facts,
    )


def prepare() -> None:
    """Compile the kernels, or load them from disk, before the first alignment."""
    _kernels()


def _needs_blank(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """For each label but the first, whether a blank must precede it."""
    equal: NDArray[np.bool_] = labels[1:] == labels[:-1]
    return equal


def _with_star(log_probs: Float32, labels: NDArray[np.int32]) -> tuple[Float32, NDArray[np.int32]]:
    scores = np.maximum(np.ascontiguousarray(log_probs, np.float32), np.float32(MIN_LOG_PROB))
    if not np.any(labels == STAR):
        return scores, np.ascontiguousarray(labels, np.int32)
    star = scores.max(axis=1, keepdims=True) - np.float32(STAR_PENALTY)
    columns = np.where(labels == STAR, scores.shape[1], labels).astype(np.int32)
    return np.hstack([scores, star]), columns


def _solve(
    scores: Float32, labels: NDArray[np.int32], blank_id: int, check: CheckCancelled
) -> StatePath:
    frames, count = len(scores), len(labels)
    sweep, trace = _kernels()
    skip = np.zeros(count)
    skip[1:][_needs_blank(labels)] = UNREACHED
    block = max(1, min(frames, BLOCK_BYTES // (count + 1)))
    starts = list(range(0, frames, block))
    checkpoints = []
    state = np.full((2, count + 1), UNREACHED)
    state[1, 0] = 0.0
    pointers = np.empty((block, count + 1), np.uint8)
    for first in starts:
        check()
        checkpoints.append(state.copy())
        sweep(scores[first : first + block], labels, skip, blank_id, first, frames, state, pointers)
    position = 2 * count if state[1, count] >= state[0, count] else 2 * count - 1
    total = float(state[:, count].max())
    states = np.empty(frames, np.int32)
    for number in reversed(range(len(starts))):
        check()
        first = starts[number]
        part = scores[first : first + block]
        if number != len(starts) - 1:
            sweep(part, labels, skip, blank_id, first, frames, checkpoints[number], pointers)
        position = trace(pointers[: len(part)], position, states[first : first + block])
    return StatePath(states, total)


def _sweep(
    scores: Float32,
    labels: NDArray[np.int32],
    skip: NDArray[np.float64],
    blank_id: int,
    first: int,
    frames: int,
    state: NDArray[np.float64],
    pointers: NDArray[np.uint8],
) -> None:  # pragma: no cover - compiled
    """Advance ``state`` in place through the frames of ``scores``, which begin at ``first`` of ``frames``.

    ``state`` ``(2, labels + 1)``: the scores of label ``j - 1`` and of the blank after it. The lowest two
    bits of a pointer are the number of states between the label and its predecessor; the third is set if
    the predecessor of the blank is the label. Labels that cannot be reached yet, or not be completed, are
    skipped.
    """
    count = len(labels)
    label, blank = state[0].copy(), state[1].copy()
    new_label, new_blank = state[0].copy(), state[1].copy()
    emitted = np.empty(count + 1)
    for t in range(len(scores)):
        row = scores[t]
        pause = row[blank_id]
        low = max(0, count - (frames - 1 - first - t))
        high = min(count, first + t + 1)
        if low == 0:
            new_blank[0] = blank[0] + pause
            pointers[t, 0] = 0
            low = 1
        # Slices without index arithmetic, and one loop for each number type, are vectorised.
        stays, steps, leaps = label[low : high + 1], blank[low - 1 : high], label[low - 1 : high]
        rests, leap_cost = blank[low : high + 1], skip[low - 1 : high]
        label_to, blank_to = new_label[low : high + 1], new_blank[low : high + 1]
        spoken, back = labels[low - 1 : high], pointers[t, low : high + 1]
        for k in range(len(stays)):
            emitted[k] = row[spoken[k]]
        for k in range(len(stays)):
            label_to[k] = max(max(stays[k], steps[k]), leaps[k] + leap_cost[k]) + emitted[k]
            blank_to[k] = max(rests[k], stays[k]) + pause
        for k in range(len(stays)):
            pointer = 1 if steps[k] > stays[k] else 0
            pointer = 2 if leaps[k] + leap_cost[k] > max(stays[k], steps[k]) else pointer
            back[k] = np.uint8(pointer | (4 if stays[k] > rests[k] else 0))
        label, new_label = new_label, label
        blank, new_blank = new_blank, blank
    state[0] = label
    state[1] = blank


def _trace(
    pointers: NDArray[np.uint8], position: int, states: NDArray[np.int32]
) -> int:  # pragma: no cover - compiled
    """Follow ``pointers`` back from ``position``, fill ``states``; the state before the first frame."""
    for t in range(len(pointers) - 1, -1, -1):
        states[t] = position
        pointer = pointers[t, (position + 1) // 2]
        if position % 2:
            position -= pointer & 3
        elif pointer & 4:
            position -= 1
    return position


@functools.cache
def _kernels() -> tuple[Callable[..., None], Callable[..., int]]:
    """The compiled kernels. Compiling takes seconds, once on each machine."""
    return (
        compiled(_sweep, "void(f4[:,::1], i4[::1], f8[::1], i8, i8, i8, f8[:,::1], u1[:,::1])"),
        compiled(_trace, "i8(u1[:,::1], i8, i4[::1])"),
    )


def compiled(
    kernel: Callable[KernelParameters, KernelResult], signature: str
) -> Callable[KernelParameters, KernelResult]:
    """``kernel`` compiled, or loaded from numba's cache on disk."""
    import numba  # takes half a second to import, needed for alignment only

    try:
        return numba.njit(signature, nogil=True, cache=True)(kernel)  # type: ignore[no-any-return]
    except (RuntimeError, OSError) as error:  # no folder that can be written, or no space in it
        log.info("compiled code is not cached on disk: %s", error)
        return numba.njit(signature, nogil=True)(kernel)  # type: ignore[no-any-return]
