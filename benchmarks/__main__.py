"""``python -m benchmarks [TITLE ...]``: every benchmark in turn, or those that are named.

Writes ``results/<title>.json`` for each, ``results/all.json`` and the picture of them all. A benchmark that
breaks does not keep the others from running. Exit code 1 if one broke or a bar does not hold.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import (
    accelerator,
    again,
    alignment,
    bridge,
    engines,
    hotwords,
    live,
    long_audio,
    long_file,
    memory,
    peers,
    people,
    picture,
    pictures,
    recognition,
    recovery,
    report,
    request,
    silence,
    start,
)

BENCHMARKS: dict[str, Callable[[], Any]] = {
    # what a person waits for
    "start": start.measure,
    "request": request.measure,
    "again": again.measure,
    "pictures": pictures.measure,
    "bridge": bridge.measure,
    "recovery": recovery.measure,
    "live": live.measure,
    # against others
    "peers": peers.measure,
    "people": people.measure,
    "engines": engines.measure,
    "accelerator": accelerator.measure,
    # how right it is
    "recognition": recognition.measure,
    "hotwords": hotwords.measure,
    "alignment": alignment.measure,
    "silence": silence.measure,
    # what takes long
    "memory": memory.measure,
    "long_audio": long_audio.measure,
    "long_file": long_file.measure,
}


def run(title: str) -> bool:
    """Measure and show; whether every bar holds."""
    try:
        measured = BENCHMARKS[title]()
        figures = asyncio.run(measured) if inspect.iscoroutine(measured) else measured
    except Exception:
        traceback.print_exc()
        print(f"\n{title} broke", flush=True)
        return False
    return report.show(title, figures)


def main(titles: Sequence[str]) -> int:
    unknown = set(titles) - set(BENCHMARKS)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
        return 2
    held = [run(title) for title in titles or BENCHMARKS]
    report.gather(tuple(BENCHMARKS))
    print(f"\n{picture.draw(report.read(tuple(BENCHMARKS)))}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
