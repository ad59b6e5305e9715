"""``python -m benchmarks``: every benchmark in turn; exit code 1 if a bar does not hold."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import bridge, memory, pictures, recognition, recovery, request, start
from benchmarks.report import show

results = [
    show("request", asyncio.run(request.measure())),
    show("recovery", asyncio.run(recovery.measure())),
    show("bridge", asyncio.run(bridge.measure())),
    show("pictures", pictures.measure()),
    show("start", start.measure()),
    show("memory", memory.measure()),
    show("recognition", recognition.measure()),
]
sys.exit(0 if all(results) else 1)
