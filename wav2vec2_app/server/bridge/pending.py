"""The queue of a pool, and one request in it, from its arrival to its outcome."""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from wav2vec2_app.protocol.frame import Body
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.server.bridge.child import Child
from wav2vec2_app.server.bridge.ticket import OnProgressBody, Ticket
from wav2vec2_app.server.bridge.worker import WorkerBridge


@dataclass(frozen=True, eq=False)
class Sent:
    """Where a job was sent."""

    bridge: WorkerBridge
    child: Child
    ticket: Ticket


@dataclass(eq=False)
class PendingRequest:
    """A request that waits for a worker, or is with one.

    Attributes:
        number: its place in the order of arrival, which it keeps when it is sent again.
        request: what is sent.
        body: of its frame.
        on_progress: gets the body of each progress frame.
        idempotent: whether it may be sent again after its operation has begun.
        outcome: settles with the response or an error.
        suspect: it was running when its worker crashed; it is sent again alone, to a fresh worker.
        sent: where it is; None while it waits.
        only: the worker that has to answer it; None: any.
    """

    number: int
    request: AnyRequest
    body: Body
    on_progress: OnProgressBody | None
    idempotent: bool
    outcome: asyncio.Future[Body] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    suspect: bool = False
    sent: Sent | None = None
    only: WorkerBridge | None = None

    def fail(self, error: Exception) -> None:
        """Settle with an error, unless it is settled."""
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def withdraw(self) -> None:
        """The response is no longer needed: cancel the operation, if it was sent."""
        self.outcome.cancel()
        if self.sent is not None:
            self.sent.bridge.release(self.sent.child, self.sent.ticket)


class PendingRequests:
    """Requests that wait for a worker, in the order of their arrival.

    Those of background operations wait apart: they are sent beside the others.
    """

    def __init__(self) -> None:
        self.waiting: list[PendingRequest] = []
        self._background: list[PendingRequest] = []

    @property
    def has_suspect(self) -> bool:
        """Whether a request waits that crashed a worker."""
        return any(job.suspect for job in self.waiting)

    def put(self, job: PendingRequest) -> None:
        """Put ``job`` into its place in the order of arrival."""
        job.sent = None
        beside = job.request.background and not job.suspect
        bisect.insort(self._background if beside else self.waiting, job, key=lambda one: one.number)

    def remove(self, job: PendingRequest) -> None:
        """Remove ``job``, if it is here."""
        for jobs in (self.waiting, self._background):
            if job in jobs:
                jobs.remove(job)

    def fail(self, make_error: Callable[[], Exception]) -> None:
        """Remove all, and settle each with an error."""
        for job in (*self.waiting, *self._background):
            job.fail(make_error())
        self.waiting.clear()
        self._background.clear()

    def take(self, bridge: WorkerBridge, *, suspects: bool) -> list[PendingRequest]:
        """Remove the oldest job that ``bridge`` may have, and those in one batch with it.

        ``suspects``: whether it may have one that crashed a worker.
        """
        jobs = [
            job
            for job in self.waiting
            if (suspects or not job.suspect) and job.only in (None, bridge)
        ]
        if not jobs:
            return []
        oldest = jobs[0]
        limit, key = oldest.request.batch_limit(), oldest.request.batch_key()
        if oldest.suspect or limit <= 1:
            taken = [oldest]
        else:
            mates = (j for j in jobs if not j.suspect and j.request.batch_key() == key)
            taken = list(itertools.islice(mates, limit))
        self.waiting = [job for job in self.waiting if job not in taken]
        return taken

    def take_background(self) -> list[PendingRequest]:
        """Remove all background jobs."""
        taken, self._background = self._background, []
        return taken
