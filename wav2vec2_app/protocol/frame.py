"""The frame, the unit that crosses the pipes between the server process and a worker, and its encoding.

A frame is a 4-byte little-endian header length, a UTF-8 JSON header and a binary payload; the
contract is on one screen in ``docs/worker-protocol.md``. :mod:`wav2vec2_app.protocol.reader` reads
frames. A frame that breaks a rule is a :class:`~wav2vec2_app.errors.ProtocolError` with a code.
"""

from __future__ import annotations

import json
import math
import struct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import ProtocolError

VERSION = 1
KINDS = frozenset(
    {"request", "begun", "progress", "result", "error", "ping", "pong", "ready", "info", "cancel"}
)  # fmt: skip
DTYPES = {
    "bool": np.dtype(np.bool_),
    "u1": np.dtype("u1"),
    "i2": np.dtype("<i2"),
    "i4": np.dtype("<i4"),
    "i8": np.dtype("<i8"),
    "f2": np.dtype("<f2"),
    "f4": np.dtype("<f4"),
    "f8": np.dtype("<f8"),
}
"""Every array type that can be sent, by its name in the header."""

NIL_ID = str(uuid.UUID(int=0))
"""The id of frames that belong to no request: ``ready`` and the error of a failed start."""

MAX_HEADER_BYTES = 1 << 20  # 1 MiB
MAX_PAYLOAD_BYTES = 1 << 30  # 1 GiB
ALIGNMENT = 8
"""Every array starts at a multiple of this many bytes, so that readers need no aligned copy."""

LENGTH = struct.Struct("<I")
CHUNK_BYTES = 1 << 18
"""How much of a payload is read or written in one step of an event loop."""

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Meta = Mapping[str, object]
"""Plain JSON values by name."""
Buffer = bytes | memoryview


@dataclass(frozen=True, eq=False)
class Body:
    """The content of a frame: ``meta`` is plain JSON; ``arrays`` are sent as raw bytes, never as text."""

    meta: Meta = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame; ``meta`` and ``arrays`` are its :class:`Body`."""

    kind: str
    id: str
    op: str = ""
    meta: Meta = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)

    @property
    def body(self) -> Body:
        return Body(self.meta, self.arrays)


def is_id(text: str) -> bool:
    """Whether this is a UUID in its canonical form (lower case, with hyphens)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def encode(frame: Frame, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> list[Buffer]:
    """The frame as buffers to be written in order; arrays are views of the caller's memory.

    NaN and infinities in ``meta`` become ``null``, because JSON does not have them.

    Raises:
        ProtocolError: an array type or a value of ``meta`` cannot be sent, or a bound is exceeded.
    """
    entries: list[dict[str, Any]] = []
    buffers: list[Buffer] = []
    size = 0
    for name, array in frame.arrays.items():
        entries.append({"name": name, "dtype": _dtype_name(array), "shape": list(array.shape)})
        padding = -size % ALIGNMENT
        if padding:
            buffers.append(bytes(padding))
        buffers.append(_raw(array))
        size += padding + array.nbytes
    if size > max_payload_bytes:
        raise breach(
            "payload_too_long", f"The payload has {size} bytes, limit {max_payload_bytes}."
        )
    header = _dump(
        {
            "v": VERSION,
            "id": frame.id,
            "kind": frame.kind,
            "op": frame.op,
            "meta": dict(frame.meta),
            "arrays": entries,
            "payload_bytes": size,
        }
    )
    if len(header) > MAX_HEADER_BYTES:
        raise breach(
            "header_too_long", f"The header has {len(header)} bytes, limit {MAX_HEADER_BYTES}."
        )
    return [LENGTH.pack(len(header)) + header, *buffers]


def _dtype_name(array: Array) -> str:
    name = "bool" if array.dtype.kind == "b" else f"{array.dtype.kind}{array.dtype.itemsize}"
    if name not in DTYPES:
        raise breach("bad_dtype", f"Arrays of type {array.dtype} cannot be sent.")
    return name


def _raw(array: Array) -> memoryview:
    """The array's bytes, little-endian, in C order; copied only if its layout differs."""
    native = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    return native.reshape(-1).view(np.uint8).data


def _dump(header: dict[str, Any]) -> bytes:
    try:
        try:
            text = json.dumps(header, allow_nan=False, separators=(",", ":"), default=_plain)
        except ValueError:
            header["meta"] = _finite(header["meta"])
            text = json.dumps(header, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise breach("bad_meta", "A value of the message is not plain JSON.") from error
    return text.encode()


def _plain(value: object) -> object:
    """Numpy scalars as Python numbers."""
    if isinstance(value, np.generic):
        return _finite(value.item())
    raise TypeError(f"{type(value).__name__} is not plain JSON")


def _finite(value: object) -> object:
    """The same value with every NaN and infinity replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def pieces(buffers: Sequence[Buffer]) -> Iterator[Buffer]:
    """The buffers, cut to a length that an event loop can write without stalling."""
    for buffer in buffers:
        view = memoryview(buffer)
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]


def breach(code: str, message: str) -> ProtocolError:
    """The error for a frame or a message that breaks a rule of the protocol."""
    return ProtocolError(message, code=f"bridge.{code}")
