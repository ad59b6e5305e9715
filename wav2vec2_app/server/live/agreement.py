"""Which words of an utterance stand: those that two passes in a row agree on, once they are old enough.

This is LocalAgreement (Liu, Spanakis & Niehues 2020, "Low-latency sequence-to-sequence speech recognition
and translation by partial hypothesis selection"; Macháček, Dabre & Bojar 2023, "Turning Whisper into
real-time transcription system"). A word that stands never changes again: later passes, the last one
included, only go on behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wav2vec2_app.speech.transcript import Word

PASSES = 2
"""So many passes in a row have to agree on a word."""
NEWEST_S = 0.6
"""Words that end within this time before the newest audio may still change, seconds."""


class Agreement:
    """The words of one utterance.

    Args:
        carried: words that stand already: they were heard in the utterance before this one.

    Attributes:
        committed: the words that stand, in order.
        tentative: what the latest pass heard behind them.
    """

    def __init__(
        self, carried: Sequence[Word] = (), *, passes: int = PASSES, newest_s: float = NEWEST_S
    ) -> None:
        self.committed: tuple[Word, ...] = tuple(carried)
        self.tentative: tuple[Word, ...] = ()
        self._passes = passes
        self._newest_s = newest_s
        self._agreed: list[int] = []  # by how many passes in a row, of each tentative word

    def hear(self, words: Sequence[Word], heard_s: float, *, skipped: int = 0) -> tuple[Word, ...]:
        """Take in a pass over all of the audio up to ``heard_s``; the words that stand since then.

        Or over all but the first ``skipped`` of the words that stand.
        """
        taken, _ = follow(self.committed[skipped:], words)
        behind = tuple(words[taken:])
        same = _common(self.tentative, behind)
        agreed = [count + 1 for count in self._agreed[:same]] + [1] * (len(behind) - same)
        stand = 0
        while (
            stand < len(behind)
            and agreed[stand] >= self._passes
            and behind[stand].end_s <= heard_s - self._newest_s
        ):
            stand += 1
        self.committed += behind[:stand]
        self.tentative, self._agreed = behind[stand:], agreed[stand:]
        return behind[:stand]

    def conclude(self, words: Sequence[Word], *, closed: bool = False) -> tuple[Word, ...]:
        """All words of the utterance, given those of the last pass.

        What stands keeps its text and time, with the last pass's confidence where that heard the same.
        Nothing can be added to a ``closed`` utterance: behind its end, too, words stand already.
        """
        taken, partners = follow(self.committed, words)
        standing = (
            word
            if partner is None or words[partner].text != word.text
            else replace(word, confidence=words[partner].confidence)
            for word, partner in zip(self.committed, partners, strict=True)
        )
        return tuple(standing) if closed else (*standing, *words[taken:])


def follow(standing: Sequence[Word], words: Sequence[Word]) -> tuple[int, tuple[int | None, ...]]:
    """Where in ``words`` that begins which comes behind ``standing``, and each standing word's partner.

    ``standing`` is aligned with a beginning of ``words`` by least edits (Levenshtein 1966); among equally
    good beginnings the one that ends when ``standing`` does is taken.
    """
    if not standing:
        return 0, ()
    costs = _edits(standing, words)
    end_s = standing[-1].end_s
    taken = min(
        range(len(words) + 1),
        key=lambda count: (costs[-1][count], _apart_s(words, count, end_s)),
    )
    return taken, _partners(costs, standing, words, taken)


def _apart_s(words: Sequence[Word], count: int, end_s: float) -> float:
    """How far the end of the first ``count`` words is from ``end_s``, seconds."""
    return abs((words[count - 1].end_s if count else 0.0) - end_s)


def _edits(standing: Sequence[Word], words: Sequence[Word]) -> list[list[int]]:
    """Edits between each beginning of the one and each beginning of the other."""
    rows = [list(range(len(words) + 1))]
    for number, one in enumerate(standing, start=1):
        above, row = rows[-1], [number]
        for at, other in enumerate(words):
            row.append(min(above[at] + (one.text != other.text), above[at + 1] + 1, row[at] + 1))
        rows.append(row)
    return rows


def _partners(
    costs: list[list[int]], standing: Sequence[Word], words: Sequence[Word], taken: int
) -> tuple[int | None, ...]:
    partners: list[int | None] = [None] * len(standing)
    row, at = len(standing), taken
    while row and at:
        swap = costs[row - 1][at - 1] + (standing[row - 1].text != words[at - 1].text)
        if costs[row][at] == swap:
            row, at = row - 1, at - 1
            partners[row] = at
        elif costs[row][at] == costs[row - 1][at] + 1:
            row -= 1
        else:
            at -= 1
    return tuple(partners)


def _common(one: Sequence[Word], other: Sequence[Word]) -> int:
    """How many words at the beginning are the same."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a.text != b.text:
            break
        same += 1
    return same
