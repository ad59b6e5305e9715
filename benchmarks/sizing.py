"""``python -m benchmarks.sizing``: how many machines a number of users needs, as the table of docs/growth.md.

Everything is derived from figures that were measured on one machine (:data:`MEASURED`) and assumptions about
users (:data:`ASSUMED`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

USERS = (10, 1_000, 100_000)
SAMPLE_BYTES = 4
SAMPLES_PER_S = 16_000


@dataclass(frozen=True)
class Measured:
    """Costs on machine B, with the embedded model; docs/growth.md says how each was measured.

    Attributes:
        inference_rate: seconds of audio that one replica transcribes in a second, on one core.
        text_s, audio_s: work of a text and an audio worker for a second of audio, seconds.
        server_s: work of the server process for a request, seconds.
        emission_bytes: emission of a second of audio.
        inference_bytes, text_bytes, audio_bytes: memory of a worker.
        actor_bytes: memory of a replica beside its worker.
    """

    inference_rate: float = 125.0
    text_s: float = 0.0035
    audio_s: float = 0.00024
    server_s: float = 0.024
    emission_bytes: float = 6_400.0
    inference_bytes: float = 120e6
    text_bytes: float = 306e6
    audio_bytes: float = 80e6
    actor_bytes: float = 140e6


@dataclass(frozen=True)
class Assumed:
    """What a user does, and how full the processors may be.

    Attributes:
        clip_s: length of a recording, seconds.
        period_s: time between two recordings of a user, seconds.
        utilisation: share of the processors in use at the mean load.
        link_bytes: what a server's network takes in each direction, bytes per second.
    """

    clip_s: float = 10.0
    period_s: float = 60.0
    utilisation: float = 0.6
    link_bytes: float = 1.25e9


MEASURED, ASSUMED = Measured(), Assumed()


@dataclass(frozen=True)
class Size:
    """What a number of users needs."""

    users: int
    requests_per_s: float
    audio_rate: float
    inference: int
    text: int
    audio: int
    servers: int
    server_bytes_per_s: float
    memory_bytes: float


def size(users: int, cost: Measured = MEASURED, user: Assumed = ASSUMED) -> Size:
    """The arithmetic of docs/growth.md."""
    requests_per_s = users / user.period_s
    audio_rate = requests_per_s * user.clip_s
    inference = _replicas(audio_rate / cost.inference_rate, user)
    text = _replicas(audio_rate * cost.text_s, user)
    audio = _replicas(audio_rate * cost.audio_s, user)
    # samples from the audio worker and to the inference worker, the emission from it and to the text worker
    bytes_per_s = 2 * audio_rate * (SAMPLE_BYTES * SAMPLES_PER_S + cost.emission_bytes)
    by_processor = _replicas(requests_per_s * cost.server_s, user)
    by_network = math.ceil(bytes_per_s / 2 / user.link_bytes / user.utilisation)
    memory = (
        inference * (cost.inference_bytes + cost.actor_bytes)
        + text * (cost.text_bytes + cost.actor_bytes)
        + audio * (cost.audio_bytes + cost.actor_bytes)
    )
    servers = max(by_processor, by_network)
    return Size(
        users, requests_per_s, audio_rate, inference, text, audio, servers, bytes_per_s, memory
    )


def _replicas(cores: float, user: Assumed) -> int:
    """Processes of one core for so much work."""
    return max(1, math.ceil(cores / user.utilisation))


def table() -> str:
    """The sizes as a table in Markdown."""
    sizes = [size(users) for users in USERS]
    rows = [
        ("concurrent users *U*", [f"{one.users:,}" for one in sizes]),
        ("requests per second *λ*", [_number(one.requests_per_s) for one in sizes]),
        ("audio per second *a*, s", [_number(one.audio_rate) for one in sizes]),
        ("inference replicas", [f"{one.inference:,}" for one in sizes]),
        ("text replicas", [f"{one.text:,}" for one in sizes]),
        ("audio replicas", [f"{one.audio:,}" for one in sizes]),
        ("server processes", [f"{one.servers:,}" for one in sizes]),
        ("through the servers, MB/s", [_number(one.server_bytes_per_s / 1e6) for one in sizes]),
        ("memory of the replicas, GB", [_number(one.memory_bytes / 1e9) for one in sizes]),
    ]
    lines = ["| | 10 users | 1,000 users | 100,000 users |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(values)} |" for name, values in rows[1:])])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


if __name__ == "__main__":
    print(table())
