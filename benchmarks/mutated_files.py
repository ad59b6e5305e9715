"""``python -m benchmarks.mutated_files [FILES] [SEED]``: damaged files through the real audio worker.

Short recordings in every format are damaged in ways that headers, sizes, timestamps and transfers
are damaged, and sent to one worker process. Every file must be decoded or refused with a typed error
within its limit, by the process that began, whose memory must not grow.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

from benchmarks.report import Figure, show
from benchmarks.sound_files import sound_files
from wav2vec2_app.errors import InputError, ResourceError, Wav2Vec2Error
from wav2vec2_app.protocol.audio import DecodeAudioRequest, ProbeRequest
from wav2vec2_app.server.bridge.policy import BridgePolicy, RestartPolicy
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.speech.audio import AudioSource

FILES = 20_000
SEED = 1
LIMIT_S = 20.0
"""How long one file may take."""
MAX_DURATION_S = 30.0
MAX_BYTES = 4 << 20
SETTLED_AFTER = 0.25
"""Share of the files after which memory is first measured: caches and pools are filled by then."""
MEMORY_EVERY = 100
MAX_GROWTH_MIB = 32.0

EXTREMES = (0, 1, 2, 0x7F, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
HEADER_BYTES = 600
SMALLEST_BYTES = 16
"""Smaller files are not damaged further."""


# --- damage -------------------------------------------------------------------------------------


def _flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 3, 30))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _damage_header(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(min(HEADER_BYTES, len(data)))] = chance.randrange(256)
    return data


def _set_size(data: bytearray, chance: random.Random) -> bytearray:
    """An extreme value in a field of two, four or eight bytes, most often near the start."""
    code = chance.choice("HIQ")
    width = struct.calcsize(code)
    reach = min(HEADER_BYTES, len(data)) if chance.random() < 0.7 else len(data)
    at = chance.randrange(max(1, reach - width))
    value = chance.choice(EXTREMES) & ((1 << 8 * width) - 1)
    data[at : at + width] = struct.pack(chance.choice("<>") + code, value)
    return data


def _shift_number(data: bytearray, chance: random.Random) -> bytearray:
    """A number a little or much larger, as in a damaged timestamp."""
    at = chance.randrange(max(1, len(data) - 4))
    (value,) = struct.unpack(">I", bytes(data[at : at + 4]).ljust(4, b"\x00"))
    step = chance.choice((1, -1, 1 << 8, 1 << 16, 1 << 24, 1 << 31))
    data[at : at + 4] = struct.pack(">I", (value + step) & 0xFFFFFFFF)
    return data


def _cut_end(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(1, len(data))]


def _cut_start(data: bytearray, chance: random.Random) -> bytearray:
    return data[chance.randrange(1, len(data)) :]


def _lose_part(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randrange(1, 3000) :]


def _repeat_part(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    part = data[at : at + chance.randrange(1, 3000)]
    return data[:at] + part * chance.choice((2, 5, 50)) + data[at:]


def _blank_part(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    length = min(chance.randrange(1, 2000), len(data) - at)
    data[at : at + length] = chance.choice((b"\x00", b"\xff")) * length
    return data


def _noise_part(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    length = min(chance.randrange(1, 2000), len(data) - at)
    data[at : at + length] = chance.randbytes(length)
    return data


def _prefix(data: bytearray, chance: random.Random) -> bytearray:
    junk = (b"\x00", b"\r\n", b"ID3\x04\x00\x00\x00\x00\x02\x01", chance.randbytes(64))
    return bytearray(chance.choice(junk) * chance.choice((1, 10, 500))) + data


DAMAGE: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip_bits, _damage_header, _set_size, _set_size, _shift_number, _cut_end, _cut_start,
    _lose_part, _repeat_part, _blank_part, _noise_part, _prefix,
)  # fmt: skip


@dataclass(frozen=True)
class Damaged:
    """A damaged file: its number, the format that it was, what was done to it, and its bytes."""

    number: int
    format: str
    damage: str
    data: bytes


def damaged_files(count: int, seed: int) -> Iterator[Damaged]:
    """``count`` damaged files, the same for the same seed."""
    originals = sorted(sound_files().items())
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        name, original = originals[number % len(originals)]
        data, done = bytearray(original), []
        for _ in range(chance.choice((1, 1, 2, 3))):
            if len(data) < SMALLEST_BYTES:
                break
            damage = chance.choice(DAMAGE)
            done.append(damage.__name__.lstrip("_"))
            data = damage(data, chance)
        yield Damaged(number, name, "+".join(done), bytes(data))


# --- the worker ---------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of the files.

    Attributes:
        results: how often each: ``decoded``, or the code of a typed error.
        failures: files with an error that is not typed, or that took longer than their limit.
        slowest_s: the longest time that a file took.
        growth_mib: how much the worker's memory grew after it had settled.
    """

    results: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    growth_mib: float = 0.0


async def decode_all(files: Iterator[Damaged], count: int) -> Outcome:
    """Send every file to one audio worker that is never replaced."""
    config = json.dumps({"max_duration_s": MAX_DURATION_S, "max_bytes": MAX_BYTES})
    argv = (sys.executable, "-m", "wav2vec2_app.worker", "--role", "audio", "--config", config)
    policy = BridgePolicy(restarts=RestartPolicy(budget=0))
    bridge = WorkerBridge(WorkerSpec("audio", argv), policy)
    await bridge.start()
    await bridge.wait_ready()
    outcome = Outcome()
    try:
        worker = psutil.Process(bridge.status().pid)
        settled: list[int] = []
        for file in files:
            await _decode(bridge, file, outcome)
            if bridge.status().pid != worker.pid:
                break  # it died; the failure is recorded
            if file.number >= SETTLED_AFTER * count and file.number % MEMORY_EVERY == 0:
                settled.append(worker.memory_info().rss)
        if settled:
            fifth = max(1, len(settled) // 5)
            growth = np.median(settled[-fifth:]) - np.median(settled[:fifth])
            outcome.growth_mib = float(growth) / (1 << 20)
    finally:
        await bridge.stop()
    return outcome


async def _decode(bridge: WorkerBridge, file: Damaged, outcome: Outcome) -> None:
    begin = time.perf_counter()
    source, deadline = AudioSource(data=file.data), Deadline.after(LIMIT_S)
    try:
        if file.number % 8 == 7:
            await bridge.request(ProbeRequest(source), deadline=deadline)
            result = "probed"
        else:
            await bridge.request(DecodeAudioRequest(source), deadline=deadline)
            result = "decoded"
    except InputError as error:
        result = error.code
    except ResourceError as error:  # a file that needs more memory than the worker may use
        result = error.code
        if error.code != "audio.needs_memory":
            outcome.failures.append(f"file {file.number} ({file.format}): {error.code}")
    except Wav2Vec2Error as error:
        result = error.code
        outcome.failures.append(
            f"file {file.number} ({file.format}, {file.damage}): {error.code}: {error.message}"
        )
    outcome.results[result] += 1
    outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begin)


def measure(count: int = FILES, seed: int = SEED) -> Sequence[Figure]:
    """Damage and decode ``count`` files."""
    outcome = asyncio.run(decode_all(damaged_files(count, seed), count))
    for result, times in outcome.results.most_common():
        print(f"{times:7} {result}")
    for failure in outcome.failures[:20]:
        print(failure)
    return (
        Figure(
            f"{count} damaged files, untyped errors, deaths and timeouts",
            len(outcome.failures),
            "",
            0.0,
        ),
        Figure("slowest file", outcome.slowest_s, "s", LIMIT_S),
        Figure("growth of the worker's memory", outcome.growth_mib, "MiB", MAX_GROWTH_MIB),
    )


if __name__ == "__main__":
    show("mutated_files", measure(*map(int, sys.argv[1:3])))
