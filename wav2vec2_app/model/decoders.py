"""From an emission to words: the best path alone, or a beam over a lexicon and a language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.model.ctc import words_of_path
from wav2vec2_app.model.lexicon import Lexicon
from wav2vec2_app.types import Emission, Reading, Word

IMPOSSIBLE = -100.0
"""Log-probability of what cannot be."""
TOKENS = 6
"""Tokens that the beam tries in a frame, the most probable ones."""
THRESHOLD = 9.0
"""Hypotheses further than this behind the best one are dropped, natural logarithm."""

SURELY_BLANK = float(np.log(0.95))
"""Log-probability from which a frame counts as blank beyond doubt."""


class Decoder(Protocol):
    """Reads words from an emission."""

    @property
    def name(self) -> str:
        """``greedy`` or ``beam``."""
        ...

    def words(self, emission: Emission) -> tuple[Word, ...]:
        """The words said, with the times of their tokens on the path taken, in seconds."""
        ...


@dataclass(frozen=True)
class GreedyDecoder:
    """The most probable token of every frame."""

    name: str = "greedy"

    def words(self, emission: Emission) -> tuple[Word, ...]:
        return words_of_path(emission, emission.log_probs.argmax(axis=1))


class BeamDecoder:
    """A lexicon-constrained beam with a KenLM word n-gram (flashlight-text).

    Args:
        lexicon: words, their spellings in the emission's tokens, and the language model.
        reading: width and weights.
    """

    name = "beam"

    def __init__(self, lexicon: Lexicon, reading: Reading) -> None:
        from flashlight.lib.text import decoder

        options = decoder.LexiconDecoderOptions(
            reading.beam_width, TOKENS, THRESHOLD, reading.lm_weight,
            reading.word_score, float("-inf"), 0.0, False, decoder.CriterionType.CTC,
        )  # fmt: skip
        self._lexicon = lexicon
        self._language_model = lexicon.language_model(reading)  # flashlight does not hold on to it
        self._decoder = decoder.LexiconDecoder(
            options,
            lexicon.trie,
            self._language_model,
            lexicon.delimiter_id,
            lexicon.blank_id,
            lexicon.unknown_id,
            [],
            False,
        )

    def words(self, emission: Emission) -> tuple[Word, ...]:
        told = _telling(emission)
        frames, tokens = len(told), emission.log_probs.shape[1]
        scores = np.full((frames + 1, tokens), IMPOSSIBLE, dtype=np.float32)
        scores[:frames] = emission.log_probs[told]
        # a last word ends, also where the recording does
        scores[frames, self._lexicon.delimiter_id] = 0.0
        hypotheses = self._decoder.decode(scores.ctypes.data, frames + 1, tokens)
        if not hypotheses:
            return ()
        path = np.full(len(emission.log_probs), emission.blank_id)
        path[told] = hypotheses[0].tokens[1 : frames + 1]  # one before, one after the frames
        return words_of_path(emission, path)


def _telling(emission: Emission) -> NDArray[np.intp]:
    """The frames that a beam has to look at: of those that are sure to be blank, the first of each run.

    Half of an emission is such; what is left out is a constant to every hypothesis, nearly (Chen et al.
    2016, "Phone synchronous speech recognition with CTC lattices").
    """
    blank = emission.log_probs[:, emission.blank_id] > SURELY_BLANK
    return np.flatnonzero(~(blank & np.r_[False, blank[:-1]]))
