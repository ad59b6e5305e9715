"""One request in the queue of a pool, from its arrival to its outcome."""

from __future__ import annotations

import asyncio
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

    def fail(self, error: Exception) -> None:
        """Settle with an error, unless it is settled."""
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def withdraw(self) -> None:
        """The response is no longer needed: cancel the operation, if it was sent."""
        self.outcome.cancel()
        if self.sent is not None:
            self.sent.bridge.release(self.sent.child, self.sent.ticket)
