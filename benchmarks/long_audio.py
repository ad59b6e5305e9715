"""``python -m benchmarks.long_audio``: windows against one pass over long audio, in-process.

Utterances of the test table are joined to recordings of one to five minutes; both are scored against the
transcript. Words lost or added are counted separately within a second of a seam of two windows and elsewhere:
if seams do no harm, the shares are equal. No word that both windows contain may be missing at a seam.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import soundfile
import soxr

from benchmarks.recognition import TEST_SET, from_table
from benchmarks.report import Figure, show
from benchmarks.seams import Tally, at_seams, emit_in_windows, tally
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model.decoding import EmissionDecoder
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

LENGTHS_S = (60.0, 120.0, 300.0)
PAUSE_S = 0.4


@dataclass(frozen=True)
class Recording:
    """Joined utterances: samples ``(n,)`` at 16 kHz and their transcript."""

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


def measure(table: Path = TEST_SET) -> Sequence[Figure]:
    settings = Settings()
    one = recognizer()
    decoder = EmissionDecoder(assets_path() / "lm")
    figures: list[Figure] = []
    near, far, crossed, lost, doubled = Tally(), Tally(), 0, 0, 0
    for length_s in LENGTHS_S:
        references: list[str] = []
        found: dict[str, list[str]] = {"one pass": [], "windows": []}
        for recording in joined(table, length_s):
            cut = emit_in_windows(one, recording.samples, settings)
            emissions = {"one pass": one.emit(recording.samples), "windows": cut.emission}
            words = {
                name: decoder.decode(emission, DEFAULT_OPTIONS, embedded=True).words
                for name, emission in emissions.items()
            }
            references.append(recording.text)
            for name, texts in found.items():
                texts.append(" ".join(word.text for word in words[name]).lower())
            crossed += len(cut.seams_s)
            met = at_seams(cut)
            lost, doubled = lost + met.lost, doubled + met.doubled
            tally(recording.text, words["windows"], cut.seams_s, near, far)
        wer = {name: 100 * jiwer.wer(references, texts) for name, texts in found.items()}
        more = wer["windows"] - wer["one pass"]
        figures += [
            Figure(f"{length_s:.0f} s, one pass: word error rate", wer["one pass"], "%"),
            Figure(f"{length_s:.0f} s, windows: word error rate over that", more, "%", 0.5),
        ]
    return [
        *figures,
        Figure(f"words lost at {crossed} seams that both windows contain", lost, "words", 0),
        Figure(f"words doubled at {crossed} seams", doubled, "words", 0),
        Figure(f"lost or added of {near.words} words at {crossed} seams", near.share, "%"),
        Figure(f"lost or added of {far.words} words elsewhere", far.share, "%"),
    ]


if __name__ == "__main__":
    show("long_audio", measure(*(Path(argument) for argument in sys.argv[1:2])))
