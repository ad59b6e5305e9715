"""Decides which words of an utterance are committed: those that consecutive passes agree on.

This is LocalAgreement (Liu, Spanakis & Niehues 2020, "Low-latency sequence-to-sequence speech recognition
and translation by partial hypothesis selection"; Macháček, Dabre & Bojar 2023, "Turning Whisper into
real-time transcription system"). Committed words never change again: later passes, including the last one,
can only add words after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.transcript import Word

PASSES_TO_COMMIT = 2
"""Number of consecutive passes that have to agree on a word."""
UNSTABLE_S = 0.6
"""Words that end within this time before the newest audio are not committed yet, seconds."""


class LocalAgreement:
    """The words of one utterance.

    Args:
        carried: words that were already committed when the utterance before this one was cut.

    Attributes:
        committed: the committed words, in order.
        tentative: the words of the latest pass after them.
    """

    def __init__(
        self,
        carried: Sequence[Word] = (),
        *,
        passes: int = PASSES_TO_COMMIT,
        unstable_s: float = UNSTABLE_S,
    ) -> None:
        self.committed: tuple[Word, ...] = tuple(carried)
        self.tentative: tuple[Word, ...] = ()
        self._passes = passes
        self._unstable_s = unstable_s
        self._agreed: list[int] = []  # for each tentative word, how many consecutive passes have it

    def add_pass(
        self, words: Sequence[Word], until_s: float, *, skipped: int = 0
    ) -> tuple[Word, ...]:
        """Add the words of a pass over the audio up to ``until_s``; returns the newly committed words.

        ``skipped`` is the number of committed words that lie before the beginning of the pass.
        """
        matched, _ = match_committed(self.committed[skipped:], words)
        new = tuple(words[matched:])
        same = _common_prefix(self.tentative, new)
        agreed = [count + 1 for count in self._agreed[:same]] + [1] * (len(new) - same)
        stable_s, count = until_s - self._unstable_s, 0
        while count < len(new) and agreed[count] >= self._passes and new[count].end_s <= stable_s:
            count += 1
        self.committed += new[:count]
        self.tentative, self._agreed = new[count:], agreed[count:]
        return new[:count]

    def finish(self, words: Sequence[Word], *, closed: bool = False) -> tuple[Word, ...]:
        """All words of the utterance, given those of the last pass.

        Committed words keep their text and time and take the confidence of the last pass where it has the
        same word. To a ``closed`` utterance nothing is added: words after its end are committed already.
        """
        matched, partners = match_committed(self.committed, words)
        committed = (
            word
            if partner is None or words[partner].text != word.text
            else replace(word, confidence=words[partner].confidence)
            for word, partner in zip(self.committed, partners, strict=True)
        )
        return tuple(committed) if closed else (*committed, *words[matched:])


def match_committed(
    committed: Sequence[Word], words: Sequence[Word]
) -> tuple[int, tuple[int | None, ...]]:
    """How many of ``words`` correspond to ``committed``, and the index of each committed word's partner.

    ``committed`` is aligned with a prefix of ``words`` by minimum edit distance (Levenshtein 1966); of
    equally good prefixes the one that ends at the time closest to that of ``committed`` is chosen.
    """
    if not committed:
        return 0, ()
    costs = _edit_costs(committed, words)
    end_s = committed[-1].end_s
    matched = min(
        range(len(words) + 1),
        key=lambda count: (costs[-1][count], _distance_s(words, count, end_s)),
    )
    return matched, _partners(costs, committed, words, matched)


def _distance_s(words: Sequence[Word], count: int, end_s: float) -> float:
    """How far the end of the first ``count`` words is from ``end_s``, seconds."""
    return abs((words[count - 1].end_s if count else 0.0) - end_s)


def _edit_costs(committed: Sequence[Word], words: Sequence[Word]) -> list[list[int]]:
    """Edit distance between each prefix of ``committed`` (rows) and each prefix of ``words``."""
    rows = [list(range(len(words) + 1))]
    for number, word in enumerate(committed, start=1):
        above, row = rows[-1], [number]
        for column, other in enumerate(words):
            substitution = above[column] + (word.text != other.text)
            row.append(min(substitution, above[column + 1] + 1, row[column] + 1))
        rows.append(row)
    return rows


def _partners(
    costs: list[list[int]], committed: Sequence[Word], words: Sequence[Word], matched: int
) -> tuple[int | None, ...]:
    partners: list[int | None] = [None] * len(committed)
    row, column = len(committed), matched
    while row and column:
        differ = committed[row - 1].text != words[column - 1].text
        if costs[row][column] == costs[row - 1][column - 1] + differ:
            row, column = row - 1, column - 1
            partners[row] = column
        elif costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
        else:
            column -= 1
    return tuple(partners)


def _common_prefix(words: Sequence[Word], others: Sequence[Word]) -> int:
    """Length of the common prefix of two sequences of words."""
    same = 0
    for word, other in zip(words, others, strict=False):
        if word.text != other.text:
            break
        same += 1
    return same
