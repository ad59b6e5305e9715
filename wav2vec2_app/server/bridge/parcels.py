"""Requests and replies as bytes, for workers that share no disk with this process.

A parcel is the frame that a local worker would get, and the file that the request names, in chunks. A reply
is one frame or several: what is reported on the way, pieces of a file that the worker wrote, and the
response or the error.
"""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from wav2vec2_app.errors import Wav2Vec2Error
from wav2vec2_app.protocol.audio import DecodeAudioRequest, ProbeRequest
from wav2vec2_app.protocol.frame import NIL_ID, Body, Frame, encode
from wav2vec2_app.protocol.message import AnyRequest
from wav2vec2_app.protocol.reader import read_frame

PIECE_BYTES = 4 << 20
"""Length of the pieces of a file."""
SPOOL_OP: Final = "spool"
"""The operation in ``progress`` frames with a piece of the file that a worker wrote."""

FilePiece = bytes | Awaitable[bytes]
"""A piece of a file, or a reference to one that was put where the replica can fetch it."""


@dataclass(frozen=True)
class Parcel:
    """A request as bytes.

    Attributes:
        role: of the worker that is meant.
        frame: the encoded request.
        chunks: of the file that it names; empty without one.
        limit_s: how long the answer may take, seconds.
    """

    role: str
    frame: bytes
    chunks: tuple[FilePiece, ...]
    limit_s: float


# --- frames ------------------------------------------------------------------------------------


def request_bytes(request: AnyRequest, body: Body) -> bytes:
    """The frame of a request.

    Raises:
        ProtocolError: it cannot be encoded.
    """
    return _joined(Frame("request", str(uuid.uuid4()), request.op, body.meta, body.arrays))


def reply_bytes(kind: str, body: Body, op: str = "") -> bytes:
    """One frame of a reply.

    Raises:
        ProtocolError: it cannot be encoded.
    """
    return _joined(Frame(kind, NIL_ID, op, body.meta, body.arrays))


def error_bytes(error: Wav2Vec2Error) -> bytes:
    """The last frame of the reply to a request that failed."""
    return reply_bytes("error", Body(error.to_wire()))


def frames_in(data: bytes) -> Iterator[Frame]:
    """The frames of a parcel or a piece of a reply.

    Raises:
        ProtocolError: they are malformed.
    """
    stream = io.BytesIO(data)
    while (frame := read_frame(stream)) is not None:
        yield frame


def _joined(frame: Frame) -> bytes:
    return b"".join(encode(frame))


# --- files -------------------------------------------------------------------------------------


def source_path(request: AnyRequest) -> Path | None:
    """The file that a request names; None if its bytes are in the request, or it has none."""
    return request.source.path if isinstance(request, ProbeRequest | DecodeAudioRequest) else None


def spool_path(request: AnyRequest) -> Path | None:
    """Where the caller expects long audio."""
    return request.spool if isinstance(request, DecodeAudioRequest) else None


def without_folders(request: AnyRequest) -> AnyRequest:
    """The request with names for the paths of this machine, which mean nothing elsewhere."""
    return _with_files(request, lambda path: Path(f"file{path.suffix}"))


def within(request: AnyRequest, folder: Path) -> AnyRequest:
    """The request with paths in ``folder`` for names."""
    return _with_files(request, lambda path: folder / path.name)


def _with_files(request: AnyRequest, renamed: Callable[[Path], Path]) -> AnyRequest:
    if isinstance(request, ProbeRequest | DecodeAudioRequest) and request.source.path is not None:
        request = replace(
            request, source=replace(request.source, path=renamed(request.source.path))
        )
    if isinstance(request, DecodeAudioRequest) and request.spool is not None:
        request = replace(request, spool=renamed(Path("spool.f32")))
    return request


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """The content of a file, piece by piece; an empty file has one empty piece.

    Raises:
        OSError: it cannot be read.
    """
    with await asyncio.to_thread(path.open, "rb") as file:
        chunk = await asyncio.to_thread(file.read, PIECE_BYTES)
        yield chunk
        while chunk := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield chunk


async def save(chunks: tuple[FilePiece, ...], path: Path) -> None:
    """Write the pieces of a file."""
    with await asyncio.to_thread(path.open, "wb") as file:
        for chunk in chunks:
            data = chunk if isinstance(chunk, bytes) else await chunk
            await asyncio.to_thread(file.write, data)


def spool_bytes(chunk: bytes) -> bytes:
    """The frame of one piece of the file that a worker wrote."""
    return reply_bytes("progress", Body(arrays={"chunk": np.frombuffer(chunk, np.uint8)}), SPOOL_OP)


class SpoolWriter:
    """Writes the pieces of a file that arrive with a reply.

    Attributes:
        path: of the file; None: what arrives is not needed.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    async def add(self, frame: Frame) -> None:
        """Append one piece."""
        if self.path is not None:
            await asyncio.to_thread(_append, self.path, frame.arrays["chunk"].tobytes())

    async def discard(self) -> None:
        """Remove what has arrived."""
        if self.path is not None:
            await asyncio.to_thread(self.path.unlink, missing_ok=True)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
