"""``python -m benchmarks.history``: storing a result or a correction, opening one, searching 10,000.

The history of one owner, beside those of others, with transcripts of about a minute and their
emissions. Measured are the calls that a server makes, as it waits for them: with the thread and the file.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, show
from wav2vec2_app.server.api.history_corrections import parse_correction
from wav2vec2_app.server.assets import assets_path
from wav2vec2_app.server.results import AudioResult
from wav2vec2_app.server.storage import items
from wav2vec2_app.server.storage.corrections import store_correction
from wav2vec2_app.server.storage.database import Database, transaction
from wav2vec2_app.server.storage.history import HISTORY_FILE, HistoryPolicy, HistoryStore
from wav2vec2_app.server.storage.migrations import HISTORY
from wav2vec2_app.server.storage.packing import pack
from wav2vec2_app.server.storage.records import ListQuery, NewItem, owner_of_key
from wav2vec2_app.speech.audio import SAMPLE_RATE_HZ, Audio
from wav2vec2_app.speech.emission import Emission
from wav2vec2_app.speech.models import ModelInfo
from wav2vec2_app.speech.options import DEFAULT_OPTIONS
from wav2vec2_app.speech.transcript import Recognition, Transcript, Word

ITEMS = 10_000
OTHERS = 10
"""Other owners."""
OTHER_ITEMS = 2_000
"""Items of the other owners together."""
ROUNDS = 200
LIMIT_MS = 50.0
RECORDING_S = 60.0
WORDS_PER_S = 2.5
FRAME_S = 0.02
TOKENS = 32
SEED = 20
AUDIO = Audio(
    np.zeros(round(RECORDING_S * SAMPLE_RATE_HZ), np.float32), SAMPLE_RATE_HZ, 1, "wav/pcm_s16le"
)
OWNER = owner_of_key("benchmark" * 4)


class Texts:
    """Texts of words from the embedded lexicon, common words more often."""

    def __init__(self) -> None:
        self.words = (assets_path() / "lm" / "words.txt").read_text("utf-8").split()
        self._random = random.Random(SEED)
        ranks = np.arange(1, len(self.words) + 1)
        self._cumulative = np.cumsum(1 / ranks).tolist()

    def make(self, count: int) -> list[str]:
        return self._random.choices(self.words, cum_weights=self._cumulative, k=count)


def new_item(words: Sequence[str], number: int, owner: str, *, emission: bool) -> NewItem:
    """A result of a minute; without an emission where it only fills the database."""
    step = RECORDING_S / len(words)
    timed = tuple(Word(word, step * at, step * (at + 1), 0.9) for at, word in enumerate(words))
    model = ModelInfo("embedded", "embedded", "openvino", "cpu", "fp32", 5_400_000, 10_900_000)
    transcript = Transcript(" ".join(words), timed, 0.9, RECORDING_S, model)
    recognition = Recognition(transcript, noise(number) if emission else None)
    result = AudioResult(f"request-{number}", AUDIO, (), recognition)
    return NewItem(owner, result.id, "", f"recording {number}.wav", result, DEFAULT_OPTIONS)


def noise(seed: int) -> Emission:
    """An emission that cannot be compressed better than a real one."""
    logits = np.random.default_rng(seed).normal(
        scale=4, size=(round(RECORDING_S / FRAME_S), TOKENS)
    )
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    tokens = tuple(f"t{number}" for number in range(TOKENS))
    return Emission(log_probs.astype(np.float32), tokens, 0, "t1", FRAME_S)


async def fill(folder: Path, texts: Texts) -> None:
    """The items of the owner, and those of others, in one transaction; all have one response."""
    others = [owner_of_key(f"other-owner-{number:08}") for number in range(OTHERS)]
    count = round(RECORDING_S * WORDS_PER_S)
    packed = pack(new_item(texts.make(count), 0, OWNER, emission=False))

    def work(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            for number in range(ITEMS + OTHER_ITEMS):
                owner = others[number % OTHERS] if number < OTHER_ITEMS else OWNER
                new = replace(packed.new, owner=owner, request_id=f"filled-{number}")
                text = " ".join(texts.make(count)).capitalize()
                items.insert(connection, replace(packed, new=new, text=text), float(number))

    database = Database(folder / HISTORY_FILE, HISTORY)
    await database.write(work)
    await database.close()


async def timed_s(calls: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    """How long each call took, seconds."""
    found = []
    for call in calls:
        begin = time.perf_counter()
        await call()
        found.append(time.perf_counter() - begin)
    return found


def p95(name: str, seconds: Sequence[float]) -> Figure:
    """The 95th percentile, with the median and the slowest as its spread."""
    ms = [1000 * value for value in seconds]
    at_95 = statistics.quantiles(ms, n=20, method="inclusive")[-1]
    return Figure(name, at_95, "ms", LIMIT_MS, (statistics.median(ms), max(ms)))


def corrections(
    texts: Texts, ids: Sequence[str], chance: random.Random
) -> Iterator[Callable[[HistoryStore], Awaitable[object]]]:
    """Corrections of stored transcripts, some of them for the second time: the body that the page sends."""
    count = round(RECORDING_S * WORDS_PER_S)
    for item in chance.choices(ids, k=ROUNDS):
        rows = [
            {"text": word, "start": at / 2.5, "end": at / 2.5 + 0.4, "confidence": 0.9}
            for at, word in enumerate(texts.make(count))
        ]
        body = json.dumps({"words": rows, "names": {}}).encode()

        async def change(store: HistoryStore, item: str = item, body: bytes = body) -> object:
            correction = await asyncio.to_thread(parse_correction, body)
            return await store_correction(store, OWNER, item, correction)

        yield change


async def measure(folder: Path) -> Sequence[Figure]:
    texts, chance = Texts(), random.Random(SEED)
    await fill(folder, texts)
    store = HistoryStore(folder, HistoryPolicy(retention_s=1e12, limit_bytes=1 << 40))
    await store.start()
    words = round(RECORDING_S * WORDS_PER_S)
    new = [new_item(texts.make(words), 1 + n, OWNER, emission=True) for n in range(ROUNDS)]
    stored = await timed_s([lambda item=item: store.add(item) for item in new])  # type: ignore[misc]
    pages = [
        await store.find(OWNER, ListQuery(before=n, limit=1))
        for n in range(OTHER_ITEMS + 50, OTHER_ITEMS + ITEMS, 50)
    ]
    ids = [page.items[0].id for page in pages if page.items]
    corrected = await timed_s(
        [lambda change=change: change(store) for change in corrections(texts, ids, chance)]  # type: ignore[misc]
    )
    opened = await timed_s(
        [lambda one=one: store.get(OWNER, one) for one in chance.sample(ids, ROUNDS - 10)]  # type: ignore[misc]
    )
    queries = [
        *(" ".join(texts.make(chance.randint(1, 3))) for _ in range(ROUNDS)),
        *texts.words[:20],  # in nearly every transcript
        "zyzzyva",
        *(word[:2] for word in texts.make(20)),
    ]
    searched = await timed_s(
        [lambda text=text: store.find(OWNER, ListQuery(text)) for text in queries]  # type: ignore[misc]
    )
    await store.close()
    return (
        p95("store a result of 60 s, 95th percentile", stored),
        p95("store a correction of 60 s, 95th percentile", corrected),
        p95("open a result, 95th percentile", opened),
        p95("search 10,000 transcripts, 95th percentile", searched),
    )


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="wav2vec2-history-") as name:
        folder = Path(name)
        figures = asyncio.run(measure(folder))
        size_bytes = sum(path.stat().st_size for path in folder.iterdir())
        size = Figure("database", size_bytes / 2**20, "MiB")
        return 0 if show("history", [*figures, size]) else 1


if __name__ == "__main__":
    sys.exit(main())
