from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from wav2vec2_app.errors import ProtocolError
from wav2vec2_app.protocol.frame import (
    DTYPES,
    KINDS,
    MAX_HEADER_BYTES,
    NIL_ID,
    Frame,
    encode,
    pieces,
)
from wav2vec2_app.protocol.reader import read_frame, read_frame_async

ID = str(uuid.UUID(int=42))


def wire(frame: Frame) -> bytes:
    return b"".join(bytes(buffer) for buffer in encode(frame))


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", data)
    return dict(json.loads(data[4 : 4 + length]))


def raw(header: object, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + payload


def valid(**changes: Any) -> dict[str, Any]:
    header = {
        "v": 1, "id": ID, "kind": "request", "op": "echo", "meta": {}, "arrays": [],
        "payload_bytes": 0,
    }  # fmt: skip
    return {**header, **changes}


def read(data: bytes, **options: Any) -> Frame | None:
    return read_frame(io.BytesIO(data), **options)


async def read_async(data: bytes) -> Frame | None:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return await read_frame_async(stream)


def assert_same(left: Frame, right: Frame | None) -> None:
    assert right is not None
    assert (left.kind, left.id, left.op) == (right.kind, right.id, right.op)
    assert dict(left.meta) == dict(right.meta)
    assert list(left.arrays) == list(right.arrays)
    for name, array in left.arrays.items():
        other = right.arrays[name]
        assert (other.dtype, other.shape) == (array.dtype, array.shape)
        assert other.tobytes() == array.tobytes()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(DTYPES[name], hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
frames = st.builds(
    Frame,
    kind=st.sampled_from(sorted(KINDS)),
    id=st.uuids().map(str),
    op=st.text(max_size=20),
    meta=st.dictionaries(st.text(), json_values, max_size=4),
    arrays=st.dictionaries(st.text(max_size=10), arrays, max_size=4),
)


# --- what goes in comes out ----------------------------------------------------------------------


@settings(deadline=None)
@given(frames)
def test_frame_survives_the_wire(frame: Frame) -> None:
    assert_same(frame, read(wire(frame)))


@settings(deadline=None)
@given(frames)
async def test_frame_survives_the_wire_read_by_the_server(frame: Frame) -> None:
    assert_same(frame, await read_async(wire(frame)))


def test_header_is_what_the_document_shows() -> None:
    frame = Frame("request", ID, "echo", {"a": 1}, {"x": np.zeros((2, 3), np.float32)})
    assert header_of(wire(frame)) == {
        "v": 1,
        "id": ID,
        "kind": "request",
        "op": "echo",
        "meta": {"a": 1},
        "arrays": [{"name": "x", "dtype": "f4", "shape": [2, 3]}],
        "payload_bytes": 24,
    }


def test_encoding_does_not_copy_arrays_nor_does_decoding() -> None:
    array = np.arange(10, dtype=np.float32)
    buffer = encode(Frame("request", ID, arrays={"x": array}))[1]
    array[0] = 99.0
    assert np.frombuffer(buffer, np.float32)[0] == 99.0
    frame = read(wire(Frame("request", ID, arrays={"x": array, "y": array})))
    assert frame is not None
    assert frame.arrays["x"].base is not None
    assert all(a.flags.writeable and a.flags.aligned for a in frame.arrays.values())


def test_arrays_after_odd_ones_are_aligned() -> None:
    sent = {"odd": np.ones(3, np.uint8), "even": np.arange(2.0), "end": np.ones(1, np.bool_)}
    frame = Frame("request", ID, arrays=sent)
    assert header_of(wire(frame))["payload_bytes"] == 8 + 16 + 1
    got = read(wire(frame))
    assert_same(frame, got)
    assert got is not None
    assert got.arrays["even"].ctypes.data % 8 == 0


def test_strided_and_big_endian_arrays_arrive_as_their_values() -> None:
    values = np.arange(12, dtype=">f4").reshape(3, 4).T[::2]
    got = read(wire(Frame("request", ID, arrays={"x": values})))
    assert got is not None
    np.testing.assert_array_equal(got.arrays["x"], values)


def test_nan_and_infinities_become_null() -> None:
    meta = {
        "nan": float("nan"),
        "deep": [{"inf": float("inf")}, (np.float32("nan"), np.int64(3), np.bool_(True))],
        "fine": 1.5,
    }
    got = read(wire(Frame("request", ID, meta=meta)))
    assert got is not None
    assert got.meta == {"nan": None, "deep": [{"inf": None}, [None, 3, True]], "fine": 1.5}


def test_frames_follow_one_another_and_the_end_between_them_is_clean() -> None:
    stream = io.BytesIO(wire(Frame("ping", ID)) + wire(Frame("pong", ID, arrays={"x": np.ones(3)})))
    kinds = [frame.kind for frame in iter(lambda: read_frame(stream), None)]
    assert kinds == ["ping", "pong"]


def test_pieces_put_together_are_the_frame_and_none_is_long() -> None:
    frame = Frame("result", NIL_ID, arrays={"x": np.arange(200_000)})
    cut = list(pieces(encode(frame)))
    assert b"".join(bytes(piece) for piece in cut) == wire(frame)
    assert max(len(piece) for piece in cut) <= 1 << 18


# --- what may not go in --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame("request", ID, meta={"x": object()}), "bad_meta"),
        (Frame("request", ID, meta={"x": {1, 2}}), "bad_meta"),
        (Frame("request", ID, meta={"x": {(1, 2): 3}}), "bad_meta"),
        (Frame("request", ID, arrays={"x": np.array(["text"])}), "bad_dtype"),
        (Frame("request", ID, arrays={"x": np.array([object()])}), "bad_dtype"),
        (Frame("request", ID, arrays={"x": np.array([1j])}), "bad_dtype"),
        (Frame("request", ID, arrays={"x": np.array([1], "M8[s]")}), "bad_dtype"),
        (Frame("request", ID, meta={"x": "x" * (MAX_HEADER_BYTES + 1)}), "header_too_long"),
    ],
)
def test_what_cannot_cross_is_refused_by_the_sender(frame: Frame, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        encode(frame)
    assert refused.value.code == f"bridge.{code}"


def test_endless_meta_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    with pytest.raises(ProtocolError):
        encode(Frame("request", ID, meta=endless))


def test_payload_over_the_bound_is_refused_by_both_sides() -> None:
    frame = Frame("request", ID, arrays={"x": np.zeros(100)})
    with pytest.raises(ProtocolError) as sending:
        encode(frame, max_payload_bytes=799)
    with pytest.raises(ProtocolError) as decoding:
        read(wire(frame), max_payload_bytes=799)
    assert sending.value.code == decoding.value.code == "bridge.payload_too_long"
    assert read(wire(frame), max_payload_bytes=800) is not None


# --- what may not come out -----------------------------------------------------------------------


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "dtype": "f4", "shape": [1], **changes}


MALFORMED = [
    (struct.pack("<I", MAX_HEADER_BYTES + 1), "header_too_long"),
    (b"\xff\xff\xff\xff", "header_too_long"),
    (raw(b""), "bad_json"),
    (raw(b"\xff\xfe"), "bad_json"),
    (raw(b"[]"), "bad_json"),
    (raw(b'{"v":NaN}'), "bad_json"),
    (raw(b"[" * 100_000), "bad_json"),
    (raw(b'{"v":' + b"1" * 10_000 + b"}"), "bad_json"),
    (raw(valid(v=2)), "bad_version"),
    (raw(valid(v="1")), "bad_field"),
    (raw(valid(v=True)), "bad_field"),
    (raw({}), "bad_field"),
    (raw(valid(kind="hello")), "bad_kind"),
    (raw(valid(kind=["request"])), "bad_field"),
    (raw(valid(id="1")), "bad_id"),
    (raw(valid(id=ID.upper().replace("-", ""))), "bad_id"),
    (raw(valid(op=None)), "bad_field"),
    (raw(valid(meta=[])), "bad_field"),
    (raw(valid(payload_bytes=-1)), "payload_too_long"),
    (raw(valid(payload_bytes=1 << 40)), "payload_too_long"),
    (raw(valid(payload_bytes=1.0)), "bad_field"),
    (raw(valid(payload_bytes=4), b"1234"), "payload_mismatch"),
    (raw(valid(arrays=[entry()])), "payload_mismatch"),
    (raw(valid(arrays=["x"])), "bad_array"),
    (raw(valid(arrays=[entry(dtype="O")])), "bad_dtype"),
    (raw(valid(arrays=[entry(dtype=4)])), "bad_field"),
    (raw(valid(arrays=[entry(name=4)])), "bad_field"),
    (raw(valid(arrays=[entry(shape=[-1])])), "bad_array"),
    (raw(valid(arrays=[entry(shape=[True])])), "bad_array"),
    (raw(valid(arrays=[entry(shape=[1.0])])), "bad_array"),
    (raw(valid(arrays=[entry(shape=[0, 1 << 70])])), "bad_array"),
    (raw(valid(arrays=[entry(shape=[0] * 100)])), "bad_array"),
    (raw(valid(arrays=[entry(shape=[0]), entry(shape=[0])])), "bad_array"),
    (raw(valid(arrays=[entry(dtype="bool")], payload_bytes=1), b"\x02"), "bad_array"),
    (raw(valid())[:2], "truncated"),
    (raw(valid())[:4], "truncated"),
    (raw(valid())[:20], "truncated"),
    (raw(valid(arrays=[entry()], payload_bytes=4)), "truncated"),
    (raw(valid(arrays=[entry()], payload_bytes=4), b"12"), "truncated"),
]


@pytest.mark.parametrize(("data", "code"), MALFORMED)
async def test_malformed_frame_is_a_typed_error(data: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as sync_error:
        read(data)
    with pytest.raises(ProtocolError) as async_error:
        await read_async(data)
    assert sync_error.value.code == async_error.value.code == f"bridge.{code}"


def outcome(data: bytes) -> None:
    """Read to the end; anything but frames, a clean end and a ProtocolError is a failure."""
    stream = io.BytesIO(data)
    with contextlib.suppress(ProtocolError):
        while (frame := read_frame(stream, max_payload_bytes=1 << 16)) is not None:
            assert frame.kind in KINDS


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_a_clean_end_or_a_protocol_error(data: bytes) -> None:
    outcome(data)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_behind_a_fitting_length_too(data: bytes) -> None:
    outcome(struct.pack("<I", len(data)) + data)


@settings(deadline=None)
@given(frames, st.data())
def test_damaged_frames_too(frame: Frame, data: st.DataObject) -> None:
    damaged = bytearray(wire(frame))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: json_values | st.sampled_from([1, ID, "request", [entry()], {}])
            for name in ("v", "id", "kind", "op", "meta", "arrays", "payload_bytes")
        },
    ),
    st.binary(max_size=16),
)
def test_any_json_header_too(changes: dict[str, Any], payload: bytes) -> None:
    outcome(raw(valid(**changes), payload))
