"""Word vectors from counts: which words stand directly before and after each word.

A truncated singular value decomposition of the square root of the conditional probabilities of
neighbours (Lebret and Collobert 2014, "Word embeddings through Hellinger PCA"). It takes a minute
for 25 million words, and gives words that are rare in punctuated text a usable starting point.
"""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

NEIGHBOURS = 800  # most frequent words that count as neighbours, besides "another word"
PLACES = (-2, -1, 1, 2)
POWER_ITERATIONS = 2


def word_vectors(
    lines: Iterable[str], words: Sequence[str], width: int, *, std: float
) -> NDArray[np.float32]:
    """Return `(len(words) + 1, width)`; row 0, and words without neighbours, are zero.

    `words` are sorted by frequency, the most frequent first.
    """
    ids = {word: number for number, word in enumerate(words, start=1)}
    text = array("i")
    for line in lines:
        text.extend(ids.get(word, 0) for word in line.split())
        text.extend((-1, -1))  # an end of a line is a neighbour of its own
    numbers = np.frombuffer(text, np.int32).astype(np.int64)
    columns = NEIGHBOURS + 2
    counts = np.zeros((len(words) + 1, len(PLACES), columns), np.float32)
    for place, away in enumerate(PLACES):
        middle = numbers[2:-2]
        beside = numbers[2 + away : len(numbers) - 2 + away]
        beside = np.where(beside > NEIGHBOURS, 0, beside)
        beside = np.where(beside < 0, NEIGHBOURS + 1, beside)
        pairs = (middle * columns + beside)[middle > 0]
        together = np.bincount(pairs, minlength=counts.shape[0] * columns)
        counts[:, place] = together.reshape(-1, columns)
    totals = counts.sum(axis=2, keepdims=True)
    shares = np.sqrt(counts / np.maximum(totals, 1)).reshape(len(counts), -1)
    known = totals.sum(axis=(1, 2)) > 0
    shares[known] -= shares[known].mean(axis=0)
    torch.manual_seed(1)
    left, sizes, _ = torch.svd_lowrank(
        torch.from_numpy(shares), q=width + 16, niter=POWER_ITERATIONS
    )
    found = (left * sizes.sqrt())[:, :width].numpy()  # large directions count less than in a PCA
    return found * np.float32(std / found[known].std())
