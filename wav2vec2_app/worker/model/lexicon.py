"""The beam's words: how each is spelled in a vocabulary's tokens, and how likely it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions

NATURAL_LOG_OF_10 = 2.302585
RARE = -5.0
"""What a hotword counts at least before its boost, log10: about a word once in a novel."""


class Lexicon:
    """A trie of spellings and a KenLM model over the same words, for one vocabulary.

    Args:
        folder: holds ``lm.bin`` (KenLM binary) and ``words.txt`` (one word a line, lower case).
        emission: whose vocabulary, blank and word delimiter are meant.
        hotwords: words to favour; those that ``words.txt`` lacks are added.

    Raises:
        ImportError: flashlight-text is not installed (there is none for every system).
        OSError: the language model is not there.
        InputError: the vocabulary has no word delimiter or cannot spell English.
    """

    def __init__(self, folder: Path, emission: Emission, hotwords: tuple[str, ...] = ()) -> None:
        from flashlight.lib.text import decoder, dictionary
        from flashlight.lib.text.decoder.kenlm import KenLM

        ids = {token: number for number, token in enumerate(emission.vocabulary)}
        spellings = _spellings((folder / "words.txt").read_text(encoding="utf-8").split(), ids)
        if emission.word_delimiter not in ids or not spellings:
            raise InputError(
                "The language model does not fit this model's letters.",
                code="decoder.wrong_language",
                hint="Choose the greedy decoder for this model.",
            )
        favoured = _spellings([word.lower() for word in hotwords], ids)
        spellings |= favoured
        self.blank_id = emission.blank_id
        self.delimiter_id = ids[emission.word_delimiter]
        self.unknown_id = len(spellings)
        words = dictionary.Dictionary([*spellings, "<unk>"])
        words.set_default_index(self.unknown_id)
        self._kenlm = KenLM(str(folder / "lm.bin"), words)
        self.favoured = frozenset(i for i, word in enumerate(spellings) if word in favoured)
        self.trie = decoder.Trie(len(emission.vocabulary), self.delimiter_id)
        nowhere = self._kenlm.start(True)  # the look-ahead is for words in the middle of a sentence
        for number, spelling in enumerate(spellings.values()):
            _, score = self._kenlm.score(nowhere, number)
            if number in self.favoured:
                score = max(score, RARE) + BOOST_AHEAD
            self.trie.insert([*spelling, self.delimiter_id], number, score)
        self.trie.smear(decoder.SmearingMode.MAX)

    def language_model(self, decoding: DecodingOptions) -> Any:
        """The n-gram, with hotwords favoured as much as ``decoding`` says."""
        if not self.favoured:
            return self._kenlm
        weight = max(decoding.lm_weight, 0.1)
        return _favouring(self._kenlm, self.favoured, decoding.hotword_boost / weight)


BOOST_AHEAD = 2.0
"""Added to a hotword's score in the look-ahead of the trie, log10, so that it survives until it is whole."""


def _favouring(kenlm: Any, favoured: frozenset[int], boost: float) -> Any:
    """A flashlight language model that passes everything on and lifts the scores of some words."""
    from flashlight.lib.text.decoder import LM

    class Favouring(LM):  # type: ignore[misc]
        def start(self, start_with_nothing: bool) -> Any:
            return kenlm.start(start_with_nothing)

        def score(self, state: Any, word: int) -> tuple[Any, float]:
            after, score = kenlm.score(state, word)
            return after, (max(score, RARE) + boost if word in favoured else score)

        def finish(self, state: Any) -> tuple[Any, float]:
            after, score = kenlm.finish(state)
            return after, score

    return Favouring()


def _spellings(words: list[str], ids: dict[str, int]) -> dict[str, list[int]]:
    """The tokens of each word that can be spelled, in whichever case the vocabulary has."""
    found = {}
    for word in words:
        for form in (word.upper(), word):
            if all(letter in ids for letter in form):
                found[word] = [ids[letter] for letter in form]
                break
    return found
