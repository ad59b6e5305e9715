"""The bridge to one worker process: starts it, watches it, replaces it, and carries requests to it.

::

    stopped ── start() ──> starting ──> ready ──> (death) ──> restarting ──> starting …
                                                     └── budget spent ──> down

Whatever happens to the process, a request ends: with its answer, with the worker's own error, or
with a typed error within its time.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from wav2vec2_app.errors import TimedOutError, WorkerDiedError
from wav2vec2_app.protocol.frame import Arrays
from wav2vec2_app.server.bridge.child import Answer, Child, OnProgress, Ticket
from wav2vec2_app.server.bridge.death import Death, describe
from wav2vec2_app.server.bridge.restarts import RestartBudget
from wav2vec2_app.server.bridge.spawn import WorkerSpec
from wav2vec2_app.server.deadline import first, settles
from wav2vec2_app.server.events import WorkerEvent
from wav2vec2_app.server.status import WorkerStatus

__all__ = ["Answer", "Delay", "WorkerBridge", "WorkerEvent", "WorkerSpec"]

_log = logging.getLogger(__name__)

Delay = Callable[[], Awaitable[None]]
"""Returns when a process may start."""


class WorkerBridge:
    """One worker process behind one call, :meth:`request`; lives on one event loop.

    Args:
        spec: what to start.
        start_timeout_s: how long a process may take until it is ready.
        ping_interval_s: time between health checks.
        ping_timeout_s: a process that does not answer one, or reads nothing, for this long is
            replaced.
        restart_budget, restart_window_s: restarts allowed within the sliding window; past them the
            worker stays down.
        restart_backoff_s: first wait before a restart; doubles with each in the window, up to 5 s.
        kill_grace_s: how long an operation may take to heed a cancel, and a process to end.
        clock: monotonic seconds, for the restart budget.
        on_event: called on the event loop with every :class:`WorkerEvent`.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        start_timeout_s: float = 90.0,
        ping_interval_s: float = 5.0,
        ping_timeout_s: float = 15.0,
        restart_budget: int = 5,
        restart_window_s: float = 60.0,
        restart_backoff_s: float = 0.1,
        kill_grace_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        on_event: Callable[[WorkerEvent], None] = lambda _: None,
    ) -> None:
        self._spec = spec
        self._start_timeout_s = start_timeout_s
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s
        self._kill_grace_s = kill_grace_s
        self._budget = RestartBudget(restart_budget, restart_window_s, restart_backoff_s, clock)
        self._on_event = on_event
        self._state = "stopped"
        self._changed: asyncio.Future[None] | None = None
        self._child: Child | None = None
        self._info: Mapping[str, Any] = {}
        self._last_death: WorkerDiedError | None = None
        self._restarts = 0
        self._in_flight = 0
        self._supervisor: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def role(self) -> str:
        return self._spec.role

    @property
    def info(self) -> Mapping[str, Any]:
        """What the last ready or pong frame said."""
        if self._child is not None and self._child.info:
            self._info = self._child.info
        return self._info

    def status(self) -> WorkerStatus:
        """The worker at this moment; asks nobody."""
        pid = self._child.pid if self._child is not None else None
        return WorkerStatus(self.role, self._state, pid, self._restarts, self._in_flight)

    # --- life ---

    async def start(self, after: Delay | None = None) -> None:
        """Start the process and return at once; :meth:`wait_ready` or any request waits for it.

        ``after`` is waited for before that, in the background.
        """
        if self._supervisor is not None and not self._supervisor.done():
            return
        self._enter("starting")
        self._supervisor = asyncio.create_task(self._supervise(after))
        while after is None and self._state == "starting" and self._child is None:
            await first(self._change())

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until the worker can take requests.

        Raises:
            TimedOutError: it takes longer than ``timeout_s`` (by default the start timeout).
            WorkerDiedError: it is down or stopped.
        """
        limit = self._start_timeout_s if timeout_s is None else timeout_s
        await self._ready_child(asyncio.get_running_loop().time() + limit)

    async def stop(self) -> None:
        """End the process in good order and wait until nothing of it is left."""
        child = self._child
        self._enter("stopped")
        tasks = [*self._background, *([self._supervisor] if self._supervisor else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        child = self._child or child
        self._child, self._supervisor = None, None
        if child is not None:
            await child.close()

    async def _supervise(self, after: Delay | None) -> None:
        """Keep one process alive for as long as the restart budget allows."""
        try:
            if after is not None:
                await after()
            await self._keep_alive()
        except Exception:  # a defect of ours must not leave callers waiting
            _log.exception("the supervisor of the %s worker failed", self.role)
            if self._child is not None:
                self._child.kill("lost its supervisor")
            self._enter("down")

    async def _keep_alive(self) -> None:
        while True:
            death = await self._one_life()
            self._last_death = death.error
            self._announce("died", death.error)
            backoff_s = self._budget.backoff_s()
            if death.final or (not death.deliberate and not self._budget.spend()):
                _log.error("the %s worker stays down: %s", self.role, death.error)
                self._enter("down")
                rest_s = None if death.final else self._budget.rest_s()
                if rest_s is None:
                    return
                await asyncio.sleep(rest_s)
                self._budget.spend()
            self._restarts += 1
            self._enter("restarting")
            await asyncio.sleep(backoff_s)
            self._enter("starting")

    async def _one_life(self) -> Death:
        """Start one process, watch it, and return when it is gone."""
        try:
            self._child = child = await Child.spawn(
                self._spec, stall_timeout_s=self._ping_timeout_s, grace_s=self._kill_grace_s
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            _log.exception("the %s worker cannot be started", self.role)
            return Death(describe(self.role, None))
        self._enter("starting")
        await first(child.ready, child.gone, timeout_s=self._start_timeout_s)
        if child.ready.done():
            self._enter("ready")
            await self._watch(child)
        else:
            child.kill(f"was not ready within {self._start_timeout_s:g} s")
        return await self._burial(child)

    async def _watch(self, child: Child) -> None:
        """Check the health of a process until it is gone or has to go."""
        while not child.gone.done():
            await first(child.gone, timeout_s=self._ping_interval_s)
            if not child.gone.done() and not await child.ping(self._ping_timeout_s):
                child.kill("did not answer a health check")
                return

    async def _burial(self, child: Child) -> Death:
        await first(child.gone)
        self._info = child.info or self._info
        self._child = None
        return child.gone.result()

    # --- requests ---

    async def request(
        self,
        op: str,
        meta: Mapping[str, Any] | None = None,
        arrays: Arrays | None = None,
        *,
        timeout_s: float,
        idempotent: bool = True,
        on_progress: OnProgress | None = None,
        request_id: str | None = None,
    ) -> Answer:
        """Have the worker do something, and wait for its answer.

        Cancelling the caller's task cancels the operation in the worker too, cooperatively first.

        Args:
            op: name of the operation.
            meta: plain JSON values; NaN arrives as None.
            arrays: sent as raw bytes, not copied; leave them unchanged until the answer is there.
            timeout_s: limit of all of it, waiting for a worker included.
            idempotent: whether it may be asked again, once, if the process dies meanwhile.
            on_progress: called with what the operation reports on its way.
            request_id: what the person's request is called in the worker's log.

        Raises:
            TimedOutError: no answer in time. A worker that then ignores the cancel is replaced.
            WorkerDiedError: the process died (twice, if idempotent), or is down or stopped.
            ProtocolError: the request cannot be put into a frame.
            Wav2Vec2Error: whatever the operation itself raised.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        sent = dict(meta or {}) | ({"request_id": request_id} if request_id else {})
        self._in_flight += 1
        try:
            try:
                return await self._ask(op, sent, arrays or {}, on_progress, deadline)
            except WorkerDiedError as error:
                if self._state == "stopped":
                    raise self._unavailable() from None
                if not idempotent or error.code == "worker.down":
                    raise
                _log.warning("request %s %s goes to a new worker: %s", request_id, op, error)
                self._announce("retried", error)
            return await self._ask(op, sent, arrays or {}, on_progress, deadline)
        finally:
            self._in_flight -= 1

    async def _ask(
        self,
        op: str,
        meta: Mapping[str, Any],
        arrays: Arrays,
        on_progress: OnProgress | None,
        deadline: float,
    ) -> Answer:
        child = await self._ready_child(deadline)
        ticket = child.submit(op, meta, arrays, on_progress)
        try:
            remaining = deadline - asyncio.get_running_loop().time()
            await first(ticket.answer, timeout_s=max(0.0, remaining))
        except asyncio.CancelledError:
            self._release(child, ticket)
            raise
        if ticket.answer.done():
            return ticket.answer.result()
        self._release(child, ticket)
        raise TimedOutError(
            f"The {self.role} worker did not answer in time.",
            hint="Try a shorter recording.",
            metadata={"role": self.role, "op": op},
        )

    def _release(self, child: Child, ticket: Ticket) -> None:
        """Cancel a request in the worker; replace a worker that does not let go of it."""
        child.abandon(ticket)
        if not ticket.answer.done():
            task = asyncio.create_task(self._see_released(child, ticket))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def _see_released(self, child: Child, ticket: Ticket) -> None:
        if not await settles(ticket.answer, self._kill_grace_s):
            child.kill("held on to a request nobody wanted any more", deliberate=True)

    async def _ready_child(self, deadline: float) -> Child:
        """The process, once it can take requests."""
        while True:
            child = self._child
            if self._state == "ready" and child is not None and not child.gone.done():
                return child
            if self._state in {"down", "stopped"}:
                raise self._unavailable()
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise self._not_ready_in_time()
            await first(self._change(), timeout_s=remaining)

    def _unavailable(self) -> WorkerDiedError:
        last = self._last_death
        if self._state == "stopped" or last is None:
            return WorkerDiedError(
                f"The {self.role} worker is stopped.", code="worker.stopped", retryable=False
            )
        return WorkerDiedError(
            f"The {self.role} worker stays down. {last.message}",
            code="worker.down",
            hint=last.hint
            if last.code == "worker.start_failed"
            else "It is tried again in a minute.",
            retryable=False,
            metadata={**last.metadata, "last_code": last.code},
        )

    def _not_ready_in_time(self) -> TimedOutError:
        last = self._last_death
        return TimedOutError(
            f"The {self.role} worker was not ready in time." + (f" {last.message}" if last else ""),
            hint="It is starting; try again in a moment.",
            metadata={"role": self.role, "state": self._state},
        )

    # --- state ---

    def _enter(self, state: str) -> None:
        """Change the state and wake everybody who waits for a change."""
        announced = state != self._state
        self._state = state
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None
        if announced:
            self._announce(state)

    def _change(self) -> asyncio.Future[None]:
        """Settles with the next change of state."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def _announce(self, kind: str, error: WorkerDiedError | None = None) -> None:
        pid = self._child.pid if self._child is not None else None
        try:
            self._on_event(WorkerEvent(self.role, kind, pid, error))
        except Exception:  # a sink cannot take the bridge down
            _log.exception("a listener to the %s worker failed", self.role)
