"""``python -m benchmarks.engines [ROUNDS [UTTERANCES]]``: what each precision costs in accuracy, and gains.

*Accuracy*: the embedded model reads the test table from its emissions at every precision that this processor
has, with the default beam; how often the best character of a frame is the one of fp32.
*Speed*: random weights of the base size, 10 s and 1 s of audio, all precisions and transformers' own pipeline
in fp32 in turn (A B A B). Their emissions are compared by their cosine: as they are, and with each
character's mean taken away, since random weights say nearly the same in every frame.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import get_args

import jiwer
import numpy as np
import soundfile
import soxr

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.recognition import TEST_SET, Utterance, examples, from_table
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.build import assets_path
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Float32
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.worker.model.ctc import words_of_path
from wav2vec2_app.worker.model.decoding import EmissionDecoder
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

ROUNDS = 7
LENGTHS_S = (10.0, 1.0)
EXACT = "fp32"

Recognizers = Mapping[str, Recognizer]
"""By precision, :data:`EXACT` among them."""


def precisions() -> list[str]:
    """What the settings offer and this processor computes in, :data:`EXACT` first."""
    import openvino as ov

    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    offered = get_args(Settings.model_fields["precision"].annotation)
    faster = [name for name in offered if name != EXACT and name.upper() in able]
    if not faster:
        print("this processor has no faster arithmetic: only fp32 is measured")
    return [EXACT, *faster]


def recognizers(folder: Path) -> Recognizers:
    checkpoint = Checkpoint(folder.name, folder, "folder")
    return {name: Recognizer(checkpoint, OpenVinoEngine(name)) for name in precisions()}


def accuracy(utterances: Sequence[Utterance]) -> list[Figure]:
    said = [text for _, text in utterances]
    decoder = EmissionDecoder(assets_path() / "lm")
    clips = [samples_of(path) for path, _ in utterances]
    exact: list[Emission] = []
    exact_wer = 0.0
    figures = []
    for name, recognizer in recognizers(assets_path() / "model").items():
        emissions = [recognizer.emit(clip) for clip in clips]
        wer = 100 * jiwer.wer(said, [text_of(decoder, emission) for emission in emissions])
        figures.append(Figure(f"embedded, {name}: word error rate", wer, "%"))
        if name == EXACT:
            exact, exact_wer = emissions, wer
            continue
        away, same = abs(wer - exact_wer), 100 * agreement(exact, emissions)
        figures += [
            Figure(f"embedded, {name}: word error rate, away from that of fp32", away, "points", 0.5),
            Figure(f"embedded, {name}: frames with the best character of fp32", same, "%", at_least=99.0),
        ]  # fmt: skip
    return figures


def samples_of(path: Path) -> Float32:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    resampled: Float32 = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
    return resampled


def text_of(decoder: EmissionDecoder, emission: Emission) -> str:
    words = decoder.decode(emission, DEFAULT_OPTIONS, embedded=True).words
    return " ".join(word.text for word in words).lower()


def agreement(some: Sequence[Emission], others: Sequence[Emission]) -> float:
    """The share of all frames in which both are surest of the same character."""
    same = [
        one.log_probs.argmax(axis=1) == other.log_probs.argmax(axis=1)
        for one, other in zip(some, others, strict=True)
    ]
    return float(np.concatenate(same).mean())


def cosine(one: Float32, other: Float32) -> float:
    """Of two emissions ``(frames, characters)`` as one long vector each."""
    left, right = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    return float(left @ right / (np.linalg.norm(left) * np.linalg.norm(right)))


def speed(rounds: int) -> list[Figure]:
    folder = base_sized_checkpoint()
    by_precision = recognizers(folder)
    figures = likeness(by_precision)
    for length_s in LENGTHS_S:
        clip = samples_of(clip_of(length_s))
        ways = {"pipeline in fp32": pipeline_way(folder, clip)}
        ways |= {name: engine_way(one, clip) for name, one in by_precision.items()}
        spent_s = in_turn(ways, rounds)
        label = f"base-sized, {length_s:g} s"
        figures += [median_ms(f"{label}: {name}", seconds) for name, seconds in spent_s.items()]
        pipeline_s = spent_s.pop("pipeline in fp32")
        for name, seconds in spent_s.items():
            figures.append(
                ratio(f"{label}: {name}, times as fast as the pipeline", pipeline_s, seconds)
            )
    return figures


def likeness(by_precision: Recognizers) -> list[Figure]:
    clip = samples_of(clip_of(LENGTHS_S[0]))
    found = {name: one.emit(clip).log_probs for name, one in by_precision.items()}
    exact = found.pop(EXACT)
    figures = []
    for name, log_probs in found.items():
        label = f"base-sized, {name}: cosine with the emission of fp32"
        centred = cosine(log_probs - log_probs.mean(axis=0), exact - exact.mean(axis=0))
        figures += [
            Figure(label, cosine(log_probs, exact), "", at_least=0.99),
            Figure(f"{label}, means taken away", centred, ""),
        ]
    return figures


def pipeline_way(folder: Path, clip: Float32) -> Callable[[], object]:
    from transformers import pipeline

    recognize = pipeline("automatic-speech-recognition", str(folder), device="cpu")
    return lambda: recognize({"raw": clip.copy(), "sampling_rate": SAMPLE_RATE_HZ})


def engine_way(recognizer: Recognizer, clip: Float32) -> Callable[[], object]:
    """From samples to text on the best path, as the pipeline does."""

    def read() -> object:
        emission = recognizer.emit(clip)
        return words_of_path(emission, emission.log_probs.argmax(axis=1))

    return read


def in_turn(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each way takes in each round; a first round does not count."""
    spent_s: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            if number:
                spent_s[name].append(time.perf_counter() - begin)
    return spent_s


def ratio(
    name: str, slow_s: Sequence[float], fast_s: Sequence[float], at_least: float = 1.0
) -> Figure:
    """How many times as fast, round by round; the bar is never slower unless said."""
    times = [slow / fast for slow, fast in zip(slow_s, fast_s, strict=True)]
    spread = (min(times), max(times))
    return Figure(name, statistics.median(times), "times", None, spread, at_least)


def measure(rounds: int = ROUNDS, most: int | None = None) -> Sequence[Figure]:
    """``most`` utterances at most; all of them by default."""
    if not TEST_SET.exists():
        print(f"{TEST_SET.name} is not here: the example clips are read instead")
    utterances = from_table(TEST_SET) if TEST_SET.exists() else examples()
    return [*accuracy(utterances[:most]), *speed(rounds)]


if __name__ == "__main__":
    show("engines", measure(*map(int, sys.argv[1:3])))
