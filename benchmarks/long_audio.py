"""``python -m benchmarks.long_audio``: windows against one pass over long audio, in-process.

Utterances of the test table are joined to recordings of one to five minutes. Both readings are scored against
what is said; and around every seam of two windows, words that only one of them has are counted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import soundfile
import soxr

from benchmarks.recognition import TEST_SET, from_table
from benchmarks.report import Figure, show
from wav2vec2_app.build import assets_path
from wav2vec2_app.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.model.reading import Reader
from wav2vec2_app.model.recognizer import Recognizer, emit_in_windows
from wav2vec2_app.model.resolve import Checkpoint
from wav2vec2_app.settings import Settings
from wav2vec2_app.types import AS_USUAL, SAMPLE_RATE_HZ, Float32, Word
from wav2vec2_app.windows import FrameGrid, windows_of

LENGTHS_S = (60.0, 120.0, 300.0)
PAUSE_S = 0.4
NEAR_S = 2.0
"""Words this close to a seam count as being at it."""


@dataclass(frozen=True)
class Recording:
    """Joined utterances: samples ``(n,)`` at 16 kHz and what is said."""

    samples: Float32
    text: str


def joined(table: Path, length_s: float) -> list[Recording]:
    """The utterances of ``table`` in order, joined to recordings of at least ``length_s``."""
    recordings: list[Recording] = []
    parts: list[Float32] = []
    texts: list[str] = []
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    for path, text in from_table(table):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        parts += [soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ), pause]
        texts.append(text)
        if sum(map(len, parts)) >= length_s * SAMPLE_RATE_HZ:
            recordings.append(Recording(np.concatenate(parts), " ".join(texts)))
            parts, texts = [], []
    return recordings


def recognizer() -> Recognizer:
    checkpoint = Checkpoint("embedded", assets_path() / "model", "embedded")
    return Recognizer(checkpoint, OpenVinoEngine("fp32"))


def seams_s(samples: int, window_s: float, overlap_s: float) -> list[float]:
    """Where one window ends and the next begins, seconds."""
    grid = FrameGrid()
    frame_s = grid.hop / SAMPLE_RATE_HZ
    windows = windows_of(samples, grid, window_s=window_s, overlap_s=overlap_s)
    return [
        (window.start // grid.hop + window.keep_to) * frame_s for window, _ in pairwise(windows)
    ]


def lost_or_doubled(one_pass: Sequence[Word], cut: Sequence[Word], seams: Sequence[float]) -> int:
    """Words near a seam that only one of two readings has."""
    texts = [" ".join(word.text for word in words) for words in (one_pass, cut)]
    found = jiwer.process_words(*texts).alignments[0]
    times = [
        *(w.start_s for c in found if c.type == "delete"
          for w in one_pass[c.ref_start_idx : c.ref_end_idx]),
        *(w.start_s for c in found if c.type == "insert"
          for w in cut[c.hyp_start_idx : c.hyp_end_idx]),
    ]  # fmt: skip
    return sum(any(abs(time - seam) < NEAR_S for seam in seams) for time in times)


def measure(table: Path = TEST_SET) -> Sequence[Figure]:
    settings = Settings()
    one = recognizer()
    sizes = {"window_s": settings.window_s, "overlap_s": settings.window_overlap_s}
    reader = Reader(assets_path() / "lm")
    figures = []
    crossed = wrong = 0
    for length_s in LENGTHS_S:
        said, read = [], {"one pass": [], "windows": []}
        for recording in joined(table, length_s):
            emissions = {
                "one pass": one.emit(recording.samples),
                "windows": emit_in_windows(one, recording.samples, **sizes),
            }
            words = {
                name: reader.read(emission, AS_USUAL, embedded=True).words
                for name, emission in emissions.items()
            }
            said.append(recording.text)
            for name, texts in read.items():
                texts.append(" ".join(word.text for word in words[name]).lower())
            seams = seams_s(len(recording.samples), **sizes)
            crossed += len(seams)
            wrong += lost_or_doubled(words["one pass"], words["windows"], seams)
        wer = {name: 100 * jiwer.wer(said, texts) for name, texts in read.items()}
        more = wer["windows"] - wer["one pass"]
        figures += [
            Figure(f"{length_s:.0f} s, one pass: word error rate", wer["one pass"], "%"),
            Figure(f"{length_s:.0f} s, windows: word error rate over that", more, "%", 0.5),
        ]
    return [*figures, Figure(f"words at {crossed} seams in one reading alone", wrong, "words")]


if __name__ == "__main__":
    show("long_audio", measure(*(Path(argument) for argument in sys.argv[1:2])))
