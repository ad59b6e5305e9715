"""Reads frames from a stream and checks every field of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from wav2vec2_app.protocol.frame import (
    ALIGNMENT,
    CHUNK_BYTES,
    DTYPES,
    KINDS,
    LENGTH,
    MAX_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION,
    Array,
    Frame,
    breach,
    is_id,
)

if TYPE_CHECKING:
    import asyncio  # workers need none of it: 30 ms of their start


@dataclass(frozen=True)
class _Slot:
    """Position of one array in the payload."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class _Header:
    """A checked header; with the payload it becomes a frame."""

    kind: str
    id: str
    op: str
    meta: dict[str, Any]
    slots: tuple[_Slot, ...]
    payload_bytes: int


def read_frame(stream: BinaryIO, *, max_payload_bytes: int = MAX_PAYLOAD_BYTES) -> Frame | None:
    """The next frame of a blocking stream; None if the stream ends between two frames.

    Raises:
        ProtocolError: the frame is malformed, out of bounds or cut off.
    """
    prefix = _read_exactly(stream, LENGTH.size)
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
    prefix = await _read_exactly_async(stream, LENGTH.size)
    if prefix is None:
        return None
    raw_header = await _read_exactly_async(stream, _header_length(prefix))
    header = _parse_header(raw_header, max_payload_bytes)
    payload = await _read_exactly_async(stream, header.payload_bytes)
    return _assemble(header, payload)


def _read_exactly(stream: BinaryIO, size: int) -> Array | None:
    """``size`` bytes; None if the stream ends before the first of them."""
    data = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        count = stream.readinto(data.data[filled:])  # type: ignore[attr-defined]  # binary readers have it
        if not count:
            return _end_of_stream(filled, size)
        filled += count
    return data


async def _read_exactly_async(stream: asyncio.StreamReader, size: int) -> Array | None:
    data = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        chunk = await stream.read(min(size - filled, CHUNK_BYTES))
        if not chunk:
            return _end_of_stream(filled, size)
        data.data[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return data


def _end_of_stream(filled: int, size: int) -> Array | None:
    if filled:
        raise breach("truncated", f"The stream ended after {filled} of {size} bytes.")
    return None


def _header_length(prefix: Array) -> int:
    length: int = LENGTH.unpack(prefix.data)[0]
    if length > MAX_HEADER_BYTES:
        raise breach("header_too_long", f"The header has {length} bytes, limit {MAX_HEADER_BYTES}.")
    return length


def _parse_header(raw: Array | None, max_payload_bytes: int) -> _Header:
    if raw is None:
        raise breach("truncated", "The stream ended before the header.")
    header = _load(raw)
    _check_version(header)
    payload_bytes = _field(header, "payload_bytes", int)
    if not 0 <= payload_bytes <= max_payload_bytes:
        raise breach(
            "payload_too_long", f"The payload has {payload_bytes} bytes, limit {max_payload_bytes}."
        )
    slots = _slots(_field(header, "arrays", list))
    expected = slots[-1].offset + slots[-1].size_bytes if slots else 0
    if expected != payload_bytes:
        raise breach("payload_mismatch", f"The arrays need {expected} bytes, not {payload_bytes}.")
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
        raise breach("bad_json", "The header is not UTF-8 JSON.") from error
    if not isinstance(header, dict):
        raise breach("bad_json", "The header must be a JSON object.")
    return header


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_version(header: dict[str, Any]) -> None:
    version = _field(header, "v", int)
    if version != VERSION:
        raise breach("bad_version", f"Version {version} of the protocol is not supported.")


def _kind(header: dict[str, Any]) -> str:
    kind: str = _field(header, "kind", str)
    if kind not in KINDS:
        raise breach("bad_kind", f"{kind[:40]!r} is not a kind of frame.")
    return kind


def _id(header: dict[str, Any]) -> str:
    text: str = _field(header, "id", str)
    if not is_id(text):
        raise breach("bad_id", f"{text[:40]!r} is not a UUID.")
    return text


def _field(header: dict[str, Any], name: str, kind: type) -> Any:
    value = header.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise breach("bad_field", f"Field {name!r} of a frame is missing or of the wrong type.")
    return value


def _slots(entries: list[Any]) -> tuple[_Slot, ...]:
    slots: list[_Slot] = []
    offset = 0
    for entry in entries:
        if not isinstance(entry, dict):
            raise breach("bad_array", "Every entry of arrays must be a JSON object.")
        offset += -offset % ALIGNMENT
        slot = _slot(entry, offset)
        slots.append(slot)
        offset += slot.size_bytes
    if len({slot.name for slot in slots}) != len(slots):
        raise breach("bad_array", "Two arrays of one frame have the same name.")
    return tuple(slots)


def _slot(entry: dict[str, Any], offset: int) -> _Slot:
    dtype = DTYPES.get(_field(entry, "dtype", str))
    if dtype is None:
        raise breach("bad_dtype", "The type of an array is not supported.")
    shape = _field(entry, "shape", list)
    if not all(type(length) is int and length >= 0 for length in shape):
        raise breach("bad_array", "The shape of an array must be a list of lengths.")
    size = math.prod(shape) * dtype.itemsize
    return _Slot(_field(entry, "name", str), dtype, tuple(shape), offset, size)


def _assemble(header: _Header, payload: Array | None) -> Frame:
    if payload is None:
        raise breach("truncated", "The stream ended before the payload.")
    arrays = {slot.name: _view(slot, payload) for slot in header.slots}
    return Frame(header.kind, header.id, header.op, header.meta, arrays)


def _view(slot: _Slot, payload: Array) -> Array:
    """One array as a view of the payload: no copy, writable, aligned."""
    raw = payload[slot.offset : slot.offset + slot.size_bytes]
    if slot.dtype.kind == "b" and raw.size and int(raw.max()) > 1:
        raise breach("bad_array", "A boolean array has values other than 0 and 1.")
    try:
        return np.frombuffer(raw, dtype=slot.dtype).reshape(slot.shape)
    except ValueError as error:
        raise breach("bad_array", "The shape of an array is out of bounds.") from error
