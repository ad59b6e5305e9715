"""Sends recorded requests to fresh workers and compares the responses."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wav2vec2_app.errors import InputError, ModelError, Wav2Vec2Error
from wav2vec2_app.protocol.audio import DecodeAudioRequest
from wav2vec2_app.protocol.frame import Body, Frame
from wav2vec2_app.protocol.inference import (
    NOT_LOADED,
    UNLIMITED_BYTES,
    DescribeRequest,
    EmitRequest,
    LoadRequest,
)
from wav2vec2_app.protocol.message import AnyRequest, Response
from wav2vec2_app.protocol.registry import REQUESTS, Requests
from wav2vec2_app.server.bridge.recorder import read_recordings, read_spec
from wav2vec2_app.server.bridge.worker import WorkerBridge
from wav2vec2_app.server.deadline import Deadline

REPLAY_LIMIT_S = 3600.0


@dataclass(frozen=True)
class Replayed:
    """What became of one recorded request.

    Attributes:
        role, op: where it was sent.
        recorded, outcome: ``result``, the code of an error, or ``""`` if the recording has no end.
        same: whether both are results with equal values (times left out), or errors with one code.
        duration_s: of the replay.
    """

    role: str
    op: str
    recorded: str
    outcome: str
    same: bool
    duration_s: float


async def replay(folder: Path, requests: Requests = REQUESTS) -> AsyncGenerator[Replayed, None]:
    """Replay the requests in ``folder``, in order, each role in one fresh worker.

    Raises:
        InputError: ``replay.nothing_recorded``.
        ProtocolError: a recording is damaged.
    """
    recordings = list(read_recordings(folder))
    if not recordings:
        raise InputError(
            f"There are no recorded requests in {folder.name}.",
            code="replay.nothing_recorded",
            hint="Give the folder of one request, which has .frames files in it.",
        )
    async with AsyncExitStack() as stack:
        spool = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "samples.f32"
        bridges: dict[str, WorkerBridge] = {}
        for role, (sent, *received) in recordings:
            if role not in bridges:
                bridges[role] = WorkerBridge(read_spec(folder, role))
                stack.push_async_callback(bridges[role].stop)
                await bridges[role].start()
                await bridges[role].wait_ready()
            request = _without_old_paths(requests[sent.op].unpack(sent.body), spool)
            yield await _replay_one(bridges[role], request, received)


def _without_old_paths(request: AnyRequest, spool: Path) -> AnyRequest:
    """The spool folder of the recorded run is gone."""
    if isinstance(request, DecodeAudioRequest) and request.spool is not None:
        return replace(request, spool=spool)
    return request


async def _replay_one(bridge: WorkerBridge, request: AnyRequest, received: list[Frame]) -> Replayed:
    ends = [frame for frame in received if frame.kind in {"result", "error"}]
    recorded = _outcome_of(ends[-1]) if ends else ""
    begin = time.monotonic()
    try:
        response = await _send(bridge, request, load=recorded != NOT_LOADED)
    except Wav2Vec2Error as error:
        outcome, same = error.code, error.code == recorded
    else:
        outcome = "result"
        same = recorded == "result" and _same(response.pack(), ends[-1].body)
    return Replayed(bridge.role, request.op, recorded, outcome, same, time.monotonic() - begin)


async def _send(bridge: WorkerBridge, request: AnyRequest, *, load: bool) -> Response:
    """Send a request; ``load``: after its model was loaded, if the fresh worker does not have it."""
    deadline = Deadline.after(REPLAY_LIMIT_S)
    try:
        answer: Response = await bridge.request(request, deadline=deadline)
    except ModelError as error:
        needs_model = isinstance(request, EmitRequest | DescribeRequest) and load
        if error.code != NOT_LOADED or not needs_model:
            raise
        model = str(error.metadata["model"])
        await bridge.request(LoadRequest(model, UNLIMITED_BYTES), deadline=deadline)
        answer = await bridge.request(request, deadline=deadline)
    return answer


def _outcome_of(frame: Frame) -> str:
    return "result" if frame.kind == "result" else str(frame.meta.get("code"))


def _same(left: Body, right: Body) -> bool:
    """Whether two responses have equal values; their stages are measured times and differ."""
    metas = [{k: v for k, v in body.meta.items() if k != "stages"} for body in (left, right)]
    return (
        metas[0] == metas[1]
        and left.arrays.keys() == right.arrays.keys()
        and all(
            np.array_equal(array, right.arrays[name], equal_nan=array.dtype.kind == "f")
            for name, array in left.arrays.items()
        )
    )
