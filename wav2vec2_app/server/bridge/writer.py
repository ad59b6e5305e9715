"""Writes frames to a worker's input, one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from wav2vec2_app.protocol.frame import Buffer, Frame, encode, pieces
from wav2vec2_app.server.deadline import settles


class StalledError(Exception):
    """The worker has not read its input for too long."""


@dataclass(eq=False)
class Outgoing:
    """A frame that waits to be written, or is being written.

    Attributes:
        written: settles when all of it has been written.
        begun: whether a part of it has been written.
        dropped: it is not to be written; without effect once ``begun``.
    """

    buffers: list[Buffer]
    written: asyncio.Future[None]
    begun: bool = False
    dropped: bool = False


class FrameWriter:
    """A queue of frames before a stream.

    Writing is not done by the callers, so that one that is cancelled cannot leave half a frame behind.

    Args:
        stream: the worker's input.
        stall_timeout_s: how long the worker may read nothing while there is something to read.
    """

    def __init__(self, stream: asyncio.StreamWriter, stall_timeout_s: float) -> None:
        self._stream = stream
        self._stall_timeout_s = stall_timeout_s
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue()

    def put(self, frame: Frame) -> Outgoing:
        """Append a frame to the queue.

        Raises:
            ProtocolError: it cannot be encoded.
        """
        outgoing = Outgoing(encode(frame), asyncio.get_running_loop().create_future())
        self._queue.put_nowait(outgoing)
        return outgoing

    async def run(self) -> None:
        """Write frames until the task is cancelled.

        Raises:
            StalledError: the worker stopped reading.
            OSError: the worker closed its input.
        """
        while True:
            outgoing = await self._queue.get()
            if not outgoing.dropped:
                outgoing.begun = True
                await self._write(outgoing.buffers)
                outgoing.written.set_result(None)
            outgoing.buffers.clear()  # free the memory of what has been sent

    async def _write(self, buffers: list[Buffer]) -> None:
        for piece in pieces(buffers):
            self._stream.write(piece)
            await self._drain()

    async def _drain(self) -> None:
        drained = asyncio.ensure_future(self._stream.drain())
        try:
            if not await settles(drained, self._stall_timeout_s):
                raise StalledError
            drained.result()
        finally:
            drained.cancel()
