"""Bridges to toy workers, and what tests wait for."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from tests.integration.toy_messages import ToyProgress, ToyResponse
from wav2vec2_app.protocol.message import Request
from wav2vec2_app.server.bridge.policy import BridgePolicy, RestartPolicy
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.events import WorkerEvent

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_worker.py")
LONG_S = 60.0
"""A limit that is never meant to be reached."""

Make = Callable[..., WorkerBridge]
ToyRequest = Request[ToyResponse, ToyProgress]


class Requests(Protocol):
    """What bridges and pools have in common."""

    async def request(
        self, request: ToyRequest, *, deadline: Deadline, **options: Any
    ) -> ToyResponse: ...


class Events:
    """What a bridge announced; can be waited for."""

    def __init__(self) -> None:
        self.seen: list[WorkerEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: WorkerEvent) -> None:
        self.seen.append(event)
        self._news.set()

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.seen]

    async def wait_for(self, kind: str, times: int = 1) -> WorkerEvent:
        while self.kinds.count(kind) < times:
            self._news.clear()
            await self._news.wait()
        return [event for event in self.seen if event.kind == kind][times - 1]


class Started:
    """A progress listener that says when an operation has begun."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.progress = ToyProgress()

    def __call__(self, progress: ToyProgress) -> None:
        self.progress = progress
        self.event.set()


def toy_spec(*arguments: str, role: str = "toy") -> WorkerSpec:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return WorkerSpec(role, (sys.executable, str(TOY), *arguments), {"PYTHONPATH": path})


def toy_policy(
    *, restart_budget: int = 5, restart_window_s: float = 60.0, **options: float
) -> BridgePolicy:
    """A policy that restarts without a wait."""
    restarts = RestartPolicy(restart_budget, restart_window_s, backoff_s=0.0)
    return BridgePolicy(**{"start_timeout_s": LONG_S, **options}, restarts=restarts)


async def ask(
    target: Requests, request: ToyRequest, limit_s: float = LONG_S, **options: Any
) -> ToyResponse:
    return await target.request(request, deadline=Deadline.after(limit_s), **options)


async def begin(
    target: Requests, request: ToyRequest, limit_s: float = LONG_S, **options: Any
) -> tuple[asyncio.Task[ToyResponse], Started]:
    """Send a request and wait until its operation runs."""
    started = Started()
    task = asyncio.create_task(ask(target, request, limit_s, on_progress=started, **options))
    await started.event.wait()
    return task, started


def wait_for_end(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)
