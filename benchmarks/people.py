"""``python -m benchmarks.people [PEOPLE [ROUNDS]]``: many people at once, here and at the plain Gradio app.

Two real servers on the same weights (wav2vec2-base's shape, random): ours, decoding the best path and keeping
no results, and :mod:`benchmarks.plain_app`, which lets in as many at once as ours works on. As many
``gradio_client`` as people upload a 10 s clip each at the same moment, to one server and then to the other
(A B A B). Every clip differs from every other; whichever server is not asked is idle, and how idle is
measured.
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

PEOPLE = 16
ROUNDS = 3
CLIP_S = 10.0


@dataclass
class Crowd:
    """People in front of one server, and how long they waited.

    Attributes:
        more: arguments of ``/transcribe`` after the audio.
        rounds_s: seconds until everybody of a round had an answer.
        waits_s: seconds that each person waited.
        idle_share: processor time used while the other server was asked, in cores.
    """

    server: RunningServer
    people: int
    more: tuple[str, ...] = ()
    rounds_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    idle_share: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._clients = [self.server.client() for _ in range(self.people)]

    def ask(self, clips: Sequence[Path]) -> None:
        """One round: everybody asks at the same moment."""
        together = Barrier(self.people + 1)
        with ThreadPoolExecutor(self.people) as threads:
            asked = [
                threads.submit(self._one, client, clip, together)
                for client, clip in zip(self._clients, clips, strict=True)
            ]
            together.wait()
            begin = time.perf_counter()
            self.waits_s += [one.result() for one in asked]
            self.rounds_s.append(time.perf_counter() - begin)

    def warm_up(self, clip: Path) -> None:
        self._predict(self._clients[0], clip)

    def _one(self, client: Client, clip: Path, together: Barrier) -> float:
        together.wait()
        begin = time.perf_counter()
        self._predict(client, clip)
        return time.perf_counter() - begin

    def _predict(self, client: Client, clip: Path) -> None:
        answer: Any = client.predict(handle_file(str(clip)), *self.more, api_name="/transcribe")
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])

    @property
    def audio_s_per_s(self) -> list[float]:
        return [self.people * CLIP_S / seconds for seconds in self.rounds_s]


@contextmanager
def plain_app(folder: Path, concurrency: int) -> Iterator[RunningServer]:
    port = free_port()
    arguments = ["-m", "benchmarks.plain_app", str(folder), str(port), str(concurrency)]
    environment = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    with running(arguments, environment, port, ready="/config") as server:
        yield server


def rounds(crowds: tuple[Crowd, Crowd], count: int) -> None:
    """Ask one and the other in turn, after a first request to each that does not count."""
    for crowd in crowds:
        crowd.warm_up(clip_of(CLIP_S, seed=0))
    people = crowds[0].people
    for number in range(count):
        seeds = range(1 + number * people, 1 + (number + 1) * people)
        clips = [clip_of(CLIP_S, shift_s=seed, seed=seed) for seed in seeds]
        for crowd, other in (crowds, crowds[::-1]):
            before_s = other.server.processor_s()
            crowd.ask(clips)
            used_s = other.server.processor_s() - before_s
            other.idle_share.append(used_s / crowd.rounds_s[-1])


def figures(plain: Crowd, ours: Crowd) -> list[Figure]:
    times = [b / a for a, b in zip(plain.audio_s_per_s, ours.audio_s_per_s, strict=True)]
    found = []
    for name, crowd in (("plain Gradio app", plain), ("this application", ours)):
        who = f"{crowd.people} at once, {name}"
        idle = 100 * max(crowd.idle_share)
        found += [
            median(f"{who}", crowd.audio_s_per_s, "audio s/s"),
            median(f"{who}: a person's wait", crowd.waits_s, "s"),
            Figure(f"{name}: a core's share while the other is asked", idle, "%"),
        ]
    compared = median("times the plain app's audio a second", times, "times", at_least=2.5)
    return [*found, compared]


def median(name: str, values: Sequence[float], unit: str, at_least: float | None = None) -> Figure:
    spread = (min(values), max(values))
    return Figure(name, statistics.median(values), unit, None, spread, at_least)


def measure(people: int = PEOPLE, count: int = ROUNDS) -> Sequence[Figure]:
    folder = base_sized_checkpoint()
    environment = {
        "WAV2VEC2_MODEL": str(folder),
        "WAV2VEC2_DECODER": "greedy",
        "WAV2VEC2_KEEP_BYTES": "0",
    }
    concurrency = Settings().concurrency
    with plain_app(folder, concurrency) as theirs, running_server(environment) as server:
        plain, ours = Crowd(theirs, people), Crowd(server, people, ("auto",))
        rounds((plain, ours), count)
        return figures(plain, ours)


if __name__ == "__main__":
    show("people", measure(*map(int, sys.argv[1:3])))
