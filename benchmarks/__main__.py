"""``python -m benchmarks``: every benchmark in turn; exit code 1 if a bar does not hold."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import memory, recognition, request, start
from benchmarks.report import show

results = [
    show("request", asyncio.run(request.measure())),
    show("start", start.measure()),
    show("memory", memory.measure()),
    show("recognition", recognition.measure()),
]
sys.exit(0 if all(results) else 1)
