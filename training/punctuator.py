"""Punctuation and case for plain words: a small convolutional network, numpy only.

Each word is an embedding of itself (the 16,000 most frequent ones) plus embeddings of its first and
last letters; dilated convolutions over about 20 words on either side tell whether nothing, a comma, a
full stop or a question mark follows. Case: first words of sentences, "I", and words that are names.
"""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MARKS = ("", ",", ".", "?")
KERNEL, DILATIONS = 5, (1, 2, 4, 1)
LETTERS, BUCKETS = 3, 4096  # first and last letters are hashed to so many embeddings

Floats = NDArray[np.float32]


def letter_ids(words: Sequence[str]) -> NDArray[np.int64]:
    """Return `(words, 2)`: hashed first and last letters of each word."""
    parts = [(word[:LETTERS], "-" + word[-LETTERS:]) for word in words]
    return np.array([[zlib.crc32(p.encode()) % BUCKETS for p in pair] for pair in parts], np.int64)


def standardise(hidden: Floats, gain: Floats, bias: Floats) -> Floats:
    """Return the layer norm of `(words, width)`."""
    hidden = hidden - hidden.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(hidden).mean(axis=1, keepdims=True) + 1e-5)
    return hidden / scale * gain + bias


def convolve(hidden: Floats, weight: Floats, bias: Floats, dilation: int) -> Floats:
    """Return a convolution over words; `weight` is `(KERNEL, width in, width out)`."""
    reach = dilation * (KERNEL // 2)
    padded = np.pad(hidden, ((reach, reach), (0, 0)))
    taps = [padded[k * dilation : k * dilation + len(hidden)] for k in range(KERNEL)]
    return np.concatenate(taps, axis=1) @ weight.reshape(-1, weight.shape[2]) + bias


class Punctuator:
    """Adds marks and case; `folder` holds `marks.npz` and `words.json`."""

    def __init__(self, folder: Path) -> None:
        table = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        self.ids = {word: number for number, word in enumerate(table["words"], start=1)}
        self.names: dict[str, str] = table["names"]
        stored = np.load(folder / "marks.npz")
        self.weights = {name: stored[name].astype(np.float32) for name in stored.files}
        for name in ("words", "letters"):
            self.weights[name] *= self.weights.pop(f"{name}_scale")

    def scores(self, words: Sequence[str]) -> Floats:
        """Return `(words, marks)` log-probabilities of what follows each word."""
        weights = self.weights
        ids = np.array([self.ids.get(word, 0) for word in words], np.int64)
        hidden = weights["words"][ids] + weights["letters"][letter_ids(words)].sum(axis=1)
        for layer, dilation in enumerate(DILATIONS):
            inner = standardise(hidden, weights[f"gain{layer}"], weights[f"shift{layer}"])
            inner = convolve(inner, weights[f"conv{layer}"], weights[f"bias{layer}"], dilation)
            hidden = hidden + np.maximum(inner, 0) @ weights[f"mix{layer}"]
        logits = standardise(hidden, weights["gain"], weights["shift"]) @ weights["head"]
        logits = logits + weights["offset"]
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def marks(self, words: Sequence[str]) -> list[int]:
        """Return the index in `MARKS` of what follows each word; the last word ends a sentence."""
        if not words:
            return []
        scores = self.scores(words)
        scores[-1, :2] = -np.inf
        return [int(choice) for choice in scores.argmax(axis=1)]

    def __call__(self, words: Sequence[str]) -> str:
        """Return lower-case words with marks and case."""
        text, begins = [], True
        for word, choice in zip(words, self.marks(words), strict=True):
            shown = self.names.get(word, word)
            text.append((shown[:1].upper() + shown[1:] if begins else shown) + MARKS[choice])
            begins = choice > 1
        return " ".join(text)
