"""Word errors of a text against a reference, and where the two differ.

Words are compared as spoken: capitals, punctuation and the way in which numbers are written do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rapidfuzz.distance import Levenshtein, Opcode

from wav2vec2_app.speech.word_pieces import keys_of

Kind = Literal["same", "changed", "added", "missing"]

_KINDS: Final[Mapping[str, Kind]] = {
    "equal": "same",
    "replace": "changed",
    "insert": "added",
    "delete": "missing",
}


@dataclass(frozen=True)
class WordErrors:
    """The fewest substitutions, deletions and insertions that lead from ``words`` words to a text."""

    substitutions: int
    deletions: int
    insertions: int
    words: int

    @property
    def rate(self) -> float | None:
        """The word error rate; ``None`` where the reference has no words."""
        errors = self.substitutions + self.deletions + self.insertions
        return errors / self.words if self.words else None


@dataclass(frozen=True)
class Difference:
    """Neighbouring words that are the same, changed or added; or missing, which ``text`` then names."""

    kind: Kind
    text: str


def word_errors(reference: str, text: str, language: str = "en") -> WordErrors:
    """The word errors of ``text``."""
    expected, found = keys_of(reference, language), keys_of(text, language)
    edits = Levenshtein.editops(expected, found)
    counts = [sum(edit.tag == tag for edit in edits) for tag in ("replace", "delete", "insert")]
    return WordErrors(counts[0], counts[1], counts[2], len(expected))


def differences(expected: str, text: str, language: str = "en") -> tuple[Difference, ...]:
    """``text`` from beginning to end, cut where it begins or ceases to differ from ``expected``."""
    ours, theirs = _Words(text, language), _Words(expected, language)
    blocks = Levenshtein.opcodes(theirs.keys, ours.keys)
    kinds: dict[int, Kind] = {}
    missing: dict[int, list[int]] = {}
    for block in blocks:
        _mark(block, ours, theirs, kinds, missing)
    return tuple(_joined(_marked(ours, theirs, kinds, missing)))


class _Words:
    """The words of a text, and the number of the word that each key is a part of."""

    def __init__(self, text: str, language: str) -> None:
        self.words = text.split()
        keys = [keys_of(word, language) for word in self.words]
        self.keys = [key for of_word in keys for key in of_word]
        self.numbers = [number for number, of_word in enumerate(keys) for _ in of_word]


def _mark(
    block: Opcode,
    ours: _Words,
    theirs: _Words,
    kinds: dict[int, Kind],
    missing: dict[int, list[int]],
) -> None:
    """Note a block: how each word of ours in it differs, or which words of theirs ours lacks."""
    kind = _KINDS[block.tag]
    for number in ours.numbers[block.dest_start : block.dest_end]:
        kinds[number] = kind if kinds.get(number, kind) == kind else "changed"
    if kind == "missing":
        at = block.dest_start
        before = ours.numbers[at] if at < len(ours.numbers) else len(ours.words)
        lost = dict.fromkeys(theirs.numbers[block.src_start : block.src_end])
        missing.setdefault(before, []).extend(lost)


def _marked(
    ours: _Words, theirs: _Words, kinds: dict[int, Kind], missing: dict[int, list[int]]
) -> Iterator[Difference]:
    for number in range(len(ours.words) + 1):
        yield from (Difference("missing", theirs.words[lost]) for lost in missing.get(number, ()))
        if number < len(ours.words):
            yield Difference(kinds.get(number, "same"), ours.words[number])


def _joined(parts: Iterator[Difference]) -> Iterator[Difference]:
    """Neighbouring parts of one kind as one."""
    group: list[Difference] = []
    for part in parts:
        if group and group[-1].kind != part.kind:
            yield _one(group)
            group = []
        group.append(part)
    if group:
        yield _one(group)


def _one(group: Sequence[Difference]) -> Difference:
    return Difference(group[0].kind, " ".join(part.text for part in group))
