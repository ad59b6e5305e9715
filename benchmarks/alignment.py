"""``python -m benchmarks.alignment``: cost of alignment, accuracy of word times and of confidences.

Times are compared with ``../shared/speech/word-times.tsv`` beside a checkout (forced alignments of
recordings that the embedded checkpoint was trained on, without their times), confidences with
``test-clean-60``. Both are skipped if the recordings are missing.
"""

from __future__ import annotations

import csv
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.recognition import TEST_SET
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.speech.transcript import Word
from wav2vec2_app.worker.model import viterbi
from wav2vec2_app.worker.model.alignment import align, align_words
from wav2vec2_app.worker.model.decoding import EmissionDecoder, tokenizer_of
from wav2vec2_app.worker.model.engines.openvino_engine import OpenVinoEngine
from wav2vec2_app.worker.model.recognizer import Recognizer
from wav2vec2_app.worker.model.resolve import Checkpoint

WORD_TIMES = TEST_SET.parent / "word-times.tsv"
FRAMES = 3000  # 60 s
LETTERS = 900
ROUNDS = 15

ReferenceWord = tuple[str, float, float]


def emission_of_noise(frames: int) -> tuple[Emission, str]:
    """A random emission and a random text of realistic size."""
    generator = np.random.default_rng(1)
    logits = generator.normal(scale=3, size=(frames, 32))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    vocabulary = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAOINSHRDLUMWCFGYPBVK'XJQZ")
    letters = "".join(generator.choice(list(vocabulary[5:31]), size=frames * LETTERS // FRAMES))
    text = " ".join(letters[at : at + 5] for at in range(0, len(letters), 5))
    special = vocabulary[1:4]
    return Emission(log_probs.astype(np.float16), vocabulary, 0, "|", 0.02, special), text


def cost() -> list[Figure]:
    begin = time.perf_counter()
    viterbi.prepare()
    loaded_s = time.perf_counter() - begin
    emission, text = emission_of_noise(FRAMES)
    speller = tokenizer_of(emission)
    spent = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        align(emission, text, speller)
        spent.append(time.perf_counter() - begin)
    return [
        median_ms("aligning 60 s to its text", spent[1:], 100),
        Figure("aligning an hour of decoded words", an_hour_s(), "s"),
        Figure("compiling the aligner, or loading it", loaded_s, "s"),
    ]


def an_hour_s() -> float:
    emission, text = emission_of_noise(60 * FRAMES)
    words = text.split()
    share_s = emission.duration_s / len(words)
    rough = [Word(word, at * share_s, (at + 0.8) * share_s, 1) for at, word in enumerate(words)]
    begin = time.perf_counter()
    align_words(emission, rough, tokenizer_of(emission))
    return time.perf_counter() - begin


def reference() -> Iterator[tuple[Path, list[ReferenceWord]]]:
    """Each recording of the reference with its words and their times."""
    with WORD_TIMES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for path, group in itertools.groupby(rows, key=lambda row: row["path"]):
        words = [(row["word"], float(row["start_s"]), float(row["end_s"])) for row in group]
        yield WORD_TIMES.parent / path, words


def boundary_errors_ms() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of the starts and of the ends of all words of the reference."""
    checkpoint = Checkpoint("embedded", assets_path() / "model", "embedded")
    recognizer = Recognizer(checkpoint, OpenVinoEngine("fp32"))
    errors_ms = []
    for path, words in reference():
        emission = recognizer.emit(soundfile.read(path, dtype="float32")[0])
        found = align(emission, " ".join(word for word, _, _ in words), tokenizer_of(emission))
        errors_ms += [
            (1000 * abs(one.start_s - start_s), 1000 * abs(one.end_s - end_s))
            for one, (_, start_s, end_s) in zip(found.words, words, strict=True)
        ]
    start_ms, end_ms = np.array(errors_ms).T
    return start_ms, end_ms


def word_times() -> list[Figure]:
    start_ms, end_ms = boundary_errors_ms()
    return [
        Figure("word starts: median error", float(np.median(start_ms)), "ms", 40),
        Figure("word starts: 90th percentile", float(np.percentile(start_ms, 90)), "ms", 120),
        Figure("word ends: median error", float(np.median(end_ms)), "ms"),
        Figure("word ends: 90th percentile", float(np.percentile(end_ms, 90)), "ms"),
    ]


def confidences() -> list[Figure]:
    """Confidences of the words of test-clean-60, as the application decodes them."""
    from training import calibrate
    from training.data import read_table

    folder = assets_path()
    checkpoint = Checkpoint("embedded", folder / "model", "embedded")
    recognizer = Recognizer(checkpoint, OpenVinoEngine("fp32"))
    decoder = EmissionDecoder(folder / "lm")
    table = read_table(TEST_SET)
    guess: list[float] = []
    right: list[float] = []
    for item, emission in zip(table, calibrate.emissions_of(recognizer, table), strict=True):
        words = decoder.decode(emission, DEFAULT_OPTIONS, embedded=True).words
        guess += [word.confidence for word in words]
        right += list(calibrate.is_right(item.text, [word.text.lower() for word in words]))
    ranked = 100 * calibrate.auroc(np.array(guess), np.array(right))
    error = 100 * calibrate.calibration_error(np.array(guess), np.array(right))
    return [
        Figure("confidence: right words ranked above wrong ones (AUROC)", ranked, "%", at_least=80),
        Figure("confidence: expected calibration error", error, "%", 8),
    ]


def measure() -> Sequence[Figure]:
    figures = cost()
    if WORD_TIMES.exists():
        figures += word_times()
    if TEST_SET.exists():
        figures += confidences()
    return figures


if __name__ == "__main__":
    show("alignment", measure())
