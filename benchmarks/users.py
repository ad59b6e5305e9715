"""``python -m benchmarks.users [USERS [ROUNDS]]``: concurrent users, here and at the plain Gradio app.

Two real servers with the same weights (wav2vec2-base's shape, random): ours, with greedy decoding and without
a result cache, and :mod:`benchmarks.plain_app` with the same number of concurrent requests. One
``gradio_client`` for each user uploads a 10 s clip at the same moment, to one server and then to the other
(A B A B). All clips differ. The processor use of the server that is idle meanwhile is measured as well.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any

from gradio_client import Client, handle_file

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import RunningServer, free_port, running, running_server
from wav2vec2_app.settings import Settings

USERS = 16
ROUNDS = 3
CLIP_S = 10.0


@dataclass
class Load:
    """The concurrent users of one server, and how long they waited.

    Attributes:
        more: arguments of ``/transcribe`` after the audio.
        rounds_s: seconds until all requests of a round were answered.
        waits_s: seconds that each user waited.
        idle_share: processor time used while the other server was busy, in cores.
    """

    server: RunningServer
    users: int
    more: tuple[str, ...] = ()
    rounds_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    idle_share: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clients = [self.server.client() for _ in range(self.users)]

    def send(self, clips: Sequence[Path]) -> None:
        """One round: all users send their requests at the same moment."""
        barrier = Barrier(self.users + 1)
        with ThreadPoolExecutor(self.users) as threads:
            sent = [
                threads.submit(self._one, client, clip, barrier)
                for client, clip in zip(self._clients, clips, strict=True)
            ]
            barrier.wait()
            begin = time.perf_counter()
            self.waits_s += [one.result() for one in sent]
            self.rounds_s.append(time.perf_counter() - begin)

    def warm_up(self, clip: Path) -> None:
        self._predict(self._clients[0], clip)

    def _one(self, client: Client, clip: Path, barrier: Barrier) -> float:
        barrier.wait()
        begin = time.perf_counter()
        self._predict(client, clip)
        return time.perf_counter() - begin

    def _predict(self, client: Client, clip: Path) -> None:
        answer: Any = client.predict(handle_file(str(clip)), *self.more, api_name="/transcribe")
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])

    @property
    def audio_s_per_s(self) -> list[float]:
        return [self.users * CLIP_S / seconds for seconds in self.rounds_s]


@contextmanager
def plain_app(folder: Path, concurrency: int) -> Iterator[RunningServer]:
    port = free_port()
    arguments = ["-m", "benchmarks.plain_app", str(folder), str(port), str(concurrency)]
    environment = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    with running(arguments, environment, port, ready="/config") as server:
        yield server


def rounds(loads: tuple[Load, Load], count: int) -> None:
    """Alternate between the servers, after one request to each that does not count."""
    for load in loads:
        load.warm_up(clip_of(CLIP_S, seed=0))
    users = loads[0].users
    for number in range(count):
        seeds = range(1 + number * users, 1 + (number + 1) * users)
        clips = [clip_of(CLIP_S, shift_s=seed, seed=seed) for seed in seeds]
        for load, other in (loads, loads[::-1]):
            before_s = other.server.processor_s()
            load.send(clips)
            used_s = other.server.processor_s() - before_s
            other.idle_share.append(used_s / load.rounds_s[-1])


def figures(plain: Load, ours: Load) -> list[Figure]:
    times = [b / a for a, b in zip(plain.audio_s_per_s, ours.audio_s_per_s, strict=True)]
    found = []
    for name, load in (("plain Gradio app", plain), ("this application", ours)):
        label = f"{load.users} users, {name}"
        idle = 100 * max(load.idle_share)
        found += [
            median(f"{label}", load.audio_s_per_s, "audio s/s"),
            median(f"{label}: latency", load.waits_s, "s"),
            Figure(f"{name}: share of a core while the other server is busy", idle, "%"),
        ]
    compared = median("throughput over that of the plain app", times, "times", at_least=2.5)
    return [*found, compared]


def median(name: str, values: Sequence[float], unit: str, at_least: float | None = None) -> Figure:
    spread = (min(values), max(values))
    return Figure(name, statistics.median(values), unit, None, spread, at_least)


def measure(users: int = USERS, count: int = ROUNDS) -> Sequence[Figure]:
    folder = base_sized_checkpoint()
    environment = {
        "WAV2VEC2_MODEL": str(folder),
        "WAV2VEC2_DECODER": "greedy",
        "WAV2VEC2_CACHE_BYTES": "0",
    }
    concurrency = Settings().concurrency
    with plain_app(folder, concurrency) as theirs, running_server(environment) as server:
        plain, ours = Load(theirs, users), Load(server, users, ("auto",))
        rounds((plain, ours), count)
        return figures(plain, ours)


if __name__ == "__main__":
    show("users", measure(*map(int, sys.argv[1:3])))
