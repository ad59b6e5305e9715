"""Trials of ``benchmarks.find``: a word as a query, and a recording in which another utterance of it occurs.

Recordings are joined from the audio of whole utterances. Where words are is known from the alignment of the
transcripts with each utterance alone.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks.recognition import TEST_SET
from wav2vec2_app.speech.alignment import AlignedWord
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.worker.model.alignment import align
from wav2vec2_app.worker.model.decoding import tokenizer_of
from wav2vec2_app.worker.model.recognizer import Recognizer

HELD_OUT = ("1737", "32", "7312", "669")
"""Speakers of ``train.tsv`` that the training recipe leaves out."""
TRIALS = 50
LENGTH_S = 60.0
PAUSE_S = 0.3
"""Between two utterances of a recording."""
QUERY_S = (0.5, 1.0)
MIN_LETTERS = 3

Times = Sequence[tuple[str, float, float]]
"""Text, start and end of words, seconds."""


@dataclass(frozen=True)
class Utterance:
    """One utterance and when its words are spoken."""

    speaker: str
    samples: Float32
    emission: Emission
    words: tuple[AlignedWord, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    def has(self, word: str) -> bool:
        return any(one.text == word for one in self.words)


@dataclass(frozen=True)
class Trial:
    """A word, one utterance of it, and a recording that has others, with its words.

    Attributes:
        query: samples of the word alone, as a file has them.
        selected: log-probabilities of the word where it is said, as a selection in a recording has them.
        recording: samples.
    """

    word: str
    query: Float32
    selected: Float32
    recording: Float32
    words: Times


def read(one: Recognizer, table: Path, speakers: Sequence[str] = ()) -> list[Utterance]:
    """The utterances of a table, of some speakers or of all."""
    found = []
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if speakers and row["speaker"] not in speakers:
                continue
            samples, rate_hz = soundfile.read(table.parent / row["path"], dtype="float32")
            samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
            emission = one.emit(samples)
            words = align(emission, row["transcript"], tokenizer_of(emission)).words
            found.append(Utterance(row["speaker"], samples, emission, words))
    return found


def held_out(one: Recognizer) -> list[Utterance]:
    """The utterances of the speakers that the model was not trained with."""
    return read(one, TEST_SET.parent / "train.tsv", HELD_OUT)


def trials(utterances: Sequence[Utterance], seed: int, *, same_voice: bool) -> list[Trial]:
    """:data:`TRIALS` of words that are drawn from all that two utterances have, each as often as needed.

    Every word has the same chance, then each of its pairs.
    """
    rng = np.random.default_rng(seed)
    pairs = defaultdict(list)
    for word, source, target in _pairs(utterances, same_voice=same_voice):
        pairs[word.text].append((word, source, target))
    names = sorted(pairs)
    drawn = [names[at] for _ in range(TRIALS) for at in rng.permutation(len(names))][:TRIALS]
    return [_trial(*pairs[name][rng.integers(len(pairs[name]))], utterances, rng) for name in drawn]


def _pairs(
    utterances: Sequence[Utterance], *, same_voice: bool
) -> Iterator[tuple[AlignedWord, Utterance, Utterance]]:
    """Words, the utterance that each is cut from, and another one that has it."""
    for source in utterances:
        for word in source.words:
            length_s = word.end_s - word.start_s
            if len(word.text) < MIN_LETTERS or not QUERY_S[0] <= length_s <= QUERY_S[1]:
                continue
            for target in utterances:
                same = source.speaker == target.speaker
                if target is not source and same is same_voice and target.has(word.text):
                    yield word, source, target


def _trial(
    word: AlignedWord,
    source: Utterance,
    target: Utterance,
    utterances: Sequence[Utterance],
    rng: np.random.Generator,
) -> Trial:
    """The recording is of the voice of the target, and of others only if it has not said enough."""
    others = [one for one in utterances if one is not source and one is not target]
    order = [others[at] for at in rng.permutation(len(others))]
    parts, length_s = [target], target.duration_s
    for one in sorted(order, key=lambda one: one.speaker != target.speaker):
        if length_s >= LENGTH_S:
            break
        parts.append(one)
        length_s += one.duration_s + PAUSE_S
    samples, words = _joined([parts[at] for at in rng.permutation(len(parts))])
    query = source.samples[
        round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)
    ]
    frame_s = source.emission.frame_s
    selected = source.emission.log_probs[
        round(word.start_s / frame_s) : round(word.end_s / frame_s)
    ]
    return Trial(word.text, query, selected, samples, words)


def _joined(parts: Sequence[Utterance]) -> tuple[Float32, Times]:
    """The audio of utterances one after the other, and the time of every word."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    samples: list[Float32] = []
    words: list[tuple[str, float, float]] = []
    begin_s = 0.0
    for part in parts:
        samples += [part.samples, pause]
        words += [(one.text, begin_s + one.start_s, begin_s + one.end_s) for one in part.words]
        begin_s += part.duration_s + PAUSE_S
    return np.concatenate(samples), words
