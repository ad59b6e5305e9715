"""Conversations composed from single utterances, with who speaks when, and the diarization error rate."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32

LENGTH_S = 60.0
"""A conversation ends with the turn after which it is this long, or one speaker has no more to say."""
TURN_S = (1.0, 8.0)
GAP_S = (-0.4, 1.0)
"""Between the end of a turn and the next one's beginning; negative: both speak."""
GAIN_DB = 3.0
NOISE_DBFS = -60.0

FRAME_S = 0.01
QUIET_DB = 35.0
"""Frames of an utterance this far below its loudest one are not speech."""
PAUSE_S = 0.3
"""Shorter pauses of a speaker count as speech, seconds."""
COLLAR_S = 0.25
"""Time on either side of each reference boundary that is not scored, seconds."""

Span = tuple[float, float]
Spans = Mapping[str, Sequence[Span]]
"""When each speaker speaks, seconds."""


@dataclass(frozen=True)
class Conversation:
    """A recording, and when each of its speakers speaks."""

    samples: Float32
    speech: Spans


@dataclass(frozen=True)
class Errors:
    """Seconds of speech that were missed, found where there is none, and of another speaker, and of all."""

    missed: float = 0.0
    false_alarm: float = 0.0
    confused: float = 0.0
    speech: float = 0.0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
            self.speech + other.speech,
        )

    @property
    def rate(self) -> float:
        """Diarization error rate, percent."""
        return 100 * (self.missed + self.false_alarm + self.confused) / self.speech


def read_speakers(table: Path) -> dict[str, list[Path]]:
    """The utterances of each speaker in a table of recordings."""
    found: dict[str, list[Path]] = defaultdict(list)
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            found[row["speaker"]].append(table.parent / row["path"])
    return dict(found)


def compose(utterances: Mapping[str, Sequence[Path]], rng: np.random.Generator) -> Conversation:
    """A conversation of speakers who take turns, with pauses and overlaps."""
    pieces = {name: _turns(paths, rng) for name, paths in utterances.items()}
    gains = {name: 10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20) for name in utterances}
    mix = np.zeros(round((LENGTH_S + 3 * TURN_S[1]) * SAMPLE_RATE_HZ), np.float32)
    speech: dict[str, list[Span]] = {name: [] for name in utterances}
    at_s, last, names = 0.5, "", sorted(utterances)
    while at_s < LENGTH_S:
        last = str(rng.choice([name for name in names if name != last or len(names) == 1]))
        piece = next(pieces[last], None)
        if piece is None:
            break
        begin = round(at_s * SAMPLE_RATE_HZ)
        mix[begin : begin + len(piece)] += piece * np.float32(gains[last])
        speech[last] += [(at_s + start, at_s + end) for start, end in spoken(piece)]
        at_s += len(piece) / SAMPLE_RATE_HZ + rng.uniform(*GAP_S)
    mix = mix[: round((at_s + 1.0) * SAMPLE_RATE_HZ)]
    noise = rng.normal(scale=10 ** (NOISE_DBFS / 20), size=len(mix))
    return Conversation((mix + noise).astype(np.float32), speech)


def spoken(samples: Float32) -> list[Span]:
    """Where an utterance without noise has speech, seconds; short pauses are closed."""
    active = _active(samples)
    begins = np.flatnonzero(active & ~np.r_[False, active[:-1]]) * FRAME_S
    ends = (np.flatnonzero(active & ~np.r_[active[1:], False]) + 1) * FRAME_S
    found: list[Span] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if found and begin - found[-1][1] < PAUSE_S:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def errors(reference: Spans, found: Spans) -> Errors:
    """The errors of ``found`` under the assignment of speakers that makes them fewest."""
    ends = [end for spans in (*reference.values(), *found.values()) for _, end in spans]
    frames = round(max(ends, default=0.0) / FRAME_S) + 1
    true, hypothesis = _grid(reference, frames), _grid(found, frames)
    scored = ~_collars(reference, frames)
    true, hypothesis = true[:, scored], hypothesis[:, scored]
    shared = true.astype(np.int64) @ hypothesis.T.astype(np.int64)
    right = int(shared[linear_sum_assignment(-shared)].sum())
    speakers, labels = true.sum(axis=0), hypothesis.sum(axis=0)
    both = int(np.minimum(speakers, labels).sum())
    return Errors(
        missed=float(np.maximum(speakers - labels, 0).sum()) * FRAME_S,
        false_alarm=float(np.maximum(labels - speakers, 0).sum()) * FRAME_S,
        confused=(both - right) * FRAME_S,
        speech=float(speakers.sum()) * FRAME_S,
    )


def _turns(paths: Sequence[Path], rng: np.random.Generator) -> Iterator[Float32]:
    """The utterances in an arbitrary order, cut in pauses to pieces of at most a drawn length."""
    for index in rng.permutation(len(paths)):
        samples, rate_hz = soundfile.read(paths[index], dtype="float32")
        samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
        spans = spoken(samples)
        while spans:
            longest_s = rng.uniform(*TURN_S)
            count = 1
            while count < len(spans) and spans[count][1] - spans[0][0] <= longest_s:
                count += 1
            begin, end = spans[0][0] - FRAME_S, spans[count - 1][1] + FRAME_S
            yield samples[max(0, round(begin * SAMPLE_RATE_HZ)) : round(end * SAMPLE_RATE_HZ)]
            spans = spans[count:]


def _active(samples: Float32) -> NDArray[np.bool_]:
    hop = round(FRAME_S * SAMPLE_RATE_HZ)
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    level_db = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    active: NDArray[np.bool_] = level_db > np.percentile(level_db, 99) - QUIET_DB
    return active


def _grid(spans: Spans, frames: int) -> NDArray[np.bool_]:
    """Whether each speaker speaks in each frame: ``(speakers, frames)``."""
    grid = np.zeros((len(spans), frames), np.bool_)
    for row, name in zip(grid, spans, strict=True):
        for start, end in spans[name]:
            row[round(start / FRAME_S) : round(end / FRAME_S)] = True
    return grid


def _collars(reference: Spans, frames: int) -> NDArray[np.bool_]:
    collars = np.zeros(frames, np.bool_)
    for spans in reference.values():
        for boundary in (time_s for span in spans for time_s in span):
            first = round((boundary - COLLAR_S) / FRAME_S)
            collars[max(0, first) : round((boundary + COLLAR_S) / FRAME_S)] = True
    return collars
