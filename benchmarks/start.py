"""``python -m benchmarks.start``: from the command to the page, and on to the first transcript."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from gradio_client import Client, handle_file

from benchmarks.clips import clip_of
from benchmarks.report import Figure, show
from benchmarks.server import running_server

ROUNDS = 3


def measure() -> Sequence[Figure]:
    pages, transcripts = [], []
    clip = handle_file(str(clip_of(5.0)))
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        with running_server({}) as server:
            Client(server.url, verbose=False).predict(clip, "auto", api_name="/transcribe")
            pages.append(server.page_s)
            transcripts.append(time.perf_counter() - begin - server.page_s)
    return (
        Figure("start to page ready", statistics.median(pages), "s", 8, (min(pages), max(pages))),
        Figure(
            "page ready to first transcript",
            statistics.median(transcripts),
            "s",
            5,
            (min(transcripts), max(transcripts)),
        ),
    )


if __name__ == "__main__":
    show("start", measure())
