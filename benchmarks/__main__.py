"""``python -m benchmarks``: every benchmark in turn; exit code 1 if a bar does not hold."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import (
    again,
    alignment,
    bridge,
    hotwords,
    live,
    long_audio,
    long_file,
    memory,
    peers,
    pictures,
    recognition,
    recovery,
    request,
    silence,
    start,
)
from benchmarks.report import show

results = [
    show("request", asyncio.run(request.measure())),
    show("again", asyncio.run(again.measure())),
    show("recovery", asyncio.run(recovery.measure())),
    show("bridge", asyncio.run(bridge.measure())),
    show("pictures", pictures.measure()),
    show("start", start.measure()),
    show("memory", memory.measure()),
    show("recognition", recognition.measure()),
    show("alignment", alignment.measure()),
    show("hotwords", hotwords.measure()),
    show("long_audio", long_audio.measure()),
    show("long_file", asyncio.run(long_file.measure())),
    show("peers", asyncio.run(peers.measure())),
    show("silence", silence.measure()),
    show("live", live.measure()),
]
sys.exit(0 if all(results) else 1)
