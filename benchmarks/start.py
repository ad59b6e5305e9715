"""``python -m benchmarks.start [ROUNDS]``: time from the command to the page and to the first transcript.

Measured with the embedded model, and with a model of the base size at its second start, when the outcome of
the first one's trials is in ``WAV2VEC2_CACHE_FOLDER``.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradio_client import handle_file

from benchmarks.base_sized import base_sized_checkpoint
from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import running_server

ROUNDS = 3
CLIP_S = 5.0


@dataclass(frozen=True)
class Start:
    """One start: seconds from the command to the page, and to the transcript of a 5 s clip."""

    page_s: float
    transcript_s: float


def start(environment: Mapping[str, str], number: int) -> Start:
    """Start the server, send one request, stop it."""
    clip = handle_file(str(clip_of(CLIP_S, seed=number)))
    begin = time.perf_counter()
    with running_server(environment) as server:
        answer = server.client().predict(clip, "auto", api_name="/transcribe")
        transcript_s = time.perf_counter() - begin
    assert "error" not in answer, answer
    return Start(server.page_s, transcript_s)


def median(name: str, values: Sequence[float], limit_s: float) -> Figure:
    return Figure(name, statistics.median(values), "s", limit_s, (min(values), max(values)))


def embedded(rounds: int) -> list[Figure]:
    starts = [start({}, number) for number in range(rounds)]
    return [
        median("start to page ready", [one.page_s for one in starts], 5),
        median(
            "page ready to first transcript", [one.transcript_s - one.page_s for one in starts], 5
        ),
    ]


def base_sized(rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cache-") as cache:
        environment = {
            "WAV2VEC2_MODEL": str(base_sized_checkpoint()),
            "WAV2VEC2_CACHE_FOLDER": cache,
        }
        first = start(environment, 0)
        again = [start(environment, number) for number in range(1, rounds + 1)]
    return [
        Figure("base-sized, first start: to the first transcript", first.transcript_s, "s"),
        median("base-sized, second start: to page ready", [one.page_s for one in again], 5),
        median(
            "base-sized, second start: to the first transcript",
            [one.transcript_s for one in again],
            8,
        ),
    ]


def measure(rounds: int = ROUNDS) -> Sequence[Figure]:
    return [*embedded(rounds), *base_sized(rounds)]


if __name__ == "__main__":
    show("start", measure(*map(int, sys.argv[1:2])))
