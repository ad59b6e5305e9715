"""Compares an aligned text with the free transcript: skipped, mispronounced and inserted words.

The words of the text and those of the transcript are paired by spelling and time. Where they differ, the
score of the word's alignment decides whether the speaker or the recogniser is more likely to be wrong. The
limits were chosen on speakers that are in no training set; ``python -m benchmarks.text_check`` has the rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.confusion_network import align
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.speech.word_pieces import Piece, pieces_of_words

Mark = Literal["said", "skipped", "mispronounced", "unchecked"]

SKIPPED_BELOW: Final = 0.05
"""A word that the transcript lacks was skipped if its score is lower."""
OTHER_BELOW: Final = 0.05
"""A word in whose place the transcript has another was said otherwise if its score is lower."""
POOR_BELOW: Final = 0.02
"""A word was mispronounced, even if the transcript has it, if its score is lower."""
INSERTED_ABOVE: Final = 0.4
"""A word of the transcript that the text lacks was said if its confidence is higher."""


@dataclass(frozen=True)
class CheckedWord:
    """What became of one word of a text.

    Attributes:
        mark: ``unchecked`` for a wildcard.
        said: what the transcript has in its place, if that differs.
    """

    mark: Mark
    said: str = ""


@dataclass(frozen=True)
class InsertedWord:
    """A word that was said but is not in the text.

    Attributes:
        before: index of the word of the text that follows it; their number at the end.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float
    before: int


@dataclass(frozen=True)
class TextCheck:
    """What became of every word of a text, in order, and what was said besides."""

    words: tuple[CheckedWord, ...]
    inserted: tuple[InsertedWord, ...] = ()


def require_spelled(aligned: Sequence[AlignedWord]) -> None:
    """Reject an alignment in which nothing was aligned: all words match any sound.

    Raises:
        InputError: ``align.other_script``.
    """
    if aligned and all(word.wildcard for word in aligned):
        raise InputError(
            "None of these words can be spelled with the letters of the model.",
            code="align.other_script",
            hint="Send the text in the script of the spoken language, or choose a model that has its"
            " letters.",
        )


def words_within(words: Sequence[Word], start_s: float, end_s: float) -> list[Word]:
    """Those of ``words`` whose middle is in a part of the recording."""
    return [word for word in words if start_s <= (word.start_s + word.end_s) / 2 < end_s]


Pair = tuple[Piece | None, Piece | None]
"""A piece of the text and the piece of the transcript in its place."""


def check_text(
    aligned: Sequence[AlignedWord], transcript: Sequence[Word], language: str = "en"
) -> TextCheck:
    """What became of the ``aligned`` words of a text, by the words of the free transcript."""
    given = [Word(word.text, word.start_s, word.end_s, word.score) for word in aligned]
    pairs = _pairs(pieces_of_words(given, language), pieces_of_words(transcript, language))
    said: list[list[Piece | None]] = [[] for _ in aligned]
    same = [True] * len(aligned)
    extra: list[tuple[Piece, int]] = []
    before = 0
    for ours, theirs in pairs:
        if ours is None:
            extra += [] if theirs is None else [(theirs, before)]
            continue
        before = ours.number + 1
        said[ours.number].append(theirs)
        same[ours.number] &= theirs is not None and ours.key == theirs.key
    words = [
        _checked(word, found, same=as_written)
        for word, found, as_written in zip(aligned, said, same, strict=True)
    ]
    return TextCheck(tuple(_without_echoes(words)), tuple(_inserted(extra, aligned, same)))


def _pairs(given: Sequence[Piece], transcribed: Sequence[Piece]) -> Iterator[Pair]:
    """Both in order; a stretch that differs only in where its words are divided is the same."""
    stretch: list[Pair] = []
    for slot, piece in align([(one,) for one in given], transcribed, timed=True):
        pair = (
            None if slot is None else given[slot],
            None if piece is None else transcribed[piece],
        )
        if pair[0] and pair[1] and pair[0].key == pair[1].key:
            yield from _undivided(stretch)
            yield pair
            stretch = []
        else:
            stretch.append(pair)
    yield from _undivided(stretch)


def _undivided(stretch: Sequence[Pair]) -> Sequence[Pair]:
    """``stretch``; paired with itself where both sides have the same letters (“every one”)."""
    ours = [one for one, _ in stretch if one]
    theirs = [one for _, one in stretch if one]
    if not ours or "".join(one.key for one in ours) != "".join(one.key for one in theirs):
        return stretch
    return [(one, one) for one in ours]


def _checked(word: AlignedWord, found: Sequence[Piece | None], *, same: bool) -> CheckedWord:
    if word.wildcard:
        return CheckedWord("unchecked")
    if same:
        return CheckedWord("mispronounced" if word.score < POOR_BELOW else "said")
    said = " ".join(one.text for one in found if one is not None)
    if not said:
        return CheckedWord("skipped" if word.score < SKIPPED_BELOW else "said")
    return CheckedWord("mispronounced", said) if word.score < OTHER_BELOW else CheckedWord("said")


def _without_echoes(words: Sequence[CheckedWord]) -> Iterator[CheckedWord]:
    """Poor scores beside a word that was not said do not count: that word has the sound of this one."""
    marks = ["said", *(word.mark for word in words), "said"]
    for at, word in enumerate(words):
        poor = word.mark == "mispronounced" and not word.said
        beside = {marks[at], marks[at + 2]}
        yield CheckedWord("said") if poor and beside != {"said"} else word


def _inserted(
    extra: Sequence[tuple[Piece, int]], aligned: Sequence[AlignedWord], same: Sequence[bool]
) -> Iterator[InsertedWord]:
    """The words of ``extra``, without those that are a part of the word beside them, or of a wildcard."""
    for piece, before in extra:
        beside = range(max(0, before - 1), min(before + 1, len(aligned)))
        taken = any(_takes(aligned[at], piece, same=same[at]) for at in beside)
        if piece.confidence > INSERTED_ABOVE and not taken:
            yield InsertedWord(piece.text, piece.start_s, piece.end_s, piece.confidence, before)


def _takes(word: AlignedWord, piece: Piece, *, same: bool) -> bool:
    """Whether a word that the transcript has otherwise includes ``piece``: “woodchuck”, “would chuck”."""
    inside = word.start_s <= piece.centre_s <= word.end_s and word.score >= OTHER_BELOW
    return word.wildcard or (inside and not same)
