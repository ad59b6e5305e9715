"""Finds a keyword or a sound in an emission.

A keyword is scored by its best CTC path from any frame to any frame, relative to the best token of each
frame: 0 where the model writes exactly the keyword, without a lexicon. A sound is found by subsequence
dynamic time warping (Müller 2007, "Information Retrieval for Music and Motion", §4.4) over the logits of
the letters, standardised over the recording, whose distance is that of the cosine.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import InputError
from wav2vec2_app.speech.audio import Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.search import Hit, other_alphabet
from wav2vec2_app.speech.tokenization import TextTokenizer
from wav2vec2_app.worker.model.viterbi import compiled

FRAME_COST: Final = 0.02
"""Cost of each frame of a keyword's path, so that it does not begin long before the word."""
MIN_OVERLAP: Final = 0.3
"""Share of the shorter of two places above which they count as one."""
MIN_SCORE: Final = 0.02
"""Lower scores are left out."""
LOGIT_FLOOR: Final = -100.0
"""Lower log-probabilities count as this one."""
UNRELATED_COST: Final = 0.5
"""Mean distance of a path at which its score is 0: the best place of a word that is not said is near it."""
MIN_DEVIATION: Final = 1e-3
"""Added to the deviation of each logit over a recording."""
AUDIBLE_LETTERS: Final = 0.5
"""Least sum of the letters' probabilities in the frames of a query."""
MAX_SOUND_CELLS: Final = 200_000_000
"""Frames of the query times frames of the recording: ten seconds in two hours."""

Labels = NDArray[np.int32]
Columns = NDArray[np.bool_]
Costs = NDArray[np.float32]


def find_keyword(
    emission: Emission, keyword: str, tokenizer: TextTokenizer, *, whole_words: bool, limit: int
) -> tuple[Hit, ...]:
    """The places where ``keyword`` is spoken, the best first.

    Raises:
        InputError: ``find.no_letters``: the model's alphabet cannot spell it.
    """
    labels, letters = _labels(keyword, tokenizer, whole_words)
    scores = np.ascontiguousarray(emission.log_probs, np.float32)
    costs = scores.max(axis=1, keepdims=True, initial=-np.inf) - scores
    if whole_words and tokenizer.delimiter_id is not None:
        costs = _with_ends(costs, tokenizer.delimiter_id)
    cost, starts = _kernels()[0](costs, labels, emission.blank_id, FRAME_COST)
    shift = int(len(costs) != len(scores))
    found = _best(np.exp(-np.maximum(cost / letters, 0.0)), starts, limit)
    hits = [_without_pauses(_hit(one, emission, shift), emission, letters) for one in found]
    return tuple(sorted(hits, key=lambda hit: -hit.score))


def find_sound(emission: Emission, query: Float32, *, limit: int) -> tuple[Hit, ...]:
    """The places that sound like ``query`` ``(frames, tokens)``, log-probabilities, the best first.

    Raises:
        InputError: ``find.silent_query``, the query has no letter; ``find.query_too_long``, it is longer
            than the recording; ``find.too_long``, both are too long together; ``find.other_alphabet``, it
            was computed by a model with another alphabet.
    """
    if query.shape[1] != emission.log_probs.shape[1]:
        raise other_alphabet()
    spoken = _trimmed(query, emission)
    if len(spoken) > len(emission.log_probs):
        raise InputError(
            "The query is longer than the recording.",
            code="find.query_too_long",
            hint="Search for a word or a few.",
        )
    if len(spoken) * len(emission.log_probs) > MAX_SOUND_CELLS:
        raise InputError(
            "The query and the recording are too long together.",
            code="find.too_long",
            hint="Search for a word or a few, in shorter parts of the recording.",
        )
    costs, starts = _warped(*_features(spoken, emission.log_probs, emission.letter_columns))
    return tuple(
        _hit(one, emission, 0) for one in _best(1.0 - costs / UNRELATED_COST, starts, limit)
    )


def prepare() -> None:
    """Compile the kernels, or load them from disk, before the first search."""
    _kernels()


def _labels(keyword: str, tokenizer: TextTokenizer, whole_words: bool) -> tuple[Labels, int]:
    """The tokens of a keyword, with delimiters between its words, and how many of them are letters."""
    words = [part for word in tokenizer.tokenize(keyword) for part in word.parts]
    wildcards = any(word.wildcard for word in tokenizer.tokenize(keyword))
    if wildcards or not words:
        raise InputError(
            f"The model's alphabet cannot spell “{keyword[:40]}”.",
            code="find.no_letters",
            hint="Write it with the letters of the model's language, or search for its sound.",
        )
    between = [] if tokenizer.delimiter_id is None else [tokenizer.delimiter_id]
    labels = list(words[0])
    for word in words[1:]:
        labels += [*between, *word]
    if whole_words:
        labels = [*between, *labels, *between]
    return np.array(labels, np.int32), sum(map(len, words))


def _with_ends(costs: Costs, delimiter_id: int) -> Costs:
    """``costs`` with a frame before and after them that has the delimiter: a recording ends words."""
    end = np.full((1, costs.shape[1]), 50.0, np.float32)
    end[0, delimiter_id] = 0.0
    return np.concatenate([end, costs, end])


def _trimmed(query: Float32, emission: Emission) -> Float32:
    """The frames of a query from its first letter to its last."""
    letters = np.exp(query[:, emission.letter_columns]).sum(axis=1)
    if letters.sum() < AUDIBLE_LETTERS:
        raise InputError(
            "There is no speech in the query.",
            code="find.silent_query",
            hint="Say the word clearly, or select a stretch with speech.",
        )
    spoken_at = np.flatnonzero(letters > 0.1 * letters.max())
    return np.ascontiguousarray(query[max(0, spoken_at[0] - 1) : spoken_at[-1] + 2])


def _features(query: Float32, log_probs: Float32, letters: Columns) -> tuple[Float32, Float32]:
    """What is compared of the frames of a query and of a recording: vectors of length 1.

    They are the logits of the letters, standardised over the frames of the recording. Silence, which is not
    transcribed, has none.
    """
    first, second = (_logits(one, letters) for one in (query, log_probs))
    transcribed = second[np.ptp(second, axis=1) > 0]
    if len(transcribed):
        mean, deviation = transcribed.mean(axis=0), transcribed.std(axis=0) + MIN_DEVIATION
        first, second = (first - mean) / deviation, (second - mean) / deviation
    return _unit(first), _unit(second)


def _logits(log_probs: Float32, letters: Columns) -> Float32:
    """Logits of the letters, whose mean in each frame is 0."""
    found = np.maximum(log_probs[:, letters].astype(np.float32), LOGIT_FLOOR)
    logits: Float32 = found - found.mean(axis=1, keepdims=True)
    return logits


def _unit(vectors: Float32) -> Float32:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Float32 = np.ascontiguousarray(vectors / np.maximum(lengths, 1e-9), np.float32)
    return found


def _warped(query: Float32, frames: Float32) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each frame, the least mean cost of a path of ``query`` that ends there, and its first frame."""
    advance = _kernels()[1]
    cost, start = (1.0 - frames @ query[0]).astype(np.float64), np.arange(len(frames))
    length = np.ones(len(frames))
    for vector in query[1:]:
        advance(1.0 - frames @ vector, cost, start, length)
    return cost / length, start


def _best(
    scores: NDArray[np.float64], starts: NDArray[np.int64], limit: int
) -> Sequence[tuple[int, int, float]]:
    """First frame, last frame and score of the best places that do not overlap."""
    scores = np.where(np.isfinite(scores), scores, 0.0)
    ends = np.arange(len(scores))
    found: list[tuple[int, int, float]] = []
    while len(found) < limit and len(scores):
        last = int(np.argmax(scores))
        first, score = int(starts[last]), float(min(1.0, scores[last]))
        if score < MIN_SCORE:
            break
        found.append((first, last, score))
        shared = np.minimum(ends, last) - np.maximum(starts, first) + 1
        shorter = np.minimum(ends - starts, last - first) + 1
        scores[(shared > MIN_OVERLAP * shorter) | (ends == last)] = 0.0
    return found


def _hit(found: tuple[int, int, float], emission: Emission, shift: int) -> Hit:
    first, last, score = found
    first, last = max(0, first - shift), min(len(emission.log_probs) - 1, last - shift)
    return Hit(first * emission.frame_s, (last + 1) * emission.frame_s, score)


def _without_pauses(hit: Hit, emission: Emission, letters: int) -> Hit:
    """A keyword's hit from its first letter to its last; pauses around it do not lower its score.

    A path with the delimiters of the word reaches into the pauses, where the delimiters may be late.
    """
    first, last = (round(time_s / emission.frame_s) for time_s in (hit.start_s, hit.end_s))
    spelled = np.exp(emission.log_probs[first:last, emission.letter_columns]).sum(axis=1)
    at = np.flatnonzero(spelled > 0.1 * spelled.max(initial=0.0))
    if not len(at):
        return hit
    begin, end = first + int(at[0]), first + int(at[-1]) + 1
    pauses = last - first - (end - begin)
    score = min(1.0, hit.score * math.exp(FRAME_COST * pauses / letters))
    return Hit(begin * emission.frame_s, end * emission.frame_s, score)


def _spell(
    costs: Costs, labels: Labels, blank_id: int, frame_cost: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:  # pragma: no cover - compiled
    """For each frame, the least cost of a path through ``labels`` that ends there, and its first frame.

    States are the labels (even) and the blanks between them (odd).
    """
    count = 2 * len(labels) - 1
    cost, start = np.full(count, 1e9), np.zeros(count, np.int64)
    new_cost, new_start = np.full(count, 1e9), np.zeros(count, np.int64)
    ends, starts = np.full(len(costs), 1e9), np.arange(len(costs))
    for t in range(len(costs)):
        for state in range(count):
            best, begun = cost[state], start[state]
            if state == 0:
                if best > 0.0:
                    best, begun = 0.0, t
            elif cost[state - 1] < best:
                best, begun = cost[state - 1], start[state - 1]
            if state % 2 == 0:
                label = labels[state // 2]
                if state > 1 and label != labels[state // 2 - 1] and cost[state - 2] < best:
                    best, begun = cost[state - 2], start[state - 2]
                spent = costs[t, label]
            else:
                spent = costs[t, blank_id]
            new_cost[state], new_start[state] = best + spent + frame_cost, begun
        cost, new_cost = new_cost, cost
        start, new_start = new_start, start
        ends[t], starts[t] = cost[count - 1], start[count - 1]
    return ends, starts


def _advance(
    spent: Costs,
    total: NDArray[np.float64],
    start: NDArray[np.int64],
    length: NDArray[np.float64],
) -> None:  # pragma: no cover - compiled
    """Extend the paths to all frames by one frame of the query, which costs ``spent`` in each frame.

    Each step takes the predecessor with the least mean cost.
    """
    corner_total, corner_start, corner_length = total[0], start[0], length[0]
    total[0] += spent[0]
    length[0] += 1.0
    for j in range(1, len(spent)):
        diagonal = (corner_total + spent[j]) / (corner_length + 1.0)
        above = (total[j] + spent[j]) / (length[j] + 1.0)
        left = (total[j - 1] + spent[j]) / (length[j - 1] + 1.0)
        old_total, old_start, old_length = total[j], start[j], length[j]
        if diagonal <= above and diagonal <= left:
            total[j], start[j] = corner_total + spent[j], corner_start
            length[j] = corner_length + 1.0
        elif above <= left:
            total[j] += spent[j]
            length[j] += 1.0
        else:
            total[j], start[j] = total[j - 1] + spent[j], start[j - 1]
            length[j] = length[j - 1] + 1.0
        corner_total, corner_start, corner_length = old_total, old_start, old_length


@functools.cache
def _kernels() -> tuple[
    Callable[..., tuple[NDArray[np.float64], NDArray[np.int64]]], Callable[..., None]
]:
    """The compiled kernels."""
    return (
        compiled(_spell, "Tuple((f8[::1], i8[::1]))(f4[:,::1], i4[::1], i8, f8)"),
        compiled(_advance, "void(f4[::1], f8[::1], i8[::1], f8[::1])"),
    )
