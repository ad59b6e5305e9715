"""``python -m benchmarks.engines [ROUNDS [UTTERANCES]]``: accuracy and speed of each precision.

*Accuracy*: word error rate of the embedded model on the test table, with the default beam, at every precision
that this processor supports; and the share of frames whose most probable token is that of fp32.
*Speed*: random weights of the base size, 10 s and 1 s of audio, all precisions and transformers' own pipeline
in fp32, interleaved (A B A B). Their emissions are compared by cosine: unchanged, and with each token's mean
subtracted, since random weights give nearly the same output for every frame.
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
from wav2vec2_app.server.assets import assets_path
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
    """The precisions that the settings offer and this processor supports, :data:`EXACT` first."""
    import openvino as ov

    able = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    offered = get_args(Settings.model_fields["precision"].annotation)
    faster = [name for name in offered if name != EXACT and name.upper() in able]
    if not faster:
        print("This processor supports fp32 only.")
    return [EXACT, *faster]


def recognizers(folder: Path) -> Recognizers:
    checkpoint = Checkpoint(folder.name, folder, "folder")
    return {name: Recognizer(checkpoint, OpenVinoEngine(name)) for name in precisions()}


def accuracy(utterances: Sequence[Utterance]) -> list[Figure]:
    references = [text for _, text in utterances]
    decoder = EmissionDecoder(assets_path() / "lm")
    clips = [samples_of(path) for path, _ in utterances]
    exact: list[Emission] = []
    exact_wer = 0.0
    figures = []
    for name, recognizer in recognizers(assets_path() / "model").items():
        emissions = [recognizer.emit(clip) for clip in clips]
        wer = 100 * jiwer.wer(references, [text_of(decoder, emission) for emission in emissions])
        figures.append(Figure(f"embedded, {name}: word error rate", wer, "%"))
        if name == EXACT:
            exact, exact_wer = emissions, wer
            continue
        difference, same = abs(wer - exact_wer), 100 * agreement(exact, emissions)
        figures += [
            Figure(f"embedded, {name}: word error rate, difference from fp32", difference, "points", 0.5),
            Figure(f"embedded, {name}: frames with the top token of fp32", same, "%", at_least=99.0),
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
    """Share of all frames in which both have the same most probable token."""
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
    figures = similarity(by_precision)
    for length_s in LENGTHS_S:
        clip = samples_of(clip_of(length_s))
        runs = {"pipeline in fp32": pipeline_run(folder, clip)}
        runs |= {name: engine_run(one, clip) for name, one in by_precision.items()}
        spent_s = interleaved(runs, rounds)
        label = f"base-sized, {length_s:g} s"
        figures += [median_ms(f"{label}: {name}", seconds) for name, seconds in spent_s.items()]
        pipeline_s = spent_s.pop("pipeline in fp32")
        for name, seconds in spent_s.items():
            figures.append(
                ratio(f"{label}: {name}, times as fast as the pipeline", pipeline_s, seconds)
            )
    return figures


def similarity(by_precision: Recognizers) -> list[Figure]:
    clip = samples_of(clip_of(LENGTHS_S[0]))
    found = {name: one.emit(clip).log_probs for name, one in by_precision.items()}
    exact = found.pop(EXACT)
    figures = []
    for name, log_probs in found.items():
        label = f"base-sized, {name}: cosine with the emission of fp32"
        centred = cosine(log_probs - log_probs.mean(axis=0), exact - exact.mean(axis=0))
        figures += [
            Figure(label, cosine(log_probs, exact), "", at_least=0.99),
            Figure(f"{label}, means subtracted", centred, ""),
        ]
    return figures


def pipeline_run(folder: Path, clip: Float32) -> Callable[[], object]:
    from transformers import pipeline

    recognize = pipeline("automatic-speech-recognition", str(folder), device="cpu")
    return lambda: recognize({"raw": clip.copy(), "sampling_rate": SAMPLE_RATE_HZ})


def engine_run(recognizer: Recognizer, clip: Float32) -> Callable[[], object]:
    """From samples to greedily decoded text, as the pipeline does."""

    def transcribe() -> object:
        emission = recognizer.emit(clip)
        return words_of_path(emission, emission.log_probs.argmax(axis=1))

    return transcribe


def interleaved(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each run in each round; the runs alternate, and the first round does not count."""
    spent_s: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if number:
                spent_s[name].append(time.perf_counter() - begin)
    return spent_s


def ratio(
    name: str, slow_s: Sequence[float], fast_s: Sequence[float], at_least: float = 1.0
) -> Figure:
    """Speed-up in each round; the default bar is 1."""
    times = [slow / fast for slow, fast in zip(slow_s, fast_s, strict=True)]
    spread = (min(times), max(times))
    return Figure(name, statistics.median(times), "times", None, spread, at_least)


def measure(rounds: int = ROUNDS, most: int | None = None) -> Sequence[Figure]:
    """At most ``most`` utterances; all by default."""
    if not TEST_SET.exists():
        print(f"{TEST_SET.name} was not found: the example clips are used instead.")
    utterances = from_table(TEST_SET) if TEST_SET.exists() else examples()
    return [*accuracy(utterances[:most]), *speed(rounds)]


if __name__ == "__main__":
    show("engines", measure(*map(int, sys.argv[1:3])))
