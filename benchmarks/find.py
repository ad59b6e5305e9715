"""``python -m benchmarks.find [SEED]``: how well a word is found again by its sound, and when typed.

Recordings of at least 60 s are joined from the emissions of utterances of four speakers that the training
recipe holds out;
the query is a word of 0.5 to 1 s, cut from an utterance that is not in the recording. Where words are is
known from the alignment of the transcripts. A typed keyword is searched for in the same recordings; the
threshold of its recall is the lowest with at most one false alarm a minute.
"""

from __future__ import annotations

import csv
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import soxr

from benchmarks.long_audio import recognizer
from benchmarks.recognition import TEST_SET
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.search import Hit
from wav2vec2_app.worker.model.alignment import align
from wav2vec2_app.worker.model.decoding import tokenizer_of
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.search import find_keyword, find_sound, prepare

HELD_OUT = ("1737", "32", "7312", "669")
TRIALS = 50
LENGTH_S = 60.0
QUERY_S = (0.5, 1.0)
MIN_ALIGNED = 0.2
"""Least score of an aligned word that is used as a query."""


@dataclass(frozen=True)
class Utterance:
    """One utterance and what is known of it."""

    speaker: str
    samples: Float32
    emission: Emission
    words: tuple[AlignedWord, ...]

    def has(self, word: str) -> bool:
        return any(one.text == word for one in self.words)


@dataclass(frozen=True)
class Trial:
    """A word, its sound in one utterance, and the utterances of the recording."""

    word: str
    query: Float32
    recording: tuple[Utterance, ...]


@dataclass(frozen=True)
class Recording:
    """An emission, and the text, start and end of each word."""

    emission: Emission
    words: Sequence[tuple[str, float, float]]


def read(one: Recognizer) -> list[Utterance]:
    table = TEST_SET.parent / "train.tsv"
    found = []
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if row["speaker"] not in HELD_OUT:
                continue
            samples, rate_hz = soundfile.read(table.parent / row["path"], dtype="float32")
            samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
            emission = one.emit(samples)
            words = align(emission, row["transcript"], tokenizer_of(emission)).words
            found.append(Utterance(row["speaker"], samples, emission, words))
    return found


def trials(utterances: Sequence[Utterance], seed: int, *, same_voice: bool) -> list[Trial]:
    """At most :data:`TRIALS`, each word once as long as there are others, twice at most."""
    rng = np.random.default_rng(seed)
    pairs = list(_pairs(utterances, same_voice))
    used: Counter[str] = Counter()
    found: list[Trial] = []
    for number in rng.permutation(len(pairs)):
        word, source, target = pairs[number]
        if used[word.text] == 2 or len(found) == TRIALS:
            continue
        used[word.text] += 1
        others = [
            one
            for one in utterances
            if one.speaker == target.speaker and one is not source and one is not target
        ]
        parts, length_s = [target], len(target.samples) / SAMPLE_RATE_HZ
        for index in rng.permutation(len(others)):
            if length_s < LENGTH_S:
                parts.append(others[index])
                length_s += len(others[index].samples) / SAMPLE_RATE_HZ
        frame_s = source.emission.frame_s
        query = source.emission.log_probs[
            round(word.start_s / frame_s) : round(word.end_s / frame_s)
        ]
        order = rng.permutation(len(parts))
        found.append(Trial(word.text, query, tuple(parts[index] for index in order)))
    return found


def _pairs(
    utterances: Sequence[Utterance], same_voice: bool
) -> Iterator[tuple[AlignedWord, Utterance, Utterance]]:
    for source, target in itertools.permutations(utterances, 2):
        if (source.speaker == target.speaker) is same_voice:
            for word in source.words:
                long_enough = QUERY_S[0] <= word.end_s - word.start_s <= QUERY_S[1]
                if long_enough and word.score > MIN_ALIGNED and target.has(word.text):
                    yield word, source, target


def joined(parts: Sequence[Utterance]) -> Recording:
    """The emissions of the utterances one after the other, and the time of every word."""
    words, begin_s = [], 0.0
    for part in parts:
        words += [(w.text, begin_s + w.start_s, begin_s + w.end_s) for w in part.words]
        begin_s += part.emission.duration_s
    log_probs = np.concatenate([part.emission.log_probs for part in parts])
    return Recording(replace(parts[0].emission, log_probs=log_probs, energy_db=None), words)


def is_right(hit: Hit, recording: Recording, word: str) -> bool:
    """Whether a hit covers at least half of an occurrence of ``word``."""
    return any(
        min(hit.end_s, end_s) - max(hit.start_s, start_s) > (end_s - start_s) / 2
        for text, start_s, end_s in recording.words
        if text == word
    )


def by_sound(chosen: Sequence[Trial], top: int) -> tuple[float, list[float], list[Recording]]:
    """The share of trials with a right hit among the first ``top``, the times, and the recordings."""
    right, times_s, recordings = 0, [], []
    for trial in chosen:
        recording = joined(trial.recording)
        begin = time.perf_counter()
        hits = find_sound(recording.emission, trial.query, limit=20)
        times_s.append(time.perf_counter() - begin)
        right += any(is_right(hit, recording, trial.word) for hit in hits[:top])
        recordings.append(recording)
    return right / max(1, len(chosen)), times_s, recordings


def by_keyword(chosen: Sequence[Trial], recordings: Sequence[Recording]) -> tuple[float, float]:
    """Recall of typed words at one false alarm a minute, and its threshold."""
    rated: list[tuple[float, bool]] = []
    present, audio_s = 0, 0.0
    for trial, recording in zip(chosen, recordings, strict=True):
        tokenizer = tokenizer_of(recording.emission)
        hits = find_keyword(recording.emission, trial.word, tokenizer, whole_words=True, limit=50)
        rated += [(hit.score, is_right(hit, recording, trial.word)) for hit in hits]
        present += sum(text == trial.word for text, _, _ in recording.words)
        audio_s += recording.emission.duration_s
    right = wrong = 0
    recall, threshold = 0.0, 1.0
    for score, is_hit in sorted(rated, reverse=True):
        right, wrong = right + is_hit, wrong + (not is_hit)
        if wrong > audio_s / 60:
            break
        recall, threshold = right / max(1, present), score
    return recall, threshold


def measure(seed: int = 1) -> Sequence[Figure]:
    one = recognizer()
    prepare()
    utterances = read(one)
    same, other = (trials(utterances, seed, same_voice=voice) for voice in (True, False))
    top_same, times_s, recordings = by_sound(same, 1)
    top_other, more_s, _ = by_sound(other, 5)
    recall, threshold = by_keyword(same, recordings)
    return [
        median_ms("search by sound in 60 s", [*times_s, *more_s], 200.0),
        Figure(f"same voice, top hit, {len(same)} trials", 100 * top_same, "%", at_least=80.0),
        Figure(f"other voice, top 5, {len(other)} trials", 100 * top_other, "%", at_least=60.0),
        Figure("typed: recall at 1 false alarm a minute", 100 * recall, "%"),
        Figure("typed: threshold of that recall", threshold, ""),
    ]


if __name__ == "__main__":
    show("find", measure(int(sys.argv[1]) if sys.argv[1:] else 1))
