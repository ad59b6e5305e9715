"""The queue before the workers of one role, and what becomes of requests whose worker dies."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial

from wav2vec2_app.errors import WorkerDiedError
from wav2vec2_app.protocol.frame import NIL_ID, Body, Frame, encode
from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.child import Child
from wav2vec2_app.server.bridge.pending import PendingRequest, PendingRequests, Sent
from wav2vec2_app.server.bridge.quarantine import QUARANTINE_S, Quarantine, quarantined
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.bridge.worker import I, WorkerBridge, packed, unpacking
from wav2vec2_app.server.deadline import Deadline, first
from wav2vec2_app.server.status import WorkerStatus


class WorkerPool:
    """Gives each worker one request, or one batch, at a time; the others wait here, in order.

    A request whose worker dies before its operation began, or is killed from outside, is sent again
    until its deadline. One whose worker crashes is sent again once, alone, to a fresh worker; if that
    one crashes too, its input is put into quarantine. If all workers are down, requests fail
    immediately.

    Background requests (:meth:`broadcast`) are sent beside the others, except while a request that
    crashed a worker runs alone.

    Args:
        bridges: the workers.
        quarantine: of inputs that crashed a worker twice.
    """

    def __init__(
        self, bridges: Sequence[WorkerBridge], quarantine: Quarantine | None = None
    ) -> None:
        if not bridges:
            raise ValueError("a pool has at least one worker")
        self._bridges = tuple(bridges)
        self._quarantine = quarantine or Quarantine()
        self._numbers = itertools.count()
        self._queue = PendingRequests()
        self._alone = 0
        self._runs: dict[WorkerBridge, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False

    @property
    def role(self) -> str:
        return self._bridges[0].role

    @property
    def waiting(self) -> int:
        """How many requests wait for a worker."""
        return len(self._queue.waiting)

    def info(self, kind: type[I]) -> I | None:
        """What the worker that would get the next request last said about itself.

        See :meth:`WorkerBridge.info`.
        """
        return min(self._bridges, key=WorkerBridge.rank).info(kind)

    def infos(self, kind: type[I]) -> tuple[tuple[int | None, I], ...]:
        """Process id of every worker that has said something about itself, and that."""
        found = ((bridge.status().pid, bridge.info(kind)) for bridge in self._bridges)
        return tuple((pid, info) for pid, info in found if info is not None)

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment; sends nothing to them."""
        waiting = self.waiting
        return tuple(replace(bridge.status(), waiting=waiting) for bridge in self._bridges)

    async def start(self, after: Delay | None = None) -> None:
        """Start all; see :meth:`WorkerBridge.start`."""
        await asyncio.gather(*(bridge.start(after) for bridge in self._bridges))

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until all can take requests; see :meth:`WorkerBridge.wait_ready`."""
        await asyncio.gather(*(bridge.wait_ready(timeout_s) for bridge in self._bridges))

    def replace(self, pid: int) -> bool:
        """Replace the process ``pid`` when it has no request; whether it was one that had had some.

        A fresh process is left alone: its successor would need as much memory.
        """
        for bridge in self._bridges:
            if bridge.status().pid == pid and bridge.served:
                bridge.wear_out()
                if bridge not in self._runs:
                    self._runs[bridge] = asyncio.create_task(self._run(bridge))
                return True
        return False

    async def stop(self) -> None:
        """End all in order."""
        await asyncio.gather(*(bridge.stop() for bridge in self._bridges))
        tasks = [*self._runs.values(), *self._tasks]
        self._queue.fail(self._bridges[0].unavailable)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Send a request when a worker is free, and wait for its response.

        The arguments are those of :meth:`WorkerBridge.request`; and ``idempotent``: whether it may be
        sent again if its worker dies after its operation has begun.

        Raises:
            InputError: ``request.quarantined``: the input crashed a worker twice.
            Wav2Vec2Error: see :meth:`WorkerBridge.request`.
        """
        if remaining_s := await self._quarantine.remaining_s(request):
            raise quarantined(self.role, remaining_s)
        progress = unpacking(request, on_progress) if on_progress else None
        number, body = next(self._numbers), packed(request, request_id)
        encode(Frame("request", NIL_ID, request.op, body.meta, body.arrays))  # fails here or never
        job = PendingRequest(number, request, body, progress, idempotent)
        return request.unpack_response(await self._outcome(job, deadline))

    async def broadcast(self, request: Request[R, P], *, deadline: Deadline) -> list[R]:
        """Send a background request to every worker that runs, and wait for all responses.

        Raises:
            WorkerDiedError: no worker runs.
            Wav2Vec2Error: see :meth:`request`; of the first worker that failed.
        """
        if remaining_s := await self._quarantine.remaining_s(request):
            raise quarantined(self.role, remaining_s)
        body = packed(request, "")
        jobs = [
            PendingRequest(next(self._numbers), request, body, None, idempotent=True, only=bridge)
            for bridge in self._bridges
            if bridge.usable
        ]
        if not jobs:
            raise self._bridges[0].unavailable()
        answers = [asyncio.ensure_future(self._outcome(job, deadline)) for job in jobs]
        try:
            await asyncio.wait(answers)
            return [request.unpack_response(body) for body in await asyncio.gather(*answers)]
        finally:
            for answer in answers:
                answer.cancel()

    async def _outcome(self, job: PendingRequest, deadline: Deadline) -> Body:
        """Enqueue ``job`` and wait for its outcome."""
        self._enqueue(job)
        try:
            await first(job.outcome, timeout_s=deadline.remaining_s())
        except asyncio.CancelledError:
            self._withdraw(job)
            raise
        if job.outcome.done():
            return job.outcome.result()
        bridge = (
            job.sent.bridge if job.sent else job.only or min(self._bridges, key=WorkerBridge.rank)
        )
        self._withdraw(job)
        raise bridge.timed_out(job.request.op)

    # --- the queue ---

    def _enqueue(self, job: PendingRequest) -> None:
        self._queue.put(job)
        self._schedule()

    def _withdraw(self, job: PendingRequest) -> None:
        self._queue.remove(job)
        job.withdraw()

    def _schedule(self) -> None:
        """Dispatch in the next iteration of the event loop, when all members of a batch are here."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Let every free worker take a job as soon as it is ready."""
        self._scheduled = False
        usable = [bridge for bridge in self._bridges if bridge.usable]
        if not usable:
            self._queue.fail(self._bridges[0].unavailable)
        if not self._runs_suspect:
            for job in self._queue.take_background():
                self._start(self._send_beside(job))
        for bridge in sorted(usable, key=WorkerBridge.rank):
            if self._queue.waiting and bridge not in self._runs:
                self._runs[bridge] = asyncio.create_task(self._run(bridge))

    @property
    def _runs_suspect(self) -> bool:
        """Whether a request that crashed a worker runs alone, or is about to."""
        return bool(self._alone) or self._queue.has_suspect

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, bridge: WorkerBridge, child: Child) -> list[PendingRequest]:
        """Remove the oldest job that ``child`` may have, and those in one batch with it."""
        fresh_comes = any(one.usable and not one.served for one in self._bridges)
        return self._queue.take(bridge, suspects=not (child.served and fresh_comes))

    # --- one worker ---

    async def _run(self, bridge: WorkerBridge) -> None:
        """Give jobs to a worker when it is ready, and return when it is free again."""
        jobs: list[PendingRequest] = []
        alone = False
        try:
            child = await bridge.ready_child()
            jobs = self._take(bridge, child)
            alone = bool(jobs) and jobs[0].suspect
            self._alone += alone
            with bridge.counted():
                if alone:
                    child = await bridge.ready_child(fresh=True)
                if answers := self._send(bridge, child, jobs):
                    await asyncio.wait(answers)
        except WorkerDiedError:
            for job in jobs:
                if job.sent is None and not job.outcome.done():
                    self._enqueue(job)
        finally:
            self._alone -= alone
            del self._runs[bridge]
            if jobs or not bridge.usable:
                self._schedule()

    async def _send_beside(self, job: PendingRequest) -> None:
        """Send a background job when its worker is ready."""
        bridge = job.only or self._bridges[0]
        try:
            child = await bridge.ready_child()
            if not self._runs_suspect:
                self._send(bridge, child, [job])
        except WorkerDiedError:
            if not bridge.usable:
                job.fail(bridge.unavailable())
        if job.sent is None and not job.outcome.done():
            self._enqueue(job)

    def _send(
        self, bridge: WorkerBridge, child: Child, jobs: Sequence[PendingRequest]
    ) -> list[asyncio.Future[Body]]:
        """Send a batch; the answers that will come."""
        wanted = [job for job in jobs if not job.outcome.done()]
        answers = []
        for job in wanted:
            more = job is not wanted[-1]
            ticket = child.submit(job.request.op, job.body, job.on_progress, more=more)
            job.sent = Sent(bridge, child, ticket)
            ticket.answer.add_done_callback(partial(self._conclude, job, job.sent))
            answers.append(ticket.answer)
        return answers

    def _conclude(self, job: PendingRequest, sent: Sent, answer: asyncio.Future[Body]) -> None:
        """Pass the answer on, or decide what becomes of a job whose worker died."""
        if job.outcome.done() or answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            job.outcome.set_result(answer.result())
        elif not isinstance(error, WorkerDiedError):
            job.outcome.set_exception(error)
        elif sent.bridge.stopped:
            job.fail(sent.bridge.unavailable())
        else:
            self._lost(job, sent, error)

    def _lost(self, job: PendingRequest, sent: Sent, error: WorkerDiedError) -> None:
        """The worker died. A death is charged to what had begun, never to what waited."""
        begun, own = sent.ticket.begun, sent.child.gone.result().own
        if begun and not job.idempotent:
            job.fail(error)
        elif begun and own and job.suspect:
            self._start(self._condemn(job))
        else:
            job.suspect = job.suspect or (begun and own)
            sent.bridge.announce_retry(error)
            self._enqueue(job)

    async def _condemn(self, job: PendingRequest) -> None:
        """The second crash, alone in a fresh worker: put the input into quarantine."""
        await self._quarantine.add(job.request)
        job.fail(quarantined(self.role, QUARANTINE_S))
