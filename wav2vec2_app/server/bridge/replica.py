"""One replica: answers parcels with worker processes of its own, on whatever machine it runs.

Nothing here knows what carries the parcels. The worker, its confinement, restarts, quarantine and batches are
those of the local pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from wav2vec2_app.errors import translate
from wav2vec2_app.protocol.audio import AudioInfo
from wav2vec2_app.protocol.frame import Frame, breach
from wav2vec2_app.protocol.inference import InferenceInfo
from wav2vec2_app.protocol.message import AnyRequest, Message
from wav2vec2_app.protocol.registry import REQUESTS, Requests
from wav2vec2_app.protocol.text import TextInfo
from wav2vec2_app.server.bridge import parcels
from wav2vec2_app.server.bridge.backend import Backend
from wav2vec2_app.server.bridge.parcels import Parcel
from wav2vec2_app.server.deadline import Deadline, cancel_all

Infos = Mapping[str, type[Message]]
INFOS: Infos = MappingProxyType(
    {"audio": AudioInfo, "inference": InferenceInfo, "text": TextInfo},
)
"""What the workers of a role say about themselves."""
Others = Mapping[str, Callable[[], Backend]]
NO_OTHERS: Others = MappingProxyType({})


class Replica:
    """Answers parcels with the workers of this machine.

    Args:
        main: the worker that is started with the replica.
        others: make the workers of other roles, each for one request.
        requests: the messages, by operation.
        infos: what workers say about themselves, by role.
    """

    def __init__(
        self,
        main: Backend,
        others: Others = NO_OTHERS,
        *,
        requests: Requests = REQUESTS,
        infos: Infos = INFOS,
    ) -> None:
        self._main = main
        self._others = others
        self._requests = requests
        self._infos = infos

    async def start(self) -> None:
        """Start the worker and return when it is ready.

        Raises:
            Wav2Vec2Error: it cannot start.
        """
        await self._main.start()
        await self._main.wait_ready()

    async def stop(self) -> None:
        """End the worker."""
        await self._main.stop()

    async def check(self) -> None:
        """Return if requests can be answered, now or after a restart of the worker.

        Raises:
            Wav2Vec2Error: the worker is down.
        """
        if all(status.state in {"down", "stopped"} for status in self._main.statuses()):
            await self._main.wait_ready(0.0)

    def about(self) -> bytes:
        """What the worker says about itself, as an ``info`` frame; empty if it says nothing."""
        kind = self._infos.get(self._main.role)
        info = self._main.info(kind) if kind is not None else None
        return parcels.reply_bytes("info", info.pack()) if info is not None else b""

    async def answer(self, parcel: Parcel) -> bytes:
        """The reply to a parcel without what is reported on the way.

        What the worker says about itself comes before the response to a background operation.
        """
        with _folder(parcel) as folder:
            try:
                request, last = await self._result(parcel, folder, None)
            except Exception as error:
                return parcels.error_bytes(translate(error))
        return (self.about() if request.background else b"") + last

    async def stream(self, parcel: Parcel) -> AsyncIterator[bytes]:
        """The complete reply to a parcel, piece by piece."""
        outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        with _folder(parcel) as folder:
            task = asyncio.create_task(self._result(parcel, folder, outbox.put_nowait))
            task.add_done_callback(lambda _: outbox.put_nowait(None))
            try:
                while (piece := await outbox.get()) is not None:
                    yield piece
                async for piece in _rest(task):
                    yield piece
            finally:
                await cancel_all([task])

    async def _result(
        self, parcel: Parcel, folder: Path, send: Callable[[bytes], None] | None
    ) -> tuple[AnyRequest, bytes]:
        """Run the operation; the request with the paths of this machine, and the last frame."""
        request, request_id = self._request(parcel, folder)
        source = parcels.source_path(request)
        if source is not None and parcel.chunks:
            await parcels.save(parcel.chunks, source)

        def on_progress(message: Message) -> None:
            if send is not None:
                send(parcels.reply_bytes("progress", message.pack()))

        async with self._worker(parcel.role) as worker:
            response = await worker.request(
                request,
                deadline=Deadline.after(parcel.limit_s),
                on_progress=on_progress if send is not None else None,
                request_id=request_id,
            )
        return request, parcels.reply_bytes("result", response.pack())

    @contextlib.asynccontextmanager
    async def _worker(self, role: str) -> AsyncIterator[Backend]:
        """The worker of a role; one that is not the main one ends with the block."""
        if role == self._main.role:
            yield self._main
            return
        make = self._others.get(role)
        if make is None:
            raise breach("unknown_role", f"The replica has no {role[:40]!r} worker.")
        worker = make()
        try:
            await worker.start()
            yield worker
        finally:
            await worker.stop()

    def _request(self, parcel: Parcel, folder: Path) -> tuple[AnyRequest, str]:
        """The message in a parcel and the id of the user's request."""
        frame = _only_frame(parcel.frame)
        kind = self._requests.get(frame.op)
        if kind is None:
            raise breach("unknown_op", f"There is no operation {frame.op[:40]!r}.")
        return parcels.within(kind.unpack(frame.body), folder), str(
            frame.meta.get("request_id", "")
        )


async def _rest(task: asyncio.Task[tuple[AnyRequest, bytes]]) -> AsyncIterator[bytes]:
    """The file that the operation wrote, and the last frame."""
    try:
        request, last = task.result()
        spool = parcels.spool_path(request)
        if spool is not None and spool.exists():
            async for chunk in parcels.chunks_of(spool):
                yield parcels.spool_bytes(chunk)
    except Exception as error:
        last = parcels.error_bytes(translate(error))
    yield last


def _only_frame(data: bytes) -> Frame:
    frames = list(parcels.frames_in(data))
    if len(frames) != 1 or frames[0].kind != "request":
        raise breach("bad_kind", "A parcel has exactly one request.")
    return frames[0]


@contextlib.contextmanager
def _folder(parcel: Parcel) -> Iterator[Path]:
    """A folder for the files of a request; for requests without any, one that does not exist."""
    if not parcel.chunks and parcel.role != "audio":
        yield Path("no-files")
        return
    with tempfile.TemporaryDirectory(prefix="wav2vec2-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class ReplicaActor:
    """What Ray Serve runs: a replica in an actor.

    Args:
        make: makes the replica; called in the process of the actor.
    """

    def __init__(self, make: Callable[[], Replica]) -> None:
        self._replica = make()
        self._started = False

    async def check_health(self) -> None:
        """Serve calls this before the first request and every few seconds; it replaces what raises."""
        if not self._started:
            await self._replica.start()
            self._started = True
        await self._replica.check()

    async def about(self) -> bytes:
        return self._replica.about()

    async def answer(self, parcel: Parcel) -> bytes:
        return await self._replica.answer(parcel)

    async def stream(self, parcel: Parcel) -> AsyncIterator[bytes]:
        async for piece in self._replica.stream(parcel):
            yield piece

    async def __del__(self) -> None:
        """Serve awaits it when a replica is stopped in order."""
        await self._replica.stop()
