"""``python -m benchmarks.live [TSV]``: latency and accuracy of live captions.

Clips are streamed in real time, in blocks of 100 ms, to the real server: the example clips in one session,
then the utterances of the table in two concurrent sessions. The *lag* of a word is the time from its end, as
in the offline transcript of the same clip, until the same word is sent for the first time, tentative or not.
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
"""A live word matches the offline one if its text is equal and it begins within this time, seconds."""
SESSIONS = 2


@dataclass
class Session:
    """The messages about one clip: words with the time they arrived, on the clock of the audio."""

    words: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    finals: list[str] = field(default_factory=list)
    committed: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    transcribed_s: float = 0.0
    behind: bool = False

    def add(self, message: dict[str, Any], at_s: float) -> None:
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
            self.lags_s.append(
                at_s - self.transcribed_s
            )  # its maximum, just before these words arrived
            self.transcribed_s = message["transcribed_s"]
            self.behind = self.behind or message["behind"]


def first_s(words: Sequence[tuple[float, dict[str, Any]]], word: dict[str, Any]) -> float | None:
    """The time at which ``word`` first occurs in ``words``."""
    return next(
        (
            at_s
            for at_s, one in words
            if one["text"] == word["word"] and abs(one["start"] - word["start"]) <= NEAR_S
        ),
        None,
    )


async def stream(url: str, samples: np.ndarray) -> Session:
    """One session in real time."""
    session = Session()
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    size = round(2 * RATE_HZ * BLOCK_S)
    async with connect(url.replace("http:", "ws:") + "/v1/live") as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate": RATE_HZ}))
        await socket.recv()
        begin = time.perf_counter()

        async def send() -> None:
            for number, at in enumerate(range(0, len(pcm), size), start=1):
                await asyncio.sleep(begin + number * BLOCK_S - time.perf_counter())
                await socket.send(pcm[at : at + size])
            await socket.send(json.dumps({"type": "stop"}))

        sending = asyncio.ensure_future(send())
        async for message in socket:
            session.add(json.loads(message), time.perf_counter() - begin)
        await sending
    return session


@dataclass
class Results:
    """What was measured on a group of clips."""

    references: list[str] = field(default_factory=list)
    offline: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    tentative_s: list[float] = field(default_factory=list)
    committed_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)
    words: int = 0
    behind: int = 0

    def add(self, text: str, offline: dict[str, Any], session: Session) -> None:
        self.references.append(text)
        self.offline.append(offline["text"].lower())
        self.live.append(" ".join(session.finals).lower())
        self.lags_s += session.lags_s
        self.behind += session.behind
        for word in offline["words"]:
            self.words += 1
            for times, found in (
                (self.tentative_s, first_s(session.words, word)),
                (self.committed_s, first_s(session.committed, word)),
            ):
                if found is not None:
                    times.append(found - word["end"])

    @property
    def lost_points(self) -> float:
        """Word error rate of the final text over that of the offline text, points."""
        return 100 * (
            jiwer.wer(self.references, self.live) - jiwer.wer(self.references, self.offline)
        )

    def figures(self, name: str, lag_bar_ms: float) -> list[Figure]:
        late_ms = 1000 * float(np.percentile(self.tentative_s, 90))
        matched = 100 * len(self.tentative_s) / max(1, self.words)
        return [
            median_ms(f"{name}: end of a word to its first appearance", self.tentative_s, lag_bar_ms),
            Figure(f"{name}: the same, 90th percentile", late_ms, "ms"),
            median_ms(f"{name}: end of a word to its commit", self.committed_s),
            median_ms(f"{name}: audio not covered when words arrive", self.lags_s),
            Figure(f"{name}: clips in which the machine fell behind", self.behind, "clips", 0),
            Figure(f"{name}: offline words that appear at the same time", matched, "%"),
            Figure(f"{name}: offline word error rate", 100 * jiwer.wer(self.references, self.offline), "%"),
            Figure(f"{name}: live word error rate over the offline one", self.lost_points, "points", 2.0),
        ]  # fmt: skip


def samples_of(path: Path) -> np.ndarray:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ))


def offline(url: str, path: Path) -> dict[str, Any]:
    """The transcript of the clip from one request; a word is ``{word, start, end}``."""
    form = {
        "response_format": "verbose_json",
        "timestamp_granularities[]": "word",
        "letter_case": "raw",  # without punctuation, as live words are
    }
    files = {"file": path.read_bytes()}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=form, timeout=120)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def run(url: str, utterances: Sequence[Utterance], sessions: int) -> Results:
    """Stream the utterances in ``sessions`` concurrent sessions."""
    known = [await asyncio.to_thread(offline, url, path) for path, _ in utterances]
    results, rest = Results(), list(zip(utterances, known, strict=True))

    async def stream_rest() -> None:
        while rest:
            (path, text), transcript = rest.pop(0)
            results.add(text, transcript, await stream(url, samples_of(path)))

    await asyncio.gather(*(stream_rest() for _ in range(sessions)))
    return results


def measure(table: Path = TEST_SET) -> Sequence[Figure]:
    with running_server({"WAV2VEC2_MODEL": "embedded"}) as server:
        figures = asyncio.run(run(server.url, examples(), 1)).figures("example clips", 700)
        if table.exists():
            utterances = from_table(table)
            results = asyncio.run(run(server.url, utterances, SESSIONS))
            figures += results.figures(f"{table.stem}, {SESSIONS} sessions", 700)
        else:
            results = asyncio.run(run(server.url, examples(), SESSIONS))
            figures += results.figures(f"example clips, {SESSIONS} sessions", 700)
    return figures


if __name__ == "__main__":
    show("live", measure(*(Path(argument) for argument in sys.argv[1:2])))
