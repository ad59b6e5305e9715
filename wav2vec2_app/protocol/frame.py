"""The frame: what crosses the pipes between the page's process and a worker.

A frame is a 4-byte little-endian header length, a UTF-8 JSON header and a binary payload; the whole
contract stands on one screen in ``docs/worker-protocol.md``. Both sides share this module. Nothing
malformed hangs or passes: whatever breaks a rule is a :class:`~wav2vec2_app.errors.ProtocolError`
with a code.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wav2vec2_app.errors import ProtocolError

VERSION = 1
KINDS = frozenset(
    {"request", "progress", "result", "error", "ping", "pong", "ready", "cancel"}
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
"""Every array type that may cross, by its name on the wire."""

NIL_ID = str(uuid.UUID(int=0))
"""The id of frames that belong to no request: ``ready`` and the error of a failed start."""

MAX_HEADER_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 1 << 30
ALIGNMENT = 8
"""Every array starts at a multiple of this many bytes: a reader need not copy to align it."""

_LENGTH = struct.Struct("<I")
_CHUNK_BYTES = 1 << 18

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Buffer = bytes | memoryview


@dataclass(frozen=True, eq=False)
class Frame:
    """One message. ``meta`` is plain JSON; ``arrays`` travel as raw bytes, never as text."""

    kind: str
    id: str
    op: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class _Slot:
    """Where one array lies in the payload."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class _Header:
    """A checked header: what is left of it needs only the payload to become a frame."""

    kind: str
    id: str
    op: str
    meta: dict[str, Any]
    slots: tuple[_Slot, ...]
    payload_bytes: int


# --- encoding ----------------------------------------------------------------------------------


def encode(frame: Frame, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> list[Buffer]:
    """The frame as buffers to be written in order; arrays are views of the caller's memory.

    Numbers that JSON does not know (NaN, infinities) in ``meta`` become ``null``.

    Raises:
        ProtocolError: an array type or a value of ``meta`` cannot cross, or a bound is exceeded.
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
        raise _breach("payload_too_long", f"A payload of {size} bytes exceeds the bound.")
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
        raise _breach("header_too_long", f"A header of {len(header)} bytes exceeds the bound.")
    return [_LENGTH.pack(len(header)) + header, *buffers]


def _dtype_name(array: Array) -> str:
    name = "bool" if array.dtype.kind == "b" else f"{array.dtype.kind}{array.dtype.itemsize}"
    if name not in DTYPES:
        raise _breach("bad_dtype", f"Arrays of type {array.dtype} do not cross.")
    return name


def _raw(array: Array) -> memoryview:
    """The array's bytes, little-endian, in C order; a copy only where it is laid out otherwise."""
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
        raise _breach("bad_meta", "A value of meta is not plain JSON.") from error
    return text.encode()


def _plain(value: object) -> object:
    """Numpy scalars as the Python numbers they stand for."""
    if isinstance(value, np.generic):
        return _finite(value.item())
    raise TypeError(f"{type(value).__name__} is not plain JSON")


def _finite(value: Any) -> Any:
    """The same value with every NaN and infinity replaced by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


# --- decoding ----------------------------------------------------------------------------------


def read_frame(stream: BinaryIO, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Frame | None:
    """The next frame of a blocking stream, or None where the stream ends between two frames.

    Raises:
        ProtocolError: the frame is malformed, out of bounds or cut off.
    """
    prefix = _read_exactly(stream, _LENGTH.size)
    if prefix is None:
        return None
    raw_header = _read_exactly(stream, _header_length(prefix))
    header = _parse_header(raw_header, max_payload_bytes)
    payload = _read_exactly(stream, header.payload_bytes)
    return _assemble(header, payload)


async def read_frame_async(
    stream: asyncio.StreamReader, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES
) -> Frame | None:
    """:func:`read_frame` for an asyncio stream; long payloads are read piece by piece."""
    prefix = await _read_exactly_async(stream, _LENGTH.size)
    if prefix is None:
        return None
    raw_header = await _read_exactly_async(stream, _header_length(prefix))
    header = _parse_header(raw_header, max_payload_bytes)
    payload = await _read_exactly_async(stream, header.payload_bytes)
    return _assemble(header, payload)


def pieces(buffers: Sequence[Buffer]) -> Iterator[Buffer]:
    """The buffers cut to a length that an event loop can write without stalling."""
    for buffer in buffers:
        view = memoryview(buffer)
        for start in range(0, len(view), _CHUNK_BYTES):
            yield view[start : start + _CHUNK_BYTES]


def _read_exactly(stream: BinaryIO, size: int) -> Array | None:
    """``size`` bytes, or None where the stream ends before the first of them."""
    data = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        count = stream.readinto(data.data[filled:])  # type: ignore[attr-defined]  # all binary readers have it
        if not count:
            return _nothing(filled, size)
        filled += count
    return data


async def _read_exactly_async(stream: asyncio.StreamReader, size: int) -> Array | None:
    data = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        chunk = await stream.read(min(size - filled, _CHUNK_BYTES))
        if not chunk:
            return _nothing(filled, size)
        data.data[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return data


def _nothing(filled: int, size: int) -> Array | None:
    if filled:
        raise _breach("truncated", f"The stream ended after {filled} of {size} bytes.")
    return None


def _header_length(prefix: Array) -> int:
    length: int = _LENGTH.unpack(prefix.data)[0]
    if length > MAX_HEADER_BYTES:
        raise _breach("header_too_long", f"A header of {length} bytes exceeds the bound.")
    return length


def _parse_header(raw: Array | None, max_payload_bytes: int) -> _Header:
    if raw is None:
        raise _breach("truncated", "The stream ended before the header.")
    header = _load(raw)
    _check_version(header)
    payload_bytes = _field(header, "payload_bytes", int)
    if not 0 <= payload_bytes <= max_payload_bytes:
        raise _breach("payload_too_long", f"A payload of {payload_bytes} bytes is out of bounds.")
    slots = _slots(_field(header, "arrays", list))
    expected = slots[-1].offset + slots[-1].size_bytes if slots else 0
    if expected != payload_bytes:
        raise _breach("payload_mismatch", f"Arrays need {expected} bytes, not {payload_bytes}.")
    return _Header(
        kind=_kind(header),
        id=_id(header),
        op=_field(header, "op", str),
        meta=_field(header, "meta", dict),
        slots=slots,
        payload_bytes=payload_bytes,
    )


def _load(raw: Array) -> dict[str, Any]:
    try:
        header = json.loads(raw.tobytes().decode(), parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise _breach("bad_json", "A header is not UTF-8 JSON.") from error
    if not isinstance(header, dict):
        raise _breach("bad_json", "A header is not a JSON object.")
    return header


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_version(header: dict[str, Any]) -> None:
    version = _field(header, "v", int)
    if version != VERSION:
        raise _breach("bad_version", f"Version {version} of the protocol is not spoken here.")


def _kind(header: dict[str, Any]) -> str:
    kind: str = _field(header, "kind", str)
    if kind not in KINDS:
        raise _breach("bad_kind", f"{kind[:40]!r} is not a kind of frame.")
    return kind


def _id(header: dict[str, Any]) -> str:
    text: str = _field(header, "id", str)
    if not is_id(text):
        raise _breach("bad_id", f"{text[:40]!r} is not a UUID.")
    return text


def is_id(text: str) -> bool:
    """Whether this is a UUID in its canonical form (lower case, with hyphens)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _field(header: dict[str, Any], name: str, kind: type) -> Any:
    value = header.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _breach("bad_field", f"Field {name!r} of a frame is missing or of the wrong type.")
    return value


def _slots(entries: list[Any]) -> tuple[_Slot, ...]:
    slots: list[_Slot] = []
    offset = 0
    for entry in entries:
        if not isinstance(entry, dict):
            raise _breach("bad_array", "An entry of arrays is not an object.")
        offset += -offset % ALIGNMENT
        slot = _slot(entry, offset)
        slots.append(slot)
        offset += slot.size_bytes
    if len({slot.name for slot in slots}) != len(slots):
        raise _breach("bad_array", "Two arrays of one frame have the same name.")
    return tuple(slots)


def _slot(entry: dict[str, Any], offset: int) -> _Slot:
    dtype = DTYPES.get(_field(entry, "dtype", str))
    if dtype is None:
        raise _breach("bad_dtype", "An array's type is not one of those that cross.")
    shape = _field(entry, "shape", list)
    if not all(type(length) is int and length >= 0 for length in shape):
        raise _breach("bad_array", "An array's shape is not a list of lengths.")
    size = math.prod(shape) * dtype.itemsize
    return _Slot(_field(entry, "name", str), dtype, tuple(shape), offset, size)


def _assemble(header: _Header, payload: Array | None) -> Frame:
    if payload is None:
        raise _breach("truncated", "The stream ended before the payload.")
    arrays = {slot.name: _view(slot, payload) for slot in header.slots}
    return Frame(header.kind, header.id, header.op, header.meta, arrays)


def _view(slot: _Slot, payload: Array) -> Array:
    """One array as a view of the payload: no copy, writable, aligned."""
    raw = payload[slot.offset : slot.offset + slot.size_bytes]
    if slot.dtype.kind == "b" and raw.size and int(raw.max()) > 1:
        raise _breach("bad_array", "An array of truth values holds something else.")
    try:
        return np.frombuffer(raw, dtype=slot.dtype).reshape(slot.shape)
    except ValueError as error:
        raise _breach("bad_array", "An array's shape is out of bounds.") from error


def _breach(code: str, message: str) -> ProtocolError:
    return ProtocolError(message, code=f"bridge.{code}")
