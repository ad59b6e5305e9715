"""``python -m benchmarks.soak [REQUESTS]``: many clients while workers are killed and files crash them.

Eight clients send recordings of mixed sizes. The inference worker is killed every five seconds, and a
file that crashes the decoder is sent every twenty. Every recording must get its transcript, and every such
file a typed error.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.clips import clip_of
from benchmarks.crashing_worker import CRASHING_WORKER, MARKER
from benchmarks.report import Figure, show
from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.server import pools
from wav2vec2_app.server.build import System, build_system
from wav2vec2_app.server.tasks import AudioTask
from wav2vec2_app.settings import Settings
from wav2vec2_app.speech.audio import AudioSource

REQUESTS = 1000
CLIENTS = 8
KILL_EVERY_S = 5.0
POISON_EVERY_S = 20.0
SIZES_S = (2.0, 2.0, 4.0, 4.0, 8.0, 8.0, 15.0, 30.0)
QUARANTINED = "request.quarantined"


@dataclass(frozen=True)
class Plan:
    """How much is sent, and how often something goes wrong.

    Attributes:
        requests, clients: recordings in all, and how many are sent at the same time.
        kill_every_s: the inference worker is killed so often, on average.
        poison_every_s: a file that crashes the decoder is sent so often.
        seed: of sizes and times.
    """

    requests: int = REQUESTS
    clients: int = CLIENTS
    kill_every_s: float = KILL_EVERY_S
    poison_every_s: float = POISON_EVERY_S
    seed: int = 1


@dataclass
class Outcome:
    """What became of everything.

    Attributes:
        transcripts: recordings that got their transcript.
        lost: codes of the errors of the others.
        poisoned: codes of the answers to poison files.
        kills: how often the worker was killed.
        slowest_s: the longest time of a recording.
    """

    transcripts: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    poisoned: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    slowest_s: float = 0.0


async def soak(plan: Plan) -> Outcome:
    """Carry out ``plan`` on a system in this process, with real workers."""
    outcome, chance = Outcome(), random.Random(plan.seed)
    with _crashing_workers():
        system = build_system(Settings(fetch_models=False, model="embedded", log_level="ERROR"))
    await system.orchestrator.start()
    await system.service.wait_ready()
    numbers = iter(range(plan.requests))
    troubles = [
        asyncio.create_task(_kill(system, plan, outcome, chance)),
        asyncio.create_task(_poison(system, plan, outcome)),
    ]
    try:
        await asyncio.gather(
            *(_client(system, numbers, plan.seed, outcome) for _ in range(plan.clients))
        )
    finally:
        for trouble in troubles:
            trouble.cancel()
        await asyncio.gather(*troubles, return_exceptions=True)
        await system.orchestrator.stop()
    return outcome


@contextmanager
def _crashing_workers() -> Iterator[None]:
    """Systems that are built meanwhile have workers that crash on marked files."""
    worker = pools.WORKER
    pools.WORKER = CRASHING_WORKER
    try:
        yield
    finally:
        pools.WORKER = worker


async def _client(system: System, numbers: Iterator[int], seed: int, outcome: Outcome) -> None:
    for number in numbers:
        size_s = SIZES_S[number % len(SIZES_S)]
        clip = await asyncio.to_thread(
            clip_of, size_s, shift_s=number % 97, seed=seed * 100_000 + number
        )
        begin = time.perf_counter()
        try:
            result = await system.orchestrator.run(AudioTask(AudioSource(path=clip)))
        except Wav2Vec2Error as error:
            outcome.lost[error.code] += 1
            print(f"request {number}, {size_s:g} s: {error.code}: {error.message}", flush=True)
        else:
            outcome.transcripts += result.transcript is not None
        outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begin)
        clip.unlink()


async def _kill(system: System, plan: Plan, outcome: Outcome, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(plan.kill_every_s * chance.uniform(0.5, 1.5))
        workers = system.service.status("").workers
        for pid in [w.pid for w in workers if w.role == "inference" and w.state == "ready"]:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            outcome.kills += 1


async def _poison(system: System, plan: Plan, outcome: Outcome) -> None:
    clip = clip_of(2.0).read_bytes()
    for number in itertools.count():
        data = clip + MARKER + str(number).encode()
        try:
            await system.orchestrator.run(AudioTask(AudioSource(data=data)))
        except Wav2Vec2Error as error:
            outcome.poisoned[error.code] += 1
        else:
            outcome.poisoned["transcript"] += 1
        await asyncio.sleep(plan.poison_every_s)


def measure(requests: int = REQUESTS) -> Sequence[Figure]:
    """Carry out the plan with this many recordings."""
    begin = time.perf_counter()
    outcome = asyncio.run(soak(Plan(requests=requests)))
    wrong = outcome.poisoned.total() - outcome.poisoned[QUARANTINED]
    killed, poisoned = outcome.kills, outcome.poisoned.total()
    return (
        Figure(f"{requests} recordings, {killed} kills: without a transcript",
               requests - outcome.transcripts, "", 0.0),
        Figure(f"{poisoned} files that crash the decoder: other answers than a typed error",
               wrong, "", 0.0),
        Figure("slowest recording", outcome.slowest_s, "s"),
        Figure("in all", time.perf_counter() - begin, "s"),
    )  # fmt: skip


if __name__ == "__main__":
    show("soak", measure(*map(int, sys.argv[1:2])))
