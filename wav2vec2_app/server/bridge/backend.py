"""The interfaces to the workers of one role, wherever they run, and to replicas on other machines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from wav2vec2_app.errors import WorkerDiedError
from wav2vec2_app.protocol.message import P, R, Request
from wav2vec2_app.server.bridge.parcels import FilePiece, Parcel
from wav2vec2_app.server.bridge.supervisor import Delay
from wav2vec2_app.server.bridge.worker import I
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.status import WorkerStatus


class Backend(Protocol):
    """Answers typed requests of one role.

    :class:`~wav2vec2_app.server.bridge.pool.WorkerPool` does it with processes of this machine,
    :class:`~wav2vec2_app.server.bridge.remote.RemoteBackend` with replicas on other machines. Every request
    ends: with its response, with the error of its operation, or with a typed error by its deadline.
    """

    @property
    def role(self) -> str:
        """Which operations it has."""
        ...

    @property
    def waiting(self) -> int:
        """How many requests wait in this process for a worker."""
        ...

    def info(self, kind: type[I]) -> I | None:
        """What a worker last said about itself; None before the first time."""
        ...

    def infos(self, kind: type[I]) -> tuple[tuple[int | None, I], ...]:
        """The same of every worker that is known, with its process id on this machine."""
        ...

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """Every worker at this moment; sends nothing to them."""
        ...

    async def start(self, after: Delay | None = None) -> None:
        """Begin to get ready, in the background; ``after`` is awaited first."""
        ...

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Return when requests can be answered; raises the reason if they cannot be."""
        ...

    def replace(self, pid: int) -> bool:
        """Replace the process ``pid`` of this machine when it is idle; whether it will be."""
        ...

    async def stop(self) -> None:
        """Release everything; later requests fail."""
        ...

    async def request(
        self,
        request: Request[R, P],
        *,
        deadline: Deadline,
        on_progress: Callable[[P], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> R:
        """Send a request and wait for its response; cancelling the caller cancels the operation."""
        ...

    async def broadcast(self, request: Request[R, P], *, deadline: Deadline) -> list[R]:
        """Send a background request to every worker that runs, and wait for all responses."""
        ...


class ReplicaLostError(WorkerDiedError):
    """The replica that had a request was lost; another one can answer it."""

    default_code = "backend.replica_lost"


class Remote(Protocol):
    """The replicas of one role."""

    async def connect(self) -> None:
        """Return when requests can be sent; does nothing if they can.

        Raises:
            Wav2Vec2Error: why they cannot.
        """
        ...

    async def put(self, chunk: bytes) -> FilePiece:
        """Put a piece of a file where every replica can fetch it."""
        ...

    def send(self, parcel: Parcel, *, stream: bool) -> AsyncGenerator[bytes, None]:
        """The reply of one replica: piece by piece, or only the last one; closing it cancels the request.

        Raises:
            ReplicaLostError: the replica was lost.
            Wav2Vec2Error: why there is no reply.
        """
        ...

    async def send_to_all(self, parcel: Parcel) -> Sequence[bytes]:
        """The last pieces of the replies of all replicas that answered."""
        ...

    async def about(self) -> bytes:
        """What one replica says about itself: an ``info`` frame, or nothing."""
        ...

    async def states(self) -> Sequence[str]:
        """The state of every replica: ``ready`` or ``starting``."""
        ...
