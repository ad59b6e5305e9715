"""Transcripts for the benchmark of the synthesis: of damaged recordings, and of Whisper; cached as JSON.

A damage is a decoder and noise of one colour added at a signal-to-noise ratio, the same noise in each run.
"""

from __future__ import annotations

import asyncio
import csv
import importlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.report import RESULTS
from wav2vec2_app.server.build import build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import Audio
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import DecodingOptions
from wav2vec2_app.speech.transcript import Transcript, Word

SPEECH: Final = Path(__file__).parents[2] / "shared" / "speech"
HELD_OUT: Final = frozenset({"1737", "32", "7312", "669"})
"""Speakers of ``train.tsv`` that no model was trained on; weights are tuned on them."""
PER_SPEAKER: Final = 24
"""Utterances of each of them, the first ones."""
CACHE: Final = RESULTS / "synthesis"


@dataclass(frozen=True)
class Utterance:
    """A recording and what is said in it."""

    path: Path
    reference: str
    speaker: str


@dataclass(frozen=True)
class Damage:
    """What is done to a recording before and while it is transcribed."""

    name: str
    decoder: str
    colour: float = 0.0
    """exponent of the noise's power spectrum: 0 is white, 1 is pink, 2 is brown"""
    snr_db: float = np.inf


def test_set() -> list[Utterance]:
    return list(_listed(SPEECH / "test-clean-60.tsv"))


def held_out() -> list[Utterance]:
    seen = Counter[str]()
    found = []
    for one in _listed(SPEECH / "train.tsv"):
        seen[one.speaker] += 1
        if one.speaker in HELD_OUT and seen[one.speaker] <= PER_SPEAKER:
            found.append(one)
    return found


def _listed(table: Path) -> Iterator[Utterance]:
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            path = table.parent / row["path"]
            yield Utterance(path, row["transcript"].lower(), row["speaker"])


def by_damage(name: str, utterances: Sequence[Utterance], damage: Damage) -> list[Transcript]:
    """The embedded model's transcripts of damaged recordings; ``name`` is that of the set."""
    cache = CACHE / f"{name}-{re.sub('[^a-z0-9]+', '-', damage.name.lower())}.json"
    if not cache.exists():
        _save(cache, asyncio.run(_transcribe(utterances, damage)))
    return _load(cache)


def by_whisper(name: str, utterances: Sequence[Utterance], folder: Path) -> list[Transcript]:
    """Transcripts of a Whisper model in CTranslate2's format."""
    cache = CACHE / f"{name}-{folder.name}.json"
    if not cache.exists():
        _save(cache, list(_whisper(utterances, folder)))
    return _load(cache)


async def _transcribe(utterances: Sequence[Utterance], damage: Damage) -> list[Transcript]:
    system = build_system(Settings(fetch_models=False, model="embedded", log_level="WARNING"))
    await system.orchestrator.start()
    try:
        found = []
        for one in utterances:
            task = AudioTask(
                audio=damaged(one.path, damage), decoding=DecodingOptions(decoder=damage.decoder)
            )
            result = await system.orchestrator.run(task)
            assert result.transcript is not None
            found.append(result.transcript)
        return found
    finally:
        await system.orchestrator.stop()


def damaged(path: Path, damage: Damage) -> Audio:
    """A recording with noise; its seed is the file's name."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    if np.isfinite(damage.snr_db):
        seed = zlib.crc32(f"{path.name} {damage.name}".encode())
        noise = coloured_noise(len(samples), damage.colour, np.random.default_rng(seed))
        level = np.sqrt(np.mean(samples**2)) * 10 ** (-damage.snr_db / 20)
        samples = np.clip(samples + level * noise, -1, 1).astype(np.float32)
    return Audio(samples, rate_hz, 1, "wav/pcm_s16le")


def coloured_noise(
    count: int, exponent: float, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Noise of unit power whose power spectrum falls with the frequency to the power ``exponent``."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    noise = np.fft.irfft(spectrum / frequency ** (exponent / 2), count)
    unit: npt.NDArray[np.float64] = noise / np.sqrt(np.mean(noise**2))
    return unit


def _whisper(utterances: Sequence[Utterance], folder: Path) -> Iterator[Transcript]:
    library = importlib.import_module("faster_whisper")  # an extra
    model = library.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    info = ModelInfo("whisper-base", "folder", "ctranslate2", "cpu", "int8", 0, 0, language="en")
    for one in utterances:
        samples, _ = soundfile.read(one.path, dtype="float32")
        segments, about = model.transcribe(samples, language="en", word_timestamps=True)
        words = tuple(
            Word(word.word.strip(), word.start, word.end, word.probability)
            for segment in segments
            for word in segment.words or ()
        )
        confidence = float(np.mean([word.confidence for word in words])) if words else 0.0
        text = " ".join(word.text for word in words)
        yield Transcript(text, words, confidence, about.duration, info)


def _save(cache: Path, transcripts: Sequence[Transcript]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps([asdict(one) for one in transcripts]), encoding="utf-8")


def _load(cache: Path) -> list[Transcript]:
    return [
        Transcript(
            **{
                **one,
                "words": tuple(Word(**word) for word in one["words"]),
                "model": ModelInfo(**one["model"]),
            }
        )
        for one in json.loads(cache.read_text(encoding="utf-8"))
    ]
