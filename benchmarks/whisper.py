"""``python -m benchmarks.whisper FOLDER [TSV] [FIRST] [LAST]``: Whisper beside the embedded model.

Word error rate and speed of a Whisper checkpoint in CTranslate2's format on the utterances of a TSV
(default: ``../shared/speech/test-clean-60.tsv`` beside a checkout), or on those from FIRST to LAST; of
``word-times.tsv``, the errors of its word times. ``tools.whisper_base`` makes such a folder. Texts are
compared after the normalization that Whisper's authors use.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jiwer
import numpy as np
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

from benchmarks.alignment import WORD_TIMES, reference
from benchmarks.recognition import TEST_SET, Utterance, from_table
from benchmarks.report import Figure, median_ms, show
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource
from wav2vec2_app.speech.transcript import Transcript, Word

FOLDER = "TEST_WHISPER_FOLDER"
"""The environment variable with the folder of the checkpoint."""


def spoken(text: str) -> str:
    """``text`` without punctuation and capitals, numbers and titles in one spelling."""
    return str(_normalizer()(text))


@cache
def _normalizer() -> EnglishTextNormalizer:
    return EnglishTextNormalizer({})


async def transcribe(system: System, path: Path, model: str) -> tuple[Transcript, float]:
    """The transcript, and the seconds that it took."""
    begin = time.perf_counter()
    result = await system.orchestrator.run(AudioTask(AudioSource(path=path), model=model))
    if result.transcript is None:
        raise RuntimeError("the task gave no transcript")
    return result.transcript, time.perf_counter() - begin


async def score(system: System, model: str, utterances: Sequence[Utterance]) -> list[Figure]:
    """Word error rate and time, after one utterance to warm up."""
    await transcribe(system, utterances[0][0], model)
    found = [await transcribe(system, path, model) for path, _ in utterances]
    references = [spoken(text) for _, text in utterances]
    texts = [spoken(transcript.text) for transcript, _ in found]
    spent_s = [took_s for _, took_s in found]
    audio_s = sum(transcript.duration_s for transcript, _ in found)
    compared = jiwer.process_words(references, texts)
    errors = compared.substitutions + compared.deletions + compared.insertions
    return [
        Figure(f"{model}: utterances", len(texts), ""),
        Figure(f"{model}: word error rate", 100 * compared.wer, "%"),
        Figure(f"{model}: word errors", errors, "words"),
        median_ms(f"{model}: complete request", spent_s),
        Figure(f"{model}: time for a second of audio", sum(spent_s) / audio_s, "s"),
    ]


async def word_times(system: System, model: str, first: int, last: int) -> list[Figure]:
    """Errors of word starts and ends where the words were recognized correctly."""
    errors_ms: list[tuple[float, float]] = []
    for path, words in list(reference())[first:last]:
        found, _ = await transcribe(system, path, model)
        texts = [spoken(word.text) for word in found.words]
        if texts == [spoken(word) for word, _, _ in words]:
            errors_ms += [_errors_ms(*pair) for pair in zip(found.words, words, strict=True)]
    if not errors_ms:
        return []
    starts, ends = np.array(errors_ms).T
    return [
        Figure(f"{model}: word starts, median error", statistics.median(starts), "ms"),
        Figure(f"{model}: word starts, 90th percentile", float(np.percentile(starts, 90)), "ms"),
        Figure(f"{model}: word ends, median error", statistics.median(ends), "ms"),
        Figure(f"{model}: words compared", len(errors_ms), ""),
    ]


def _errors_ms(found: Word, expected: tuple[str, float, float]) -> tuple[float, float]:
    _, start_s, end_s = expected
    return 1000 * abs(found.start_s - start_s), 1000 * abs(found.end_s - end_s)


async def run(folder: Path, table: Path, first: int, last: int) -> list[Figure]:
    settings = Settings(
        fetch_models=False, model="embedded", model_folders=(folder,), log_level="WARNING"
    )
    system = build_system(settings)
    await system.orchestrator.start()
    try:
        if table == WORD_TIMES:
            return await word_times(system, folder.name, first, last)
        return await score(system, folder.name, from_table(table)[first:last])
    finally:
        await system.orchestrator.stop()


def measure(
    folder: str = os.environ.get(FOLDER, ""),
    table: str = str(TEST_SET),
    first: str = "0",
    last: str = "1000",
) -> Sequence[Figure]:
    if not (Path(folder) / "model.bin").is_file() or not Path(table).exists():
        print(f"Name a folder with a Whisper model, or set {FOLDER}; nothing was measured.")
        return []
    return asyncio.run(run(Path(folder).absolute(), Path(table), int(first), int(last)))


if __name__ == "__main__":
    show("whisper", measure(*sys.argv[1:5]))
