"""Punctuation and case of English words: a convolutional network over words, in numpy.

Each word is an embedding of itself, if it is among the most frequent ones, plus embeddings of its first and
last letters. Dilated convolutions (each with its residual connection, see Bai et al. 2018) over the words
beside it tell whether nothing, a comma, a full stop or a question mark follows. First words of sentences, "I"
and names get capital letters. ``training/punctuation.py`` trains it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled

MARKS: Final = ("", ",", ".", "?")
ENDING_MARKS: Final = (2, 3)
LETTERS: Final = 3
"""This many first letters, and this many last letters, are hashed to one of the embeddings."""
BLOCK_WORDS: Final = 2048
"""Words that are computed together; a request can be cancelled between two blocks."""
MARK_WEIGHTS: Final = "marks.npz"
MARK_WORDS: Final = "words.json"


class Punctuator:
    """Marks and case for words without any.

    Args:
        folder: holds :data:`MARK_WEIGHTS` and :data:`MARK_WORDS`.
    """

    def __init__(self, folder: Path) -> None:
        table = json.loads((folder / MARK_WORDS).read_text(encoding="utf-8"))
        self._ids = {word: number for number, word in enumerate(table["words"], start=1)}
        self._names: dict[str, str] = table["names"]
        with np.load(folder / MARK_WEIGHTS) as stored:
            self._weights = {name: stored[name].astype(np.float32) for name in stored.files}
        for name in ("words", "letters"):
            self._weights[name] *= self._weights.pop(f"{name}_scale")
        self._dilations = [int(one) for one in self._weights.pop("dilations")]
        kernel = len(self._weights["conv0"])
        self._reach = kernel // 2 * sum(self._dilations)

    def written(
        self,
        words: Sequence[str],
        names: Sequence[str] = (),
        check: CheckCancelled = never_cancelled,
    ) -> list[str]:
        """Each of ``words`` as it is written in a text; its marks follow it.

        The letter case of ``words`` does not matter. ``names`` are spellings of further names, of one word
        or several. ``check`` is called between the steps.
        """
        lower = [word.lower() for word in words]
        spelled = [self._names.get(word, word) for word in lower]
        marks = self.marks(lower, check)
        for at, parts in _places(lower, names):
            spelled[at : at + len(parts)] = parts
            marks[at : at + len(parts) - 1] = [0] * (len(parts) - 1)
        found, begins = [], True
        for word, mark in zip(spelled, marks, strict=True):
            found.append((_capitalized(word) if begins else word) + MARKS[mark])
            begins = mark in ENDING_MARKS
        return found

    def marks(self, words: Sequence[str], check: CheckCancelled = never_cancelled) -> list[int]:
        """The index in :data:`MARKS` of what follows each word; the last word ends a sentence."""
        if not words:
            return []
        scores = self.scores(words, check)
        scores[-1, : ENDING_MARKS[0]] = -np.inf
        return [int(mark) for mark in scores.argmax(axis=1)]

    def scores(self, words: Sequence[str], check: CheckCancelled = never_cancelled) -> Float32:
        """Logits ``(words, marks)`` of what follows each word."""
        blocks = []
        for first in range(0, len(words), BLOCK_WORDS):
            check()
            begin = max(0, first - self._reach)
            stop = min(first + BLOCK_WORDS, len(words))
            block = self._scores(words[begin : stop + self._reach])
            blocks.append(block[first - begin : stop - begin])
        return np.concatenate(blocks)

    def _scores(self, words: Sequence[str]) -> Float32:
        weights = self._weights
        ids = np.array([self._ids.get(word, 0) for word in words], np.int64)
        hidden = weights["words"][ids]
        hidden += weights["letters"][letter_ids(words, len(weights["letters"]))].sum(axis=1)
        for layer, dilation in enumerate(self._dilations):
            inner = _standardized(hidden, weights[f"gain{layer}"], weights[f"shift{layer}"])
            inner = _convolved(inner, weights[f"conv{layer}"], weights[f"bias{layer}"], dilation)
            hidden += np.maximum(inner, 0) @ weights[f"mix{layer}"]
        last = _standardized(hidden, weights["gain"], weights["shift"])
        scores: Float32 = last @ weights["head"] + weights["offset"]
        return scores


def letter_ids(words: Sequence[str], buckets: int) -> NDArray[np.int64]:
    """The numbers ``(words, 2)`` of the embeddings of first and last letters."""
    parts = [(word[:LETTERS], "-" + word[-LETTERS:]) for word in words]
    hashed = [[zlib.crc32(part.encode()) % buckets for part in pair] for pair in parts]
    return np.array(hashed, np.int64).reshape(len(words), 2)


def _places(lower: Sequence[str], names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Where the words of each of ``names`` follow one another, and these words; longer names last."""
    first_words: dict[str, list[list[str]]] = {}
    for parts in sorted((name.split() for name in names if name != name.lower()), key=len):
        first_words.setdefault(parts[0].lower(), []).append(parts)
    for at, word in enumerate(lower):
        for parts in first_words.get(word, ()):
            if [part.lower() for part in parts] == list(lower[at : at + len(parts)]):
                yield at, parts


def _standardized(hidden: Float32, gain: Float32, bias: Float32) -> Float32:
    """The layer norm of ``(words, width)``."""
    hidden = hidden - hidden.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(hidden).mean(axis=1, keepdims=True) + 1e-5)
    normed: Float32 = hidden / scale * gain + bias
    return normed


def _convolved(hidden: Float32, weight: Float32, bias: Float32, dilation: int) -> Float32:
    """A convolution over words; ``weight`` is ``(kernel, width in, width out)``."""
    kernel = len(weight)
    reach = dilation * (kernel // 2)
    padded = np.pad(hidden, ((reach, reach), (0, 0)))
    taps = [padded[tap * dilation : tap * dilation + len(hidden)] for tap in range(kernel)]
    convolved: Float32 = np.concatenate(taps, axis=1) @ weight.reshape(-1, weight.shape[2]) + bias
    return convolved


def _capitalized(word: str) -> str:
    """``word`` with a capital first letter, which an apostrophe may precede; unchanged if there is none."""
    at = next((index for index, sign in enumerate(word) if sign.isalpha()), 0)
    capital = word[at : at + 1].upper()
    if capital.lower() != word[at : at + 1]:
        return word
    return word[:at] + capital + word[at + 1 :]
