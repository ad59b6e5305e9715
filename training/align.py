"""Viterbi alignment of known phones to frames: dense targets for speech that has only a transcript.

States are the transcript's phones in order, each at least one frame long, with optional silence at
both ends and between words.
"""

import numba
import numpy as np


def state_sequence(words: list[list[int]], silence: int) -> np.ndarray:
    """Return phone ids `silence w1 silence w2 … silence` as int64, shape `(states,)`."""
    states = [silence]
    for phones in words:
        states.extend([*phones, silence])
    return np.array(states, np.int64)


@numba.njit(cache=True)
def align(scores: np.ndarray, states: np.ndarray, silence: int) -> np.ndarray:
    """Return the phone of each frame on the best path, shape `(frames,)`.

    `scores` are log-probabilities `(frames, phones)`. Answers an empty array where the frames are
    too few for the phones.
    """
    frames, count = scores.shape[0], states.shape[0]
    worst = np.float32(-1e30)
    best = np.full(count, worst, np.float32)
    back = np.zeros((frames, count), np.int8)
    best[0] = scores[0, states[0]]
    if count > 1:
        best[1] = scores[0, states[1]]
    for t in range(1, frames):
        new = np.full(count, worst, np.float32)
        for s in range(count):
            score, step = best[s], 0
            if s >= 1 and best[s - 1] > score:
                score, step = best[s - 1], 1
            if s >= 2 and states[s - 1] == silence and best[s - 2] > score:
                score, step = best[s - 2], 2
            if score > worst / 2:
                new[s] = score + scores[t, states[s]]
                back[t, s] = step
        best = new
    s = count - 1
    if count >= 2 and best[count - 2] > best[s]:
        s = count - 2
    path = np.empty(frames, np.int64)
    if best[s] <= worst / 2:
        return path[:0]
    for t in range(frames - 1, -1, -1):
        path[t] = states[s]
        s -= back[t, s]
    return path
