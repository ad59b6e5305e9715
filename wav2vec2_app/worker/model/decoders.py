"""Decoders, from an emission to words: greedy, and beam search with a lexicon and a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model.cancellation import CheckCancelled, never_cancelled
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.lexicon import Lexicon
from wav2vec2_app.worker.model.phrases import phrase_spans
from wav2vec2_app.worker.model.prior import subtract_prior

BEAM_TOKENS = 8
"""Most probable tokens of a frame by which a hypothesis can be extended."""
MAX_BEAM_THRESHOLD = 12.0
"""Hypotheses this far behind the best one are pruned, natural logarithm; see :func:`beam_threshold`."""
SUM_OVER_PATHS = True
"""Whether the score of a hypothesis is the sum over its CTC paths instead of the best one."""
FINAL_FRAME_LOG_PROB = -100.0
"""Log-probability of everything but the word delimiter in the frame appended to a phrase."""

SKIPPED_BLANK_LOG_PROB = float(np.log(0.97))
"""Frames whose blank is more probable are skipped by the beam, except the first one of each run."""

WORD_END_TOLERANCE_FRAMES = 8
"""How far the ends of a word may lie apart in two hypotheses."""
MAX_ALTERNATIVES = 3
"""Alternatives that are reported for a word."""
MAX_RIVALS = 40
"""Hypotheses in which they are looked for, from the best one on."""
STEP_FRAMES = 5
"""Frames that the beam searches between two checks for a cancel."""
PRUNED_MARGIN = 2.0
"""Pruned hypotheses are assumed to be this far behind the worst remaining one, natural logarithm."""


@dataclass(frozen=True)
class DecodedWords:
    """The result of a decoder.

    Attributes:
        words: in order, with the times of their tokens on the path, seconds.
        leads: of each word, the score of the best hypothesis with the word minus that of the best one
            without it, natural logarithm. ``None`` if the decoder has only one hypothesis.
    """

    words: tuple[Word, ...]
    leads: tuple[float, ...] | None = None


class Decoder(Protocol):
    """Finds the words of an emission."""

    @property
    def name(self) -> str:
        """``greedy`` or ``beam``."""
        ...

    def decode(self, emission: Emission, check: CheckCancelled = never_cancelled) -> DecodedWords:
        """The words of ``emission``; ``check`` is called between the steps."""
        ...


@dataclass(frozen=True)
class GreedyDecoder:
    """The most probable token of every frame."""

    name: str = "greedy"

    def decode(self, emission: Emission, check: CheckCancelled = never_cancelled) -> DecodedWords:
        check()
        return DecodedWords(words_of_path(emission, emission.log_probs.argmax(axis=1)))


class Hypothesis(Protocol):
    """A hypothesis of flashlight-text; ``tokens`` and ``words`` have one entry before the first frame."""

    score: float
    tokens: Sequence[int]
    words: Sequence[int]


class BeamDecoder:
    """Lexicon-constrained beam search with a KenLM word n-gram (flashlight-text).

    Args:
        lexicon: words, their spellings in the emission's tokens, and the language model.
        options: beam width and weights.
        without_hotwords: a decoder without the hotwords of ``lexicon``, for the leads of words: a boost
            must not raise them.
    """

    name = "beam"

    def __init__(
        self,
        lexicon: Lexicon,
        options: DecodingOptions,
        without_hotwords: BeamDecoder | None = None,
    ) -> None:
        from flashlight.lib.text import decoder

        search_options = decoder.LexiconDecoderOptions(
            options.beam_width, BEAM_TOKENS, beam_threshold(options), options.lm_weight,
            options.word_score, float("-inf"), 0.0, SUM_OVER_PATHS, decoder.CriterionType.CTC,
        )  # fmt: skip
        self._lexicon = lexicon
        self._language_model = lexicon.language_model(options)  # flashlight holds no reference
        self._decoder = decoder.LexiconDecoder(
            search_options,
            lexicon.trie,
            self._language_model,
            lexicon.delimiter_id,
            lexicon.blank_id,
            lexicon.unknown_id,
            [],
            False,
        )
        self._without_hotwords = without_hotwords  # never itself: a cycle would delay its release

    def decode(self, emission: Emission, check: CheckCancelled = never_cancelled) -> DecodedWords:
        """The words of ``emission``, decoded phrase by phrase."""
        words: list[Word] = []
        leads: list[float] = []
        for start, stop in phrase_spans(emission):
            phrase = self._decode_phrase(emission.cut(start, stop), check)
            words += [_shifted(word, start * emission.frame_s) for word in phrase.words]
            leads += phrase.leads or ()
        return DecodedWords(tuple(words), tuple(leads))

    def _decode_phrase(self, emission: Emission, check: CheckCancelled) -> DecodedWords:
        frames = informative_frames(emission)
        hypotheses = self._search(emission, frames, check)
        if not hypotheses:
            return DecodedWords((), ())
        best = hypotheses[0]
        tokens = np.array(best.tokens[1 : len(frames) + 1])  # without the frames before and after
        words = words_of_path(emission, fill_skipped_frames(tokens, frames, emission))
        rivals = hypotheses
        if self._without_hotwords and not self._lexicon.hotword_ids.isdisjoint(best.words):
            rivals = self._without_hotwords._search(emission, frames, check) or hypotheses
        leads = _leads(best.words, rivals)
        others = _alternatives(best.words, hypotheses, self._lexicon.words)
        others += [()] * (len(words) - len(others))
        words = tuple(
            replace(word, alternatives=found) for word, found in zip(words, others, strict=False)
        )
        if len(leads) < len(words):  # the last word is incomplete: no word of the lexicon fits
            leads = (*leads, *[-PRUNED_MARGIN] * (len(words) - len(leads)))
        return DecodedWords(words, leads)

    def _search(
        self, emission: Emission, frames: NDArray[np.intp], check: CheckCancelled
    ) -> Sequence[Hypothesis]:
        """All hypotheses at the end of ``frames``, the best one first."""
        informative = subtract_prior(emission)[frames]
        count, tokens = informative.shape
        scores = np.full((count + 1, tokens), FINAL_FRAME_LOG_PROB, dtype=np.float32)
        scores[:count] = informative
        scores[count, self._lexicon.delimiter_id] = 0.0  # completes the last word
        self._decoder.decode_begin()
        for first in range(0, count + 1, STEP_FRAMES):
            check()
            step = scores[first : first + STEP_FRAMES]
            self._decoder.decode_step(step.ctypes.data, len(step), tokens)
        check()
        self._decoder.decode_end()
        hypotheses: Sequence[Hypothesis] = self._decoder.get_all_final_hypothesis()
        return hypotheses


def informative_frames(emission: Emission) -> NDArray[np.intp]:
    """The frames that the beam searches: all but those that are almost certainly blank.

    Half of the frames of an emission are such. The first one of each run is searched; leaving out the
    others changes the scores of all hypotheses by nearly the same amount (Chen et al. 2016, "Phone
    synchronous speech recognition with CTC lattices").
    """
    blank = emission.log_probs[:, emission.blank_id] > SKIPPED_BLANK_LOG_PROB
    return np.flatnonzero(~(blank & np.r_[False, blank[:-1]]))


def fill_skipped_frames(
    tokens: NDArray[np.integer], frames: NDArray[np.intp], emission: Emission
) -> NDArray[np.intp]:
    """The path ``(all frames,)`` of the search's ``tokens`` at ``frames``.

    A gap is filled with the blank, or with the token on both of its sides if that is the same one: the search
    has merged these two, and a blank between them would double the letter.
    """
    path = np.full(len(emission.log_probs), emission.blank_id, dtype=np.intp)
    path[frames] = tokens
    for gap in np.flatnonzero((np.diff(frames) > 1) & (tokens[1:] == tokens[:-1])):
        path[frames[gap] : frames[gap + 1]] = tokens[gap]
    return path


def beam_threshold(options: DecodingOptions) -> float:
    """How far behind the best hypothesis another one may be, natural logarithm.

    The less the language model weighs, the closer together the hypotheses are. With a weight of 1 instead
    of 3 this saves a third of the time, at a cost of 0.4 points of word error rate.
    """
    return min(MAX_BEAM_THRESHOLD, 6.0 + 2.0 * options.lm_weight)


def _leads(words: Sequence[int], rivals: Sequence[Hypothesis]) -> tuple[float, ...]:
    """How far the best of ``rivals`` without each word is behind the best with it.

    ``words`` has a word's number at the frame where it ends, -1 elsewhere. A rival has the word if it has
    the same number within :data:`WORD_END_TOLERANCE_FRAMES`. If all rivals have it, or none, the missing
    side is assumed to be :data:`PRUNED_MARGIN` behind the worst rival.
    """
    best_words = np.array(words)
    scores = np.array([rival.score for rival in rivals])
    table = np.array([rival.words for rival in rivals])
    pruned = scores.min() - PRUNED_MARGIN
    leads = []
    for frame in np.flatnonzero(best_words >= 0):
        first = max(0, frame - WORD_END_TOLERANCE_FRAMES)
        near = table[:, first : frame + WORD_END_TOLERANCE_FRAMES + 1]
        having = (near == best_words[frame]).any(axis=1)
        best_with = scores[having].max() if having.any() else pruned
        best_without = scores[~having].max() if not having.all() else pruned
        leads.append(float(best_with - best_without))
    return tuple(leads)


def _alternatives(
    words: Sequence[int], rivals: Sequence[Hypothesis], spelled: Sequence[str]
) -> list[tuple[str, ...]]:
    """What the best of ``rivals`` have instead of each word, where it ends; see :func:`_leads`."""
    best_words = np.array(words)
    table = np.array([rival.words for rival in rivals[:MAX_RIVALS]])
    found = []
    for frame in np.flatnonzero(best_words >= 0):
        first = max(0, frame - WORD_END_TOLERANCE_FRAMES)
        near = table[:, first : frame + WORD_END_TOLERANCE_FRAMES + 1]
        without = near[~(near == best_words[frame]).any(axis=1)]
        numbers = without[without >= 0]  # row by row: those of the best rival come first
        texts = dict.fromkeys(spelled[number] for number in numbers if number < len(spelled))
        found.append(tuple(texts)[:MAX_ALTERNATIVES])
    return found


def _shifted(word: Word, by_s: float) -> Word:
    return replace(word, start_s=round(word.start_s + by_s, 6), end_s=round(word.end_s + by_s, 6))
