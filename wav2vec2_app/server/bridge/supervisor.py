"""Keeps one worker process running: starts it, checks its health, and restarts it within a budget.

::

    stopped ── start() ──> starting ──> ready ──> (died) ──> restarting ──> starting …
                                                     └── budget spent ──> down
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from wav2vec2_app.errors import TimedOutError, WorkerDiedError
from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.server.bridge.child import Child
from wav2vec2_app.server.bridge.policy import BridgePolicy
from wav2vec2_app.server.bridge.recorder import FrameRecorder
from wav2vec2_app.server.bridge.restarts import RestartBudget
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.bridge.termination import Termination, describe
from wav2vec2_app.server.deadline import Deadline, first
from wav2vec2_app.server.events import (
    WorkerEvent,
    WorkerEventKind,
    WorkerEventSink,
    ignore_event,
)

_log = logging.getLogger(__name__)

Delay = Callable[[], Awaitable[None]]
"""Returns when a process may start."""

FREE_KILLED_STARTS = 2
"""Starts in a row that may be killed from outside; more look as if there is no memory for the worker."""

WorkerState = Literal["starting", "ready", "restarting", "down", "stopped"]


class Supervisor:
    """The life of one worker over any number of processes; lives on one event loop.

    Args:
        spec: what to start.
        policy: timeouts and restarts.
        on_event: gets every :class:`WorkerEvent`.
        recorder: gets the frames of every request.
        clock: monotonic seconds, for the restart budget.

    Attributes:
        state: where it is in the diagram above.
        child: the running process, if there is one.
        restarts: how often it was restarted.
        init_s: how long the present process took to get ready, seconds; None before that.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        policy: BridgePolicy,
        *,
        on_event: WorkerEventSink = ignore_event,
        recorder: FrameRecorder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.role = spec.role
        self.state: WorkerState = "stopped"
        self.child: Child | None = None
        self.restarts = 0
        self.init_s: float | None = None
        self._clock = clock
        self._began_s = clock()
        self._spec = spec
        self._policy = policy
        self._budget = RestartBudget(policy.restarts, clock)
        self._on_event = on_event
        self._recorder = recorder
        self._killed_starts = 0
        self._changed: asyncio.Future[None] | None = None
        self._info: Body | None = None
        self._last_error: WorkerDiedError | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def info(self) -> Body | None:
        """The body of the last ready or pong frame; None before the first."""
        if self.child is not None and self.child.info is not None:
            self._info = self.child.info
        return self._info

    @property
    def age_s(self) -> float | None:
        """Time since the present process was started, seconds; None without one."""
        return self._clock() - self._began_s if self.child is not None else None

    @property
    def last_exit(self) -> str:
        """Why its last process ended; empty if none has."""
        return self._last_error.message if self._last_error is not None else ""

    # --- start and stop ---

    async def start(self, after: Delay | None = None) -> None:
        """Start the process and return immediately; ``after`` is awaited first, in the background."""
        if self._task is not None and not self._task.done():
            return
        self._enter("starting")
        self._task = asyncio.create_task(self._supervise(after))
        while after is None and self.state == "starting" and self.child is None:
            await first(self._change())

    async def stop(self) -> None:
        """End the process in order and wait until it is gone."""
        child = self.child
        self._enter("stopped")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        child = self.child or child
        self.child, self._task = None, None
        if child is not None:
            await child.close()

    async def ready_child(self, deadline: Deadline) -> Child:
        """The process, once it can take requests.

        Raises:
            TimedOutError: the deadline passed.
            WorkerDiedError: the worker is down or stopped.
        """
        while True:
            child = self.child
            if self.state == "ready" and child is not None and not child.gone.done():
                return child
            if self.state in {"down", "stopped"}:
                raise self.unavailable()
            if not (remaining_s := deadline.remaining_s()):
                raise self.not_ready_in_time()
            await first(self._change(), timeout_s=remaining_s)

    def unavailable(self) -> WorkerDiedError:
        """The error for requests to a worker that is down or stopped."""
        last = self._last_error
        if self.state == "stopped" or last is None:
            return WorkerDiedError(
                f"The {self.role} worker is stopped.", code="worker.stopped", retryable=False
            )
        restarts_later = last.code != "worker.start_failed"
        return WorkerDiedError(
            f"The {self.role} worker does not run. {last.message}",
            code="worker.down",
            hint="It is restarted within a minute; try again then."
            if restarts_later
            else last.hint,
            retryable=False,
            metadata={**last.metadata, "last_code": last.code},
        )

    def not_ready_in_time(self) -> TimedOutError:
        last = self._last_error
        return TimedOutError(
            f"The {self.role} worker was not ready in time." + (f" {last.message}" if last else ""),
            hint="It is starting; try again in a moment.",
            metadata={"role": self.role, "state": self.state},
        )

    # --- one process after the other ---

    async def _supervise(self, after: Delay | None) -> None:
        try:
            if after is not None:
                await after()
            while await self._may_restart(await self._run_process()):
                self._enter("starting")
        except Exception:  # callers must not wait forever because of a defect here
            _log.exception("the supervisor of the %s worker failed", self.role)
            if self.child is not None:
                self.child.kill("lost its supervisor")
            self._enter("down")

    async def _run_process(self) -> Termination:
        """Start one process, check its health, and return when it is gone."""
        self._began_s, self.init_s = self._clock(), None
        try:
            self.child = child = await Child.spawn(self._spec, self._policy, self._recorder)
        except (OSError, ValueError, subprocess.SubprocessError):
            _log.exception("the %s worker cannot be started", self.role)
            return self._ended(Termination(describe(self.role, None)))
        self._enter("starting")  # wakes start(), which waits for the process
        await first(child.ready, child.gone, timeout_s=self._policy.start_timeout_s)
        if child.ready.done():
            self.init_s = self._clock() - self._began_s
            self._enter("ready")
            await self._check_health(child)
        else:
            child.kill(f"was not ready within {self._policy.start_timeout_s:g} s")
        await first(child.gone)
        self._info = child.info or self._info
        return self._ended(child.gone.result())

    def _ended(self, termination: Termination) -> Termination:
        self._last_error = termination.error
        self.announce("died", termination.error)
        self.child = None
        return termination

    async def _check_health(self, child: Child) -> None:
        """Ping the process until it is gone or has to be killed."""
        while not child.gone.done():
            await first(child.gone, timeout_s=self._policy.ping_interval_s)
            if not child.gone.done() and not await child.ping(self._policy.ping_timeout_s):
                child.kill("did not answer a health check")
                return

    async def _may_restart(self, ended: Termination) -> bool:
        """Wait until the next process may start; False if none may."""
        backoff_s = self._budget.backoff_s()
        if ended.final or (self._spends_budget(ended) and not self._budget.spend()):
            _log.error("the %s worker is not restarted: %s", self.role, ended.error)
            self._enter("down")
            wait_s = None if ended.final else self._budget.wait_s()
            if wait_s is None:
                return False
            await asyncio.sleep(wait_s)
            self._budget.spend()
        self.restarts += 1
        self._enter("restarting")
        await asyncio.sleep(backoff_s)
        return True

    def _spends_budget(self, ended: Termination) -> bool:
        """Whether the budget is charged; the first starts in a row that are killed from outside are free."""
        if ended.own or ended.deliberate or ended.was_ready:
            self._killed_starts = 0
            return ended.spends_budget
        self._killed_starts += 1
        return self._killed_starts > FREE_KILLED_STARTS

    # --- state ---

    def _enter(self, state: WorkerState) -> None:
        """Change the state and wake everything that waits for a change."""
        changed = state != self.state
        self.state = state
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None
        if changed:
            self.announce(state)

    def _change(self) -> asyncio.Future[None]:
        """Settles with the next change of state."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def announce(self, kind: WorkerEventKind, error: WorkerDiedError | None = None) -> None:
        """Send an event; a sink that fails is logged and does no harm."""
        pid = self.child.pid if self.child is not None else None
        try:
            took_s = self.init_s if kind in ("ready", "died") else None
            self._on_event(WorkerEvent(self.role, kind, pid, error, took_s))
        except Exception:
            _log.exception("a sink of the events of the %s worker failed", self.role)
