"""How many speakers there are, and who says each word: voice embeddings are clustered.

Agglomerative clustering with average linkage and the cosine distance ends at a threshold, so the number of
speakers need not be known. Clusters of little speech, which are windows with two voices or noise, do not
count; clusters of one voice in two moods are merged by their centroids. Words are given to speakers by the
path of Viterbi: a change costs, and costs less in a pause.

Thresholds were chosen on conversations of the training recipe's speakers without the held-out ones, composed
by ``benchmarks/conversations.py``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.voice_encoder import extra_missing

MAX_DISTANCE: Final = 0.35
"""Cosine distance from which clusters are different voices."""
SAME_VOICE: Final = 0.85
"""Cosine similarity of centroids from which two clusters are one voice."""
MIN_SHARE: Final = 0.06
"""Share of all windows that a speaker has at least."""
MIN_SPEECH_S: Final = 3.0
"""Least length of a speaker's windows together, seconds."""
MAX_CLUSTERED: Final = 3000
"""Windows that are clustered: memory grows with their square. The others get the nearest speaker."""
WINDOW_REACH_S: Final = 0.8
"""Windows whose middle is this near to that of a word say whose it is, seconds."""
CHANGE_COST: Final = 0.15
"""What a change of speaker between two words costs, in cosine similarity of a word."""
HALVING_PAUSE_S: Final = 0.1
"""In a pause of this length, a change costs half as much, seconds."""
WORDS_AT_A_TIME: Final = 2000
"""Words that are compared with windows at a time."""


def speakers_of_words(embeddings: Float32, windows: Float32, words: Float32) -> NDArray[np.int32]:
    """The number of the speaker of each word, from 0.

    Args:
        embeddings: of the windows, ``(windows, n)``.
        windows: their start and end in seconds, ``(windows, 2)``, by their start.
        words: the same, ``(words, 2)``.
    """
    if not len(words):
        return np.zeros(0, np.int32)
    voices = find_voices(embeddings, windows[:, 1] - windows[:, 0])
    if len(voices) == 1:
        return np.zeros(len(words), np.int32)
    return _best_path(_scores(embeddings @ voices.T, windows, words), words)


def find_voices(embeddings: Float32, lengths_s: Float32) -> Float32:
    """The centroid of each speaker's embeddings, ``(speakers, n)``, of unit length; at least one."""
    if len(embeddings) > MAX_CLUSTERED:
        chosen = np.linspace(0, len(embeddings) - 1, MAX_CLUSTERED).round().astype(int)
        embeddings, lengths_s = embeddings[chosen], lengths_s[chosen]
    labels = _clusters(embeddings)
    weights = np.bincount(labels, lengths_s)
    enough_s = max(MIN_SHARE * float(weights.sum()), MIN_SPEECH_S)
    kept = np.flatnonzero(weights >= enough_s)
    if not len(kept):
        kept = np.array([weights.argmax()])
    sums = np.stack([embeddings[labels == label].sum(axis=0) for label in kept])
    return _merged(sums)


def _clusters(embeddings: Float32) -> NDArray[np.int64]:
    """The number of each embedding's cluster, from 0."""
    if len(embeddings) == 1:
        return np.zeros(1, np.int64)
    try:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import pdist
    except ImportError as error:
        raise extra_missing() from error
    distances = np.nan_to_num(pdist(embeddings.astype(np.float64), "cosine"), nan=1.0).clip(0, 2)
    labels: NDArray[np.int64] = fcluster(linkage(distances, "average"), MAX_DISTANCE, "distance")
    return labels - 1


def _merged(sums: Float32) -> Float32:
    """Centroids from the sums of clusters; the two most alike are one voice while they are alike enough."""
    while True:
        voices: Float32 = sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(1e-6)
        alike = np.triu(voices @ voices.T, 1)
        one, other = np.unravel_index(alike.argmax(), alike.shape)
        if alike[one, other] < SAME_VOICE:
            return voices
        sums[one] += sums[other]
        sums = np.delete(sums, other, axis=0)


def _scores(alike: Float32, windows: Float32, words: Float32) -> Float32:
    """How much each word sounds like each speaker: the mean of the windows around it."""
    middles = windows.mean(axis=1)
    scores = np.empty((len(words), alike.shape[1]), np.float32)
    for begin in range(0, len(words), WORDS_AT_A_TIME):
        block = words[begin : begin + WORDS_AT_A_TIME].mean(axis=1)
        near = np.flatnonzero(
            (middles > block.min() - 60 * WINDOW_REACH_S)
            & (middles < block.max() + 60 * WINDOW_REACH_S)
        )
        near = near if len(near) else np.arange(len(middles))
        away_s = np.abs(block[:, None] - middles[near])
        weights = np.maximum(0, 1 - away_s / WINDOW_REACH_S) + 1e-6 / (1e-3 + away_s)
        scores[begin : begin + WORDS_AT_A_TIME] = (
            weights @ alike[near] / weights.sum(axis=1, keepdims=True)
        )
    return scores


def _best_path(scores: Float32, words: Float32) -> NDArray[np.int32]:
    """The speakers with the best sum of scores less the cost of changes (Viterbi)."""
    count, voices = scores.shape
    before = np.zeros((count, voices), np.int32)
    best = scores[0].astype(np.float64)
    pauses_s = np.maximum(0, words[1:, 0] - words[:-1, 1])
    costs = CHANGE_COST / (1 + pauses_s / HALVING_PAUSE_S)
    other = 1 - np.eye(voices)
    for word in range(1, count):
        reached = best[:, None] - costs[word - 1] * other
        before[word] = reached.argmax(axis=0)
        best = reached.max(axis=0) + scores[word]
    path = np.empty(count, np.int32)
    path[-1] = best.argmax()
    for word in range(count - 1, 0, -1):
        path[word - 1] = before[word, path[word]]
    return path
