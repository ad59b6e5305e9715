"""``python -m benchmarks.live [TSV]``: how soon live captions come, and what they cost in accuracy.

Clips are streamed in real time, in blocks of 100 ms, to the real server: the example clips by one person,
then the utterances of the table by two at once. A word's *lag* is the time from its end, as in the offline
transcript of the same clip, until it is shown for the first time, tentative or not, as that very word.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
import soundfile
import soxr
from websockets.asyncio.client import connect

from benchmarks.recognition import TEST_SET, Utterance, examples, from_table
from benchmarks.report import Figure, median_ms, show
from benchmarks.server import running_server

RATE_HZ = 16_000
BLOCK_S = 0.1
NEAR_S = 0.3
"""A shown word is the offline one if it reads the same and begins within this time of it, seconds."""
PEOPLE = 2


@dataclass
class Shown:
    """One clip's session: when which words were shown, on the clock of its audio."""

    words: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    finals: list[str] = field(default_factory=list)
    committed: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    heard_s: float = 0.0
    behind: bool = False

    def take(self, message: dict[str, Any], at_s: float) -> None:
        kind = message["type"]
        if kind == "words":
            found = [*message["committed"], *message["tentative"]]
            self.words += [(at_s, word) for word in found]
            self.committed += [(at_s, word) for word in message["committed"]]
        elif kind == "final":
            self.words += [(at_s, word) for word in message["words"]]
            self.committed += [(at_s, word) for word in message["words"]]
            self.finals.append(message["text"])
        elif kind == "error":
            raise RuntimeError(message["error"]["message"])
        if "transcribed_s" in message:
            self.lags_s.append(at_s - self.heard_s)  # at its largest: just before these words came
            self.heard_s = message["transcribed_s"]
            self.behind = self.behind or message["behind"]


def first_s(shown: Sequence[tuple[float, dict[str, Any]]], word: dict[str, Any]) -> float | None:
    """When ``word`` was first among the shown ones."""
    return next(
        (
            at_s
            for at_s, one in shown
            if one["text"] == word["word"] and abs(one["start"] - word["start"]) <= NEAR_S
        ),
        None,
    )


async def stream(url: str, samples: np.ndarray) -> Shown:
    """One session in real time."""
    shown = Shown()
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    size = round(2 * RATE_HZ * BLOCK_S)
    async with connect(url.replace("http:", "ws:") + "/v1/live") as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate": RATE_HZ}))
        await socket.recv()
        begin = time.perf_counter()

        async def speak() -> None:
            for number, at in enumerate(range(0, len(pcm), size), start=1):
                await asyncio.sleep(begin + number * BLOCK_S - time.perf_counter())
                await socket.send(pcm[at : at + size])
            await socket.send(json.dumps({"type": "stop"}))

        speaking = asyncio.ensure_future(speak())
        async for message in socket:
            shown.take(json.loads(message), time.perf_counter() - begin)
        await speaking
    return shown


@dataclass
class Heard:
    """Everything that a group of clips gave."""

    said: list[str] = field(default_factory=list)
    offline: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    tentative_s: list[float] = field(default_factory=list)
    committed_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    words: int = 0
    behind: int = 0

    def take(self, text: str, offline: dict[str, Any], shown: Shown) -> None:
        self.said.append(text)
        self.offline.append(offline["text"].lower())
        self.live.append(" ".join(shown.finals).lower())
        self.lags_s += shown.lags_s
        self.behind += shown.behind
        for word in offline["words"]:
            self.words += 1
            for times, found in (
                (self.tentative_s, first_s(shown.words, word)),
                (self.committed_s, first_s(shown.committed, word)),
            ):
                if found is not None:
                    times.append(found - word["end"])

    @property
    def lost_points(self) -> float:
        """Word error rate of the final text over that of the offline text, points."""
        return 100 * (jiwer.wer(self.said, self.live) - jiwer.wer(self.said, self.offline))

    def figures(self, name: str, lag_bar_ms: float) -> list[Figure]:
        late_ms = 1000 * float(np.percentile(self.tentative_s, 90))
        matched = 100 * len(self.tentative_s) / max(1, self.words)
        return [
            median_ms(f"{name}: word's end to the word shown", self.tentative_s, lag_bar_ms),
            Figure(f"{name}: the same, 90th percentile", late_ms, "ms"),
            median_ms(f"{name}: word's end to the word that stands", self.committed_s),
            median_ms(f"{name}: audio not covered when words come", self.lags_s),
            Figure(f"{name}: clips in which the machine fell behind", self.behind, "clips", 0),
            Figure(f"{name}: offline words shown at the same place", matched, "%"),
            Figure(f"{name}: offline word error rate", 100 * jiwer.wer(self.said, self.offline), "%"),
            Figure(f"{name}: live word error rate over the offline one", self.lost_points, "points", 2.0),
        ]  # fmt: skip


def read(path: Path) -> np.ndarray:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ))


def offline(url: str, path: Path) -> dict[str, Any]:
    """The whole clip in one request; a word is ``{word, start, end}``."""
    form = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    files = {"file": path.read_bytes()}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=form, timeout=120)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def listen(url: str, utterances: Sequence[Utterance], people: int) -> Heard:
    """``people`` at once share the utterances."""
    whole = [await asyncio.to_thread(offline, url, path) for path, _ in utterances]
    heard, rest = Heard(), list(zip(utterances, whole, strict=True))

    async def person() -> None:
        while rest:
            (path, text), known = rest.pop(0)
            heard.take(text, known, await stream(url, read(path)))

    await asyncio.gather(*(person() for _ in range(people)))
    return heard


def measure(table: Path = TEST_SET) -> Sequence[Figure]:
    with running_server({"WAV2VEC2_MODEL": "embedded"}) as server:
        figures = asyncio.run(listen(server.url, examples(), 1)).figures("example clips", 700)
        if table.exists():
            utterances = from_table(table)
            heard = asyncio.run(listen(server.url, utterances, PEOPLE))
            figures += heard.figures(f"{table.stem}, {PEOPLE} at once", 700)
        else:
            heard = asyncio.run(listen(server.url, examples(), PEOPLE))
            figures += heard.figures(f"example clips, {PEOPLE} at once", 700)
    return figures


if __name__ == "__main__":
    show("live", measure(*(Path(argument) for argument in sys.argv[1:2])))
