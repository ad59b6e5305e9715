"""Replicas without a cluster: what carries the parcels is a function call, after they were pickled."""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.protocol.audio import DecodeAudioRequest, DecodeAudioResponse, ProbeRequest
from wav2vec2_app.protocol.message import AnyRequest, Message, Response
from wav2vec2_app.server.bridge.backend import ReplicaLostError
from wav2vec2_app.server.bridge.parcels import FilePiece, Parcel
from wav2vec2_app.server.bridge.replica import Replica
from wav2vec2_app.server.bridge.worker import I
from wav2vec2_app.server.deadline import Deadline
from wav2vec2_app.server.status import WorkerStatus

Report = Callable[[Message], None]
Run = Callable[[AnyRequest, Report], Awaitable[Response]]


class FakeWorker:
    """A backend of this process with one function for all operations.

    Attributes:
        requests: what it was sent.
        cancelled: operations that were cancelled.
        state: what :meth:`statuses` says.
    """

    waiting = 0

    def __init__(self, run: Run, *, role: str = "inference", info: Message | None = None) -> None:
        self.role = role
        self.requests: list[AnyRequest] = []
        self.request_ids: list[str] = []
        self.cancelled: list[str] = []
        self.state = "stopped"
        self.problem: Wav2Vec2Error | None = None
        self._run = run
        self._info = info

    def info(self, kind: type[I]) -> I | None:
        return self._info if isinstance(self._info, kind) else None

    def infos(self, kind: type[I]) -> tuple[tuple[int | None, I], ...]:
        info = self.info(kind)
        return () if info is None else ((None, info),)

    def statuses(self) -> tuple[WorkerStatus, ...]:
        return (WorkerStatus(self.role, self.state, None, 0, 0),)

    async def start(self, after: object = None) -> None:
        self.state = "ready"

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        if self.problem is not None:
            raise self.problem

    def replace(self, pid: int) -> bool:
        return False

    async def stop(self) -> None:
        self.state = "stopped"

    async def request(
        self,
        request: Any,
        *,
        deadline: Deadline,
        on_progress: Callable[[Any], None] | None = None,
        request_id: str = "",
        idempotent: bool = True,
    ) -> Any:
        self.requests.append(request)
        self.request_ids.append(request_id)
        try:
            return await self._run(request, on_progress or (lambda _: None))
        except asyncio.CancelledError:
            self.cancelled.append(request.op)
            raise

    async def broadcast(self, request: Any, *, deadline: Deadline) -> list[Any]:
        return [await self.request(request, deadline=deadline)]


@dataclass(frozen=True)
class Reference:
    """A piece of a file that was put somewhere."""

    number: int
    store: Mapping[int, bytes]

    def __await__(self) -> Generator[Any, None, bytes]:
        yield from asyncio.sleep(0).__await__()
        return self.store[self.number]


class LoopRemote:
    """A :class:`Remote` whose replicas are objects of this process, used alternately.

    Attributes:
        sent: the parcels as bytes.
        lose: how many of the next requests lose their replica, after so many pieces of the reply.
        error: what connecting fails with.
        counts: of calls.
    """

    def __init__(self, *replicas: Replica) -> None:
        self.replicas = list(replicas)
        self.sent: list[bytes] = []
        self.lose: list[int] = []
        self.error: Wav2Vec2Error | None = None
        self.counts: Counter[str] = Counter()
        self.changed: Callable[[bytes], bytes] = lambda data: data
        self._store: dict[int, bytes] = {}
        self._next = 0

    async def connect(self) -> None:
        self.counts["connect"] += 1
        if self.error is not None:
            raise self.error

    async def put(self, chunk: bytes) -> FilePiece:
        number = len(self._store)
        self._store[number] = chunk
        return Reference(number, {})

    async def send(self, parcel: Parcel, *, stream: bool) -> AsyncGenerator[bytes, None]:
        replica = self.replicas[self._next % len(self.replicas)]
        self._next += 1
        self.counts["stream" if stream else "answer"] += 1
        lost_after = self.lose.pop(0) if self.lose else None
        pieces = 0
        if lost_after == 0:
            raise ReplicaLostError("lost")
        if not stream:
            yield self.changed(await replica.answer(self._carried(parcel)))
            return
        async for piece in replica.stream(self._carried(parcel)):
            if pieces == lost_after:
                raise ReplicaLostError("lost")
            pieces += 1
            yield self.changed(piece)

    async def send_to_all(self, parcel: Parcel) -> Sequence[bytes]:
        self.counts["broadcast"] += 1
        return [await replica.answer(self._carried(parcel)) for replica in self.replicas]

    async def about(self) -> bytes:
        return self.replicas[0].about()

    async def states(self) -> Sequence[str]:
        return ["ready"] * len(self.replicas)

    def _carried(self, parcel: Parcel) -> Parcel:
        """The parcel on the other side: nothing of this side is left but bytes."""
        data = pickle.dumps(parcel)
        self.sent.append(data)
        arrived: Parcel = pickle.loads(data)  # noqa: S301 - what was pickled above
        return replace(arrived, chunks=tuple(self._there(chunk) for chunk in arrived.chunks))

    def _there(self, chunk: FilePiece) -> FilePiece:
        return Reference(chunk.number, self._store) if isinstance(chunk, Reference) else chunk


def replicas_of(workers: Iterable[FakeWorker]) -> list[Replica]:
    return [Replica(worker) for worker in workers]


def decoder(samples: int, *, spools: bool) -> Run:
    """An audio worker whose samples are the bytes of the file, repeated, in a file or in the response."""

    async def run(request: AnyRequest, _: Report) -> Response:
        assert isinstance(request, DecodeAudioRequest | ProbeRequest)
        path = request.source.path
        data = await asyncio.to_thread(Path(path).read_bytes) if path else request.source.data
        assert data is not None
        values = np.resize(np.frombuffer(data, np.uint8), samples).astype(np.float32)
        spool = request.spool if isinstance(request, DecodeAudioRequest) else None
        if spools and spool is not None:
            await asyncio.to_thread(spool.write_bytes, values.tobytes())
        return DecodeAudioResponse(
            None if spools else values, samples if spools else 0, 16_000, 1, "wav", ()
        )

    return run
