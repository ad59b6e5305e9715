"""Aligns a text, or decoded words, with an emission: times and scores of words and letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.alignment import AlignedCharacter, AlignedWord, Alignment
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.given_text import spoken_text
from wav2vec2_app.speech.pauses import word_after_longest_gap
from wav2vec2_app.speech.tokenization import TextTokenizer, TokenizedWord
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.cancellation import CheckCancelled, checked, never_cancelled
from wav2vec2_app.worker.model.viterbi import text_too_long
from wav2vec2_app.worker.model.word_paths import WordPath, mean_probability, word_paths

MAX_LETTERS_RATIO = 5
"""Most letters of a text for each letter of the greedy decoding, beyond :data:`EXTRA_LETTERS`."""
EXTRA_LETTERS = 10
"""Letters that a text may have in addition, however few the greedy decoding has."""
MAX_CHARACTERS_PER_FRAME = 20
"""A longer text is rejected before it is tokenized."""
ALIGNED_PART_S = (15.0, 30.0)
"""Decoded words are aligned in parts: shortest and longest time to the cut, seconds."""


ConfidenceRating = Callable[
    [Emission, Sequence[WordPath], "Sequence[float] | None"], Sequence[float]
]
"""Confidence in [0, 1] of each word, from the emission, the word paths, and their leads in a beam."""


def rate_by_score(
    _: Emission, words: Sequence[WordPath], __: Sequence[float] | None
) -> Sequence[float]:
    """The :data:`ConfidenceRating` without a calibration: the score of each word."""
    return [word.score for word in words]


def align(
    emission: Emission,
    text: str,
    tokenizer: TextTokenizer,
    check: CheckCancelled = never_cancelled,
) -> Alignment:
    """Align ``text`` with all of ``emission``; of subtitles, only what is spoken.

    ``check`` is called between the steps.

    Raises:
        InputError: ``align.empty_text``, the text has no word; ``align.text_too_long``, it cannot be
            the text of this audio; ``align.too_long``, text and audio are too long together.
    """
    check()
    words = _tokenized(emission, spoken_text(text), tokenizer)
    paths = word_paths(emission, words, tokenizer.delimiter_id, check)
    return Alignment(
        words=tuple(
            _aligned_word(word.text, path, emission)
            for word, path in checked(zip(words, paths, strict=True), check)
        ),
        score=mean_probability([letter.log_prob for path in paths for letter in path.letters]),
    )


def align_words(
    emission: Emission,
    words: Sequence[Word],
    tokenizer: TextTokenizer,
    rate: ConfidenceRating = rate_by_score,
    leads: Sequence[float] | None = None,
    check: CheckCancelled = never_cancelled,
) -> tuple[Word, ...]:
    """Decoded ``words`` with the times and confidences of their exact alignment.

    Args:
        emission: what the words were decoded from.
        words: in order, with approximate times within ``emission``. Long audio is cut in the pauses
            between them, so that the cost grows linearly.
        tokenizer: for the vocabulary of the emission.
        rate: computes the confidences.
        leads: of each word in the beam, passed to ``rate``; ``None`` for greedy decoding.
        check: called between the steps.

    Where the frames of a part cannot hold its words, these are returned unchanged.
    """
    aligned: list[Word] = []
    for part in _parts(words, emission):
        check()
        part_words = words[part.first : part.last]
        part_leads = None if leads is None else leads[part.first : part.last]
        aligned += _align_part(
            emission.cut(part.start, part.stop), part.start * emission.frame_s,
            part_words, tokenizer, rate, part_leads,
        )  # fmt: skip
    return tuple(aligned)


def _align_part(
    emission: Emission,
    offset_s: float,
    words: Sequence[Word],
    tokenizer: TextTokenizer,
    rate: ConfidenceRating,
    leads: Sequence[float] | None,
) -> Sequence[Word]:
    """``words`` aligned with ``emission``, which begins at ``offset_s`` of the audio."""
    tokenized = [_tokenized_as_decoded(word.text, tokenizer) for word in words]
    try:
        paths = word_paths(emission, tokenized, tokenizer.delimiter_id)
    except InputError:
        return words
    confidences = rate(emission, paths, leads)
    return [
        _aligned(word, _times(path, emission), offset_s, confidence)
        for word, path, confidence in zip(words, paths, confidences, strict=True)
    ]


def _aligned(word: Word, times: tuple[float, float], offset_s: float, confidence: float) -> Word:
    start_s, end_s = times
    return replace(
        word,
        start_s=_seconds(start_s + offset_s),
        end_s=_seconds(end_s + offset_s),
        confidence=confidence,
    )


def _tokenized(
    emission: Emission, text: str, tokenizer: TextTokenizer
) -> tuple[TokenizedWord, ...]:
    """The words of ``text``, if it can be the text of ``emission``."""
    if len(text) > MAX_CHARACTERS_PER_FRAME * (len(emission.log_probs) + EXTRA_LETTERS):
        raise text_too_long(characters=len(text))
    words = tokenizer.tokenize(text)
    if not words:
        raise InputError(
            "There is no text to align.",
            code="align.empty_text",
            hint="Enter the words that are spoken in the recording.",
        )
    letters = sum(len(part) for word in words for part in word.parts)
    if letters > MAX_LETTERS_RATIO * _count_greedy_tokens(emission) + EXTRA_LETTERS:
        raise text_too_long(letters=letters)
    return words


def _tokenized_as_decoded(text: str, tokenizer: TextTokenizer) -> TokenizedWord:
    """``text`` in exactly the tokens that a decoder joined, else normalized first."""
    tokens = tokenizer.encode(text)
    if tokens:
        return TokenizedWord(text, (tokens,))
    parts = tuple(part for word in tokenizer.tokenize(text) for part in word.parts)
    return TokenizedWord(text, parts)


def _count_greedy_tokens(emission: Emission) -> int:
    """How many tokens greedy decoding finds."""
    ids = emission.log_probs.argmax(axis=1)
    changed = np.r_[True, ids[1:] != ids[:-1]] if len(ids) else np.zeros(0, bool)
    return int(np.count_nonzero(changed & (ids != emission.blank_id)))


def _aligned_word(text: str, path: WordPath, emission: Emission) -> AlignedWord:
    start_s, end_s = _times(path, emission)
    return AlignedWord(
        text, start_s, end_s, path.score, _characters(path, emission), wildcard=path.wildcard
    )


def _characters(path: WordPath, emission: Emission) -> tuple[AlignedCharacter, ...]:
    if path.wildcard:
        return ()
    times_s = [_seconds(edge * emission.frame_s) for edge in path.letter_edges()]
    return tuple(
        AlignedCharacter(
            emission.vocabulary[letter.token], start_s, end_s, mean_probability([letter.log_prob])
        )
        for letter, start_s, end_s in zip(path.letters, times_s, times_s[1:], strict=False)
    )


def _times(path: WordPath, emission: Emission) -> tuple[float, float]:
    """Start and end of a word, seconds."""
    start, end = path.edges
    return _seconds(start * emission.frame_s), _seconds(end * emission.frame_s)


@dataclass(frozen=True)
class _Part:
    """Words ``[first, last)`` and frames ``[start, stop)`` that are aligned separately."""

    first: int
    last: int
    start: int
    stop: int


def _parts(words: Sequence[Word], emission: Emission) -> list[_Part]:
    """All words and frames in parts, each cut at the longest pause within :data:`ALIGNED_PART_S`."""
    parts = []
    first, start, start_s = 0, 0, 0.0
    while first < len(words):
        last, stop = _last_word(words, first, start_s), len(emission.log_probs)
        if last < len(words):
            stop = round((words[last - 1].end_s + words[last].start_s) / 2 / emission.frame_s)
        parts.append(_Part(first, last, start, stop))
        first, start, start_s = last, stop, stop * emission.frame_s
    return parts


def _last_word(words: Sequence[Word], first: int, start_s: float) -> int:
    """Index after the last word of the part that begins with word ``first`` at ``start_s``."""
    min_s, max_s = ALIGNED_PART_S
    if words[-1].end_s - start_s <= max_s:
        return len(words)
    return word_after_longest_gap(words, first, since_s=start_s, min_s=min_s, max_s=max_s)


def _seconds(value: float) -> float:
    return round(float(value), 6)
