"""From an emission to words: the best path alone, or a beam over a lexicon and a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.phrases import phrases_of
from wav2vec2_app.worker.model.prior import without_prior

IMPOSSIBLE = -100.0
"""Log-probability of what cannot be."""
TOKENS = 8
"""Tokens that the beam tries in a frame, the most probable ones."""
THRESHOLD = 12.0
"""Hypotheses further than this behind the best one are dropped, natural logarithm; see :func:`_threshold`."""

ALL_PATHS = True
"""Whether a hypothesis counts with all ways to say it (their sum), not only its best one."""

SURELY_BLANK = float(np.log(0.97))
"""Log-probability from which a frame counts as blank beyond doubt."""


NEAR = 8
"""Frames by which the ends of a word may differ in two hypotheses."""
DROPPED = 2.0
"""How far behind the last hypothesis kept those count that were not, natural logarithm."""


@dataclass(frozen=True)
class Decoded:
    """What a decoder reads.

    Attributes:
        words: in order, with the times of their tokens on the path taken, in seconds.
        leads: of each word, how far behind the best hypothesis without it is, natural logarithm; below 0
            where the best one has not got it. ``None`` of a decoder that has one hypothesis only.
    """

    words: tuple[Word, ...]
    leads: tuple[float, ...] | None = None


class Decoder(Protocol):
    """Reads words from an emission."""

    @property
    def name(self) -> str:
        """``greedy`` or ``beam``."""
        ...

    def decode(self, emission: Emission) -> Decoded:
        """What was said."""
        ...


@dataclass(frozen=True)
class GreedyDecoder:
    """The most probable token of every frame."""

    name: str = "greedy"

    def decode(self, emission: Emission) -> Decoded:
        return Decoded(words_of_path(emission, emission.log_probs.argmax(axis=1)))


class BeamDecoder:
    """A lexicon-constrained beam with a KenLM word n-gram (flashlight-text).

    Args:
        lexicon: words, their spellings in the emission's tokens, and the language model.
        decoding: width and weights.
        unbiased: a beam without the hotwords of ``lexicon``, which tells the rivals of its words.
    """

    name = "beam"

    def __init__(
        self, lexicon: Lexicon, decoding: DecodingOptions, unbiased: BeamDecoder | None = None
    ) -> None:
        from flashlight.lib.text import decoder

        options = decoder.LexiconDecoderOptions(
            decoding.beam_width, TOKENS, _threshold(decoding), decoding.lm_weight,
            decoding.word_score, float("-inf"), 0.0, ALL_PATHS, decoder.CriterionType.CTC,
        )  # fmt: skip
        self._lexicon = lexicon
        self._language_model = lexicon.language_model(decoding)  # flashlight does not hold on to it
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
        self._unbiased = (
            unbiased  # never itself: a cycle would hold what it has decoded until collected
        )

    def decode(self, emission: Emission) -> Decoded:
        """What was said, phrase by phrase."""
        words: list[Word] = []
        leads: list[float] = []
        for start, stop in phrases_of(emission):
            phrase = self._decode(emission.cut(start, stop))
            words += [_later(word, start * emission.frame_s) for word in phrase.words]
            leads += phrase.leads or ()
        return Decoded(tuple(words), tuple(leads))

    def _decode(self, emission: Emission) -> Decoded:
        told = _telling(emission)
        hypotheses = self._hypotheses(emission, told)
        if not hypotheses:
            return Decoded((), ())
        path = np.full(len(emission.log_probs), emission.blank_id)
        path[told] = hypotheses[0].tokens[1 : len(told) + 1]  # one before, one after the frames
        words = words_of_path(emission, path)
        rivals = hypotheses
        if self._unbiased and not self._lexicon.favoured.isdisjoint(hypotheses[0].words):
            rivals = self._unbiased._hypotheses(emission, told) or hypotheses
        leads = _leads(hypotheses[0].words, rivals)
        if len(leads) < len(words):  # the last one is unfinished: none of the lexicon's fitted
            leads = (*leads, *[-DROPPED] * (len(words) - len(leads)))
        return Decoded(words, leads)

    def _hypotheses(self, emission: Emission, told: NDArray[np.intp]) -> Sequence[Any]:
        """All that the beam holds at the end, the best one first."""
        emitted = without_prior(emission)[told]
        frames, tokens = emitted.shape
        scores = np.full((frames + 1, tokens), IMPOSSIBLE, dtype=np.float32)
        scores[:frames] = emitted
        # a last word ends, also where the recording does
        scores[frames, self._lexicon.delimiter_id] = 0.0
        hypotheses: Sequence[Any] = self._decoder.decode(scores.ctypes.data, frames + 1, tokens)
        return hypotheses


def _later(word: Word, by_s: float) -> Word:
    return replace(word, start_s=round(word.start_s + by_s, 6), end_s=round(word.end_s + by_s, 6))


def _threshold(decoding: DecodingOptions) -> float:
    """How far behind a hypothesis may be: the less the language model counts, the closer together all lie.

    With a weight of 1 instead of 3 that takes a third of the time off, for 0.4 points of word error rate.
    """
    return min(THRESHOLD, 6.0 + 2.0 * decoding.lm_weight)


def _leads(words: Sequence[int], rivals: Sequence[Any]) -> tuple[float, ...]:
    """How far behind the best of ``rivals`` without each word is.

    ``words`` has a word's number at the frame where it ends, −1 elsewhere.

    A hypothesis has the word if it has the same one at nearly the same frame. Where all have it, or none,
    what the beam has dropped counts as a little behind the last.
    """
    read = np.array(words)
    scores = np.array([rival.score for rival in rivals])
    table = np.array([rival.words for rival in rivals])
    dropped = scores.min() - DROPPED
    leads = []
    for frame in np.flatnonzero(read >= 0):
        near = table[:, max(0, frame - NEAR) : frame + NEAR + 1]
        having = (near == read[frame]).any(axis=1)
        best = scores[having].max() if having.any() else dropped
        best_without = scores[~having].max() if not having.all() else dropped
        leads.append(float(best - best_without))
    return tuple(leads)


def _telling(emission: Emission) -> NDArray[np.intp]:
    """The frames that a beam has to look at: of those that are sure to be blank, the first of each run.

    Half of an emission is such; what is left out is a constant to every hypothesis, nearly (Chen et al.
    2016, "Phone synchronous speech recognition with CTC lattices").
    """
    blank = emission.log_probs[:, emission.blank_id] > SURELY_BLANK
    return np.flatnonzero(~(blank & np.r_[False, blank[:-1]]))
