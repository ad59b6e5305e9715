"""``python -m benchmarks.memory [REQUESTS]``: resident memory of all processes after many requests.

Starts the real server twice: with the embedded model (50 requests), and with random weights of the base size
(100). Every request is a different 10 s clip, for transcript, features and pictures. Memory is the sum of the
resident sizes of all processes, so shared pages count several times.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gradio_client import handle_file

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import running_server

MIB = 1024 * 1024
REQUESTS = 100
CLIP_S = 10.0


def resident_after(model: str, requests: int) -> tuple[float, float]:
    """MiB resident in all processes after half of the requests and after all of them."""
    middle = 0.0
    with running_server({"WAV2VEC2_MODEL": model}) as server:
        client = server.client()
        for number in range(requests):
            clip = clip_of(CLIP_S, shift_s=number, seed=number)  # none is served from the cache
            answer = client.predict(handle_file(str(clip)), "auto", api_name="/analyze")
            assert "error" not in answer, answer
            if number + 1 == requests // 2:
                middle = server.resident_bytes() / MIB
        return middle, server.resident_bytes() / MIB


def measure(requests: int = REQUESTS) -> Sequence[Figure]:
    """The base-sized model with ``requests``, the embedded one with half as many."""
    half = requests // 2
    embedded_middle, embedded = resident_after("embedded", half)
    middle, base = resident_after(str(base_sized_checkpoint()), requests)
    growth = 100 * (base / middle - 1)
    return (
        Figure(f"embedded model, after {half} requests", embedded, "MiB", 900e6 / MIB),
        Figure(
            f"embedded model, growth over the last {half - half // 2}",
            embedded - embedded_middle,
            "MiB",
        ),
        Figure(f"base-sized model, after {requests} requests", base, "MiB", 1200e6 / MIB),
        Figure(f"base-sized model, growth over the last {requests - half}", growth, "%", 3.0),
    )


if __name__ == "__main__":
    show("memory", measure(*map(int, sys.argv[1:2])))
