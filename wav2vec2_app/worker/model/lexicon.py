"""The beam's words: their spellings in a vocabulary's tokens, and their probabilities."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import chain
from pathlib import Path
from typing import Protocol

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.worker.model.cancellation import CheckCancelled, checked, never_cancelled

MIN_HOTWORD_LOG10 = -5.0
"""Lowest language model score of a hotword before its boost, log10: about one word of a novel."""
HOTWORD_LOOKAHEAD_BOOST = 2.0
"""Added to a hotword's score in the trie's look-ahead, log10, so that it survives until it is complete."""


class LanguageModel(Protocol):
    """An n-gram of flashlight-text; its states are opaque."""

    def start(self, start_with_nothing: bool) -> object:
        """The state before the first word."""
        ...

    def score(self, state: object, word: int) -> tuple[object, float]:
        """The state after ``word``, and its log10 probability."""
        ...

    def finish(self, state: object) -> tuple[object, float]:
        """The state after the end of the sentence, and its log10 probability."""
        ...


TrieEntry = tuple[int, Sequence[int], float]
"""A word's number, the tokens of its spelling, and its look-ahead score (log10)."""


class TrieEntries:
    """The entries of a trie in a few arrays: as objects, sixty thousand would take 15 MB."""

    def __init__(self) -> None:
        self._tokens = array("i")
        self._ends = array("i")
        self._scores = array("f")

    def append(self, spelling: Sequence[int], score: float) -> None:
        """Add the word with the next number, from 0."""
        self._tokens.extend(spelling)
        self._ends.append(len(self._tokens))
        self._scores.append(score)

    def __iter__(self) -> Iterator[TrieEntry]:
        begin = 0
        for number, (end, score) in enumerate(zip(self._ends, self._scores, strict=True)):
            yield number, self._tokens[begin:end], score
            begin = end


class Lexicon:
    """A trie of spellings and a KenLM model over the same words, for one vocabulary.

    Args:
        folder: holds ``lm.bin`` (KenLM binary) and ``words.txt`` (one word a line, lower case).
        emission: an emission with the vocabulary, blank and word delimiter.
        check: called between the steps.

    Raises:
        ImportError: flashlight-text is not installed (it is not built for every system).
        OSError: the language model is missing.
        InputError: the vocabulary has no word delimiter or cannot spell English.
    """

    def __init__(
        self, folder: Path, emission: Emission, check: CheckCancelled = never_cancelled
    ) -> None:
        from flashlight.lib.text import dictionary
        from flashlight.lib.text.decoder.kenlm import KenLM

        self._ids = {token: number for number, token in enumerate(emission.vocabulary)}
        listed = (folder / "words.txt").read_text(encoding="utf-8").split()
        spellings = _spellings(listed, self._ids, check)
        if emission.word_delimiter not in self._ids or not spellings:
            raise _wrong_language()
        self.blank_id = emission.blank_id
        self.delimiter_id = self._ids[emission.word_delimiter]
        self.unknown_id = len(spellings)
        self.words = (*spellings, "<unk>")
        self.hotword_ids: frozenset[int] = frozenset()
        self._numbers = {word: number for number, word in enumerate(spellings)}
        words = dictionary.Dictionary()
        for word in checked(self.words, check):
            words.add_entry(word)
        words.set_default_index(self.unknown_id)
        check()
        self._kenlm: LanguageModel = KenLM(str(folder / "lm.bin"), words)
        start = self._kenlm.start(True)
        self._entries = TrieEntries()
        for number, spelling in enumerate(checked(spellings.values(), check)):
            self._entries.append(spelling, self._kenlm.score(start, number)[1])
        self.trie = self._trie(self._entries, check)

    def with_hotwords(
        self, hotwords: tuple[str, ...], check: CheckCancelled = never_cancelled
    ) -> Lexicon:
        """A lexicon with ``hotwords`` favored; those that ``words.txt`` lacks are added.

        It shares the language model: building and freeing another one would take a third of a second.
        """
        spellings = _spellings([word.lower() for word in hotwords], self._ids, check)
        added = [word for word in spellings if word not in self._numbers]
        new = copy(self)
        new.words = (*self.words, *added)
        new._numbers = self._numbers | {
            word: number for number, word in enumerate(added, len(self.words))
        }
        new.hotword_ids = frozenset(new._numbers[word] for word in spellings)
        start = self._kenlm.start(True)
        favored = []
        for word, spelling in spellings.items():
            number = new._numbers[word]
            score = self._kenlm.score(start, min(number, self.unknown_id))[1]
            score = max(score, MIN_HOTWORD_LOG10) + HOTWORD_LOOKAHEAD_BOOST
            favored.append((number, spelling, score))
        others = (entry for entry in self._entries if entry[0] not in new.hotword_ids)
        new.trie = self._trie(chain(others, favored), check)
        return new

    def _trie(self, entries: Iterable[TrieEntry], check: CheckCancelled) -> object:
        """A trie of ``entries``, each spelling followed by the word delimiter."""
        from flashlight.lib.text import decoder

        trie = decoder.Trie(len(self._ids), self.delimiter_id)
        for number, spelling, score in checked(entries, check):
            trie.insert([*spelling, self.delimiter_id], number, score)
        check()
        trie.smear(decoder.SmearingMode.MAX)
        return trie

    def language_model(self, options: DecodingOptions) -> LanguageModel:
        """The n-gram, with the hotwords boosted by ``options``."""
        if not self.hotword_ids:
            return self._kenlm
        weight = max(options.lm_weight, 0.1)
        boost = options.hotword_boost / weight
        return _boosted(self._kenlm, self.hotword_ids, boost, self.unknown_id)

    def log10_after(
        self, before: Sequence[str], word: str, options: DecodingOptions
    ) -> float | None:
        """The log10 probability of ``word`` after the words ``before`` it; ``None`` if it is not known."""
        number = self._number_of(word)
        if number is None:
            return None
        model = self.language_model(options)
        state = model.start(False)
        for earlier in before:
            known = self._number_of(earlier)
            state, _ = model.score(state, self.unknown_id if known is None else known)
        return model.score(state, number)[1]

    def _number_of(self, word: str) -> int | None:
        """The number of a word, written in any case; ``None`` if it is not in the lexicon."""
        plain = word.replace("’", "'")
        forms = (word, plain.lower(), plain.strip('.,;:!?…"()').lower())
        return next((self._numbers[form] for form in forms if form in self._numbers), None)


def _boosted(
    kenlm: LanguageModel, hotword_ids: frozenset[int], boost: float, unknown_id: int
) -> LanguageModel:
    """``kenlm`` as a flashlight language model with ``boost`` (log10) added to some words.

    Numbers above ``unknown_id`` are hotwords that ``kenlm`` does not know.
    """
    from flashlight.lib.text.decoder import LM

    class BoostedLanguageModel(LM):  # type: ignore[misc]
        def start(self, start_with_nothing: bool) -> object:
            return kenlm.start(start_with_nothing)

        def score(self, state: object, word: int) -> tuple[object, float]:
            after, score = kenlm.score(state, min(word, unknown_id))
            if word in hotword_ids:
                return after, max(score, MIN_HOTWORD_LOG10) + boost
            return after, score

        def finish(self, state: object) -> tuple[object, float]:
            after, score = kenlm.finish(state)
            return after, score

    boosted: LanguageModel = BoostedLanguageModel()
    return boosted


def _spellings(
    words: list[str], ids: dict[str, int], check: CheckCancelled
) -> dict[str, list[int]]:
    """The tokens of each word that can be spelled, in whichever case the vocabulary has."""
    found = {}
    for word in checked(words, check):
        for form in _forms(word):
            if form and all(letter in ids for letter in form):
                found[word] = [ids[letter] for letter in form]
                break
    return found


def _forms(word: str) -> Iterator[str]:
    """How a vocabulary may spell a word: in either case, then without silent signs (``DALL·E``)."""
    yield word.upper()
    yield word
    plain = "".join(sign for sign in word.replace("’", "'") if sign.isalnum() or sign == "'")
    yield plain.upper()
    yield plain


def _wrong_language() -> InputError:
    return InputError(
        "The language model does not fit the letters of this model.",
        code="decoder.wrong_language",
        hint="Choose the greedy decoder for this model.",
    )
