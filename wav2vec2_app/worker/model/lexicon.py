"""The beam's words: their spellings in a vocabulary's tokens, and their probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class Lexicon:
    """A trie of spellings and a KenLM model over the same words, for one vocabulary.

    Args:
        folder: holds ``lm.bin`` (KenLM binary) and ``words.txt`` (one word a line, lower case).
        emission: an emission with the vocabulary, blank and word delimiter.
        hotwords: words to favor; those that ``words.txt`` lacks are added.
        check: called between the steps.

    Raises:
        ImportError: flashlight-text is not installed (it is not built for every system).
        OSError: the language model is missing.
        InputError: the vocabulary has no word delimiter or cannot spell English.
    """

    def __init__(
        self,
        folder: Path,
        emission: Emission,
        hotwords: tuple[str, ...] = (),
        check: CheckCancelled = never_cancelled,
    ) -> None:
        from flashlight.lib.text import decoder, dictionary
        from flashlight.lib.text.decoder.kenlm import KenLM

        ids = {token: number for number, token in enumerate(emission.vocabulary)}
        spellings = _spellings(
            (folder / "words.txt").read_text(encoding="utf-8").split(), ids, check
        )
        if emission.word_delimiter not in ids or not spellings:
            raise _wrong_language()
        hotword_spellings = _spellings([word.lower() for word in hotwords], ids, check)
        spellings |= hotword_spellings
        self.blank_id = emission.blank_id
        self.delimiter_id = ids[emission.word_delimiter]
        self.unknown_id = len(spellings)
        self.words = tuple(spellings)
        self._numbers = {word: number for number, word in enumerate(self.words)}
        self.hotword_ids = frozenset(
            number for number, word in enumerate(spellings) if word in hotword_spellings
        )
        words = dictionary.Dictionary()
        for word in checked((*spellings, "<unk>"), check):
            words.add_entry(word)
        words.set_default_index(self.unknown_id)
        check()
        self._kenlm: LanguageModel = KenLM(str(folder / "lm.bin"), words)
        self.trie = decoder.Trie(len(emission.vocabulary), self.delimiter_id)
        state = self._kenlm.start(True)
        for number, spelling in enumerate(checked(spellings.values(), check)):
            self.trie.insert([*spelling, self.delimiter_id], number, self._lookahead(state, number))
        check()
        self.trie.smear(decoder.SmearingMode.MAX)

    def language_model(self, options: DecodingOptions) -> LanguageModel:
        """The n-gram, with the hotwords boosted by ``options``."""
        if not self.hotword_ids:
            return self._kenlm
        weight = max(options.lm_weight, 0.1)
        return _boosted(self._kenlm, self.hotword_ids, options.hotword_boost / weight)

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

    def _lookahead(self, state: object, number: int) -> float:
        """The score of a word in the trie, log10."""
        _, score = self._kenlm.score(state, number)
        if number in self.hotword_ids:
            return max(score, MIN_HOTWORD_LOG10) + HOTWORD_LOOKAHEAD_BOOST
        return score


def _boosted(kenlm: LanguageModel, hotword_ids: frozenset[int], boost: float) -> LanguageModel:
    """``kenlm`` as a flashlight language model with ``boost`` (log10) added to some words."""
    from flashlight.lib.text.decoder import LM

    class BoostedLanguageModel(LM):  # type: ignore[misc]
        def start(self, start_with_nothing: bool) -> object:
            return kenlm.start(start_with_nothing)

        def score(self, state: object, word: int) -> tuple[object, float]:
            after, score = kenlm.score(state, word)
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
