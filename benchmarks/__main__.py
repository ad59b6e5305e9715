"""``python -m benchmarks [TITLE ...]``: run all benchmarks, or those that are named, one after another.

Writes ``results/<title>.json`` for each, ``results/all.json`` and one picture of all figures. The others
still run if one fails. Exit code 1 if a benchmark failed or a bar does not hold.
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
    cached_load,
    cancel,
    dispatch,
    engines,
    find,
    full_reports,
    hotwords,
    live,
    long_audio,
    long_file,
    long_page,
    long_transcript,
    memory,
    models,
    page_weight,
    peers,
    picture,
    pictures,
    recognition,
    recovery,
    report,
    request,
    silence,
    soak,
    start,
    synthesis,
    text_check,
    users,
    walk,
    whisper,
)

BENCHMARKS: dict[str, Callable[[], Any]] = {
    # latency as users see it
    "start": start.measure,
    "request": request.measure,
    "again": again.measure,
    "pictures": pictures.measure,
    "bridge": bridge.measure,
    "dispatch": dispatch.measure,
    "recovery": recovery.measure,
    "cancel": cancel.measure,
    "cached_load": cached_load.measure,
    "models": models.measure,
    "live": live.measure,
    # compared with other software
    "peers": peers.measure,
    "full_reports": full_reports.measure,
    "users": users.measure,
    "engines": engines.measure,
    "accelerator": accelerator.measure,
    # accuracy
    "recognition": recognition.measure,
    "hotwords": hotwords.measure,
    "alignment": alignment.measure,
    "text_check": text_check.measure,
    "silence": silence.measure,
    "whisper": whisper.measure,
    "synthesis": synthesis.measure,
    "find": find.measure,
    # long runs
    "memory": memory.measure,
    "long_audio": long_audio.measure,
    "long_file": long_file.measure,
    "long_page": long_page.measure,
    "long_transcript": long_transcript.measure,
    "page_weight": page_weight.measure,
    "soak": soak.measure,
    # structure; last, as it serves in this process
    "walk": walk.measure,
}


def run(title: str) -> bool:
    """Measure and print; whether every bar holds."""
    try:
        measured = BENCHMARKS[title]()
        figures = asyncio.run(measured) if inspect.iscoroutine(measured) else measured
    except Exception:
        traceback.print_exc()
        print(f"\n{title} failed", flush=True)
        return False
    return report.show(title, figures)


def main(titles: Sequence[str]) -> int:
    unknown = set(titles) - set(BENCHMARKS)
    if unknown:
        print(
            f"No benchmark is named {', '.join(sorted(unknown))}. Choose from {', '.join(BENCHMARKS)}."
        )
        return 2
    held = [run(title) for title in titles or BENCHMARKS]
    report.gather(tuple(BENCHMARKS))
    print(f"\n{picture.draw(report.read(tuple(BENCHMARKS)))}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
